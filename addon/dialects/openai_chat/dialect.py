"""The chat-completions dialect: OpenAI's, and of everybody who copied it.

Source: OpenAI API reference, "chat completions"; deviations of other backends in docs/protocol.md. The request half is
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
from addon.dialects.openai_chat.reply import ChatDecoder
from addon.dialects.openai_chat.request import translate
from addon.dialects.openai_chat.rereading import reread
from addon.dialects.schemas import structured_output
from addon.dialects.web import web_search
from addon.protocol.deltas import Delta, Failure
from addon.protocol.errors import BackendError, DetourError, TooDeep
from addon.protocol.messages import Json, Request

PATH = "/chat/completions"
DONE = b"[DONE]"


class OpenAIChat:
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
            limit = target.profile.max_tokens_field
            room = window.reply_room(prompt, target)
            if room is not None and room < translated[limit]:
                losses = limits.shortened(losses, request, room, target)
                sent = _written({**translated, limit: room}, target)
        except orjson.JSONEncodeError:
            raise TooDeep from None
        headers = (
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if request.stream else "application/json"),
            ("accept-encoding", "identity"),
        )
        wire = WireRequest(self.address(target), extras.replace_headers(headers, target.headers), sent)
        functions = [tool["function"] for tool in translated.get("tools", ()) if "function" in tool]
        offered = {function["name"]: function.get("parameters", {}) for function in functions}
        search, form = web_search.given(request, target), structured_output.checked(request, target)
        return Encoded(wire, losses, tool_names, offered, search, prompt, form, call_ids)

    def address(self, target: Target) -> str:
        """Return where the request goes."""
        return target.base_url + PATH

    def decoder(self, context: ReplyContext) -> Decoder:
        """Return a decoder of ``chat.completion.chunk`` events."""
        return reread(ChatDecoder(context), context)

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Read a ``chat.completion`` object as if it were one chunk with everything in it."""
        decoder = reread(ChatDecoder(context), context)
        try:
            return [*decoder.decode(body), *decoder.decode(DONE)]
        except DetourError as error:
            return [Failure(error)]

    def unframer(self, context: ReplyContext) -> None:
        """None: a streamed reply is server-sent events."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Classify by status and wording."""
        return faults.from_reply(status, headers, body, context)

    def instead_of(self, error: DetourError, context: ReplyContext) -> None:
        """Nothing: an error is an error."""


def _written(translated: Json, target: Target) -> bytes:
    return orjson.dumps(extras.patch(translated, target.extra_body) if target.extra_body else translated)


DIALECT = OpenAIChat()
