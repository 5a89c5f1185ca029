"""What backends speak: one module for each wire format, all behind one Protocol.

A dialect is pure. It turns a checked request into a wire request and the list of what was lost or changed, and a
backend's bytes into our neutral words. It never writes an Anthropic event, never numbers a block, never holds a
credential. A dialect's module is imported when a route first needs it.
"""

import importlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Protocol, cast

from addon.dialects.losses import Loss
from addon.dialects.profiles import Profile
from addon.dialects.web.search import Search
from addon.protocol.deltas import Delta
from addon.protocol.errors import BackendError, DetourError
from addon.protocol.messages import Request

EVENT_STREAM = "text/event-stream"

type Unframe = Callable[[bytes], bytes]  # a push parser: a piece of the reply -> the events that it completes


@dataclass(frozen=True, slots=True)
class Target:
    """The model that will answer, and what is known of it.

    ``extra_body`` is laid over the finished wire body (see ``extras.patch``). The configuration refuses what would
    break the exchange: the fields ``model``, ``messages``, ``stream`` and ``stream_options``, keys that are no text,
    and headers that carry the credential or describe the body. A target is never hashed: the mapping could not be.
    """

    provider: str
    model: str
    base_url: str  # without a trailing slash; the dialect appends its path
    profile: Profile
    max_input_tokens: int | None = None  # None: unknown
    max_output_tokens: int | None = None
    vision: bool | None = None  # whether it sees pictures
    report_window: int | None = None  # usage is told to the client as if max_input_tokens were this
    window_is_set: bool = False  # the user said how large max_input_tokens is
    extra_body: Mapping[str, Any] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # replace the dialect's own of the same name

    @property
    def name(self) -> str:
        """How users write it: ``provider/model``."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class WireRequest:
    """What goes to the backend, but for the credential. ``headers`` is complete: nothing of the client's is added."""

    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A translated request."""

    wire: WireRequest
    losses: tuple[Loss, ...] = ()
    tool_names: Mapping[str, str] = field(default_factory=dict)  # shortened name on the wire -> the client's
    offered: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # tool's name on the wire -> its schema
    search: Search | None = None  # what the backend was asked to search for
    input_tokens: int = 0  # an estimate of the prompt; 0: none was made
    form: bytes | None = None  # the schema that the answer is checked against, as JSON
    call_ids: Collection[str] = ()  # of all calls so far


@dataclass(frozen=True, slots=True)
class ReplyContext:
    """What a reply is read against: facts of the request it answers."""

    target: Target
    exchange_id: str  # unique; call ids that a backend leaves out are made from it
    credential_name: str = "the credential"  # the setting that holds it, for error texts; never its value
    tool_names: Mapping[str, str] = field(default_factory=dict)
    input_estimate: int = 0  # tokens, for an overflow that tells no numbers
    stop_sequences: tuple[str, ...] = ()  # as the client asked for them
    offered: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # tool's name on the wire -> its schema
    search: Search | None = None  # what the backend was asked to search for
    form: bytes | None = None  # the schema that the answer is checked against, as JSON
    call_ids: Collection[str] = ()  # of all calls so far: the client takes no id twice in a session


class Decoder(Protocol):
    """Backend bytes of one streamed reply to deltas; a push parser. Neither verb raises but DetourError."""

    def feed(self, chunk: bytes) -> Iterable[Delta]:
        """Return what ``chunk`` completes; empty means "need more"."""

    def close(self) -> Iterable[Delta]:
        """Return the rest; the last is always ``End`` or ``Failure``."""


class Dialect(Protocol):
    """One wire format. ``translates`` is False where replies are passed on as they come (Anthropic's own format)."""

    translates: bool
    stream_types: tuple[str, ...]  # the content types of a streamed reply

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Say ``request`` to ``target``. Raises: Unsupported with a JSON path.

        ``body`` is what the client wrote; None where the request was changed since, and no longer is that.
        """

    def decoder(self, context: ReplyContext) -> Decoder:
        """Return a fresh decoder for one streamed reply."""

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Decode a reply that came in one piece; the last delta is ``End`` or ``Failure``."""

    def unframer(self, context: ReplyContext) -> Unframe | None:
        """Return what takes the events of a streamed reply out of the backend's framing, where it does not translate.

        What comes out is Anthropic's server-sent events. None: they come so. It raises MalformedReply, and no other.
        """

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Say what a status of 400 or more means. ``headers`` has lower-case names."""

    def instead_of(self, error: DetourError, context: ReplyContext) -> list[Delta] | None:
        """Return the reply that is given in place of an error; None: the client hears the error itself."""


# name -> the module that holds it
MODULES: Mapping[str, str] = MappingProxyType(
    {
        "anthropic": "anthropic.dialect",
        "vertex_claude": "anthropic.vertex",
        "openai_chat": "openai_chat.dialect",
        "vertex_chat": "openai_chat.vertex",
        "bedrock_claude": "bedrock.claude",
        "bedrock_converse": "bedrock.converse",
        "gemini": "gemini.dialect",
        "openai_responses": "openai_responses.dialect",
        "searxng": "web.searxng",
        "brave": "web.brave",
    }
)


def load(name: str) -> Dialect:
    """Return the dialect of that name. Raises: KeyError."""
    return cast(Dialect, importlib.import_module(f"addon.dialects.{MODULES[name]}").DIALECT)
