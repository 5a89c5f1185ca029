"""What was said, cut into pieces that a page can show: words, thinking, calls, results, pictures. Pure.

In: the content of a message of any shape, a request's or a reply's. Out: pieces in reading order; nothing is left out
but the bytes of media, which a page may show as what they are. Nothing here is escaped: each page does that its way.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from addon.protocol import signature

MAX_DEPTH = 20  # of results within results; deeper ones are shown as JSON, and Python's stack is safe
INDENT = "  "
REMINDER = "<system-reminder>"  # what the client says in the user's name
COMMAND = re.compile(
    r"<command-name>\s*(/[^<\s]+)\s*</command-name>(?:.*?<command-args>([^<]*)</command-args>)?", re.DOTALL
)
NOTICE = "<task-notification>"  # of a task that ended, with a summary
# pictures that every browser shows and none runs
PICTURES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
CALLS = frozenset(("tool_use", "server_tool_use", "mcp_tool_use"))
RESULT = "_result"  # how the kinds of results end: tool_result, web_search_tool_result ...


class Sort(StrEnum):
    """What a piece is."""

    TEXT = "text"
    REMINDER = "reminder"
    THINKING = "thinking"
    CALL = "call"
    RESULT = "result"
    FAILURE = "failure"  # a result that says that the call went wrong
    MEDIA = "media"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece. ``title``: in few words what it is, but for texts; ``picture``: a ``data:`` address, or nothing."""

    sort: Sort
    title: str
    text: str = ""
    picture: str = ""


def of(content: Any, names: Mapping[str, str], depth: int = 0) -> Iterator[Piece]:
    """Cut a content. ``names`` are those of the tools by the id of each call, for the titles of results."""
    if isinstance(content, str):
        yield _words(content)
    elif isinstance(content, list):
        for block in content:
            yield from _block(block, names, depth)
    elif content is not None:
        yield Piece(Sort.OTHER, "content", written(content))


def names(messages: Sequence[Any]) -> dict[str, str]:
    """Return the names of the tools that were called, by the ids of the calls."""
    found = {}
    for message in messages:
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") in CALLS:
                found[str(block.get("id"))] = str(block.get("name"))
    return found


def title(request: Mapping[str, Any]) -> str:
    """Return the user's first words in a request: its first text that is not the client's own; empty where none is."""
    messages = request.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict) and message.get("role") == "user":
            for piece in of(message.get("content"), {}):
                if piece.sort is Sort.TEXT and piece.text.strip():
                    return command(piece.text)
    return ""


def command(text: str) -> str:
    """Return what the user typed, or what ended, where the client has wrapped that; any other text as it is."""
    if found := COMMAND.search(text):
        return f"{found[1]} {found[2] or ''}".strip()
    _, _, notice = text.partition(NOTICE)
    summary, end, _ = notice.partition("<summary>")[2].partition("</summary>")
    return summary.strip() if end else text


def written(value: Any) -> str:
    """Return a value as text: a string as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    try:
        return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONEncodeError:  # it reads 1,024 levels and writes 254
        return "(nested too deeply to be shown)"


def arguments(given: Any) -> str:
    """Return a call's arguments, one a line; a long text, such as a file's, as it is."""
    if not isinstance(given, dict):
        return written(given)
    lines = []
    for name, value in given.items():
        told = written(value)
        lines.append(f"{name}: |\n{_indented(told)}" if "\n" in told else f"{name}: {told}")
    return "\n".join(lines)


def said(message: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Piece]:
    """Cut a message. In a system turn the client speaks for itself, as in its reminders."""
    found = of(message.get("content"), names)
    return map(_reminder, found) if message.get("role") == "system" else found


def _reminder(piece: Piece) -> Piece:
    """Return a text as one of the client's own; any other piece as it is."""
    if piece.sort is not Sort.TEXT:
        return piece
    return Piece(Sort.REMINDER, f"system reminder, {len(piece.text):,} characters", piece.text)


def _words(text: str) -> Piece:
    piece = Piece(Sort.TEXT, "", text)
    return _reminder(piece) if text.lstrip().startswith(REMINDER) else piece


def _block(block: Any, names: Mapping[str, str], depth: int) -> Iterator[Piece]:
    kind = str(block.get("type")) if isinstance(block, dict) else ""
    if kind == "text" and isinstance(block.get("text"), str):
        if block["text"]:
            yield _words(block["text"])
    elif kind in ("thinking", "redacted_thinking"):
        yield _thinking(block)
    elif kind in CALLS:
        yield Piece(Sort.CALL, str(block.get("name")), arguments(block.get("input")))
    elif kind.endswith(RESULT) and depth < MAX_DEPTH:
        yield from _result(block, names, depth)
    elif kind in ("image", "document"):
        yield _media(kind, block.get("source"))
    elif kind == "tool_reference":
        yield Piece(Sort.OTHER, "tool", f"the tool {block.get('tool_name')} is loaded")
    else:
        yield Piece(Sort.OTHER, kind or "content", written(block))


def _thinking(block: Mapping[str, Any]) -> Piece:
    text = written(block.get("thinking") or "")
    if block["type"] == "redacted_thinking" or not text:
        return Piece(Sort.THINKING, "thinking that is not shown")
    seal = signature.unseal(block.get("signature"))
    whose = f" by {seal.origin}" if seal is not None else ""
    return Piece(Sort.THINKING, f"thinking{whose}, {len(text):,} characters", text)


def _result(block: Mapping[str, Any], names: Mapping[str, str], depth: int) -> Iterator[Piece]:
    name = names.get(str(block.get("tool_use_id")), str(block.get("tool_use_id")))
    sort = Sort.FAILURE if block.get("is_error") else Sort.RESULT
    media: list[Piece] = []
    texts: list[str] = []
    for piece in of(block.get("content"), names, depth + 1):
        if piece.sort is Sort.MEDIA:
            media.append(piece)
        else:
            texts.append(piece.text)
    yield Piece(sort, name, "\n\n".join(texts))
    yield from media


def _media(kind: str, source: Any) -> Piece:
    if not isinstance(source, dict):
        return Piece(Sort.MEDIA, kind)
    told = source.get("media_type") or source.get("url") or source.get("type")
    encoded = source.get("data")
    if not isinstance(encoded, str):
        return Piece(Sort.MEDIA, f"{kind}: {told}")
    shown = source.get("type") == "base64" and told in PICTURES and BASE64.fullmatch(encoded)
    text = encoded if source.get("type") == "text" else ""
    size = f"{kind}: {told}, {len(encoded):,} characters"
    return Piece(Sort.MEDIA, size, text, f"data:{told};base64,{encoded}" if shown else "")


def _indented(text: str) -> str:
    return INDENT + text.replace("\n", "\n" + INDENT)
