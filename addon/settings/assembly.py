"""From all that the user wrote to Settings: the document, the environment, and what was chosen while running. Pure.

``Configuration`` is what is written, ``settings(switch)`` what is in force. Where two say who answers a slot, the later
wins: the file's preset, the file's own, ``.env``, the environment. Over all that lies what is chosen while running, a
preset and then a model, each for all tiers of its slots. Rules are asked in this order: what is blocked while running,
the preset's, the file's. A preset or a model chosen while running sets aside the rules that only tell models apart, so
that the choice is seen.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import SearchStyle
from addon.protocol.errors import ConfigError, DetourError
from addon.routing import forced, rules
from addon.routing.backend import SEARCH_ENDPOINTS
from addon.routing.config import (
    ANTHROPIC,
    LIVE,
    SLOTS,
    TIMEOUTS,
    Answer,
    Choice,
    Endpoint,
    Limits,
    Mode,
    Pattern,
    Recording,
    Retry,
    Slot,
    Streaming,
    Tier,
    is_claude,
    tier_of,
)
from addon.routing.facts import ModelFacts, Price
from addon.routing.rules import Rule
from addon.routing.settings import Decider, Settings
from addon.routing.shadow import Budget
from addon.settings import document, doubts, environment, providers, rulebook
from addon.settings.document import Document, Preset, Target
from addon.settings.document_limits import Bound
from addon.settings.presets import PRESETS
from addon.settings.providers import Path, Place, Sources
from addon.settings.rulebook import Book, Written, shown, targets, usable
from addon.settings.switch import AS_CONFIGURED, NO_PRESET, Switch

SEARCH_MODEL = "web"  # after the slash of a search endpoint, which has no models
NO_SEARCH = "off"
IDLE = "PREFERRED_PROVIDER is {!r} and alone answers nothing: name a model with BIG_MODEL"
BLOCKED = "Detour blocks calls of the kind {}: it was told so while running (detour.unblock lifts it)."

type Slots = dict[Slot, tuple[Target, str]]  # who answers a slot, and the setting that says so


@dataclass(frozen=True, slots=True, eq=False)
class Configuration:
    """All that is written, checked as far as it is in force."""

    document: Document
    named: environment.Named
    place: Place
    base: Settings  # providers, aliases and facts: what names are resolved against
    origin: Callable[[str], str] = lambda name: "environment"  # where a setting of the environment stands
    today: date | None = None  # by which models have ended

    @property
    def presets(self) -> dict[str, str]:
        """Every preset by name, with what it is about; the user's own hide those that ship."""
        own = {name: preset.about or "of detour.yaml" for name, preset in self.document.presets.items()}
        return {**{name: str(preset["about"]) for name, preset in PRESETS.items()}, **own}

    @property
    def configured(self) -> dict[str, str]:
        """What a switch goes over, by ``preset`` and slot. Raises: ConfigError for a preset that is not there."""
        slots = self._slots(self.document.preset)
        return {
            "preset": self.document.preset or "",
            **{slot: " ".join(targets(text)) for slot, (text, _) in slots.items()},
        }

    @property
    def lacking(self) -> dict[Choice, str]:
        """What is written to answer and cannot be asked, with what it lacks: such a choice is passed over."""
        written = [target for target, _ in self._slots(self.document.preset).values()]
        written += rulebook.answers(self.document.routes)
        choices = [choice for target in written for text in targets(target) for choice in self.base.choices(text)]
        return {choice: lack for choice in choices if (lack := self._lack(choice)) is not None}

    def settings(self, switch: Switch | None = None) -> Settings:
        """Return what is in force with ``switch``. Raises: ConfigError."""
        switch = switch or Switch()
        live = switch.preset if switch.preset != NO_PRESET else ""
        name = live or (self.document.preset if not switch.preset else None)
        tiers = self._tiers(self._slots(None if switch.preset else self.document.preset))
        tiers |= self._tiers(self._of_preset(live))
        tiers |= self._tiers({slot: (model, f"{slot} ({LIVE})") for slot, model in switch.models.items()})
        ruled = (*self._blocked(switch), *self._rules(name, switch))
        made = replace(
            self.base,
            tiers=MappingProxyType(tiers),
            preset=name,
            aliases=MappingProxyType(self._aliases(switch)),
            rules=ruled,
        )
        return replace(made, warnings=(*self.base.warnings, *doubts.doubts(made, self.today)))

    def _slots(self, preset: str | None) -> Slots:
        """Who answers as it is configured, with one of the presets."""
        own = _written(self.document, lambda slot: self.place((slot,)))
        return self._of_preset(preset) | own | dict(self.named.slots)

    def _of_preset(self, name: str | None) -> Slots:
        if not name:
            return {}
        preset, place, path = self._preset(name)
        return _written(preset, lambda slot: place((*path, slot)))

    def _aliases(self, switch: Switch) -> dict[str, tuple[Choice, ...]]:
        """Those in force: one that is called like a Claude would hide what was chosen for it while running."""
        switched = frozenset(Tier) if switch.preset not in ("", NO_PRESET) else _switched(switch)
        own = self.base.aliases.items()
        return {name: choices for name, choices in own if not (is_claude(name) and tier_of(name) in switched)}

    def _preset(self, name: str) -> tuple[Preset, Place, Path]:
        """Return a preset, and where it stands."""
        if name in self.document.presets:
            return self.document.presets[name], self.place, ("presets", name)
        if name in PRESETS:
            return Preset.model_validate(PRESETS[name]), lambda path: f"preset {name}", ()
        near = get_close_matches(name, self.presets, n=2) or sorted(self.presets)
        where = f"{self.place(('preset',))}: " if name == self.document.preset else ""
        raise ConfigError(f"{where}there is no preset {name!r}; there is {', '.join(near)}")

    def _tiers(self, slots: Slots) -> dict[Tier, Answer]:
        return {tier: answer for slot in Slot if slot in slots for tier, answer in self._answered(slot, *slots[slot])}

    def _answered(self, slot: Slot, target: Target, setting: str) -> Iterator[tuple[Tier, Answer]]:
        try:
            answer = self.resolve(target, setting)
            _without_star(answer.choices)
        except ConfigError as error:
            raise ConfigError(f"{setting} is {shown(target)}, but {error.message}") from None
        yield from ((tier, answer) for tier in SLOTS[slot])

    def resolve(self, target: Target, setting: str) -> Answer:
        """Return the choices of a target that can be used. Raises: ConfigError when none can."""
        choices = tuple(choice for text in targets(target) for choice in self.base.choices(text))
        good, lacks = usable(choices, self._lack)
        if not good:
            raise ConfigError(lacks[0])
        return Answer(good, setting)

    def _witness(self, target: str) -> Choice:
        """Return whom a shadow asks. Raises: ConfigError where there is no budget, or something is lacking."""
        if self.base.shadow_budget is None:
            raise ConfigError(
                "it has a shadow, and shadows have no budget: write `shadow: {requests_per_day: 50}` beside the routes"
            )
        if "*" in target:
            raise ConfigError(f"its shadow asks {target!r}, which has a star: name one model")
        try:
            return forced.choice_of(target, self.base)
        except DetourError as error:
            raise ConfigError(f"its shadow: {error.message.removeprefix('Detour: ')}") from None

    def _lack(self, choice: Choice) -> str | None:
        return None if choice.passes else self.base.endpoints[choice.provider].lack

    def _rules(self, preset: str | None, switch: Switch) -> Iterator[Rule]:
        switched, is_live = _switched(switch), switch.preset not in ("", NO_PRESET)
        if preset is not None:
            found, place, path = self._preset(preset)
            yield from _spared(
                Book(place, (*path, "routes"), self.resolve, self._witness).rules(found.routes), switched
            )
        for rule in Book(self.place, ("routes",), self.resolve, self._witness).rules(self.document.routes):
            if not (is_live and rule.is_general):
                yield from _spared((rule,), switched)

    def _blocked(self, switch: Switch) -> Iterator[Rule]:
        for kind in switch.blocked:
            told = rules.conditions({"kind": str(kind)}, "")
            yield Rule(f"block {kind}", LIVE, told, block=BLOCKED.format(kind))

    @property
    def filters(self) -> dict[str, str]:
        """The flow filter expressions that rules use, with where they stand; the shell checks them."""
        places: dict[Path, Written] = {("routes",): self.document.routes}
        places |= {("presets", name, "routes"): preset.routes for name, preset in self.document.presets.items()}
        return {
            route.when.filter: self.place((*path, index, "when", "filter"))
            for path, written in places.items()
            for index, route in enumerate(written if isinstance(written, list) else ())
            if route.when.filter is not None
        }


