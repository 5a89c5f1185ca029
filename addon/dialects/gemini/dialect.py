"""The dialect gemini: Google's ``generateContent``, at AI Studio and on Vertex AI.

Source: ai.google.dev, "Generate content"; google-genai 3.6, ``_api_client`` and ``models``. The request half is
``request``, the reply half ``reply``.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote

import orjson

from addon.dialects import EVENT_STREAM, Encoded, ReplyContext, Target, WireRequest, extras, faults, window
from addon.dialects.gemini.reply import GeminiDecoder
from addon.dialects.gemini.request import translate
from addon.protocol.deltas import Delta, Failure
from addon.protocol.errors import BackendError, DetourError, TooDeep
from addon.protocol.messages import Request

VERSION = "/v1beta"  # of an address that names none: what is new is there first
VERSIONED = re.compile(r"/v\d[a-z0-9]*(?:/|$)")
# Vertex: what is new is in v1beta1 first, and Google's own SDK asks nothing else; the other dialects there are in v1
STABLE, NEWEST = re.compile(r"(\.googleapis\.com)/v1(?=/|$)"), r"\1/v1beta1"
FOLDERS = ("models/", "tunedModels/", "publishers/", "projects/", "endpoints/")
STREAMED, WHOLE = "streamGenerateContent?alt=sse", "generateContent"


class Gemini:
    """See :class:`addon.dialects.Dialect`."""

    translates = True
    stream_types = (EVENT_STREAM,)

    def encode(self, request: Request, body: bytes | None, target: Target) -> Encoded:
        """Build the whole request anew; nothing of the client's goes through that is not named in it."""
        try:
            said = translate(request, target)
            patched = extras.patch(said.body, target.extra_body) if target.extra_body else said.body
            sent = orjson.dumps(patched)
        except orjson.JSONEncodeError:
            raise TooDeep from None
        prompt = window.input_tokens(request, len(sent), target)
        window.check(prompt, target)
        headers = (
            ("content-type", "application/json"),
            ("accept", EVENT_STREAM if request.stream else "application/json"),
            ("accept-encoding", "identity"),
        )
        url = f"{address(target)}:{STREAMED if request.stream else WHOLE}"
        wire = WireRequest(url, extras.replace_headers(headers, target.headers), sent)
        return Encoded(wire, said.losses, said.tool_names, said.offered, said.search, prompt, said.form, said.call_ids)

    def decoder(self, context: ReplyContext) -> GeminiDecoder:
        """Return a decoder of ``GenerateContentResponse`` events."""
        return GeminiDecoder(context)

    def decode_whole(self, body: bytes, context: ReplyContext) -> list[Delta]:
        """Read one response object, or a stream of them that came as a JSON array."""
        decoder = GeminiDecoder(context)
        try:
            return [*decoder.decode(body), *decoder.end()]
        except DetourError as error:
            return [Failure(error)]

    def unframer(self, context: ReplyContext) -> None:
        """None: a streamed reply is server-sent events."""

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes, context: ReplyContext) -> BackendError:
        """Classify by status and wording."""
        return faults.from_reply(status, headers, body, context)

    def instead_of(self, error: DetourError, context: ReplyContext) -> None:
        """Nothing: an error is an error."""


def address(target: Target) -> str:
    """Return where the model lies, without the verb."""
    base, model = target.base_url, target.model
    if target.profile.vertex:
        base = STABLE.sub(NEWEST, base)
        folder = "" if model.startswith(FOLDERS) else "publishers/google/models/"
        return f"{base}/{folder}{quote(model.removeprefix('google/') if folder else model, safe='/@')}"
    base = base if VERSIONED.search(base) else base + VERSION
    folder = "" if model.startswith(FOLDERS) else "models/"
    return f"{base}/{folder}{quote(model, safe='/@')}"


DIALECT = Gemini()
