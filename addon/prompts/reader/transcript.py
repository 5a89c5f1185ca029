"""A request as what people read: messages made of pieces, the system prompt, the tools. Pure.

In: a parsed Anthropic request, possibly of a shape that we do not know; then it is shown as JSON. Out: values for the
templates, cut to a page's budget. Each has a path, at which ``at`` finds the whole.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from addon.prompts.reader import texts
from addon.prompts.reader.texts import Budget, Cut
from addon.protocol import signature

MAX_DEPTH = 20  # of results within results
REMINDER = re.compile(r"<system-reminder>\n?(.*?)(?:\n?</system-reminder>\n*|\Z)", re.DOTALL)
PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))  # that a browser may be shown: no SVG
IGNORED = "cache_control"  # the client moves it from message to message
PARTS = ("system", "messages", "tools")
MOST_NAME = 64  # characters, of a tool's


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a message. ``kind``: text, reminder, thinking, call, result, picture, file, json; rest: no room."""

    kind: str
    path: str
    title: str = ""
    note: str = ""
    text: Cut | None = None
    inner: tuple["Piece", ...] = ()
    is_error: bool = False
    id: str = ""  # of a call, or of the call that it answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One of a conversation, in one line: what is in it is asked for by its index."""

    index: int
    role: str
    kinds: tuple[str, ...]
    preview: str
    characters: int
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A system block or a tool: a text that is seldom changed."""

    path: str
    title: str
    preview: str
    characters: int
    is_cached: bool


def messages(request: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[Message]:
    """Return every message in one line; new is what ``before``, the request of the turn before, did not hold."""
    found = _list(request.get("messages"))
    first_new = fresh(found, _list(before.get("messages"))) if before is not None else _waiting(found)
    return [_message(message, index, index >= first_new) for index, message in enumerate(found)]


def fresh(now: Sequence[Any], before: Sequence[Any]) -> int:
    """Return how many messages stand at the start of both; at least one is new where there is one."""
    same = 0
    for ours, theirs in zip(now, before, strict=False):
        if ours != theirs and plain(ours) != plain(theirs):
            break
        same += 1
    return max(0, min(same, len(now) - 1))


def plain(value: Any) -> Any:
    """Return a message without the marks that say where a cache ends; a lone text is one block, as the client means."""
    if isinstance(value, dict):
        made = {name: plain(each) for name, each in value.items() if name != IGNORED}
        if isinstance(made.get("content"), str) and "role" in made:
            made["content"] = [{"type": "text", "text": made["content"]}]
        return made
    return [plain(each) for each in value] if isinstance(value, list) else value


def _waiting(found: Sequence[Any]) -> int:
    """Return where the messages begin that no answer has followed yet."""
    first = len(found)
    while first and not (isinstance(found[first - 1], dict) and found[first - 1].get("role") == "assistant"):
        first -= 1
    return first if first < len(found) else max(0, first - 1)


def _message(message: Any, index: int, is_new: bool) -> Message:
    role, content = (message.get("role"), message.get("content")) if isinstance(message, dict) else ("?", message)
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    kinds = tuple(dict.fromkeys(_kind(block) for block in blocks))
    return Message(
        index=index,
        role=texts.preview(str(role), MOST_NAME),
        kinds=kinds,
        preview=texts.preview(_said(blocks)),
        characters=sum(length(block) for block in blocks),
        is_new=is_new,
    )


def _kind(block: Any) -> str:
    kind = str(block.get("type")) if isinstance(block, dict) else "json"
    return {"tool_use": "call", "tool_result": "result", "image": "picture", "document": "file"}.get(kind, kind)


def _said(blocks: Sequence[Any]) -> str:
    """Return what a person would call the content of a message: its text but for reminders, else what there is."""
    said = [REMINDER.sub("", str(block.get("text"))).strip() for block in blocks if _kind(block) == "text"]
    if text := " ".join(filter(None, said)):
        return text
    return " ".join(gist(block) for block in blocks)


def gist(block: Any) -> str:
    """Return a block in a line."""
    match _kind(block):
        case "text":
            return str(block.get("text"))
        case "thinking":
            return str(block.get("thinking"))
        case "call":
            return f"{block.get('name')} {_line(block.get('input'))}"
        case "result":
            content = block.get("content")
            return " ".join(gist(each) for each in content) if isinstance(content, list) else scalar(content or "")
        case "picture" | "file" as kind:
            return f"({kind}, {_source(block.get('source'))})"
        case _:
            return scalar(block)


def _line(arguments: Any) -> str:
    if isinstance(arguments, dict):
        return " ".join(f"{name}={scalar(value)[:100]}" for name, value in arguments.items())
    return scalar(arguments)


def length(value: Any) -> int:
    """Return how many characters of text are in a value; names and numbers count nothing."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(length(each) for name, each in value.items() if name not in ("type", "id", "tool_use_id"))
    return sum(map(length, value)) if isinstance(value, list) else 0


# -- pieces ------------------------------------------------------------------------------------------------------------


def pieces(content: Any, path: str, budget: Budget, most: int = texts.MOST_OF_A_TEXT) -> tuple[Piece, ...]:
    """Return what a content is made of. ``path`` is where it stands in the request."""
    return tuple(_pieces(content, path, budget, most, 0))


def _pieces(content: Any, path: str, budget: Budget, most: int, depth: int) -> Iterator[Piece]:
    if not isinstance(content, list):
        if content is not None and content != "":
            yield from _text(scalar(content), path, budget, most)
        return
    for index, block in enumerate(content):
        if budget.is_spent and index:
            yield Piece(kind="rest", path=path, note=str(len(content) - index))
            return
        yield from _block(block, f"{path}.{index}", budget, most, depth)


