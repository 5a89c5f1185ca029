"""Anthropic's own format, for backends that answer ``/v1/messages`` themselves.

The model, the address and the credential change, and the attribution stays behind where it is no Claude who answers:
it differs from request to request, and a prompt cache would end at it. What the backend does not take stays behind too
(``fields``). Nothing else is rebuilt, unless the route changed the request or the backend has extra fields. Replies are
passed on as they come.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

from addon.dialects import EVENT_STREAM, Decoder, Encoded, ReplyContext, Target, WireRequest, extras, faults
from addon.dialects.anthropic import betas, wire
from addon.protocol.deltas import Delta
from addon.protocol.errors import BackendError, DetourError, Kind
from addon.protocol.messages import Request

PATH = "/v1/messages"
VERSION = "2023-06-01"  # the only version there is; set by us, the client's own header stays behind

# refusals that Claude Code answers by sending the request again without the thing (docs/protocol.md, "Errors")
REPAIRED = re.compile(r"extra inputs are not permitted|invalid `?signature|input tag 'adaptive' found", re.IGNORECASE)
REFUSALS = (Kind.REFUSED, Kind.REPAIRABLE)


class Anthropic:
    """See :class:`addon.dialects.Dialect`."""

    translates = False
    stream_types: tuple[str, ...] = (EVENT_STREAM,)

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Change the model's name in the body, and leave out what the target does not take."""
        written = wire.write(request, body, target)
        sent = WireRequest(
            target.base_url + PATH,
            headers(request, written.betas, target, ("anthropic-version", VERSION)),
            written.body,
        )
        return Encoded(sent, written.losses, input_tokens=written.input_tokens)

    def decoder(self, context: ReplyContext) -> Decoder:
        """Never asked for: replies are not translated."""
        raise NotImplementedError

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Never asked for: replies are not translated."""
        raise NotImplementedError

    def unframer(self, context: ReplyContext) -> None:
        """None: a streamed reply is server-sent events."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Classify by status and wording; some native endpoints answer in OpenAI's envelope (llama.cpp)."""
        error = faults.from_reply(status, headers, body, context)
        if status == HTTPStatus.BAD_REQUEST and error.kind in REFUSALS and REPAIRED.search(error.message):
            told = error.message.removeprefix(f"{context.target.name}: ")
            return BackendError(Kind.REPAIRABLE, told)
        return error

    def instead_of(self, error: DetourError, context: ReplyContext) -> None:
        """Nothing: an error is an error."""


def headers(
    request: Request, asked: tuple[str, ...], target: Target, *more: tuple[str, str]
) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request whose reply passes as it comes; ``asked`` are the betas."""
    own = (
        ("content-type", "application/json"),
        ("accept", "text/event-stream" if request.stream else "application/json"),
        ("accept-encoding", "identity"),
        *more,
        *(((betas.HEADER, ",".join(asked)),) if asked else ()),
    )
    return extras.replace_headers(own, target.headers)


DIALECT = Anthropic()
