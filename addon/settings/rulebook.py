"""The ``routes`` of a document or a preset: from what the user wrote to rules. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from addon.protocol.errors import ConfigError
from addon.routing import rules
from addon.routing.changes import Changes, Replacement
from addon.routing.config import Answer, Choice, Tier
from addon.routing.rules import Rule
from addon.routing.shadow import Shadow
from addon.settings import document, providers
from addon.settings.providers import Path

type Written = Sequence[document.Route] | document.Scenarios
type Resolve = Callable[[document.Target, str], Answer]  # a target as written, and the setting that names it
type Witness = Callable[[str], Choice]  # the target of a shadow as written

# scenario -> what it looks at, the most special first; long_context takes its own number
SCENARIOS: Mapping[str, Mapping[str, object]] = {
    "web_search": {"tool": "web_search"},
    "image": {"image": True},
    "long_context": {"tokens_at_least": 60_000},
    "background": {"tier": str(Tier.HAIKU)},
    "think": {"thinking": True},
    "default": {},
}


@dataclass(frozen=True, slots=True)
class Book:
    """Where routes stand, and who resolves their targets."""

    place: Callable[[Path], str]
    path: Path
    resolve: Resolve
    witness: Witness

    def rules(self, written: Written) -> tuple[Rule, ...]:
        """Make the rules, in order. Raises: ConfigError that says where."""
        if isinstance(written, document.Scenarios):
            return self._scenarios(written)
        return tuple(self._rule(index, route) for index, route in enumerate(written))

    def _scenarios(self, written: document.Scenarios) -> tuple[Rule, ...]:
        found = {name: target for name in SCENARIOS if (target := getattr(written, name)) is not None}
        return tuple(self._scenario(name, target, name, (*self.path, name)) for name, target in found.items())

    def _scenario(self, scenario: str, target: document.Target | document.Scenario, name: str, path: Path) -> Rule:
        wanted = dict(SCENARIOS[scenario])
        if isinstance(target, document.Scenario):
            wanted["tokens_at_least"], target = target.tokens, target.to
        where = self.place(path)
        answer = self._answer(target, name, where)
        try:
            return Rule(name, where, rules.conditions(wanted, name), answer)
        except ConfigError as error:
            raise ConfigError(f"{where}: {name}: {error.message}") from None

    def _rule(self, index: int, route: document.Route) -> Rule:
        path = (*self.path, index)
        where = self.place(path)
        for scenario in SCENARIOS:
            if (target := getattr(route, scenario)) is not None:
                return self._scenario(scenario, target, route.name or scenario, path)
        name = route.name or f"route {index + 1}"
        wanted = route.when.model_dump(exclude_none=True)
        answer = self._answer(route.to, name, where) if route.to is not None else None
        try:
            return Rule(
                name,
                where,
                rules.conditions(wanted, f"{name} {index}"),
                answer,
                route.block,
                changes_of(route),
                providers.timeouts(route.timeouts),
                rules.star_of(wanted.get("model")),
                shadow=self._shadow(route.shadow, f"{name} {index}"),
            )
        except ConfigError as error:
            raise ConfigError(f"{where}: {name}: {error.message}") from None

    def _shadow(self, written: document.Shadow | None, salt: str) -> Shadow | None:
        if written is None:
            return None
        return Shadow(self.witness(written.to), written.share, f"shadow {salt}")

    def _answer(self, target: document.Target, name: str, where: str) -> Answer:
        try:
            return self.resolve(target, name)
        except ConfigError as error:
            raise ConfigError(f"{where}: {name} answers with {shown(target)}, but {error.message}") from None


def answers(written: Written) -> Iterator[document.Target]:
    """Yield every target that routes answer with."""
    for route in [written] if isinstance(written, document.Scenarios) else written:
        found = [getattr(route, scenario) for scenario in SCENARIOS]
        yield from (each.to if isinstance(each, document.Scenario) else each for each in found if each is not None)
        if isinstance(route, document.Route) and route.to is not None:
            yield route.to


def shown(target: document.Target) -> str:
    """A target as it stands in a sentence."""
    return repr(target) if isinstance(target, str) else ", ".join(map(repr, target))


def changes_of(route: document.Route) -> Changes:
    """What a rule changes in a request. Raises: ConfigError for a regular expression that is none."""
    replacements = []
    for each in route.system.replace:
        try:
            pattern = re.compile(each.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise ConfigError(f"{each.pattern!r} is no regular expression: {error}") from None
        try:
            replacements.append(Replacement(pattern, each.with_))
        except ValueError as error:
            raise ConfigError(str(error)) from None
    dropped = (route.drop_tools,) if isinstance(route.drop_tools, str) else tuple(route.drop_tools or ())
    return Changes(
        effort=route.effort,
        max_tokens=route.max_tokens,
        temperature=route.temperature,
        body=route.body,
        append_system=route.system.append,
        replacements=tuple(replacements),
        drop_tools=dropped,
        inline_tools=route.inline_tools,
    )


def targets(target: document.Target) -> tuple[str, ...]:
    """The models of a target, in order."""
    return (target,) if isinstance(target, str) else tuple(target)


def usable(
    choices: Sequence[Choice], lack: Callable[[Choice], str | None]
) -> tuple[tuple[Choice, ...], tuple[str, ...]]:
    """Divide choices into those that can be used and the sentences why the others cannot."""
    lacks = [(choice, lack(choice)) for choice in choices]
    return tuple(choice for choice, why in lacks if why is None), tuple(why for _, why in lacks if why is not None)
