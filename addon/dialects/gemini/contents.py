"""A Messages conversation said as Gemini's ``contents``.

The rules of the other side: contents begin with the user's and end with the user's, turns of one role are one content,
no content and no text is empty. The calls of a model's turn are all answered by the user's turn behind it, in their
order, before anything else is said. A signature stands on the part that it came on (``signatures``).
Source: ai.google.dev, "Generate content", "Function calling", "Thought signatures"; google-genai 3.6, ``types.Part``.
"""

import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any

from addon.dialects import Target, server_blocks
from addon.dialects.blocks import PARAGRAPH, Blocks, Paper, Picture, block_path
from addon.dialects.call_ids import NO_OUTPUT, NO_RESULT, CallIds
from addon.dialects.gemini.signatures import SIGNATURE, UNSIGNED, Recalled, placed
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.protocol.errors import BadRequest, Unsupported
from addon.protocol.messages import Json

CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
ID_HASH_LENGTH = 32
BEGINNING = "[the conversation begins with your own words]"
GO_ON = "[go on]"
SEE_BELOW = "[see the attachment behind the results]"
SEARCHED = frozenset(("server_tool_use", "web_search_tool_result"))


class Media:
    """See :class:`addon.dialects.blocks.Media`."""

    def picture(self, picture: Picture) -> Json:
        """Say a picture by its bytes, or by its address."""
        if picture.data:
            return {"inlineData": {"mimeType": picture.media_type, "data": picture.data}}
        return {"fileData": {"fileUri": picture.url}}

    def paper(self, paper: Paper) -> Json:
        """Say a PDF by its bytes."""
        return {"inlineData": {"mimeType": "application/pdf", "data": paper.data}}