def _written(found: Document | Preset, where: Callable[[str], str]) -> Slots:
    named = ((slot, getattr(found, slot)) for slot in Slot)
    return {slot: (target, f"{slot} ({where(slot)})") for slot, target in named if target is not None}


def _switched(switch: Switch) -> frozenset[Tier | None]:
    """For which tiers a model was chosen while running; None stands for names of no tier."""
    tiers: set[Tier | None] = {tier for slot in switch.models for tier in SLOTS[slot]}
    return frozenset(tiers | {None} if Slot.BIG in switch.models else tiers)


def _spared(found: tuple[Rule, ...], switched: frozenset[Tier | None]) -> Iterator[Rule]:
    for rule in found:
        yield rule.except_tiers(switched) if switched and rule.is_general else rule


def configure(
    written: Document,
    values: Mapping[str, str],
    place: Place,
    secrets: Callable[[document.Credential], str | None] = lambda credential: None,
    decider: Decider | None = None,
    origin: Callable[[str], str] = lambda name: "the environment",
    unused: tuple[str, ...] = (),
    today: date | None = None,
) -> Configuration:
    """Put together what is written. ``values`` are the environment's, by upper-case name. Raises: ConfigError."""
    if taken := written.presets.keys() & {NO_PRESET, AS_CONFIGURED}:
        name = min(taken)
        raise ConfigError(f"{place(('presets', name))}: {name} has a meaning of its own; give the preset another name")
    values = {name: stripped for name, value in values.items() if (stripped := value.strip())}
    named = environment.read(values)
    timeouts = TIMEOUTS.changed(providers.timeouts(written.timeouts))
    endpoints = providers.endpoints(written.backends, named.endpoints, Sources(values, place, secrets, timeouts))
    if not named.slots and written.preset is None and not any(getattr(written, slot) for slot in Slot):
        idle = environment.PREFERRED in values and not named.implied and named.preferred != ANTHROPIC
        unused = (*unused, IDLE.format(named.preferred)) if idle else unused
        named = replace(named, slots=named.implied)
    preferred = named.preferred
    if written.provider and environment.PREFERRED not in values:
        preferred = _preferred(written.provider, endpoints, place)
    base = Settings(
        endpoints=MappingProxyType(endpoints),
        decider=decider,
        preferred=preferred,
        prefers=bool(written.provider) or environment.PREFERRED in values,
        home=values.get("DETOUR_HOME"),
        warnings=(*unused, *named.unused),
        timeouts=timeouts,
        **_plain(written, values),
    )
    base = replace(base, aliases=MappingProxyType(_aliases(written, base, place)), facts=_facts(written, base, place))
    base = replace(base, searcher=_searcher(written.search, base, place))
    return Configuration(written, named, place, base, origin, today)


