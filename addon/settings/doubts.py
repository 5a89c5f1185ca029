"""What is odd in settings that are right: said at the start, by `detour doctor` and by `detour config check`. Pure.

But for the catalogue, which is asked for each configured model once.
"""

from collections.abc import Iterator
from datetime import date

from addon.routing import targets
from addon.routing.config import Choice
from addon.routing.facts import UNKNOWN
from addon.routing.rules import Rule
from addon.routing.settings import Settings


def doubts(settings: Settings, today: date | None) -> Iterator[str]:
    """Yield a sentence for each. ``today`` None: nothing is said of models that have ended."""
    yield from _unreachable(settings.rules)
    yield from _unscaled(settings)
    yield from _without_tools(settings)
    if today is not None:
        yield from _ended(settings, today)


def _unreachable(found: tuple[Rule, ...]) -> Iterator[str]:
    closed: Rule | None = None
    for rule in found:
        if closed is not None and (closed.block is not None or not rule.is_for_named):
            yield f"{rule.title} is never asked: {closed.title} before it has no condition"
        elif rule.is_catch_all:
            closed = rule


def _unscaled(settings: Settings) -> Iterator[str]:
    """Tell of windows to report that nothing can be measured by."""
    for name, facts in settings.facts.items():
        if facts.report_window is not None:
            provider, _, model = name.partition("/")
            if settings.known(Choice(provider, model)).max_input_tokens is None:
                yield f"report_window of {name} has no effect: nobody knows its window; say `window` beside it"


def _without_tools(settings: Settings) -> Iterator[str]:
    """Tell of models that hold the conversation and call no tools; where a rule sends a title, that is no matter."""
    answers = [answer for answer in settings.tiers.values() if not answer.passes]
    answers += [rule.answer for rule in settings.rules if rule.answer is not None and rule.is_general]
    for choice in dict.fromkeys(choice for answer in answers for choice in answer.choices):
        if _is_one(choice, settings) and settings.known(choice).tools is False:
            yield (
                f"{choice.name} calls no tools as far as is known, and Claude Code works by them: choose another, or "
                f"say `tools: true` of it under `models`"
            )


def _ended(settings: Settings, today: date) -> Iterator[str]:
    for choice in targets.uses(settings):
        if not _is_one(choice, settings):
            continue
        # behind an address of the user's own a name may stand for another model, which lives
        is_theirs = settings.endpoints[choice.provider].base_name is None
        known = settings.known(choice) if is_theirs else settings.facts.get(choice.name, UNKNOWN)
        if known.has_ended(today):
            yield (
                f"{choice.name} was shut down on {known.ends} as far as is known: choose another (`detour models`), or "
                f"say `ended: false` of it under `models`"
            )


def _is_one(choice: Choice, settings: Settings) -> bool:
    """Whether it names a model that something can be known of."""
    return not choice.passes and "*" not in choice.model and not settings.endpoints[choice.provider].only_searches
