"""Which target serves a request, and why; and which one does when that one fails."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from reprlib import repr as shortened
from types import MappingProxyType
from typing import cast

from addon.dialects import Dialect, Target, load
from addon.dialects.profiles import ReasoningStyle
from addon.protocol.errors import BackendError, BadRequest, Blocked, ConfigError, Kind
from addon.routing import catalog, rules
from addon.routing.backends import BACKENDS
from addon.routing.call import Call
from addon.routing.call import Kind as Purpose
from addon.routing.changes import NOTHING, Changes
from addon.routing.config import (
    ANTHROPIC,
    LIVE,
    PASS,
    TIMEOUTS,
    Choice,
    Credential,
    Endpoint,
    Timeouts,
    TimeoutsWanted,
    is_claude,
    quoted,
)
from addon.routing.facts import UNKNOWN, Price
from addon.routing.health import NOBODY, State
from addon.routing.rules import Rule
from addon.routing.settings import Decider, Settings

BY_NAME = "the client named it"
PLAIN_KINDS = (None, Purpose.MAIN, Purpose.OTHER)  # of which nothing need be said
# why a target is passed over
WORDS: Mapping[State, str] = MappingProxyType(
    {
        State.COOLING: "it cools down",
        State.PROBING: "another request tries it",
        State.DOWN: "it is switched off",
    }
)
NO_RULE = Rule("", "")
MOST_REMEMBERED = 256  # destinations of one configuration; a session asks for a handful, but may name any model


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a routed request goes, in which words, with which key.

    ``is_home``: where the client sent it, with the client's own credential and headers, as one that passes would;
    ``target`` then only says the model.
    """

    target: Target
    credential: Credential
    dialect: Dialect
    endpoint: Endpoint
    is_home: bool = False
    price: Price | None = None  # of the target; None: unknown


@dataclass(frozen=True, slots=True)
class Route:
    """The decision for one request. ``destination`` None: to Anthropic, untouched."""

    asked: str  # the model's name as the client sent it, without the suffix, and fit to be written
    long_window: bool
    reason: str
    destination: Destination | None = None
    changes: Changes = NOTHING
    others: tuple[Choice, ...] = ()  # who may answer when this one fails, in order; all of them can be used
    kind: str | None = None  # of the call; this and the session are for those who read what happened
    session: str | None = None
    choice: Choice = PASS  # the one of the list that answers
    timeouts: Timeouts = TIMEOUTS  # the rule's over those of the destination
    wanted_timeouts: TimeoutsWanted = field(default_factory=dict)  # the rule's
    copy: str = ""  # of which exchange it is a copy, in words; empty: it is the client's own
    shadow: Choice | None = None  # who is asked the same once this is answered, unseen by the client

    @property
    def name(self) -> str:
        """Who answers, in a word."""
        return ANTHROPIC if self.destination is None or self.destination.is_home else self.destination.target.name

    @property
    def title(self) -> str:
        """Who asked whom, and what for where that is not plain."""
        what_for = f" ({self.kind})" if self.kind not in PLAIN_KINDS else ""
        return f"{self.asked} → {self.name}{what_for}{self.copy and f' · {self.copy}'}"


def is_named(call: Call, settings: Settings) -> bool:
    """Whether the client itself names who shall answer: ``provider/model``, an alias, or a model that can be asked.

    An alias that is called like one of Claude's own models is none that was chosen by hand, unless it is said with the
    prefix of the list of models.
    """
    if "/" in call.named:
        return True
    if call.named in settings.aliases:
        return call.model != call.named or not is_claude(call.named)
    return settings.named_alone(call.named) is not None


def choose(call: Call, settings: Settings, avoided: Mapping[str, State] = NOBODY) -> Route:
    """Decide who answers. ``avoided`` are passed over while another is up (``Health.avoided``).

    Raises: Blocked; BadRequest 404 when the client names a provider or a model that does not exist; BackendError when
    a key is missing, or when the user's function fails.
    """
    named = is_named(call, settings)
    if settings.decider is not None:
        _refuse_blocked(call, settings)
        if (route := _decided(call, settings, settings.decider, avoided)) is not None:
            return route
    rule = rules.first(settings.rules, call, named=named)
    if rule is None:
        return _plain(call, settings, avoided, NO_RULE, named=named)
    why = f"{rule.title}: {rule.told}"
    if rule.block is not None:
        raise _blocked(rule, rule.block, call)
    if rule.answer is None:
        plain = _plain(call, settings, avoided, rule, named=named)
        route = replace(plain, reason=f"{plain.reason}; {why}")
    else:
        route = _route(rule.choices(call), call, why, settings, avoided, rule)
    return replace(route, shadow=rule.shadowed(call)) if rule.shadow is not None else route