def _plain(written: Document, values: Mapping[str, str]) -> dict[str, Any]:
    """What is in force as it is written."""
    return {
        "limits": Limits(**written.limits.model_dump(exclude_none=True)),
        "logging": environment.logging(values),
        "recording": _recording(written),
        "retry": Retry(**_seconds(written.retry, longest_wait="longest_wait_s")),
        "streaming": Streaming(**_seconds(written.streaming, grace="grace_s", ping="ping_s")),
        "shadow_budget": _budget(written.shadow),
        "redact": tuple(Pattern(name, expression) for name, expression in written.redact.items()),
    }


def _budget(written: document.ShadowBudget | None) -> Budget | None:
    return Budget(written.requests_per_day, written.dollars_per_day) if written is not None else None


def _recording(written: Document) -> Recording:
    kept = {f"keep_{name}": value for name, value in written.retention.model_dump(exclude_none=True).items()}
    return Recording(Mode(written.record or Mode.FULL), **kept, folders=tuple(written.record_folders))


def _seconds(written: Bound, **names: str) -> dict[str, Any]:
    """What is written of a section, with units in the names."""
    return {names.get(name, name): value for name, value in written.model_dump(exclude_none=True).items()}


def parse(values: Mapping[str, str]) -> Settings:
    """Return the settings of an environment alone. Raises: ConfigError."""
    return configure(Document(), values, lambda path: "detour.yaml").settings()


