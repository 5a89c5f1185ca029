"""The recorded stories under `tests/transcripts/<dialect>/<story>/`, and what we make of each.

A story is four files and a note: `client_request.json` and `backend.sse` are its input (of a backend that frames in
binary `backend.frames`, a text form of it, see `amazon`); `wire_request.json` and
`client.sse` are our output, kept as goldens that `scripts/record --update` rewrites. `story.md` says what the story
shows, whether it was recorded or invented, and in the line `Target:` who answers it, with fields of the profile where
a user would set them: Target: `vllm/qwen3` with `think_tags` and `reasoning_echo: think_tags`.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from addon import dialects
from addon.dialects import Decoder, Encoded, ReplyContext, Target
from addon.protocol import messages
from addon.protocol.errors import DetourError
from addon.protocol.event_writer import EventWriter
from addon.routing.backends import BACKENDS
from addon.settings.document import Profile
from addon.settings.providers import profile
from addon.stream import StreamTranslator
from tests import amazon

FOLDER = Path(__file__).parent / "transcripts"
TARGET = re.compile(r"^Target: `([^/`]+)/([^`]+)`(?: with (.+))?$", re.MULTILINE)
FIELD = re.compile(r"`(\w+)(?:: ([^`]+))?`")
EXCHANGE_ID = "story"
NOWHERE = "https://backend.invalid/v1"  # of a provider that has no address of its own
INPUT_ESTIMATE = 1000  # of every story, so that goldens do not move with the estimate


@dataclass(frozen=True, slots=True)
class Story:
    """One folder of transcripts."""

    folder: Path

    @property
    def name(self) -> str:
        """As tests call it: `dialect/story`."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def translates(self) -> bool:
        """Whether its dialect does."""
        return dialects.load(self.folder.parent.name).translates

    @property
    def target(self) -> Target:
        """Who answers, by the provider table, with no limits known."""
        provider, model, _ = self._told_target()
        there = target(provider, model, self.folder.parent.name)
        fields = profile(Profile.model_validate(self.fields))
        return replace(there, profile=replace(there.profile, **fields))

    @property
    def fields(self) -> dict[str, object]:
        """What the story sets in the profile, as in `detour.yaml`."""
        return {found[1]: found[2] or True for found in FIELD.finditer(self._told_target()[2])}

    def _told_target(self) -> tuple[str, str, str]:
        found = TARGET.search((self.folder / "story.md").read_text())
        assert found, f"{self.name}/story.md has no line 'Target: `provider/model`'"
        return found[1], found[2], found[3] or ""

    @property
    def client_request(self) -> bytes:
        """The client's request."""
        return (self.folder / "client_request.json").read_bytes()

    @property
    def backend_reply(self) -> bytes:
        """The backend's streamed reply."""
        if (frames := self.folder / "backend.frames").exists():
            return amazon.framed(frames.read_text())
        return (self.folder / "backend.sse").read_bytes()

    def encode(self) -> Encoded:
        """Translate the request."""
        body = self.client_request
        return dialects.load(self.folder.parent.name).encode(messages.parse(body), body, self.target)

    def render_wire_request(self) -> str:
        """What `wire_request.json` must hold: the request as sent, laid out for reading, or our error."""
        try:
            wire = self.encode().wire
        except DetourError as error:
            return _pretty({"status": error.status, "error": error.message})
        return _pretty({"url": wire.url, "headers": dict(wire.headers), "body": orjson.loads(wire.body)})

    def decoder(self) -> Decoder:
        """A fresh decoder of this story's reply."""
        return dialects.load(self.folder.parent.name).decoder(self.context())

    def context(self) -> ReplyContext:
        """What the reply is read against."""
        encoded = self.encode()
        return ReplyContext(
            self.target,
            EXCHANGE_ID,
            "STORY_API_KEY",
            encoded.tool_names,
            input_estimate=INPUT_ESTIMATE,
            stop_sequences=tuple(messages.parse(self.client_request).body.get("stop_sequences") or ()),
            offered=encoded.offered,
            search=encoded.search,
            form=encoded.form,
            call_ids=encoded.call_ids,
        )

    def writer(self) -> EventWriter:
        """A fresh writer of this story's reply."""
        model = messages.parse(self.client_request).model
        return EventWriter(f"msg_{EXCHANGE_ID}", model, self.target.name, INPUT_ESTIMATE)

    def translator(self) -> StreamTranslator:
        """A fresh translator of this story's reply."""
        return StreamTranslator(self.decoder(), self.writer())

    def render_client_reply(self, pieces: Iterable[bytes] | None = None) -> bytes:
        """What `client.sse` must hold; `pieces` is the backend's reply cut as it arrives."""
        return translated(self.translator(), [self.backend_reply] if pieces is None else pieces)

    def render_unframed_reply(self, pieces: Iterable[bytes] | None = None) -> bytes:
        """The same of a dialect that does not translate, and takes the events out of their framing."""
        unframe = dialects.load(self.folder.parent.name).unframer(self.context())
        assert unframe is not None
        return b"".join(map(unframe, [self.backend_reply] if pieces is None else pieces))

    def goldens(self) -> dict[Path, bytes]:
        """Every file that we make of this story, with what it should hold."""
        return {
            self.folder / "wire_request.json": self.render_wire_request().encode(),
            self.folder / "client.sse": self.render_client_reply() if self.translates else self.render_unframed_reply(),
        }


def target(provider: str, model: str, dialect: str | None = None) -> Target:
    """Who answers in that dialect, by the provider table, with no limits known."""
    backend = BACKENDS[provider]
    its_own = dialect in (None, backend.dialect_of(model))
    return Target(provider, model, backend.base_url or NOWHERE, backend.profile_of(model, None if its_own else NOWHERE))


def translated(translator: StreamTranslator, pieces: Iterable[bytes]) -> bytes:
    """Feed a whole reply; a fault of ours that the translator caught is raised."""
    written = b"".join([*(translator.feed(piece) for piece in pieces), translator.close()])
    if translator.bug is not None:
        raise translator.bug
    return written


def every_story(dialect: str = "*", *, translates: bool = True) -> list[Story]:
    """Every story of the dialects that translate, or of those that do not, in the order of their names."""
    stories = [Story(path.parent) for path in sorted(FOLDER.glob(f"{dialect}/*/backend.*"))]
    return [story for story in stories if story.translates == translates]


def _pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