def _refuse_blocked(call: Call, settings: Settings) -> None:
    """Refuse what is blocked while running: no function of the user's lifts that. Raises: Blocked."""
    for rule in settings.rules:
        if rule.where == LIVE and rule.block is not None and rule.failing(call, named=False) is None:
            raise _blocked(rule, rule.block, call)


def _blocked(rule: Rule, message: str, call: Call) -> Blocked:
    return Blocked(message, f"{rule.title}: {rule.told}", call.model, call.kind, call.session)


def _decided(call: Call, settings: Settings, decider: Decider, avoided: Mapping[str, State]) -> Route | None:
    """Ask the user's function; None when it leaves the decision to the rules."""
    try:
        answer = decider.decide(call.copy())  # whatever it does to the call, the request stays as it was sent
        if answer is None:
            return None
        choices = tuple(choice for text in _returned(answer) for choice in settings.choices(text))
    except ConfigError as error:
        raise BackendError(Kind.REFUSED, f"Detour: the routing function {decider.name}: {error.message}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # the user's code must not end the proxy, not even with sys.exit
        told = f"the routing function {decider.name} failed: {type(error).__name__}: {_words(error)}"
        raise BackendError(Kind.REFUSED, f"Detour: {told}") from error
    return _route(choices, call, f"{decider.name} says so", settings, avoided, NO_RULE)


def _returned(answer: object) -> tuple[str, ...]:
    texts = (answer,) if isinstance(answer, str) else answer
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"it returned {shortened(answer)}; it may return a model, a list of models, or None")
    return tuple(map(str.__str__, texts))  # plain ones: a subclass may do anything


