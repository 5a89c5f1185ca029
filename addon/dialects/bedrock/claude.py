"""Claude on Bedrock, by InvokeModel: Anthropic's own format in Amazon's framing.

The model stands in the address, and whether the reply is streamed too; the version and the betas stand in the body.
Replies pass, out of their frames. Sources: Amazon Bedrock user guide, "Anthropic Claude Messages API"; the
``anthropic`` package 2.11, ``lib/bedrock``.
"""

import re
from collections.abc import Iterator, Mapping
from typing import override

import orjson

from addon.dialects import Encoded, ReplyContext, Target, Unframe, WireRequest, faults
from addon.dialects.anthropic import wire
from addon.dialects.anthropic.dialect import REFUSALS, REPAIRED, Anthropic
from addon.dialects.bedrock import address, exceptions
from addon.dialects.complaints import read
from addon.protocol import framing
from addon.protocol.amazon_frames import CONTENT_TYPE, AmazonFrame, AmazonFrames, unpacked
from addon.protocol.errors import BackendError, Kind, MalformedReply
from addon.protocol.messages import Request

FORM = wire.Form(version="bedrock-2023-05-31", keeps_stream=False, betas_within=True)
# keys that Amazon adds to Anthropic's events: amazon-bedrock-invocationMetrics, amazon-bedrock-guardrailAction
AMAZONS = "amazon-bedrock-"
EVENT_NAME = re.compile(rb'\{"type":"(\w+)"')  # as Anthropic writes every event


class BedrockClaude(Anthropic):
    """See :class:`addon.dialects.Dialect`."""

    stream_types = (CONTENT_TYPE,)

    @override
    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Put the model into the address, and leave out what Amazon's cloud does not take."""
        written = wire.write(request, body, target, FORM)
        action = "invoke-with-response-stream" if request.stream else "invoke"
        sent = WireRequest(address.url(target, action), address.headers(request, target), written.body)
        return Encoded(sent, written.losses, input_tokens=written.input_tokens)

    @override
    def unframer(self, context: ReplyContext) -> Unframe:  # type: ignore[override]  # Anthropic's own has none
        """Return what takes Anthropic's events out of Amazon's frames."""
        return _Events(context).feed

    @override
    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Classify by the exception's name and its words; status 200: an ``error`` event of ``_Events``."""
        error = _from_event(body, context) if status < 400 else exceptions.from_reply(status, headers, body, context)
        if error.kind in REFUSALS and REPAIRED.search(error.message):
            return BackendError(Kind.REPAIRABLE, error.message.removeprefix(f"{context.target.name}: "))
        return error


class _Events:
    """A push parser: Amazon's frames to Anthropic's server-sent events. An error ends it."""

    __slots__ = ("_context", "_frames", "_over")

    def __init__(self, context: ReplyContext) -> None:
        self._context = context
        self._frames = AmazonFrames()
        self._over = False

    def feed(self, chunk: bytes) -> bytes:
        """Return the events that ``chunk`` completes."""
        return b"" if self._over else b"".join(self._each(self._frames.feed(chunk)))

    def _each(self, frames: list[AmazonFrame]) -> Iterator[bytes]:
        for frame in frames:
            if self._over:
                return
            if frame.sort in exceptions.FAULTS:
                yield self._fail(exceptions.from_frame(frame, self._context), frame.name)
            elif frame.name == "chunk":
                yield self._event(unpacked(frame.payload))

    def _event(self, event: bytes | None) -> bytes:
        try:
            name = EVENT_NAME.match(event or b"")
            if event is None or name is None or AMAZONS.encode() in event:
                parsed = orjson.loads(event or b"")
                kept = {key: value for key, value in parsed.items() if not key.startswith(AMAZONS)}
                return framing.encode(str(kept["type"]), orjson.dumps(kept))
        except (ValueError, AttributeError, KeyError, TypeError):
            return self._fail(MalformedReply(f"{self._context.target.name} sent a chunk that holds no event"), "")
        return framing.encode(name[1].decode(), event)

    def _fail(self, error: BackendError, name: str) -> bytes:
        """Tell it as Anthropic would; ``code`` is for ``decode_error``, where nothing was told yet."""
        self._over = True
        told = {"type": error.type_in_stream, "code": f"{error.kind}:{name}", "message": error.message}
        return framing.encode("error", orjson.dumps({"type": "error", "error": told}))


def _from_event(body: bytes, context: ReplyContext) -> BackendError:
    """The error that an event of ``_Events`` was made of; one of Anthropic's own is classified."""
    told = read(orjson.loads(body))
    kind = told.code.partition(":")[0] if told is not None else ""
    if told is not None and kind in Kind:
        return BackendError(Kind(kind), told.message)
    return faults.from_reply(200, {}, body, context)


DIALECT = BedrockClaude()
