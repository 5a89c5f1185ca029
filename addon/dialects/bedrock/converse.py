"""Converse: the one request and reply that Bedrock has for all its models.

The request half is ``request``, the reply half ``reply``.
Source: Amazon Bedrock API reference, Converse and ConverseStream.
"""

from collections.abc import Mapping

import orjson

from addon.dialects import Decoder, Encoded, ReplyContext, Target, WireRequest, extras, limits, window
from addon.dialects.bedrock import address, exceptions
from addon.dialects.bedrock.reply import ConverseDecoder
from addon.dialects.bedrock.request import translate
from addon.dialects.openai_chat.rereading import reread
from addon.dialects.schemas import structured_output
from addon.protocol.amazon_frames import CONTENT_TYPE
from addon.protocol.deltas import Delta, Failure
from addon.protocol.errors import BackendError, DetourError, TooDeep
from addon.protocol.messages import Json, Request

LIMIT = "maxTokens"


class BedrockConverse:
    """See :class:`addon.dialects.Dialect`."""

    translates = True
    stream_types = (CONTENT_TYPE,)

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Build the whole request anew; nothing of the client's goes through that is not named in it."""
        said = translate(request, target)
        losses, inference = said.losses, said.body["inferenceConfig"]
        try:
            sent = _written(said.body, target)
            prompt = window.input_tokens(request, len(sent), target)
            window.check(prompt, target)
            room = window.reply_room(prompt, target)
            if room is not None and room < inference.get(LIMIT, room):
                losses = limits.shortened(losses, request, room, target)
                sent = _written({**said.body, "inferenceConfig": {**inference, LIMIT: room}}, target)
        except orjson.JSONEncodeError:
            raise TooDeep from None
        url = address.url(target, "converse-stream" if request.stream else "converse")
        return Encoded(
            WireRequest(url, address.headers(request, target), sent),
            losses,
            said.names.shortened,
            {tool.name: tool.schema or {} for tool in said.tools},
            input_tokens=prompt,
            form=structured_output.checked(request, target),
            call_ids=said.turns.ids.known,
        )

    def decoder(self, context: ReplyContext) -> Decoder:
        """Return a decoder of Amazon's frames."""
        return reread(ConverseDecoder(context), context)

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Read a whole reply as the events that it amounts to."""
        decoder = reread(ConverseDecoder(context), context)
        try:
            return [*decoder.decode(body), *decoder.close()]
        except DetourError as error:
            return [Failure(error)]

    def unframer(self, context: ReplyContext) -> None:
        """None: replies are translated."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Classify by the exception's name and its words."""
        return exceptions.from_reply(status, headers, body, context)

    def instead_of(self, error: DetourError, context: ReplyContext) -> None:
        """Nothing: an error is an error."""


def _written(body: Json, target: Target) -> bytes:
    return orjson.dumps(extras.patch(body, target.extra_body) if target.extra_body else body)


DIALECT = BedrockConverse()
