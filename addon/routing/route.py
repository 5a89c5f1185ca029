"""Which target serves a request, and why."""

import re
from dataclasses import dataclass
from functools import lru_cache

from addon.dialects import Dialect, Target, load
from addon.protocol.errors import BackendError, BadRequest, Kind
from addon.routing import catalog
from addon.routing.backends import find
from addon.routing.config import Choice, Credential, Settings, Tier, nearest

LONG_SUFFIX = re.compile(r"\[1m\]$", re.IGNORECASE)  # Claude Code's mark for the long window
DISCOVERY_PREFIX = "claude-via-"  # the client's picker shows only names with "claude" in them


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a routed request goes, in which words, with which key."""

    target: Target
    credential: Credential
    dialect: Dialect


@dataclass(frozen=True, slots=True)
class Route:
    """The decision for one request. ``destination`` None: to Anthropic, untouched."""

    asked: str  # the model's name as the client sent it, without the suffix
    long_window: bool
    reason: str
    destination: Destination | None = None

    @property
    def name(self) -> str:
        """Who answers, in a word."""
        return self.destination.target.name if self.destination else "anthropic"


@lru_cache(maxsize=256)  # a session asks for a handful of names
def choose(asked: str, settings: Settings) -> Route:
    """Decide who answers a request for the model ``asked``.

    Raises: BadRequest 404 when ``asked`` names a provider that does not exist; BackendError when its key is missing.
    """
    model = LONG_SUFFIX.sub("", asked)
    long_window = model != asked
    named = model.removeprefix(DISCOVERY_PREFIX)
    if "/" in named:
        return _named(named, model, long_window, settings)
    tier = tier_of(model)
    choice = settings.tiers.get(tier) if tier else settings.other
    if choice is None:
        return Route(model, long_window, f"no model is set for {tier or 'other names'}: passed through")
    reason = f"{choice.setting} answers {tier or 'every other name'}"
    return _route(choice, model, long_window, reason, settings)


def tier_of(model: str) -> Tier | None:
    """Return the tier that a model's name speaks of, if any."""
    lower = model.lower()
    return next((tier for tier in Tier if tier in lower), None)


def _named(named: str, model: str, long_window: bool, settings: Settings) -> Route:
    provider, _, name = named.partition("/")
    row = find(provider)
    if row is None and not settings.leaves_anthropic:
        return Route(model, long_window, f"there is no provider {provider!r}, and no model is set: passed through")
    if row is None or not name:
        what = f"there is no provider {provider!r}. {nearest(provider)}" if row is None else "the model is missing."
        raise BadRequest(f"model: {model!r}: {what} Write provider/model.", 404, "not_found_error")
    return _route(Choice(row.name, name, "model"), model, long_window, "the client named it", settings)


def _route(choice: Choice, asked: str, long_window: bool, reason: str, settings: Settings) -> Route:
    endpoint = settings.endpoints[choice.provider]
    if endpoint.lack:
        raise BackendError(Kind.PERMISSION, f"Detour: {endpoint.lack}")
    facts = catalog.lookup(choice.provider, choice.model)
    target = Target(
        choice.provider,
        choice.model,
        endpoint.base_url or "",
        endpoint.backend.profile_of(choice.model),
        facts.max_input_tokens,
        facts.max_output_tokens,
    )
    destination = Destination(target, endpoint.credential, load(endpoint.backend.dialect))
    return Route(asked, long_window, reason, destination)
