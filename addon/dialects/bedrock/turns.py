"""A Messages conversation said as messages of Converse.

The rules of the other side: the turns of user and model alternate, and the user's is the first; no text is blank; all
results of a turn's calls stand at the head of the next message; a document stands beside a text.
Source: Amazon Bedrock API reference, Converse; user guide, "carry out a conversation", "tool use".
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from addon.dialects import Target, server_blocks
from addon.dialects.bedrock.media import Media
from addon.dialects.bedrock.thoughts import said_back
from addon.dialects.blocks import Blocks, block_path
from addon.dialects.call_ids import ERROR_MARK, NO_OUTPUT, NO_RESULT, CallIds
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.profiles import SystemTurns
from addon.protocol.errors import BadRequest
from addon.protocol.messages import Json

BEGINNING = "[the conversation goes on]"  # where the model's turn would be the first
CALL_ID = re.compile(r"[a-zA-Z0-9_.:-]+")
ATTACHED = "[see the attached document]"
SEE_BELOW = "[see the attachment behind the results]"

type Parts = list[Json]


class Turns:
    """Builds ``messages`` turn by turn, and ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str]) -> None:
        """``wire_name`` turns a tool's name into the one on the wire."""
        self.messages: list[Json] = []
        self.losses: list[Loss] = []
        self.called: dict[str, None] = {}  # names on the wire of the tools that were called, in order
        self.ids = CallIds(target.profile)
        self.marks = target.profile.cache_points  # how many may still be set
        self._target = target
        self._wire_name = wire_name
        self._blocks = Blocks(target, wire_name, self.losses, Media())
        self.loaded = self._blocks.loaded

    def system(self, blocks: list[Json]) -> Parts:
        """Say the system prompt."""
        said: Parts = []
        for block in blocks:
            if str(block.get("text") or "").strip():
                said += [{"text": block["text"]}, *self.mark(block)]
        return said

    def add(self, index: int, message: Json) -> None:
        """Say one turn. Raises: Unsupported with the JSON path."""
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        match message["role"]:
            case "assistant":
                self._answer_the_rest(index)
                self._assistant(index, blocks)
            case "user":
                self._user(index, blocks)
            case _:
                self._system(index, blocks)

    def close(self, last: int) -> list[Json]:
        """Return the messages; ``last`` is the index of the last turn. Raises: BadRequest when there are none."""
        self._answer_the_rest(last)
        if not self.messages:
            raise BadRequest("messages: at least one message must have non-empty content")
        if self.messages[-1]["role"] == "assistant":
            self.losses.append(loss(Lost.PREFILL, f"messages.{last}"))
        return self.messages

    def mark(self, block: Json) -> Parts:
        """Return the mark up to which the prompt is cached, where the block has one and the target takes one more."""
        asked = block.get("cache_control")
        if not isinstance(asked, dict) or self.marks <= 0:
            return []
        self.marks -= 1
        hour = self._target.profile.claude and asked.get("ttl") == "1h"
        return [{"cachePoint": {"type": "default", **({"ttl": "1h"} if hour else {})}}]

    def _say(self, role: str, parts: Parts) -> None:
        if not parts:
            return
        if not self.messages and role == "assistant":
            self.messages.append({"role": "user", "content": [{"text": BEGINNING}]})
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"].extend(parts)
        else:
            self.messages.append({"role": role, "content": parts})

    # -- the user's side -------------------------------------------------------------------------------------------

    def _user(self, index: int, blocks: list[Json]) -> None:
        results: Parts = []
        attached: Parts = []  # what results held besides text, where they cannot hold it
        said: Parts = []
        for position, block in enumerate(blocks):
            if block["type"] == "tool_result":
                self._result(index, position, block, results, attached, said)
            else:
                said += _as_part(self._blocks.say(block, index, position))
            if said or results:
                said += self.mark(block)
        results += self._missing(index)
        parts = [*results, *attached, *said]
        if any("document" in part for part in parts) and not any("text" in part for part in parts):
            parts.append({"text": ATTACHED})
        self._say("user", parts)

    def _result(self, index: int, position: int, block: Json, results: Parts, attached: Parts, said: Parts) -> None:
        content = block.get("content") or ""
        inner: Parts = []
        for number, each in enumerate([] if isinstance(content, str) else content):
            inner += _as_part(self._blocks.say(each, index, position, number))
        inner = inner or _as_part(content if isinstance(content, str) else "") or [{"text": NO_OUTPUT}]
        call_id = self.ids.answer(_plain(block["tool_use_id"]))
        if not call_id:
            self.losses.append(loss(Lost.ORPHANED_RESULT, block_path(index, position)))
            said += inner
            return
        rich, failed = self._target.profile.rich_results, bool(block.get("is_error"))
        media = [] if rich else [part for part in inner if "text" not in part]
        if media:
            attached += [{"text": f"[attachment of the result of {call_id}]"}, *media]
            inner = [*(part for part in inner if "text" in part), {"text": SEE_BELOW}]
        if failed and not rich:  # the field for it may be kept from the model
            inner = [{"text": ERROR_MARK.strip()}, *inner]
        results.append(_result(call_id, inner, failed=failed))

    def _answer_the_rest(self, index: int) -> None:
        if self.ids.open:
            self._say("user", self._missing(index))

    def _missing(self, index: int) -> Parts:
        """Answer calls that were never answered (an abort, a compaction), which the other side would refuse."""
        found: Parts = []
        for wire_id, call_id in self.ids.give_up():
            self.losses.append(loss(Lost.MISSING_RESULT, f"messages.{index}", call_id))
            found.append(_result(wire_id, [{"text": NO_RESULT}], failed=True))
        return found

    def _system(self, index: int, blocks: list[Json]) -> None:
        said: Parts = []
        for position, block in enumerate(blocks):
            parts = _as_part(self._blocks.say(block, index, position))
            if any("text" not in part for part in parts):
                raise refusal(
                    Refused.BLOCK, block_path(index, position), self._target.name, f"{block['type']} in a system turn"
                )
            said += [*parts, *(self.mark(block) if parts else ())]
        if not said:
            return
        self._answer_the_rest(index)
        if self._target.profile.system_turns is SystemTurns.ANYWHERE and self.messages:
            self._say("system", said)
        else:
            self._say("user", [_reminder(part) if "text" in part else part for part in said])

    # -- the model's side ------------------------------------------------------------------------------------------

    def _assistant(self, index: int, blocks: list[Json]) -> None:
        said: Parts = []
        has_words = False
        for position, block in enumerate(blocks):
            parts = self._of_model(block, index, position)
            has_words = has_words or any("reasoningContent" not in part for part in parts)
            said += [*parts, *(self.mark(block) if parts else ())]
        if has_words:  # thinking alone is no turn
            self._say("assistant", said)

    def _of_model(self, block: Json, index: int, position: int) -> Parts:
        match block["type"]:
            case "text":
                if block.get("citations"):
                    self.losses.append(loss(Lost.CITATIONS, block_path(index, position)))
                return _as_part(block["text"])
            case "tool_use":
                return [self._call(block)]
            case "thinking":
                parts = said_back(block, self._target)
                if isinstance(parts, str):
                    self.losses.append(loss(Lost.FOREIGN_THINKING, block_path(index, position), parts))
                    return []
                return parts
            case "redacted_thinking":
                self.losses.append(loss(Lost.ENCRYPTED_THINKING, block_path(index, position)))
                return []
            case kind:
                words = server_blocks.say(block, block_path(index, position), self.losses)
                if words is None:
                    raise refusal(Refused.BLOCK, block_path(index, position), self._target.name, kind)
                return _as_part(words)

    def _call(self, block: Json) -> Json:
        name = self._wire_name(block["name"])
        self.called[name] = None
        call = {
            "toolUseId": self.ids.ask(_plain(block["id"])),
            "name": name,
            "input": _without_empty_keys(block["input"]),
        }
        return {"toolUse": call}


def _plain(call_id: str) -> str:
    """An id of the signs that Converse takes, the same way every time; other backends have others in theirs."""
    if CALL_ID.fullmatch(call_id):
        return call_id
    return f"call_{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:32]}"


def _as_part(said: str | Json) -> Parts:
    """Text that is not blank, or media, as a part."""
    if isinstance(said, str):
        return [{"text": said}] if said.strip() else []
    return [said]


def _result(call_id: str, content: Parts, *, failed: bool) -> Json:
    status = {"status": "error"} if failed else {}
    return {"toolResult": {"toolUseId": call_id, "content": content, **status}}


def _reminder(part: Json) -> Json:
    return {"text": f"<system-reminder>\n{part['text']}\n</system-reminder>"}


def _without_empty_keys(value: Any) -> Any:
    """An object without the keys that Converse refuses, at any depth."""
    if isinstance(value, dict):
        return {key: _without_empty_keys(inner) for key, inner in value.items() if key}
    return [_without_empty_keys(inner) for inner in value] if isinstance(value, list) else value
