"""Anthropic's own format, for backends that answer ``/v1/messages`` themselves.

The model, the address and the credential change, and the attribution stays behind where it is no Claude who answers:
it differs from request to request, and a prompt cache would end at it. Nothing else is rebuilt, unless the route
changed the request or the backend has extra fields. Replies are passed on as they come.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus

import orjson

from addon.dialects import EVENT_STREAM, Decoder, Encoded, ReplyContext, Target, WireRequest, extras, faults, window
from addon.dialects.anthropic import history
from addon.dialects.losses import Loss, Refused, refusal
from addon.protocol.deltas import Delta
from addon.protocol.errors import BackendError, DetourError, Kind, TooDeep
from addon.protocol.messages import ATTRIBUTION, Request

PATH = "/v1/messages"
VERSION = "2023-06-01"  # the only version there is; set by us, the client's own header stays behind

# how the client writes it: the model first. Spliced, the rest of the body stays as it is to the byte.
MODEL_FIRST = re.compile(rb'\{"model":"([^"\\]*)"')
ATTRIBUTION_FIRST = re.compile(rb'"system":\[(\{"type":"text","text":"' + ATTRIBUTION.encode() + rb'[^"\\]*"\},?)')

# refusals that Claude Code answers by sending the request again without the thing (docs/protocol.md, "Errors")
REPAIRED = re.compile(r"extra inputs are not permitted|invalid `?signature|input tag 'adaptive' found", re.IGNORECASE)
PICTURE = b'image"'  # the end of a block's type
REFUSALS = (Kind.REFUSED, Kind.REPAIRABLE)


class Anthropic:
    """See :class:`addon.dialects.Dialect`."""

    translates = False
    stream_types = (EVENT_STREAM,)

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Change the model's name in the body, and leave out the thinking of others."""
        losses: tuple[Loss, ...] = ()
        if target.vision is False and (body is None or PICTURE in body):
            _refuse_pictures(request, target)
        if body is None or history.concerns(body, claude=target.profile.claude):
            shown, losses = history.own(request, target)
            body, request = (body if shown is request else None), shown
        attributed = not target.profile.claude and request.is_attributed
        spliced = _spliced(body, target, attributed) if body and not target.extra_body else None
        sent = spliced or _rebuilt(request, target, attributed)
        headers = (
            ("content-type", "application/json"),
            ("accept", "text/event-stream" if request.stream else "application/json"),
            ("accept-encoding", "identity"),
            ("anthropic-version", VERSION),
        )
        wire = WireRequest(target.base_url + PATH, extras.replace_headers(headers, target.headers), sent)
        prompt = window.input_tokens(request, len(sent), target)
        window.check(prompt, target)
        return Encoded(wire, losses, input_tokens=prompt)

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


def _refuse_pictures(request: Request, target: Target) -> None:
    """Some native endpoints drop pictures without a word (DeepSeek's). Raises: Unsupported."""
    for index, message in enumerate(request.messages):
        pending = [(f"messages.{index}.content", message["content"])]
        for path, content in pending:  # grows by the contents of results and documents
            blocks = enumerate(content if isinstance(content, list) else ())
            for at, block in ((f"{path}.{position}", each) for position, each in blocks if isinstance(each, dict)):
                if block.get("type") == "image":
                    raise refusal(Refused.IMAGE, at, target.name)
                pending.append((f"{at}.content", block.get("content")))
                if isinstance(source := block.get("source"), dict):
                    pending.append((f"{at}.source.content", source.get("content")))


def _spliced(body: bytes, target: Target, attributed: bool) -> bytes | None:
    """None where the model's name is not the first thing in it, or it or the attribution may stand in it twice."""
    found = MODEL_FIRST.match(body)
    if not found or body.count(b'"model":') != 1:
        return None
    head, tail = body[: found.start(1)] + orjson.dumps(target.model)[1:-1], body[found.end(1) :]
    if not attributed:
        return head + tail
    block = ATTRIBUTION_FIRST.search(tail) if tail.count(ATTRIBUTION.encode()) == 1 else None
    return head + tail[: block.start(1)] + tail[block.end(1) :] if block else None


def _rebuilt(request: Request, target: Target, attributed: bool) -> bytes:
    body = {**request.body, "model": target.model, **({"system": request.system} if attributed else {})}
    try:
        return orjson.dumps(extras.patch(body, target.extra_body))
    except orjson.JSONEncodeError:
        raise TooDeep from None


DIALECT = Anthropic()
