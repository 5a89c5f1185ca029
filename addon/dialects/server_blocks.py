"""What Anthropic's servers did in an earlier turn, said in words to a model that knows no such tools.

In: a block as the client sends it back, which nobody has checked. Out: its text. The text of a page that a search of
ours found is sealed in its ``encrypted_content``; Anthropic's own is for Anthropic alone.
Source: Messages API reference, "content blocks"; the types of the ``anthropic`` package.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from addon.dialects.losses import Loss, Lost, loss
from addon.protocol import signature
from addon.protocol.event_shapes import UNSHOWN
from addon.protocol.messages import Json

SEALED = "encrypted_"  # how fields begin that nobody else can read
FRAME = frozenset(("type", "tool_use_id", "cache_control", "caller"))  # of a block, and no part of what it says


def say(block: Json, path: str, losses: list[Loss]) -> str | None:
    """Return the block's text, and report the loss; None for a block that is none of these."""
    kind = block["type"]
    if why := SILENT.get(kind):
        losses.append(loss(Lost.ANTHROPICS_OWN, path, why))
        return ""
    words = WORDS.get(kind)
    if words is None:
        return None
    losses.append(loss(Lost.SERVER_TOOL_BLOCK, path, kind))
    return words(block)


def _use(block: Json) -> str:
    name = ".".join(str(block[key]) for key in ("server_name", "name") if block.get(key))
    return f"[{name} was called with {_json(block.get('input') or {})}]"


def _search(block: Json) -> str:
    content = block.get("content")
    if not isinstance(content, list):
        return _failed("web_search", content)
    pages = [_page(result) for result in content if isinstance(result, dict)]
    return "\n".join(("[found by web_search]", *(pages or ["nothing"])))


def _page(result: Json) -> str:
    seal = signature.unseal(result.get("encrypted_content"))
    text = f"\n  {seal.state[UNSHOWN]}" if seal and seal.state.get(UNSHOWN) else ""
    return f"- {result.get('title') or ''} ({result.get('url') or ''}){text}"


def _fetch(block: Json) -> str:
    content = block.get("content")
    page = content.get("content") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(page, dict):
        return _failed("web_fetch", content)
    source = page.get("source")
    is_text = isinstance(source, dict) and source.get("type") == "text"
    text = source.get("data") if isinstance(source, dict) and is_text else "(not a text)"
    return f"[fetched from {content.get('url') or ''}]\n{text}"


def _ran(block: Json) -> str:
    """The result of code, of a shell or of an editor, whose fields are plain words and numbers."""
    name = str(block["type"]).removesuffix("_tool_result")
    content = block.get("content")
    if not isinstance(content, dict) or str(content.get("type")).endswith("_error"):
        return _failed(name, content)
    told = {key: value for key, value in content.items() if key not in FRAME and not key.startswith(SEALED)}
    return f"[result of {name}] {_json(told)}"


def _mcp_result(block: Json) -> str:
    head = "[the call failed]" if block.get("is_error") else "[result of the call]"
    return "\n".join((head, _text(block.get("content"))))


def _found_tools(block: Json) -> str:
    content = block.get("content")
    found = content.get("tool_references") if isinstance(content, dict) else None
    if not isinstance(found, list):
        return _failed("tool_search", content)
    return f"[tools found: {', '.join(str(each.get('tool_name')) for each in found if isinstance(each, dict))}]"


def _advice(block: Json) -> str:
    content = block.get("content")
    text = content.get("text") if isinstance(content, dict) else None
    return f"[advice]\n{text}" if text else _failed("advisor", content)


def _summary(block: Json) -> str:
    return _text(block.get("content"))


def _failed(name: str, content: Any) -> str:
    code = content.get("error_code") if isinstance(content, dict) else None
    return f"[{name} failed: {code}]" if code else f"[the result of {name} cannot be read]"


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(each.get("text") or "") for each in content if isinstance(each, dict))
    return content if isinstance(content, str) else ""


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


WORDS: Mapping[str, Callable[[Json], str]] = {
    "server_tool_use": _use,
    "mcp_tool_use": _use,
    "web_search_tool_result": _search,
    "web_fetch_tool_result": _fetch,
    "code_execution_tool_result": _ran,
    "bash_code_execution_tool_result": _ran,
    "text_editor_code_execution_tool_result": _ran,
    "tool_search_tool_result": _found_tools,
    "mcp_tool_result": _mcp_result,
    "advisor_tool_result": _advice,
    "compaction": _summary,
}
# notes for Anthropic's server, which say nothing to a model
SILENT: Mapping[str, str] = {
    "fallback": "a note that another of Anthropic's models went on",
    "mcp_tool_listing": "the list of tools that Anthropic's server got from an MCP server",
}
