"""Targets as people see them: those that are configured, how each is, and what one is called. Pure."""

from collections.abc import Iterator
from difflib import get_close_matches

from addon.protocol.errors import ConfigError
from addon.routing.config import LONGEST_NAME, Choice, quoted
from addon.routing.health import Health, Row, State
from addon.routing.rules import glob
from addon.routing.settings import Settings

MOST_NAMED = 5  # targets in a message


def rows(settings: Settings, health: Health, now: float) -> tuple[Row, ...]:
    """Return a row for every configured target, then for others of which something is known."""
    known = {row.name: row for row in health.rows(now)}
    listed = [choice.name for choice in configured(settings) if "*" not in choice.model]
    return tuple(known.get(name) or Row(name, State.UP) for name in dict.fromkeys((*listed, *known)))


def uses(settings: Settings) -> dict[Choice, tuple[str, ...]]:
    """Return what each configured choice answers, in words: tiers, rules, aliases; without those of a star."""
    named: list[tuple[str, tuple[Choice, ...]]] = [
        (str(tier), answer.choices) for tier, answer in settings.tiers.items()
    ]
    named += [(f"rule {rule.name}", rule.answer.choices) for rule in settings.rules if rule.answer is not None]
    named += [(f"alias {name}", choices) for name, choices in settings.aliases.items()]
    named += [(f"shadow of {rule.name}", (rule.shadow.choice,)) for rule in settings.rules if rule.shadow is not None]
    found: dict[Choice, dict[str, None]] = {}
    for what, choices in named:
        for number, choice in enumerate(choices):
            endpoint = settings.endpoints.get(choice.provider)
            if "*" not in choice.model and not (endpoint is not None and endpoint.only_searches):
                found.setdefault(choice, {})[f"{what} (fallback)" if number else what] = None
    return {choice: tuple(words) for choice, words in found.items()}


def named(text: str, settings: Settings, health: Health, now: float) -> str:
    """Return the target that somebody means: its name, or an alias or a bare model that stands for it alone.

    Raises: ConfigError when it is none, or several.
    """
    choices = settings.choices(text)
    if len(choices) > 1:
        several = ", ".join(choice.name for choice in choices)
        raise ConfigError(f"{quoted(text)} stands for {several}: name one of them")
    name = choices[0].name
    known = [row.name for row in rows(settings, health, now)]
    if name not in known and not any(_covers(each, choices[0]) for each in configured(settings)):
        near = get_close_matches(name[:LONGEST_NAME], known, n=3) or known[:MOST_NAMED]
        raise ConfigError(f"there is no target {quoted(name)}; there is {', '.join(near) or 'none'}")
    return name


def told(row: Row) -> str:
    """One target in a line."""
    parts = [f"{row.failures} failure{'s' if row.failures > 1 else ''} in a row"] if row.failures else []
    if row.state is State.COOLING and row.left_s is not None:
        parts.append(f"not tried for {row.left_s:.0f} s")
    parts += [" ".join(row.why.split())] if row.why else []
    return f"{SHOWN[row.state]:<{WIDTH}} {row.name}{': ' if parts else ''}{', '.join(parts)}"


SHOWN = {
    State.UP: "up",
    State.COOLING: "cooling",
    State.HALF_OPEN: "to be tried",
    State.PROBING: "being tried",
    State.DOWN: "off",
}
WIDTH = max(map(len, SHOWN.values()))


def configured(settings: Settings) -> Iterator[Choice]:
    """Whoever may answer, but for search endpoints, which are asked once for each search."""
    answers = [*settings.tiers.values(), *(rule.answer for rule in settings.rules if rule.answer is not None)]
    for choices in (*(answer.choices for answer in answers), *settings.aliases.values()):
        for choice in choices:
            endpoint = settings.endpoints.get(choice.provider)
            if endpoint is None or not endpoint.only_searches:
                yield choice


def _covers(written: Choice, choice: Choice) -> bool:
    """Whether a choice with a star may become this one."""
    is_pattern = written.provider == choice.provider and "*" in written.model
    return is_pattern and glob((written.model,))(choice.model) is not None