def _words(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - it is the user's class
        return "it cannot say why"


def _plain(call: Call, settings: Settings, avoided: Mapping[str, State], rule: Rule, *, named: bool) -> Route:
    """Who answers where no rule says it: whom the client names, else who answers its tier."""
    if named:
        return _named(call, settings, avoided, rule)
    if call.named in settings.aliases:
        return _route(settings.aliases[call.named], call, "an alias of that name", settings, avoided, rule)
    answer = settings.tiers.get(call.tier) if call.tier else settings.other
    if answer is None:
        what = call.tier or "other names"
        return _route((PASS,), call, f"no model is set for {what}: passed through", settings, avoided, rule)
    reason = f"{answer.setting} answers {call.tier or 'every other name'}"
    return _route(answer.choices, call, reason, settings, avoided, rule)


def _named(call: Call, settings: Settings, avoided: Mapping[str, State], rule: Rule) -> Route:
    if call.named in settings.aliases:
        return _route(settings.aliases[call.named], call, f"{BY_NAME}, an alias", settings, avoided, rule)
    provider, slash, name = call.named.partition("/")
    if not slash and (alone := settings.named_alone(call.named)) is not None:
        return _route((alone,), call, BY_NAME, settings, avoided, rule)
    endpoint = settings.endpoint(provider)
    if endpoint is None and not settings.leaves_anthropic:
        why = f"there is no provider {quoted(provider)}, and no model is set: passed through"
        return _route((PASS,), call, why, settings, avoided, rule)
    if endpoint is None or not name:
        near = settings.nearest(provider)
        what = f"there is no provider {quoted(provider)}. {near}" if endpoint is None else "the model is missing."
        raise BadRequest(f"model: {quoted(call.model)}: {what} Write provider/model.", 404, "not_found_error")
    return _route((Choice(endpoint.backend.name, name),), call, BY_NAME, settings, avoided, rule)


def _route(
    choices: tuple[Choice, ...],
    call: Call,
    reason: str,
    settings: Settings,
    avoided: Mapping[str, State],
    rule: Rule,
) -> Route:
    """Take the first choice that can be used and is up; where none is up, the first that can be used."""
    lacks = [_lack(choice, call, settings) for choice in choices]
    usable = [choice for choice, lack in zip(choices, lacks, strict=True) if lack is None]
    if not usable:
        raise BackendError(Kind.PERMISSION, f"Detour: {lacks[0]}")
    first, *others = _up(usable, avoided) if avoided else usable
    told = [reason]
    for choice, lack in zip(choices[: choices.index(first)], lacks, strict=False):
        told.append(f"not {choice.name}, {lack.rstrip('.') if lack is not None else WORDS[avoided[choice.name]]}")
    asked = call.model if call.model.isascii() else call.model.encode("utf-8", "replace").decode()
    destination = _where(first, asked, rule.changes, settings)
    return Route(
        asked,
        call.long_window,
        "; ".join(told),
        destination,
        rule.changes,
        tuple(others),
        call.kind,
        call.session,
        first,
        _timeouts(destination, rule.timeouts, settings),
        rule.timeouts,
    )


def _up(usable: list[Choice], avoided: Mapping[str, State]) -> list[Choice]:
    """Those that are up, then those that are not switched off by hand; where all are switched off, all of them.

    Where none is up, the order holds.
    """
    up = [choice for choice in usable if choice.name not in avoided]
    rest = [choice for choice in usable if avoided.get(choice.name, State.DOWN) is not State.DOWN]
    return [*up, *rest] or usable


def redirected(route: Route, choice: Choice, others: tuple[Choice, ...], reason: str, settings: Settings) -> Route:
    """Return the route of the same request to another choice, which can be used."""
    destination = _where(choice, route.asked, route.changes, settings)
    timeouts = _timeouts(destination, route.wanted_timeouts, settings)
    return replace(route, choice=choice, destination=destination, timeouts=timeouts, others=others, reason=reason)


def fall_back(route: Route, settings: Settings) -> Route | None:
    """Return the route to the next of the others, for when this one failed; None when none is left."""
    if not route.others:
        return None
    choice, *rest = route.others
    return redirected(route, choice, tuple(rest), f"{route.reason}; then {choice.name}", settings)


def larger(route: Route, settings: Settings, than: int | None) -> Route | None:
    """Return the route to the first of the others whose window is known to be larger; those before it are dropped.

    ``than``: input tokens, the window that was too small, or the prompt that did not fit. None where that is None, or
    where there is no such other.
    """
    for index, choice in enumerate(route.others):
        window = _window(choice, route, settings)
        if than is not None and window is not None and window > than:
            reason = f"{route.reason}; then {choice.name}, whose window is larger"
            return redirected(route, choice, route.others[index + 1 :], reason, settings)
    return None


def _window(choice: Choice, route: Route, settings: Settings) -> int | None:
    if choice.passes:
        return catalog.lookup(ANTHROPIC, route.asked).max_input_tokens
    return destination_of(choice, settings).target.max_input_tokens


def _where(choice: Choice, asked: str, changes: Changes, settings: Settings) -> Destination | None:
    """The destination of a choice; None where there is nothing to decide, because nothing changes."""
    if not choice.passes:
        return destination_of(choice, settings)
    return home(asked) if changes else None


def _timeouts(destination: Destination | None, wanted: TimeoutsWanted, settings: Settings) -> Timeouts:
    """Lay the rule's over those of the destination."""
    own = settings.timeouts if destination is None or destination.is_home else destination.endpoint.timeouts
    return own.changed(wanted)


def _lack(choice: Choice, call: Call, settings: Settings) -> str | None:
    """What keeps a choice from answering. Raises: BadRequest where a star left it without a model."""
    if choice.passes:
        return None
    if not choice.model:
        what = f"nothing is left of it for {choice.provider}."
        raise BadRequest(f"model: {quoted(call.model)}: {what}", 404, "not_found_error")
    return settings.endpoints[choice.provider].lack


def home(model: str) -> Destination:
    """Where the client sent it.

    Nothing that is configured for the provider ``anthropic`` applies, as it does not to a request that passes.
    """
    row = BACKENDS[ANTHROPIC]
    header, prefix = row.auth
    endpoint = Endpoint(row, row.base_url, Credential(header, prefix, "the client's own settings", None))
    target = Target(ANTHROPIC, model, endpoint.base_url or "", row.profile)
    return Destination(target, endpoint.credential, load(row.dialect), endpoint, is_home=True)


def destination_of(choice: Choice, settings: Settings) -> Destination:
    """Put together all that is known of a choice, once for these settings."""
    known = settings.remembered
    found = known.get(choice)
    if found is None:
        if len(known) >= MOST_REMEMBERED:
            known.clear()
        found = known[choice] = _destination(choice, settings)
    return cast(Destination, found)


def _destination(choice: Choice, settings: Settings) -> Destination:
    endpoint = settings.endpoints[choice.provider]
    row = endpoint.backend
    own, facts = settings.facts.get(choice.name, UNKNOWN), settings.known(choice)
    plain = {"reasoning": ReasoningStyle.NONE} if own.reasoning is False else {}
    changed = {**endpoint.profile, **plain, **(facts.profile or {})}
    profile = replace(row.profile_of(choice.model, endpoint.base_url), **changed)
    target = Target(
        choice.provider,
        choice.model if "/" in choice.model else row.model_prefix + choice.model,
        endpoint.base_url or "",
        profile,
        facts.max_input_tokens,
        facts.max_output_tokens,
        facts.vision,
        facts.report_window,
        own.max_input_tokens is not None,
        endpoint.extra_body,
        endpoint.headers,
    )
    return Destination(
        target, endpoint.credential, load(row.dialect_of(choice.model, endpoint.base_url)), endpoint, price=facts.price
    )
