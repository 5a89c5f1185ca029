"""One exchange as a story of ``tests/transcripts``: a bug report becomes a regression test. Pure.

``story(entry, name, translate=..., like=..., fields=...)`` returns the files by their paths below
``tests/transcripts``, all in ``<dialect>/<name>/``: ``client_request.json``, ``wire_request.json``, ``backend.sse``,
``client.sse`` and ``story.md``. A command calls it with ``translate=addon.stream.StreamTranslator`` and writes what it
gets. The goldens say what today's code makes of the request and of the reply (by the provider table, with no limits
known, as ``tests/stories.py`` does), so the story passes at once; to show a bug, set the goldens right by hand.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Protocol

import orjson

from addon import __version__, dialects
from addon.dialects import Decoder, Encoded, ReplyContext, Target
from addon.prompts.entry import Entry
from addon.protocol import messages
from addon.protocol.amazon_frames import CONTENT_TYPE
from addon.protocol.errors import BadRequest, ConfigError, DetourError
from addon.protocol.event_writer import EventWriter
from addon.routing.backend import Backend
from addon.routing.backends import ALIASES, BACKENDS

EXCHANGE_ID = "story"
INPUT_ESTIMATE = 1000  # of every story, so that goldens do not move with the estimate
NOWHERE = "https://backend.invalid/v1"  # of a provider that has no address of its own
# how an address ends at which a provider's models may speak another dialect than elsewhere
ENDINGS: Mapping[str, str] = MappingProxyType({"/chat/completions": "openai_chat", "/responses": "openai_responses"})
NOTHING: Mapping[str, Any] = MappingProxyType({})


class NoStory(ConfigError):
    """The exchange cannot be one; the text says why."""


class Translator(Protocol):
    """What ``addon.stream.StreamTranslator`` is."""

    def feed(self, chunk: bytes) -> bytes:
        """Return the client's bytes for a piece of the backend's."""

    def close(self) -> bytes:
        """Return the last of them."""


class Translate(Protocol):
    """Makes a translator."""

    def __call__(self, decoder: Decoder, writer: EventWriter) -> Translator:
        """Join the two."""


def story(
    entry: Entry, name: str, *, translate: Translate, like: str | None = None, fields: Mapping[str, Any] = NOTHING
) -> dict[str, bytes]:
    """Return the files of a story. Raises: NoStory.

    ``like``: the known provider that the exchange's own is like, where that is one of ``detour.yaml``. ``fields``: what
    the user changed in the profile; only texts and true can be told.
    """
    provider, model = _who(entry)
    row = _row(like or provider)
    request, reply = _both_sides(entry)
    spoken = _spoken(entry, row, model)
    dialect = dialects.load(spoken)
    if not dialect.translates:
        raise NoStory(f"{provider} speaks Anthropic's own format: nothing is translated.")
    profile = row.profile_of(model, None if spoken == row.dialect_of(model) else NOWHERE)
    target = Target(row.name, model, row.base_url or NOWHERE, replace(profile, **dict(fields)))
    try:
        parsed = messages.parse(request)
    except BadRequest as error:
        raise NoStory(f"the request is none that Detour translates: {error.message}") from None
    try:
        encoded = dialect.encode(parsed, request, target)
    except DetourError as error:
        raise NoStory(f"today's code refuses the request: {error.message}") from None
    wire = encoded.wire
    translator = translate(
        dialect.decoder(_context(target, encoded)),
        EventWriter(f"msg_{EXCHANGE_ID}", parsed.model, target.name, INPUT_ESTIMATE),
    )
    folder = f"{spoken}/{name}"
    return {
        f"{folder}/client_request.json": _laid_out(request),
        f"{folder}/wire_request.json": _pretty(
            {"url": wire.url, "headers": dict(wire.headers), "body": orjson.loads(wire.body)}
        ),
        f"{folder}/backend.sse": reply,
        f"{folder}/client.sse": translator.feed(reply) + translator.close(),
        f"{folder}/story.md": _note(entry, target, fields).encode(),
    }


def _who(entry: Entry) -> tuple[str, str]:
    provider, slash, model = (entry.summary.route or "").partition("/")
    if not slash:
        raise NoStory(f"{entry.summary.route or 'nobody'} answered it: nothing was translated.")
    return provider, model


def _row(provider: str) -> Backend:
    row = BACKENDS.get(ALIASES.get(provider.lower(), provider.lower()))
    if row is None:
        raise NoStory(f"{provider!r} is a provider of detour.yaml: say which known one it is like.")
    return row


def _spoken(entry: Entry, row: Backend, model: str) -> str:
    """The dialect: what the address says that it went to, else what the model speaks at its provider's own."""
    usual = row.dialect_of(model)
    if entry.sent is None or usual not in ENDINGS.values():
        return usual
    return next((dialect for end, dialect in ENDINGS.items() if entry.sent.url.endswith(end)), usual)


def _both_sides(entry: Entry) -> tuple[bytes, bytes]:
    """The client's request and the backend's stream."""
    if entry.request is None:
        raise NoStory("only its metadata are kept (record: metadata).")
    if entry.reply is None:
        raise NoStory("no reply of a backend is kept beside the client's.")
    if entry.reply.left_out:
        raise NoStory(f"the end of the backend's reply is not kept ({entry.reply.left_out:,} bytes).")
    told = {name.lower(): value for name, value in entry.reply.headers}.get("content-type", "")
    if told == CONTENT_TYPE:
        raise NoStory("the backend frames its stream in binary, and the log keeps it as people read it.")
    if told and "event-stream" not in told:
        raise NoStory(f"the backend's reply is no stream but {told}.")
    return entry.request.body, entry.reply.body


def _context(target: Target, encoded: Encoded) -> ReplyContext:
    return ReplyContext(
        target,
        EXCHANGE_ID,
        "STORY_API_KEY",
        encoded.tool_names,
        input_estimate=INPUT_ESTIMATE,
        offered=encoded.offered,
        search=encoded.search,
        form=encoded.form,
        call_ids=encoded.call_ids,
    )


def _note(entry: Entry, target: Target, fields: Mapping[str, object]) -> str:
    untold = [name for name, value in fields.items() if value is not True and not isinstance(value, str)]
    if untold:
        raise NoStory(f"a story cannot set {untold[0]} of the profile to {fields[untold[0]]!r}.")
    told = " and ".join(f"`{name}`" if value is True else f"`{name}: {value}`" for name, value in fields.items())
    return (
        "TODO: say in a sentence what the story shows, trim what it does not need, and look for what is private.\n\n"
        f"Recorded from {target.name} through Detour {__version__}, exchange req_{entry.summary.id}.\n\n"
        f"Target: `{target.name}`{told and f' with {told}'}\n"
    )


def _laid_out(body: bytes) -> bytes:
    """For reading, where nothing is lost by it: numbers that JSON readers round stay as they are."""
    laid = _pretty(json.loads(body))
    return laid if orjson.loads(laid) == orjson.loads(body) else body


def _pretty(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")
