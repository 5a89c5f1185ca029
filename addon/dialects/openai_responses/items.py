"""A Messages conversation said as input items of the Responses API.

The rules of the other side: every function_call has one function_call_output, which may hold pictures and documents;
reasoning stands before the item that it led to, which must follow; and what the model did in a turn stands in the order
in which it did it.
Source: OpenAI API reference, "create a model response", input; its error texts.
"""

from collections.abc import Callable, Collection

import orjson

from addon.dialects import Target, server_blocks
from addon.dialects.blocks import PARAGRAPH, Blocks, block_path
from addon.dialects.call_ids import ERROR_MARK, NO_OUTPUT, NO_RESULT, CallIds
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.openai_responses.carried import REASONING, Returned, thinker
from addon.dialects.openai_responses.parts import Parts, together
from addon.dialects.profiles import SystemTurns
from addon.protocol.errors import BadRequest, Unsupported
from addon.protocol.messages import Json

SEARCH_BLOCKS = frozenset(("server_tool_use", "web_search_tool_result"))


class Conversation:
    """Builds ``items`` turn by turn, and ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str]) -> None:
        """``wire_name`` turns a tool's name into the one on the wire."""
        self.items: list[Json] = []
        self.losses: list[Loss] = []
        self._target = target
        self._profile = target.profile
        self._wire_name = wire_name
        self._parts = Blocks(target, wire_name, self.losses, Parts())
        self.loaded = self._parts.loaded
        self._user_spoke_at = -1  # the turn in which the last message of the role user was said
        self._ids = CallIds(target.profile)

    @property
    def call_ids(self) -> Collection[str]:
        """The client's ids of all calls so far."""
        return self._ids.known

    def add(self, index: int, message: Json) -> None:
        """Say one turn. Raises: Unsupported with the JSON path."""
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if content.__class__ is str else content
        role = message["role"]
        if role == "assistant":
            self._answer_the_rest(index)
            self._assistant(index, blocks)
        elif role == "user":
            self._user(index, blocks)
        else:
            self._system(index, blocks)

    def close(self, last: int) -> list[Json]:
        """Return the items, ended as the other side demands. Raises: BadRequest when there are none.

        ``last`` is the index of the last turn.
        """
        self._answer_the_rest(last)
        if not self.items:
            raise BadRequest("messages: at least one message must have non-empty content")
        if self.items[-1].get("role") == "assistant":
            self.losses.append(loss(Lost.PREFILL, f"messages.{last}"))
        return self.items

    def _say(self, role: str, content: str | list[Json]) -> None:
        self.items.append({"type": "message", "role": role, "content": content})

    # -- the user's side -------------------------------------------------------------------------------------------

    def _user(self, index: int, blocks: list[Json]) -> None:
        said: list[str | Json] = []
        for position, block in enumerate(blocks):
            if block["type"] == "tool_result":
                said += self._result(index, position, block)
            else:
                said.append(self._parts.say(block, index, position))
        self._answer_the_rest(index)
        if parts := [part for part in said if part]:
            self._say("user", together(parts))
            self._user_spoke_at = index

    def _result(self, index: int, position: int, block: Json) -> list[str | Json]:
        """Say a result; returned where there is no call for it to answer."""
        content = block.get("content") or ""
        inner = [{"type": "text", "text": content}] if isinstance(content, str) else content
        said = [self._parts.say(each, index, position, number) for number, each in enumerate(inner)]
        parts = [part for part in said if part] or [NO_OUTPUT]
        if block.get("is_error"):
            first = parts[0]
            parts[:1] = [ERROR_MARK + first] if isinstance(first, str) else [ERROR_MARK.strip(), first]
        wire_id = self._ids.answer(block["tool_use_id"])
        if not wire_id:
            self._lose(Lost.ORPHANED_RESULT, index, position)
            return parts
        self.items.append({"type": "function_call_output", "call_id": wire_id, "output": together(parts)})
        return []

    def _answer_the_rest(self, index: int) -> None:
        """Answer calls that were never answered (an abort, a compaction), which the other side would refuse."""
        for wire_id, call_id in self._ids.give_up():
            self.items.append({"type": "function_call_output", "call_id": wire_id, "output": NO_RESULT})
            self.losses.append(loss(Lost.MISSING_RESULT, f"messages.{index}", call_id))

    def _system(self, index: int, blocks: list[Json]) -> None:
        texts: list[str] = []
        for position, block in enumerate(blocks):
            part = self._parts.say(block, index, position)
            if not isinstance(part, str):
                raise self._unsupported(f"{block['type']} in a system turn", index, position)
            if part:
                texts.append(part)
        if not texts:
            return
        self._answer_the_rest(index)
        text = PARAGRAPH.join(texts)
        if self._profile.system_turns is SystemTurns.ANYWHERE:
            self._say(self._profile.system_role, text)
            return
        text = f"<system-reminder>\n{text}\n</system-reminder>"
        fresh = self._user_spoke_at == index - 1  # an older message is in the backend's cache, and stays as it is
        self._user_spoke_at = index
        last = self.items[-1] if self.items else {}
        if last.get("role") != "user" or not fresh:
            self._say("user", text)
        elif isinstance(last["content"], str):
            last["content"] += PARAGRAPH + text
        else:
            last["content"].append({"type": "input_text", "text": text})

    # -- the model's side ------------------------------------------------------------------------------------------

    def _assistant(self, index: int, blocks: list[Json]) -> None:
        returned = Returned(self._target, blocks)
        phase = ""
        for position, block in enumerate(blocks):
            match block["type"]:
                case "text" if "citations" not in block:
                    phase = self._text(block["text"], phase, returned)
                case "tool_use":
                    self._call(block, returned)
                case "thinking":
                    phase = self._think(block, index, position, returned) or phase
                case "redacted_thinking":
                    self._lose(Lost.ENCRYPTED_THINKING, index, position)
                case kind if kind in SEARCH_BLOCKS and returned.searches:
                    pass  # it goes back as the item that it was
                case _:
                    phase = self._text(self._of_claude(block, index, position), phase, returned)
        while self.items and self.items[-1]["type"] == REASONING:
            self.items.pop()  # what it led to was cut off, and the other side refuses it alone

    def _text(self, text: str, phase: str, returned: Returned) -> str:
        """Say a text of the given phase; return the phase of what follows."""
        if not text:
            return phase
        self.items += returned.before("")
        self._say("assistant", text)
        if phase:
            self.items[-1]["phase"] = phase
        return ""

    def _think(self, block: Json, index: int, position: int, returned: Returned) -> str:
        found = returned.at(position)
        if found is None:
            self._lose(Lost.FOREIGN_THINKING, index, position, thinker(block))
            return ""
        self.items += found[0]
        return found[1]

    def _of_claude(self, block: Json, index: int, position: int) -> str:
        """Say what only Claude and Anthropic's servers write."""
        if block["type"] == "text":
            if block["citations"]:
                self._lose(Lost.CITATIONS, index, position)
            return str(block["text"])
        words = server_blocks.say(block, block_path(index, position), self.losses)
        if words is None:
            raise self._unsupported(block["type"], index, position)
        return words

    def _call(self, block: Json, returned: Returned) -> None:
        self.items += returned.before(block["id"])
        arguments = orjson.dumps(block["input"]).decode()
        name, call_id = self._wire_name(block["name"]), self._ids.ask(block["id"])
        self.items.append({"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments})

    def _lose(self, sort: Lost, index: int, position: int, *details: object) -> None:
        self.losses.append(loss(sort, block_path(index, position), *details))

    def _unsupported(self, what: str, index: int, position: int) -> Unsupported:
        return refusal(Refused.BLOCK, block_path(index, position), self._target.name, what)
