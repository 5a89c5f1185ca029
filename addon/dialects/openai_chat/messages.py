"""A Messages conversation said as chat-completions messages.

The rules of the other side, which OpenAI enforces: every call of an assistant's turn is answered by exactly one tool
message, and all of these stand before anything else; tool messages hold text only. So the results of one user turn go
first, then the pictures and documents that came inside them, then the user's own words.
Source: OpenAI API reference, "create chat completion", messages.
"""

from collections.abc import Callable, Collection
from typing import Any

import orjson

from addon.dialects import Target, server_blocks
from addon.dialects.blocks import PARAGRAPH, Blocks, block_path
from addon.dialects.call_ids import ERROR_MARK, NO_OUTPUT, NO_RESULT, CallIds
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.dialects.openai_chat.echo import Thoughts
from addon.dialects.openai_chat.parts import Parts, together
from addon.dialects.profiles import SystemTurns
from addon.protocol.errors import BadRequest, Unsupported
from addon.protocol.messages import Json

SEE_BELOW = "[see the attachment in the next message]"
USERS_OWN = "[attachment of the user's own]"


class Conversation:
    """Builds ``messages`` turn by turn, and ``losses`` on the way."""

    def __init__(self, target: Target, wire_name: Callable[[str], str]) -> None:
        """``wire_name`` turns a tool's name into the one on the wire."""
        self.messages: list[Json] = []
        self.losses: list[Loss] = []
        self._target = target
        self._profile = target.profile
        self._wire_name = wire_name
        self._parts = Blocks(target, wire_name, self.losses, Parts(target.profile))
        self.loaded = self._parts.loaded
        self._echoes = self._profile.reasoning_echo is not None
        self._no_thoughts = Thoughts(target)  # where none go back: it only tells whose they are
        self._user_spoke_at = -1  # the turn in which the last message of the role user was said
        self._ids = CallIds(target.profile)

    @property
    def call_ids(self) -> Collection[str]:
        """The client's ids of all calls so far."""
        return self._ids.known

    def add_system_prompt(self, blocks: list[Json]) -> None:
        """Say the system prompt first, as one message."""
        if text := PARAGRAPH.join(block["text"] for block in blocks if block.get("text")):
            self.messages.append({"role": self._profile.system_role, "content": text})

    def add(self, index: int, message: Json) -> None:
        """Say one turn. Raises: Unsupported with the JSON path."""
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if content.__class__ is str else content
        role = message["role"]
        if role == "assistant":
            if self._ids.open:
                self._answer_the_rest(index)
            self._assistant(index, blocks)
        elif role == "user":
            self._user(index, blocks)
        else:
            self._system(index, blocks)

    def close(self, last: int) -> list[Json]:
        """Return the messages, ended as the other side demands. Raises: BadRequest when there are none.

        ``last`` is the index of the last turn.
        """
        if self._ids.open:
            self._answer_the_rest(last)
        if not self.messages:
            raise BadRequest("messages: at least one message must have non-empty content")
        if self.messages[-1]["role"] == "assistant":
            self.losses.append(loss(Lost.PREFILL, f"messages.{last}"))
        return self.messages

    # -- the user's side -------------------------------------------------------------------------------------------

    def _user(self, index: int, blocks: list[Json]) -> None:
        attached: list[str | Json] = []  # what results held besides text
        said: list[str | Json] = []
        for position, block in enumerate(blocks):
            if block["type"] == "tool_result":
                self._result(index, position, block, attached, said)
            else:
                said.append(self._parts.say(block, index, position))
        if self._ids.open:
            self._answer_the_rest(index)
        if attached and isinstance(next(filter(None, said), ""), dict):
            attached.append(USERS_OWN)  # without words between, it would look like one more of the last result's
        if (attached or said) and (parts := [part for part in (*attached, *said) if part]):
            self.messages.append({"role": "user", "content": together(parts)})
            self._user_spoke_at = index

    def _result(
        self, index: int, position: int, block: Json, attached: list[str | Json], said: list[str | Json]
    ) -> None:
        text: Any = block.get("content") or NO_OUTPUT  # some servers refuse a tool message without text
        media: list[Json] = []
        if text.__class__ is not str:
            text = self._inside(text, index, position, media) or NO_OUTPUT
        if block.get("is_error"):
            text = ERROR_MARK + text
        wire_id = self._ids.answer(block["tool_use_id"])
        if wire_id:
            self.messages.append({"role": "tool", "tool_call_id": wire_id, "content": text})
        else:
            self._lose(Lost.ORPHANED_RESULT, index, position)
            said.append(text)
        if media:
            label = f"[attachment of the result of {wire_id}]" if wire_id else "[attachment of an earlier tool result]"
            attached.extend((label, *media))

    def _inside(self, content: list[Json], index: int, position: int, media: list[Json]) -> str:
        """Return the text of a result given as blocks; what is no text is added to ``media``."""
        texts: list[str] = []
        for number, inner in enumerate(content):
            part = self._parts.say(inner, index, position, number)
            if isinstance(part, str):
                texts.append(part)
            else:
                media.append(part)
        if media:
            texts.append(SEE_BELOW)
        return PARAGRAPH.join(text for text in texts if text)

    def _answer_the_rest(self, index: int) -> None:
        """Answer calls that were never answered (an abort, a compaction), which the other side would refuse."""
        for wire_id, call_id in self._ids.give_up():
            self.messages.append({"role": "tool", "tool_call_id": wire_id, "content": NO_RESULT})
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
        if self._ids.open:
            self._answer_the_rest(index)
        text = PARAGRAPH.join(texts)
        if self._profile.system_turns is SystemTurns.ANYWHERE:
            self.messages.append({"role": self._profile.system_role, "content": text})
            return
        text = f"<system-reminder>\n{text}\n</system-reminder>"
        last = self.messages[-1] if self.messages else None
        fresh = self._user_spoke_at == index - 1  # an older message is in the backend's cache, and stays as it is
        self._user_spoke_at = index
        if last is None or last["role"] != "user" or not fresh:
            self.messages.append({"role": "user", "content": text})
        elif isinstance(last["content"], str):
            last["content"] += PARAGRAPH + text
        else:
            last["content"].append({"type": "text", "text": text})

    # -- the model's side ------------------------------------------------------------------------------------------

    def _assistant(self, index: int, blocks: list[Json]) -> None:
        texts: list[str] = []
        thoughts = Thoughts(self._target) if self._echoes else self._no_thoughts
        calls: list[Json] = []
        for position, block in enumerate(blocks):
            kind = block["type"]
            if kind == "text" and "citations" not in block:
                if block["text"]:
                    texts.append(block["text"])
            elif kind == "tool_use":
                calls.append(self._call(block))
            elif kind == "thinking":
                self._think(thoughts, block, index, position)
            elif kind == "redacted_thinking":
                self._lose(Lost.ENCRYPTED_THINKING, index, position)
            else:
                texts += self._of_claude(block, index, position)
        if not texts and not calls:
            return
        message: Json = {"role": "assistant", "content": PARAGRAPH.join(texts) or None}
        if calls:
            message["tool_calls"] = calls
        if self._echoes:
            thoughts.onto(message, blocks)
        self.messages.append(message)

    def _think(self, thoughts: Thoughts, block: Json, index: int, position: int) -> None:
        if thinker := thoughts.add(block):
            self._lose(Lost.FOREIGN_THINKING, index, position, thinker)

    def _of_claude(self, block: Json, index: int, position: int) -> list[str]:
        """Say what only Claude and Anthropic's servers write."""
        if block["type"] == "text":
            if block["citations"]:
                self._lose(Lost.CITATIONS, index, position)
            return [block["text"]] if block["text"] else []
        words = server_blocks.say(block, block_path(index, position), self.losses)
        if words is None:
            raise self._unsupported(block["type"], index, position)
        return [words] if words else []

    def _call(self, block: Json) -> Json:
        function = {"name": self._wire_name(block["name"]), "arguments": orjson.dumps(block["input"]).decode()}
        return {"id": self._ids.ask(block["id"]), "type": "function", "function": function}

    def _lose(self, sort: Lost, index: int, position: int, *details: object) -> None:
        self.losses.append(loss(sort, block_path(index, position), *details))

    def _unsupported(self, what: str, index: int, position: int) -> Unsupported:
        return refusal(Refused.BLOCK, block_path(index, position), self._target.name, what)
