"""How many tokens each part of a request takes, estimated: the system prompt, each tool, the messages by kind. Pure.

By the rules of protocol/tokens.py, but that thinking counts as the text it is: models that forget it between turns do
not count it. Any JSON has weights; nothing raises.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from addon.protocol import tokens
from addon.protocol.errors import TooDeep

SYSTEM, TOOLS, MESSAGES = "system", "tools", "messages"
TEXT, THINKING, CALLS, RESULTS = "text", "thinking", "tool calls", "tool results"
IMAGES, DOCUMENTS, OTHERS = "images", "documents", "other blocks"
KINDS = (TEXT, THINKING, CALLS, RESULTS, IMAGES, DOCUMENTS, OTHERS)  # in which messages are told apart
# type of block -> its kind; the texts of a result count for the result, images and documents in it for themselves
KIND_OF: Mapping[object, str] = {
    "text": TEXT,
    "thinking": THINKING,
    "redacted_thinking": THINKING,
    "tool_use": CALLS,
    "server_tool_use": CALLS,
    "tool_result": RESULTS,
    "image": IMAGES,
    "document": DOCUMENTS,
}
SEALS = ("signature", "data")  # of thinking: no text that the model reads


@dataclass(frozen=True, slots=True)
class Weight:
    """One part: ``group`` is SYSTEM, TOOLS or MESSAGES, ``name`` a block's number, a tool's name, or one of KINDS."""

    group: str
    name: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Weights:
    """The parts that there are, in the order in which a model reads them."""

    parts: tuple[Weight, ...] = ()

    @property
    def total(self) -> int:
        """All parts together."""
        return sum(part.tokens for part in self.parts)

    def of_group(self, group: str) -> int:
        """All parts of one group."""
        return sum(part.tokens for part in self.parts if part.group == group)


def of(request: object) -> Weights:
    """Weigh a request of any shape."""
    if not isinstance(request, dict):
        return Weights()
    system, messages = request.get("system"), request.get("messages")
    by_kind: dict[str, float] = {}
    for message in messages if isinstance(messages, list) else ():
        for kind, count in of_message(message).items():
            by_kind[kind] = by_kind.get(kind, 0.0) + count
    parts = (
        *(
            Weight(TOOLS, _name(tool), round(of_tool(tool)))
            for tool in (request["tools"] if isinstance(request.get("tools"), list) else ())
        ),
        *(
            Weight(SYSTEM, str(number), round(sum(of_content([block]).values())))
            for number, block in enumerate(system if isinstance(system, list) else [system] if system else [])
        ),
        *(Weight(MESSAGES, kind, round(by_kind[kind])) for kind in KINDS if kind in by_kind),
    )
    return Weights(parts)


def of_tool(tool: object) -> float:
    """Weigh one tool's definition."""
    try:
        return float(tokens.estimate([], (), [tool])) if isinstance(tool, dict) else _text(tool)
    except TooDeep:
        return tokens.TOOL_TOKENS + _text(tool)


def of_message(message: object) -> dict[str, float]:
    """Weigh one message, by kind."""
    if not isinstance(message, dict):
        return {OTHERS: _text(message)}
    by_kind = of_content(message.get("content"))
    first = next(iter(by_kind), TEXT)
    by_kind[first] = by_kind.get(first, 0.0) + tokens.MESSAGE_TOKENS
    return by_kind


def of_content(content: object, kind_of_text: str = TEXT) -> dict[str, float]:
    """Weigh a content by kind, those of results too, without a stack that hostile ones could exhaust."""
    by_kind: dict[str, float] = {}
    pending = [(content, kind_of_text)]
    while pending:
        inner, kind = pending.pop()
        for block in inner if isinstance(inner, list) else [inner]:
            fields = block if isinstance(block, dict) else {"type": "text", "text": block}
            named = fields.get("type")
            of_block = KIND_OF.get(named, OTHERS) if isinstance(named, str) else OTHERS
            if of_block == TEXT:
                of_block = kind
            if named == "tool_result":
                pending.append((fields.get("content") or "", RESULTS))
                count: float = tokens.MESSAGE_TOKENS
            else:
                count = _block(fields, of_block)
            by_kind[of_block] = by_kind.get(of_block, 0.0) + count
    return by_kind


def _block(block: dict[str, Any], kind: str) -> float:
    if kind == IMAGES:
        return tokens.IMAGE_TOKENS
    if kind == THINKING:
        return _text({name: value for name, value in block.items() if name not in (*SEALS, "type")})
    if kind == DOCUMENTS:
        return float(tokens.estimate([], ({"content": [block]},), ()) - tokens.MESSAGE_TOKENS)
    if block.get("type") == "text":
        return _text(block.get("text"))
    try:
        return len(orjson.dumps(block)) / tokens.BYTES_PER_TOKEN
    except orjson.JSONEncodeError:  # too deep
        return _text(block)


def _text(value: object) -> float:
    """Weigh all texts of a JSON value, names of fields with them, however deep it is."""
    size, pending = 0, [value]
    while pending:
        match pending.pop():
            case str(text):
                size += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
            case list(inner):
                pending += inner
            case dict(inner):
                pending += inner.values()
                pending += inner
            case None | True | False:
                size += 4
            case number:
                size += len(str(number))
    return size / tokens.BYTES_PER_TOKEN


def _name(tool: object) -> str:
    name = tool.get("name") if isinstance(tool, dict) else None
    return name if isinstance(name, str) else "without a name"
