"""The turns of a conversation, with nothing in them that a backend does not take.

A system turn in mid-conversation is said within the user's turn before it, as Claude Code says it to models that have
none: some servers refuse it (SGLang, older vLLM: 400), and some move it to the head of the prompt, where no cache of
theirs survives it (ollama/ollama#18431). What a turn is made into depends on it and on those before it alone, so that
a longer history begins with the shorter one's bytes.
Source: Messages API reference, "messages"; platform.claude.com, "mid-conversation system messages".
"""

from collections.abc import Mapping

from addon.dialects import Target, documents, server_blocks
from addon.dialects.anthropic.fields import ROUTINE, Fields
from addon.dialects.anthropic.marks import MARK
from addon.dialects.blocks import EXTRACTED, PARAGRAPH
from addon.dialects.losses import Loss, Lost, Refused, loss, refusal
from addon.protocol.messages import Json, is_plain

CHANGES = ("tool_addition", "tool_removal")
TURN = frozenset(("role", "content"))
PDF = "application/pdf"
OWN_EFFORT = "output_config.effort"  # where the request's own is set


class Turns:
    """Fits turns one by one; adds to ``losses``, and keeps what it has learnt of the conversation on the way."""

    def __init__(self, target: Target, row: Fields, losses: list[Loss]) -> None:
        """``row``: what the target takes."""
        self.loaded: dict[str, int] = {}  # the tools that the client loaded on the way -> 1, 2, ...
        self.effort: str | None = None  # the newest turn's own, where turns cannot have one there
        self.effort_path = OWN_EFFORT  # where it is set
        self._target = target
        self._row = row
        self._losses = losses
        self._documents = row.blocks is None or ("document" in row.blocks and target.profile.documents)

    def fit(self, messages: list[Json], *, marked: bool) -> list[Json]:
        """Return the turns; the very same list where all are taken as they are. Raises: Unsupported.

        ``marked``: their marks for a cache must be looked at.
        """
        kept: list[Json] = []
        changed = False
        for index, message in enumerate(messages):
            if not marked and is_plain(message):
                kept.append(message)
                continue
            fitted = self._turn(message, index, kept)
            changed = changed or fitted is not message
            if fitted is not None:
                kept.append(fitted)
        return kept if changed else messages

    def _turn(self, message: Json, index: int, kept: list[Json]) -> Json | None:
        """One turn, or None where it is left out, or said within the last one that is kept."""
        content = message["content"]
        blocks = content if isinstance(content, str) else self.blocks(content, f"messages.{index}.content")
        fitted = message if blocks is content else {**message, "content": blocks}
        if message["role"] != "system":
            return self._bare(fitted, index)
        if not self._row.turn_config and "output_config" in message:
            effort = (message["output_config"] or {}).get("effort")
            if effort and isinstance(effort, str):
                self.effort, self.effort_path = effort, f"messages.{index}.output_config.effort"
            fitted = {name: value for name, value in fitted.items() if name != "output_config"}
        if self._row.system_turns:
            return self._bare(fitted, index) if blocks or "output_config" in fitted else None
        texts = [blocks] if isinstance(blocks, str) else [block.get("text") for block in blocks]
        if text := PARAGRAPH.join(filter(None, texts)):
            _say(f"<system-reminder>\n{text}\n</system-reminder>", kept)
        return None

    def _bare(self, message: Json, index: int) -> Json:
        """A turn without fields that only Anthropic's own servers know."""
        if self._row.body is None or TURN.issuperset(message):
            return message
        taken = TURN | {"output_config"} if self._row.turn_config else TURN
        more = [name for name in message if name not in taken]
        if not more:
            return message
        self._losses += [loss(Lost.UNKNOWN_FIELD, f"messages.{index}.{name}", self._target.name) for name in more]
        return {name: value for name, value in message.items() if name not in more}

    def blocks(self, blocks: list[Json], path: str) -> list[Json]:
        """Return the blocks; the very same list where all are taken as they are. Raises: Unsupported."""
        kept = [fitted for at, block in enumerate(blocks) if (fitted := self._block(block, f"{path}.{at}")) is not None]
        return blocks if len(kept) == len(blocks) and all(map(_is, kept, blocks)) else kept

    def _block(self, block: Json, path: str) -> Json | None:
        kind = block["type"]
        block = self.marked(block, path)
        if kind in CHANGES:
            if self._row.tool_changes:
                return block
            self._losses.append(loss(Lost.TOOL_CHANGE, path, kind))
            return None
        if kind == "tool_reference":
            return self._reference(block)
        if kind == "tool_result" and isinstance(inner := block.get("content"), list):
            fitted = self.blocks(inner, f"{path}.content")
            return block if fitted is inner else {**block, "content": fitted}
        if kind == "document" and not self._documents:
            return self._document(block, path)
        if self._row.blocks is None or kind in self._row.blocks:
            return block
        words = server_blocks.say(block, path, self._losses)
        if words is None:
            return block  # of a kind newer than this version: the backend may know it
        return {"type": "text", "text": words} if words else None

    def _reference(self, block: Json) -> Json:
        """A tool that the client has loaded: it stands in the list of tools by now."""
        name = block["tool_name"]
        self.loaded.setdefault(name, len(self.loaded) + 1)
        if self._row.tools is None or "defer_loading" in self._row.tools:
            return block
        return {"type": "text", "text": f"[the tool {name} is loaded and can be called]"}

    def _document(self, block: Json, path: str) -> Json:
        """A document where none are taken: its text."""
        source = block["source"]
        title = block.get("title") or "document"
        if source.get("type") == "text":
            return {"type": "text", "text": f"[{title}]\n{source.get('data') or ''}"}
        if source.get("type") != "base64" or source.get("media_type") != PDF:
            return block  # whoever gets it may know what it is
        reading = documents.text_of(str(source.get("data") or ""))
        if reading.fault:
            raise refusal(Refused.DOCUMENT_WITHOUT_TEXT, path, self._target.name, reading.fault)
        self._losses.append(loss(Lost.DOCUMENT_AS_TEXT, path))
        return {"type": "text", "text": f"[The text of {title}, {EXTRACTED}]\n\n{reading.text}"}

    def marked(self, holder: Json, path: str) -> Json:
        """Return a block or a tool with its mark for a cache as it is taken there."""
        mark, taken = holder.get(MARK), self._row.marks
        if not isinstance(mark, dict) or taken is None or taken.issuperset(mark):
            return holder
        more = [name for name in mark if name not in taken]
        self._losses += [anthropics(name, f"{path}.{MARK}.{name}") for name in more]
        return {**holder, MARK: {name: value for name, value in mark.items() if name in taken}}


def anthropics(field: str, path: str, why: Mapping[str, str] = ROUTINE) -> Loss:
    """Return the loss of a field that means something to Anthropic only."""
    return loss(Lost.ANTHROPICS_OWN, path, why.get(field, "a field of Anthropic's own server"))


def _is(one: Json, other: Json) -> bool:
    return one is other


def _say(text: str, kept: list[Json]) -> None:
    """Say a text to the model within the user's last turn, or in one of its own."""
    said = {"type": "text", "text": text}
    last = kept[-1] if kept else None
    if last is None or last["role"] != "user":
        kept.append({"role": "user", "content": [said]})
        return
    content = last["content"]
    before = [{"type": "text", "text": content}] if isinstance(content, str) else content
    kept[-1] = {**last, "content": [*before, said]}
