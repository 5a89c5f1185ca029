"""Prompts as text: a document that reads from the system prompt down to the newest message.

Pure. In: a parsed request, possibly of a shape we do not know. Out: text with YAML's colours. Nothing is left out but
the bytes of images and documents, whose size is told.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

INDENT = "  "


def prompt(request: Any) -> str:
    """Render an Anthropic Messages request."""
    if not isinstance(request, dict):
        return orjson.dumps(request, option=orjson.OPT_INDENT_2).decode()
    lines: list[str] = []
    for name, value in request.items():
        if name not in ("system", "messages", "tools"):
            lines.append(f"{name}: {_scalar(value)}")
    lines += _system(request.get("system"))
    lines += _messages(request.get("messages"))
    lines += _tools(request.get("tools"))
    return "\n".join(lines) + "\n"


def sent(url: str, body: Any) -> str:
    """Render a backend's request: its address, then its body indented."""
    return f"# POST {url}\n" + orjson.dumps(body, option=orjson.OPT_INDENT_2).decode() + "\n"


def changes(route: str, reason: str, losses: Sequence[Sequence[Any]]) -> str:
    """Render the route, and the losses: ``(path, what, routine)`` each."""
    lines = [f"route: {route}", f"reason: {reason}", ""]
    for title, routine in (("lost or changed", False), ("left out as always", True)):
        chosen = [(path, what) for path, what, is_routine in losses if bool(is_routine) == routine]
        lines.append(f"{title}: {'' if chosen else 'nothing'}")
        lines += [f"  {path}: {what}" for path, what in chosen]
    return "\n".join(lines) + "\n"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _indented(text: str) -> Iterator[str]:
    return (INDENT + line for line in text.split("\n"))


def _system(system: Any) -> Iterator[str]:
    if not system:
        return
    yield ""
    yield "system: |"
    for text in _blocks(system):
        yield from _indented(text)
        yield ""


def _messages(messages: Any) -> Iterator[str]:
    if not isinstance(messages, list):
        return
    yield ""
    yield f"messages: # {len(messages)}"
    for index, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        extra = (
            f" {_scalar(message['output_config'])}" if isinstance(message, dict) and "output_config" in message else ""
        )
        yield f"- {role}: | # {index}{extra}"
        content = message.get("content") if isinstance(message, dict) else message
        for text in _blocks(content):
            yield from _indented(text)


def _tools(tools: Any) -> Iterator[str]:
    if not isinstance(tools, list):
        return
    yield ""
    yield f"tools: # {len(tools)}"
    for tool in tools:
        if not isinstance(tool, dict):
            yield f"- {_scalar(tool)}"
            continue
        yield f"- {tool.get('name')}: |"
        yield from _indented(str(tool.get("description") or ""))
        rest = {key: value for key, value in tool.items() if key not in ("name", "description")}
        yield from _indented(orjson.dumps(rest, option=orjson.OPT_INDENT_2).decode())


def _blocks(content: Any) -> Iterator[str]:
    """Render a content: each block as text, with a mark for its kind unless it is plain text."""
    if isinstance(content, str):
        yield content
        return
    if not isinstance(content, list):
        yield _scalar(content)
        return
    for block in content:
        yield _block(block)


def _block(block: Any) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    match kind:
        case "text":
            return str(block.get("text"))
        case "thinking":
            return f"<thinking>\n{block.get('thinking')}\n</thinking>"
        case "tool_use":
            arguments = orjson.dumps(block.get("input"), option=orjson.OPT_INDENT_2).decode()
            return f"<call {block.get('name')} {block.get('id')}>\n{arguments}"
        case "tool_result":
            error = " error" if block.get("is_error") else ""
            inner = "\n".join(_blocks(block.get("content") or ""))
            return f"<result{error} {block.get('tool_use_id')}>\n{inner}"
        case "image" | "document":
            return f"<{kind} {_source(block.get('source'))}>"
        case "tool_reference":
            return f"<tool {block.get('tool_name')} loaded>"
        case _:
            return orjson.dumps(block, option=orjson.OPT_INDENT_2).decode()


def _source(source: Any) -> str:
    if not isinstance(source, dict):
        return _scalar(source)
    told = source.get("media_type") or source.get("url") or source.get("type")
    size = f", {len(source['data']):,} characters" if isinstance(source.get("data"), str) else ""
    return f"{told}{size}"