def _block(block: Any, path: str, budget: Budget, most: int, depth: int) -> Iterator[Piece]:
    kind = _kind(block)
    match kind:
        case "text":
            yield from _text(scalar(block.get("text")), f"{path}.text", budget, most)
        case "thinking":
            text = budget.cut(scalar(block.get("thinking")), most)
            yield Piece(kind=kind, path=f"{path}.thinking", title="thinking", note=_seal(block), text=text)
        case "call":
            yield Piece(
                kind=kind,
                path=f"{path}.input",
                title=str(block.get("name")),
                text=budget.cut(arguments(block.get("input")), most),
                id=str(block.get("id")),
            )
        case "result" if depth < MAX_DEPTH:
            yield Piece(
                kind=kind,
                path=f"{path}.content",
                title="result",
                inner=tuple(_pieces(block.get("content"), f"{path}.content", budget, most, depth + 1)),
                is_error=bool(block.get("is_error")),
                id=str(block.get("tool_use_id")),
            )
        case "picture" | "file":
            source = block.get("source")
            shown = kind == "picture" and isinstance(source, dict) and source.get("media_type") in PICTURES
            inline = shown and isinstance(source.get("data"), str)
            yield Piece(kind="picture" if inline else "file", path=f"{path}.source", title=kind, note=_source(source))
        case _:
            yield Piece(kind="json", path=path, title=kind, text=budget.cut(indented(block), most))


def _text(text: str, path: str, budget: Budget, most: int) -> Iterator[Piece]:
    """Take the client's reminders out of a text: they are not what the person said."""
    start = 0
    if len(text) <= most:
        for found in REMINDER.finditer(text):
            if before := text[start : found.start()].strip("\n"):
                yield Piece(kind="text", path=path, text=budget.cut(before, most))
            yield Piece(kind="reminder", path=path, title="system reminder", text=budget.cut(found[1], most))
            start = found.end()
    if (rest := text[start:]).strip() or not start:
        yield Piece(kind="text", path=path, text=budget.cut(rest, most))


def arguments(value: Any) -> str:
    """Return a call's arguments, one a line; a long text, such as a file's, as it is."""
    if not isinstance(value, dict):
        return indented(value)
    lines = []
    for name, each in value.items():
        text = each if isinstance(each, str) else indented(each)
        lines.append(f"{name}:\n{text}" if "\n" in text else f"{name}: {text}")
    return "\n".join(lines)


def _seal(block: Mapping[str, Any]) -> str:
    signed = block.get("signature")
    if not isinstance(signed, str):
        return ""
    seal = signature.unseal(signed)
    return f"sealed by {seal.origin}" if seal is not None else f"signature of {len(signed):,} characters"


def _source(source: Any) -> str:
    if not isinstance(source, dict):
        return scalar(source)
    told = str(source.get("media_type") or source.get("url") or source.get("type"))
    content = source.get("data")
    return f"{told}, {len(content) * 3 // 4:,} bytes" if isinstance(content, str) else told


# -- documents ---------------------------------------------------------------------------------------------------------


def system(request: Mapping[str, Any]) -> list[Document]:
    """Return the blocks of the system prompt."""
    found = request.get("system")
    if isinstance(found, str):
        return [
            Document(
                path="system", title="system", preview=texts.preview(found), characters=len(found), is_cached=False
            )
        ]
    return [
        Document(
            path=f"system.{index}",
            title=f"system {index + 1}",
            preview=texts.preview(gist(block)),
            characters=length(block),
            is_cached=isinstance(block, dict) and IGNORED in block,
        )
        for index, block in enumerate(_list(found))
    ]


def tools(request: Mapping[str, Any]) -> list[Document]:
    """Return the tools."""
    return [
        Document(
            path=f"tools.{index}",
            title=texts.preview(str(tool.get("name")), MOST_NAME) if isinstance(tool, dict) else "?",
            preview=texts.preview(str(tool.get("description") or "") if isinstance(tool, dict) else scalar(tool)),
            characters=len(scalar(tool)),
            is_cached=isinstance(tool, dict) and IGNORED in tool,
        )
        for index, tool in enumerate(_list(request.get("tools")))
    ]


def parameters(request: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return everything else."""
    return [(name, scalar(value)) for name, value in request.items() if name not in PARTS]


def document(value: Any) -> str:
    """Return a system block or a tool as text."""
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return str(value["text"])
    if isinstance(value, dict) and isinstance(value.get("description"), str):
        rest = {name: each for name, each in value.items() if name not in ("name", "description")}
        return f"{value['description']}\n\n{indented(rest)}"
    return scalar(value) if isinstance(value, str) else indented(value)


# -- paths -------------------------------------------------------------------------------------------------------------


def at(value: Any, path: str) -> Any:
    """Return what stands at a path such as ``messages.3.content.0.text``. Raises: LookupError."""
    for step in filter(None, path.split(".")):
        if isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 9:
            value = value[int(step)]
        elif isinstance(value, dict):
            value = value[step]
        else:
            raise LookupError(path)
    return value


def scalar(value: Any) -> str:
    """Return a text as it is, anything else as JSON in a line."""
    return value if isinstance(value, str) else _json(value, 0)


def indented(value: Any) -> str:
    """Return JSON for people."""
    return _json(value, orjson.OPT_INDENT_2)


def _json(value: Any, option: int) -> str:
    try:
        return orjson.dumps(value, option=option).decode()
    except (orjson.JSONEncodeError, UnicodeEncodeError):  # it reads 1,024 levels and writes 254
        return "(nested too deeply to be shown)"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