def _preferred(name: str, endpoints: Mapping[str, Endpoint], place: Place) -> str:
    found = Settings(endpoints=endpoints).endpoint(name)
    if found is None:
        near = Settings(endpoints=endpoints).nearest(name)
        raise ConfigError(f"{place(('provider',))}: provider is {name!r}, which is no provider. {near}")
    return found.backend.name


def _searcher(written: str | None, base: Settings, place: Place) -> Answer | None:
    """Who searches where the model does not: the one named, else SearXNG with an address, else Brave with a key."""
    if written == NO_SEARCH:
        return None
    if written is None:
        ready = (base.endpoints[name] for name in SEARCH_ENDPOINTS if base.endpoints[name].lack is None)
        found = next(ready, None)
        if found is None:
            return None
        setting = found.base_name or found.credential.variable
        return Answer((Choice(found.backend.name, SEARCH_MODEL),), "backends" if setting == "address" else setting)
    named = base.endpoint(written)
    text = f"{written}/{SEARCH_MODEL}" if named is not None and named.only_searches else written
    setting = f"search ({place(('search',))})"
    try:
        choices, lacks = usable(base.choices(text), lambda choice: _lack_of_search(choice, base))
    except ConfigError as error:
        raise ConfigError(f"{setting} is {written!r}, but {error.message}") from None
    if not choices:
        raise ConfigError(f"{setting} is {written!r}, but {lacks[0]}")
    return Answer(choices, setting)


def _lack_of_search(choice: Choice, base: Settings) -> str | None:
    """What keeps a choice from searching."""
    if choice.passes:
        return f"{ANTHROPIC} passes a request as it is; name a model, or a search endpoint."
    endpoint = base.endpoints[choice.provider]
    own = base.facts.get(choice.name, ModelFacts()).profile or {}
    usual = endpoint.backend.profile_of(choice.model, endpoint.base_url).search
    style = {"search": usual, **endpoint.profile, **own}["search"]
    if endpoint.lack is None and not endpoint.only_searches and style in (None, SearchStyle.NONE):
        return f"{choice.name} has no search of its own."
    return endpoint.lack


def _aliases(written: Document, base: Settings, place: Place) -> dict[str, tuple[Choice, ...]]:
    """Resolve each alias, those that it stands for first. Raises: ConfigError for one that leads to itself."""
    wanted = {name: target for name, target in written.models.items() if not isinstance(target, document.Facts)}
    if ANTHROPIC in wanted:
        where = place(("models", ANTHROPIC))
        raise ConfigError(f"{where}: {ANTHROPIC} as a model means Anthropic, untouched: choose another name")
    made: dict[str, tuple[Choice, ...]] = {}

    def resolve(name: str, seen: tuple[str, ...]) -> tuple[Choice, ...]:
        if name in seen:
            raise ConfigError(f"it leads to itself: {' → '.join((*seen, name))}")
        if name not in made:
            made[name] = tuple(choice for text in targets(wanted[name]) for choice in one(text, (*seen, name)))
        return made[name]

    def one(text: str, seen: tuple[str, ...]) -> tuple[Choice, ...]:
        return resolve(text, seen) if text in wanted else base.choices(text)

    for name in wanted:
        try:
            _without_star(resolve(name, ()))
        except ConfigError as error:
            raise ConfigError(f"{place(('models', name))}: {name}: {error.message}") from None
    return made


def _without_star(choices: tuple[Choice, ...]) -> None:
    if any("*" in choice.model for choice in choices):
        raise ConfigError("a star stands for what the star in a route's model matched, so it has a meaning there only.")


def _facts(written: Document, base: Settings, place: Place) -> Mapping[str, ModelFacts]:
    made: dict[str, ModelFacts] = {}
    for name, facts in written.models.items():
        if not isinstance(facts, document.Facts):
            continue
        try:
            (choice,) = base.choices(name)
        except ConfigError as error:
            raise ConfigError(f"{place(('models', name))}: {name}: {error.message}") from None
        price = Price(**facts.price.model_dump()) if facts.price else None
        changed = providers.profile(facts.profile) or None
        made[choice.name] = ModelFacts(
            facts.window,
            facts.output,
            price,
            facts.vision,
            facts.report_window,
            changed,
            tools=facts.tools,
            reasoning=facts.reasoning,
            ends=None if facts.ended is None else date.min if facts.ended else date.max,
        )
    return MappingProxyType(made)
