"""Which target serves a request, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from addon.dialects import Dialect, Target, load
from addon.protocol.errors import BackendError, BadRequest, Blocked, ConfigError, Kind
from addon.routing import catalog, rules
from addon.routing.call import Call
from addon.routing.changes import NOTHING, Changes
from addon.routing.config import ANTHROPIC, PASS, Choice, Credential, Endpoint, tier_of
from addon.routing.settings import Settings

BY_NAME = "the client named it"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a routed request goes, in which words, with which key."""

    target: Target
    credential: Credential
    dialect: Dialect
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Route:
    """The decision for one request. ``destination`` None: to Anthropic, untouched."""

    asked: str  # the model's name as the client sent it, without the suffix
    long_window: bool
    reason: str
    destination: Destination | None = None
    changes: Changes = NOTHING
    others: tuple[Choice, ...] = ()  # who may answer when the first cannot
    kind: str | None = None  # of the call; this and the session are for those who read what happened
    session: str | None = None

    @property
    def name(self) -> str:
        """Who answers, in a word."""
        return self.destination.target.name if self.destination else ANTHROPIC


def is_named(call: Call, settings: Settings) -> bool:
    """Whether the client itself names who shall answer: ``provider/model``, or an alias that is no Claude model."""
    return "/" in call.named or (call.named in settings.aliases and tier_of(call.named) is None)


def choose(call: Call, settings: Settings) -> Route:
    """Decide who answers.

    Raises: Blocked; BadRequest 404 when the client names a provider that does not exist; BackendError when its key is
    missing, or when the user's function fails.
    """
    named = is_named(call, settings)
    if settings.decider is not None and (route := _decided(call, settings)) is not None:
        return route
    rule = rules.first(settings.rules, call, named=named)
    if rule is None:
        return _plain(call, settings, named=named)
    why = f"{rule.title}: {rule.told}"
    if rule.block is not None:
        raise Blocked(rule.block, why)
    if rule.answer is None:
        plain = _plain(call, settings, named=named, changes=rule.changes)
        return replace(plain, reason=f"{plain.reason}; {why}")
    return _route(rule.choices(call), call, why, settings, rule.changes)


def _decided(call: Call, settings: Settings) -> Route | None:
    """Ask the user's function; None when it leaves the decision to the rules."""
    decider = settings.decider
    if decider is None:
        return None
    try:
        answer = decider.decide(call)
        if answer is None:
            return None
        choices = tuple(choice for text in _returned(answer) for choice in settings.choices(text))
    except ConfigError as error:
        raise BackendError(Kind.REFUSED, f"Detour: the routing function {decider.name}: {error.message}") from None
    except Exception as error:
        raise BackendError(
            Kind.REFUSED, f"Detour: the routing function {decider.name} failed: {type(error).__name__}: {error}"
        ) from error
    return _route(choices, call, f"{decider.name} says so", settings)


def _returned(answer: object) -> tuple[str, ...]:
    texts = (answer,) if isinstance(answer, str) else answer
    if not isinstance(texts, list | tuple) or not texts or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"it returned {repr(answer)[:80]}; it may return a model, a list of models, or None")
    return tuple(texts)


def _plain(call: Call, settings: Settings, *, named: bool, changes: Changes = NOTHING) -> Route:
    """Who answers without any rule: whom the client names, else who answers its tier."""
    if named:
        return _named(call, settings, changes)
    answer = settings.tiers.get(call.tier) if call.tier else settings.other
    if answer is None:
        what = call.tier or "other names"
        return _route((PASS,), call, f"no model is set for {what}: passed through", settings, changes)
    reason = f"{answer.setting} answers {call.tier or 'every other name'}"
    return _route(answer.choices, call, reason, settings, changes)


def _named(call: Call, settings: Settings, changes: Changes) -> Route:
    if call.named in settings.aliases:
        return _route(settings.aliases[call.named], call, f"{BY_NAME}, an alias", settings, changes)
    provider, _, name = call.named.partition("/")
    endpoint = settings.endpoint(provider)
    if endpoint is None and not settings.leaves_anthropic:
        why = f"there is no provider {provider!r}, and no model is set: passed through"
        return _route((PASS,), call, why, settings, changes)
    if endpoint is None or not name:
        near = settings.nearest(provider)
        what = f"there is no provider {provider!r}. {near}" if endpoint is None else "the model is missing."
        raise BadRequest(f"model: {call.model!r}: {what} Write provider/model.", 404, "not_found_error")
    return _route((Choice(endpoint.backend.name, name),), call, BY_NAME, settings, changes)


def _route(
    choices: tuple[Choice, ...], call: Call, reason: str, settings: Settings, changes: Changes = NOTHING
) -> Route:
    """Take the first choice that can be used."""
    lacks = []
    for index, choice in enumerate(choices):
        endpoint = None if choice.passes else settings.endpoints.get(choice.provider)
        if endpoint is not None and endpoint.lack:
            lacks.append(f"not {choice.name}, {endpoint.lack.rstrip('.')}")
            continue
        told = "; ".join((reason, *lacks))
        destination = _home(call.model, settings, changes) if choice.passes else destination_of(choice, settings)
        return Route(
            call.model,
            call.long_window,
            told,
            destination,
            changes,
            choices[index + 1 :],
            call.kind,
            call.session,
        )
    raise BackendError(Kind.PERMISSION, f"Detour: {settings.endpoints[choices[0].provider].lack}")


def _home(model: str, settings: Settings, changes: Changes) -> Destination | None:
    """Anthropic itself: nothing to decide where nothing changes, else its own endpoint with the client's own key."""
    if not changes:
        return None
    found = destination_of(Choice(ANTHROPIC, model), settings)
    return replace(found, credential=replace(found.credential, key=None))


@lru_cache(maxsize=256)  # a session asks for a handful
def destination_of(choice: Choice, settings: Settings) -> Destination:
    """Put together all that is known of a choice."""
    endpoint = settings.endpoints[choice.provider]
    row = endpoint.backend
    facts = settings.facts.get(choice.name) or catalog.lookup(row.like or row.name, choice.model)
    profile = row.profile_of(choice.model)
    target = Target(
        choice.provider,
        choice.model if "/" in choice.model else row.model_prefix + choice.model,
        endpoint.base_url or "",
        replace(profile, **endpoint.profile) if endpoint.profile else profile,
        facts.max_input_tokens,
        facts.max_output_tokens,
        endpoint.extra_body,
        endpoint.headers,
    )
    return Destination(target, endpoint.credential, load(row.dialect), endpoint)


def explain(call: Call, settings: Settings) -> Mapping[str, object]:
    """Say how the decision is made: each rule that was asked, and the outcome. Sends nothing."""
    named = is_named(call, settings)
    asked = [
        {
            "rule": rule.title,
            "matches": failed is None,
            "because": rule.told if failed is None else f"not: {failed.told}",
        }
        for rule, failed in rules.trace(settings.rules, call, named=named)
    ]
    return {"model": call.model, "kind": str(call.kind), "tier": str(call.tier or ""), "rules": asked}