class Conversation:
    """Builds ``contents`` turn by turn, and ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str], *, serves: bool) -> None:
        """``wire_name`` turns a tool's name into the one on the wire.

        ``serves``: Gemini's own tools are offered beside functions, and it wants back what they did.
        """
        self.contents: list[Json] = []
        self.losses: list[Loss] = []
        self._target = target
        self._wire_name = wire_name
        self._serves = serves
        self._newer = target.profile.gemini_three
        self._blocks = Blocks(target, wire_name, self.losses, Media())
        self.loaded = self._blocks.loaded
        self._ids = CallIds(target.profile)
        self._names: dict[str, str] = {}  # id of an open call -> the name of its tool on the wire

    @property
    def call_ids(self) -> Collection[str]:
        """The client's ids of all calls so far."""
        return self._ids.known

    def add(self, index: int, message: Json) -> None:
        """Say one turn. Raises: Unsupported with the JSON path."""
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if content.__class__ is str else content
        match message["role"]:
            case "assistant":
                self._answer_the_rest(index)
                self._assistant(index, blocks)
            case "user":
                self._user(index, blocks)
            case _:
                self._system(index, blocks)

    def close(self, last: int) -> list[Json]:
        """Return the contents, ended as the other side demands. Raises: BadRequest when there are none.

        ``last`` is the index of the last turn.
        """
        self._answer_the_rest(last)
        if not self.contents:
            raise BadRequest("messages: at least one message must have non-empty content")
        if self.contents[-1]["role"] == "model":
            self.losses.append(loss(Lost.PREFILL, f"messages.{last}"))
            self._say("user", [{"text": GO_ON}])
        return self.contents

    def _say(self, role: str, parts: list[Json]) -> None:
        if not parts:
            return
        if not self.contents and role == "model":
            self._say("user", [{"text": BEGINNING}])
        if self.contents and self.contents[-1]["role"] == role:
            self.contents[-1]["parts"] += parts
        else:
            self.contents.append({"role": role, "parts": parts})

    # -- the user's side -------------------------------------------------------------------------------------------

    def _user(self, index: int, blocks: list[Json]) -> None:
        order = list(self._ids.open)
        results: dict[str, Json] = {}  # by the id of the call
        attached: list[Json] = []  # what results held besides text, where they cannot hold it
        said: list[Json] = []
        for position, block in enumerate(blocks):
            if block["type"] == "tool_result":
                self._result(index, position, block, results, attached, said)
            elif part := self._blocks.say(block, index, position):
                said.append({"text": part} if isinstance(part, str) else part)
        self._say("user", [*self._responses(index, order, results), *attached, *said])

    def _result(
        self, index: int, position: int, block: Json, results: dict[str, Json], attached: list[Json], said: list[Json]
    ) -> None:
        content, media = block.get("content") or "", list[Json]()
        text = content if isinstance(content, str) else self._inside(content, index, position, media)
        wire_id = self._ids.answer(block["tool_use_id"])
        if not wire_id:
            self._lose(Lost.ORPHANED_RESULT, index, position)
            said += [*([{"text": text}] if text else []), *media]
            return
        if media and not self._newer:
            text = PARAGRAPH.join(filter(None, (text, SEE_BELOW)))
            attached += ({"text": f"[attachment of the result of {self._names[wire_id]}]"}, *media)
        told = {"response": {"error" if block.get("is_error") else "output": text or NO_OUTPUT}}
        results[wire_id] = {**told, "parts": media} if media and self._newer else told

    def _inside(self, content: list[Json], index: int, position: int, media: list[Json]) -> str:
        """Return the text of a result given as blocks; what is no text is added to ``media``."""
        texts: list[str] = []
        for number, inner in enumerate(content):
            part = self._blocks.say(inner, index, position, number)
            if isinstance(part, str):
                texts.append(part)
            else:
                media.append(part)
        return PARAGRAPH.join(text for text in texts if text)

    def _responses(self, index: int, order: list[str], results: dict[str, Json]) -> list[Json]:
        """Answer the calls of the turn before in their ``order``, those without a result (an abort) too."""
        for wire_id, call_id in self._ids.give_up():
            self.losses.append(loss(Lost.MISSING_RESULT, f"messages.{index}", call_id))
            results[wire_id] = {"response": {"error": NO_RESULT}}
        return [
            {"functionResponse": {**self._id(wire_id), "name": self._names[wire_id], **results[wire_id]}}
            for wire_id in order
        ]

    def _answer_the_rest(self, index: int) -> None:
        if self._ids.open:
            self._say("user", self._responses(index, list(self._ids.open), {}))

    def _system(self, index: int, blocks: list[Json]) -> None:
        texts: list[str] = []
        for position, block in enumerate(blocks):
            part = self._blocks.say(block, index, position)
            if not isinstance(part, str):
                raise self._unsupported(f"{block['type']} in a system turn", index, position)
            if part:
                texts.append(part)
        if texts:
            told = f"<system-reminder>\n{PARAGRAPH.join(texts)}\n</system-reminder>"
            self._answer_the_rest(index)
            self._say("user", [{"text": told}])

    # -- the model's side ------------------------------------------------------------------------------------------

    def _assistant(self, index: int, blocks: list[Json]) -> None:
        recalled = {
            position: Recalled(block, self._target)
            for position, block in enumerate(blocks)
            if block["type"] == "thinking"
        }
        signed = {key: value for each in recalled.values() for key, value in each.calls.items()}
        served = self._serves and any(not _is_signature(mark) for each in recalled.values() for mark in each.marks)
        parts: list[Json] = []
        calls: list[Json] = []
        text = 0  # parts at the end that are one text block
        for position, block in enumerate(blocks):
            kind, before, text = block["type"], text, 0
            if kind == "text":
                if block.get("citations"):
                    self._lose(Lost.CITATIONS, index, position)
                if block["text"]:
                    parts.append({"text": block["text"]})
                    text = 1
            elif kind == "tool_use":
                parts.append(self._call(block, signed))
                calls.append(parts[-1])
            elif kind == "thinking":
                self._recall(recalled[position], index, position, parts, before)
            elif kind == "redacted_thinking":
                self._lose(Lost.ENCRYPTED_THINKING, index, position)
            elif not (served and kind in SEARCHED) and (words := self._of_claude(block, index, position)):
                parts.append({"text": words})
        if calls and self._newer and not any(SIGNATURE in call for call in calls):
            calls[0][SIGNATURE] = UNSIGNED
        self._say("model", parts)

    def _recall(self, recalled: Recalled, index: int, position: int, parts: list[Json], before: int) -> None:
        """Put back what a thinking block carries; ``before``: whether the last part is the text block before it."""
        if recalled.stranger is not None:
            self._lose(Lost.FOREIGN_THINKING, index, position, recalled.stranger)
            return
        marks = [mark for mark in recalled.marks if self._serves or _is_signature(mark)]
        if marks:
            parts += placed(parts.pop()["text"] if before else "", marks)
        parts += recalled.thoughts

    def _of_claude(self, block: Json, index: int, position: int) -> str:
        """Say what only Claude and Anthropic's servers write."""
        words = server_blocks.say(block, block_path(index, position), self.losses)
        if words is None:
            raise self._unsupported(block["type"], index, position)
        return words

    def _call(self, block: Json, signed: dict[str, str]) -> Json:
        wire_id = self._ids.ask(block["id"])
        name = self._names[wire_id] = self._wire_name(block["name"])
        call: Json = {"functionCall": {**self._id(wire_id), "name": name, "args": block["input"]}}
        return {**call, SIGNATURE: signed[block["id"]]} if block["id"] in signed else call

    def _id(self, wire_id: str) -> Json:
        """Say an id as Gemini 3 takes it; older models take none."""
        if not self._newer:
            return {}
        fits = CALL_ID.fullmatch(wire_id)
        return {"id": wire_id if fits else f"call_{hashlib.sha256(wire_id.encode()).hexdigest()[:ID_HASH_LENGTH]}"}

    def _lose(self, sort: Lost, index: int, position: int, *details: object) -> None:
        self.losses.append(loss(sort, block_path(index, position), *details))

    def _unsupported(self, what: str, index: int, position: int) -> Unsupported:
        return refusal(Refused.BLOCK, block_path(index, position), self._target.name, what)


def _is_signature(mark: Any) -> bool:
    """Whether a mark is a signature, and not what one of Gemini's own tools did."""
    fields = mark[-1] if isinstance(mark, list) and mark else None
    return isinstance(fields, dict) and fields.keys() == {SIGNATURE}
