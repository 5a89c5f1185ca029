"""A body in Anthropic's format as one place wants it: the model in the body or in the address, betas beside or within.

Where nothing else has to change, what the client wrote is spliced: the rest of it stays as it is to the byte.
"""

import re
from dataclasses import dataclass

import orjson

from addon.dialects import Target, extras, window
from addon.dialects.anthropic import fitting, history
from addon.dialects.losses import Loss, Refused, refusal
from addon.protocol.errors import TooDeep
from addon.protocol.messages import ATTRIBUTION, Json, Request

# how the client writes it: the model first
MODEL_FIRST = re.compile(rb'\{"model":"([^"\\]*)"')
STREAM = re.compile(rb',"stream":(?:true|false)')
ATTRIBUTION_FIRST = re.compile(rb'"system":\[(\{"type":"text","text":"' + ATTRIBUTION.encode() + rb'[^"\\]*"\},?)')
PICTURE = b'image"'  # the end of a block's type


@dataclass(frozen=True, slots=True)
class Form:
    """How a place wants a body. ``version``: stands in it, and the model does not; None: the other way round."""

    version: str | None = None
    keeps_stream: bool = True
    betas_within: bool = False  # as anthropic_beta of the body, and not as a header


PLAIN = Form()


@dataclass(frozen=True, slots=True)
class Written:
    """A body, and what goes with it. ``betas``: for the header."""

    body: bytes
    betas: tuple[str, ...]
    losses: tuple[Loss, ...]
    input_tokens: int  # an estimate of the prompt


def write(request: Request, body: bytes | None, target: Target, form: Form = PLAIN) -> Written:
    """Say a request in that form, with what the target takes of it. Raises: Unsupported, TooDeep, BackendError.

    ``body`` is what the client wrote; None where the request was changed since.
    """
    told: tuple[Loss, ...] = ()
    if target.vision is False and (body is None or PICTURE in body):
        _refuse_pictures(request, target)
    if body is None or history.concerns(body, claude=target.profile.claude):
        shown, told = history.own(request, target)
        body, request = (body if shown is request else None), shown
    prompt = window.input_tokens(request, len(body) if body is not None else _size(request), target)
    fitted, losses, betas = fitting.fit(request, body, prompt, target)
    body, request = (body if fitted is request else None), fitted
    # a cloud's prompt cache would end at the attribution as another's does
    attributed = request.is_attributed and (not target.profile.claude or form.version is not None)
    within = betas if form.betas_within else ()
    spliced = _spliced(body, target, form, within, attributed) if body and not target.extra_body else None
    sent = spliced or _rebuilt(request, target, form, within, attributed)
    window.check(prompt, target)
    return Written(sent, () if form.betas_within else betas, (*told, *losses), prompt)


def _size(request: Request) -> int:
    """How many bytes a request has that was changed; a rough figure is enough."""
    try:
        return len(orjson.dumps(request.body))
    except orjson.JSONEncodeError:
        raise TooDeep from None


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


def _spliced(body: bytes, target: Target, form: Form, within: tuple[str, ...], attributed: bool) -> bytes | None:
    """None where the model's name is not the first thing in it, or what is spliced may stand in it twice."""
    found = MODEL_FIRST.match(body)
    if not found or body.count(b'"model":') != 1:
        return None
    if form.version is None:
        head, tail = body[: found.start(1)] + orjson.dumps(target.model)[1:-1], body[found.end(1) :]
    else:
        head, tail = orjson.dumps(_head(form, within))[:-1], body[found.end() :]
    if not form.keeps_stream:
        if tail.count(b'"stream":') > 1:
            return None
        tail = STREAM.sub(b"", tail, count=1)
        if b'"stream":' in tail:
            return None
    if not attributed:
        return head + tail
    block = ATTRIBUTION_FIRST.search(tail) if tail.count(ATTRIBUTION.encode()) == 1 else None
    return head + tail[: block.start(1)] + tail[block.end(1) :] if block else None


def _head(form: Form, within: tuple[str, ...]) -> Json:
    """What stands in a body in place of the model."""
    return {"anthropic_version": form.version, **({"anthropic_beta": list(within)} if within else {})}


def _rebuilt(request: Request, target: Target, form: Form, within: tuple[str, ...], attributed: bool) -> bytes:
    asked = {**request.body, **({"system": request.system} if attributed else {})}
    if form.version is None:
        body = {**asked, "model": target.model}
    else:
        body = {**_head(form, within), **{name: value for name, value in asked.items() if name != "model"}}
    if not form.keeps_stream:
        body.pop("stream", None)
    try:
        return orjson.dumps(extras.patch(body, target.extra_body))
    except orjson.JSONEncodeError:
        raise TooDeep from None
