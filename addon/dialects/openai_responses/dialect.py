"""The Responses dialect: ``POST /responses``, stateless.

Source: OpenAI API reference, "responses"; deviations of other backends in docs/protocol.md. The request half is
``request``, the reply half ``reply``.
"""

from collections.abc import Mapping

import orjson

from addon.dialects import (
    EVENT_STREAM,
    Decoder,
    Encoded,
    ReplyContext,
    Target,
    WireRequest,
    extras,
    faults,
    limits,
    window,
)
from addon.dialects.openai_chat.rereading import ChunkDecoder, reread
from addon.dialects.openai_responses.reply import ResponsesDecoder
from addon.dialects.openai_responses.request import LIMIT, translate
from addon.dialects.schemas import structured_output
from addon.dialects.stop_sequences import stopping
from addon.dialects.web import web_search
from addon.protocol.deltas import Delta, Failure
from addon.protocol.errors import BackendError, DetourError, TooDeep
from addon.protocol.messages import Json, Request

PATH = "/responses"


class OpenAIResponses:
    """See :class:`addon.dialects.Dialect`."""

    translates = True
    stream_types = (EVENT_STREAM,)

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Build the whole request anew; nothing of the client's goes through that is not named in it."""
        try:
            translated, losses, tool_names, call_ids = translate(request, target)
            sent = _written(translated, target)
            prompt = window.input_tokens(request, len(sent), target)
            window.check(prompt, target)
            room = window.reply_room(prompt, target)
            if room is not None and room < translated[LIMIT]:
                losses = limits.shortened(losses, request, room, target)
                sent = _written({**translated, LIMIT: room}, target)
        except orjson.JSONEncodeError:
            raise TooDeep from None
        headers = (
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if request.stream else "application/json"),
            ("accept-encoding", "identity"),
        )
        wire = WireRequest(target.base_url + PATH, extras.replace_headers(headers, target.headers), sent)
        tools = translated.get("tools", ())
        offered = {tool["name"]: tool["parameters"] for tool in tools if tool["type"] == "function"}
        search, form = web_search.given(request, target), structured_output.checked(request, target)
        return Encoded(wire, losses, tool_names, offered, search, prompt, form, call_ids)

    def decoder(self, context: ReplyContext) -> Decoder:
        """Return a decoder of the events of a response."""
        return _decoder(context)

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Read a response object as if it were the last event with everything in it."""
        decoder = _decoder(context)
        try:
            return [*decoder.decode(body), *decoder.close()]
        except DetourError as error:
            return [Failure(error)]

    def unframer(self, context: ReplyContext) -> None:
        """None: a streamed reply is server-sent events."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Classify by status and wording."""
        return faults.from_reply(status, headers, body, context)

    def instead_of(self, error: DetourError, context: ReplyContext) -> None:
        """Nothing: an error is an error."""


def _decoder(context: ReplyContext) -> ChunkDecoder:
    return stopping(reread(ResponsesDecoder(context), context), context.stop_sequences)


def _written(translated: Json, target: Target) -> bytes:
    return orjson.dumps(extras.patch(translated, target.extra_body) if target.extra_body else translated)


DIALECT = OpenAIResponses()
