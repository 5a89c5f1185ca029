"""Who answers a copy of an exchange: whoever is named, past all rules, switches and health. Pure.

A copy is Detour's own: a replay that somebody asked for, or a shadow. It never bears the client's credential, and
nobody else answers when the one named does not.
"""

from dataclasses import dataclass

from addon.protocol.errors import BackendError, BadRequest, ConfigError, Kind
from addon.routing.backends import BACKENDS
from addon.routing.call import Call
from addon.routing.config import ANTHROPIC, Choice
from addon.routing.route import Route, destination_of
from addon.routing.settings import Settings

REPLAY, SHADOW = "replay", "shadow"
# how a request says it at our doors
TARGET_HEADER, OF_HEADER = "x-detour-target", "x-detour-replay-of"
TOKEN_HEADER = "x-detour-token"  # noqa: S105 - a name


@dataclass(frozen=True, slots=True)
class Forced:
    """``target`` as users write a model; ``of`` is the id of the exchange that is copied."""

    target: str
    origin: str = REPLAY
    of: str | None = None

    @property
    def told(self) -> str:
        """What the copy is, in words."""
        return f"{self.origin} of req_{self.of}" if self.of else self.origin


def choose(call: Call, forced: Forced, settings: Settings) -> Route:
    """Return the route to the one that is named. Raises: BadRequest, BackendError where it lacks something."""
    choice = choice_of(forced.target, settings)
    destination = destination_of(choice, settings)
    asked = call.model if call.model.isascii() else call.model.encode("utf-8", "replace").decode()
    return Route(
        asked,
        call.long_window,
        f"the {forced.origin} names it",
        destination,
        kind=call.kind,
        session=call.session,
        choice=choice,
        timeouts=destination.endpoint.timeouts,
        copy=forced.told,
    )


def choice_of(target: str, settings: Settings) -> Choice:
    """Read a target that must do without the client's credential. Raises: BadRequest, BackendError."""
    try:
        choices = settings.choices(target)
    except ConfigError as error:
        raise BadRequest(f"The target {target!r}: {error.message}", 404, "not_found_error") from None
    lacks = [_lack(choice, settings) for choice in choices]
    usable = [choice for choice, lack in zip(choices, lacks, strict=True) if lack is None]
    if not usable:
        raise BackendError(Kind.PERMISSION, f"Detour: the target {target!r} cannot be asked: {lacks[0]}")
    return usable[0]


def _lack(choice: Choice, settings: Settings) -> str | None:
    """What keeps a choice from answering a copy."""
    if choice.passes:
        return f"{ANTHROPIC} alone is whoever the client asked; write {ANTHROPIC}/MODEL."
    endpoint = settings.endpoints[choice.provider]
    own = BACKENDS[ANTHROPIC].base_url
    if choice.provider == ANTHROPIC and endpoint.base_url == own and endpoint.credential.key is None:
        return f"the client's own credential goes with no copy: set {endpoint.credential.variable}."
    return endpoint.lack
