"""Prompts as text: what is new first, then what was said before it, then the long parts that hardly change.

Pure. In: a parsed request, possibly of a shape we do not know. Out: text that YAML's colours suit. Nothing is left out
but the bytes of images and documents, whose size is told. The order is for a reader who looks at request after request
of one session: viewers cut long texts at the end, and the system prompt and the tools are the longest and the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from addon.protocol import signature

INDENT = "  "
NEWLINE = "\n"
MOST_SHOWN = (
    512 * 1024
)  # characters: mitmproxy colours all that we give it, 0.1 s for this much, and browsers lay it out
SHOWN_OF_END = 128 * 1024  # of these
MAX_DEPTH = 20  # of results within results; deeper ones are shown as JSON, and Python's stack is safe
# kind of block -> the fields that its rendering shows; any other is shown after it
SHOWN: Mapping[str, frozenset[str]] = {
    "text": frozenset(("type", "text")),
    "thinking": frozenset(("type", "thinking")),
    "tool_use": frozenset(("type", "name", "id", "input")),
    "tool_result": frozenset(("type", "tool_use_id", "is_error", "content")),
    "image": frozenset(("type", "source")),
    "document": frozenset(("type", "source")),
    "tool_reference": frozenset(("type", "tool_name")),
}
PARTS = ("system", "messages", "tools")


def prompt(request: Any) -> str:
    """Render an Anthropic Messages request."""
    if not isinstance(request, dict):
        return _json(request) + "\n"
    return "\n".join(
        (
            *_overview(request),
            *_messages(request.get("messages")),
            *_system(request.get("system")),
            *_tools(request.get("tools")),
            *_parameters(request),
            "",
        )
    )


def content(content: Any) -> str:
    """Render a message's content."""
    return "\n".join(_blocks(content))


def tool(tool: Any) -> str:
    """Render a tool's definition: what it says, then its arguments."""
    return "\n".join(_tool(tool)) if isinstance(tool, dict) else _scalar(tool)


def scalar(value: Any) -> str:
    """Render any value in a line: a text as it is, all else as JSON."""
    return _scalar(value)


def indented(text: str) -> str:
    """Indent every line, as the texts here are below their titles."""
    return _indented(text)


def call(arguments: Any) -> str:
    """Render a call's arguments, one a line; a long text as it is."""
    return _call(arguments).rstrip("\n")


def counted(number: int, noun: str) -> str:
    """Say how many there are."""
    return _count(number, noun)


def shortened(text: str) -> str:
    """Leave out the middle of a text that viewers would be slow to show."""
    excess = len(text) - MOST_SHOWN
    if excess <= 0:
        return text
    head, tail = text[: MOST_SHOWN - SHOWN_OF_END], text[-SHOWN_OF_END:]
    note = f"# {excess:,} characters are left out here: other views have them, such as Raw"
    return f"{head.rpartition(NEWLINE)[0] or head}\n\n{note}\n\n{tail.partition(NEWLINE)[2] or tail}"


def sent(url: str, body: Any, method: str = "POST") -> str:
    """Render a backend's request: its address, then its body indented, where it has one."""
    return f"# {method} {url}\n{_json(body)}\n" if body is not None else f"# {method} {url}\n"


def changes(
    route: str,
    reason: str,
    losses: Sequence[Sequence[Any]],
    changes: Sequence[Sequence[Any]] = (),
    attempts: Sequence[Sequence[Any]] = (),
) -> str:
    """Render the route; its changes, ``(path, what)`` each; and the losses, ``(path, what, routine)`` each.

    ``attempts`` are those that failed: ``(target, status, milliseconds, why)`` each.
    """
    lines = [f"route: {route}", f"reason: {reason}", *_attempts(attempts), ""]
    sections: tuple[tuple[str, list[tuple[Any, Any]]], ...] = (
        ("changed by the route", [(path, what) for path, what in changes]),
        ("lost or changed in translation", [(path, what) for path, what, routine in losses if not routine]),
        ("left out as always", [(path, what) for path, what, routine in losses if routine]),
    )
    for title, told in sections:
        lines.append(f"{title}: {'' if told else 'nothing'}".rstrip())
        lines += [f"{INDENT}{path}: {what}" for path, what in told]
    return "\n".join(lines) + "\n"


def _attempts(attempts: Sequence[Sequence[Any]]) -> Iterator[str]:
    if attempts:
        yield "attempts that failed:"
    for target, status, elapsed_ms, why in attempts:
        yield f"{INDENT}{target}: {status} after {elapsed_ms:,} ms, {' '.join(str(why).split())}"


# -- the parts ---------------------------------------------------------------------------------------------------------


def _overview(request: Mapping[str, Any]) -> Iterator[str]:
    messages, tools = request.get("messages"), request.get("tools")
    facts = [_scalar(request.get("model"))]
    if isinstance(messages, list):
        facts.append(_count(len(messages), "message"))
    if request.get("system"):
        facts.append(f"system prompt of {_size(request['system'])}")
    if isinstance(tools, list):
        facts.append(_count(len(tools), "tool"))
    yield f"# {' · '.join(facts)}"


def _messages(messages: Any) -> Iterator[str]:
    """Show the turn that waits for an answer, then what came before it, each in reading order."""
    if not isinstance(messages, list):
        return
    first_new = len(messages)
    while first_new and not (
        isinstance(messages[first_new - 1], dict) and messages[first_new - 1].get("role") == "assistant"
    ):
        first_new -= 1
    if first_new == len(messages):  # the answer is begun for the model: that is what is new
        first_new = max(0, first_new - 1)
    yield from _turns("newest", messages, first_new, len(messages))
    if first_new:
        yield from _turns("before", messages, 0, first_new)


def _turns(title: str, messages: list[Any], start: int, end: int) -> Iterator[str]:
    yield ""
    yield f"{title}:"
    for index in range(start, end):
        message = messages[index]
        if not isinstance(message, dict):
            yield f"- {_scalar(message)}"
            continue
        rest = {name: value for name, value in message.items() if name not in ("role", "content")}
        extra = f" {_scalar(rest)}" if rest else ""
        yield f"- {_scalar(message.get('role'))}: | # messages.{index}, {_size(message.get('content'))}{extra}"
        for text in _blocks(message.get("content")):
            yield _indented(text)


def _system(system: Any) -> Iterator[str]:
    if not system:
        return
    yield ""
    yield f"system: | # {_size(system)}"
    for number, text in enumerate(_blocks(system)):
        if number:
            yield f"{INDENT}---"
        yield _indented(text)


def _tools(tools: Any) -> Iterator[str]:
    if not isinstance(tools, list):
        return
    yield ""
    yield f"tools: # {len(tools):,}"
    for tool in tools:
        if not isinstance(tool, dict):
            yield f"- {_scalar(tool)}"
            continue
        yield f"- {_scalar(tool.get('name'))}: |"
        for text in _tool(tool):
            yield _indented(text)


def _tool(tool: Mapping[str, Any]) -> Iterator[str]:
    if tool.get("description"):
        yield _scalar(tool["description"])
    for name, value in tool.items():
        if name == "input_schema" and isinstance(value, dict):
            yield from _schema(value)
        elif name not in ("name", "description"):
            yield f"{name}: {_scalar(value)}"


def _schema(schema: Mapping[str, Any]) -> Iterator[str]:
    """Show one argument a line, then the rest of the schema."""
    properties = schema.get("properties")
    required = schema.get("required")
    if properties and isinstance(properties, dict):
        yield "arguments:"
        for name, value in properties.items():
            mark = "" if isinstance(required, list) and name in required else "?"
            yield f"{INDENT}{name}{mark}: {_scalar(value)}"
    rest = {name: value for name, value in schema.items() if name != "properties" or not isinstance(properties, dict)}
    yield f"input_schema: {_scalar(rest)}"


def _parameters(request: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield "parameters:"
    for name, value in request.items():
        if name not in PARTS or (name != "system" and not isinstance(value, list)):
            yield f"{INDENT}{name}: {_scalar(value)}"


# -- contents ----------------------------------------------------------------------------------------------------------


def _blocks(content: Any, depth: int = 0) -> Iterator[str]:
    """Render a content: each block as text, with a mark for its kind unless it is plain text."""
    if not isinstance(content, list):
        yield _scalar(content)
        return
    for block in content:
        yield _block(block, depth)


def _block(block: Any, depth: int) -> str:
    kind = block.get("type") if isinstance(block, dict) else None
    match kind:
        case "text":
            told = _scalar(block.get("text"))
        case "thinking":
            told = f"<thinking>\n{_scalar(block.get('thinking'))}\n</thinking>"
        case "tool_use":
            told = f"<call {block.get('name')} {block.get('id')}>\n{_call(block.get('input'))}</call>"
        case "tool_result" if depth < MAX_DEPTH:
            error = " error" if block.get("is_error") else ""
            inner = "\n".join(_blocks(block.get("content") or "", depth + 1))
            told = f"<result{error} {block.get('tool_use_id')}>\n{inner}\n</result>"
        case "image" | "document":
            told = f"<{kind} {_source(block.get('source'))}>"
        case "tool_reference":
            told = f"<tool {block.get('tool_name')} loaded>"
        case _:
            return _json(block)
    return told + "".join(
        f"\n<{name} {_mark(name, value)}>" for name, value in block.items() if name not in SHOWN[kind]
    )


def _mark(name: str, value: Any) -> str:
    """A field that is no text: where a cache ends, a seal that only its maker reads."""
    if name != "signature" or not isinstance(value, str):
        return _scalar(value)
    seal = signature.unseal(value)
    whose = f" by {seal.origin}" if seal is not None else ""
    return f"of {len(value):,} characters{whose}"


def _call(arguments: Any) -> str:
    """Show one argument a line; a long text, such as a file's, as it is."""
    if not isinstance(arguments, dict):
        return _scalar(arguments) + "\n"
    lines = []
    for name, value in arguments.items():
        text = _scalar(value)
        lines.append(f"{name}: |\n{_indented(text)}\n" if "\n" in text else f"{name}: {text}\n")
    return "".join(lines)


def _source(source: Any) -> str:
    if not isinstance(source, dict):
        return _scalar(source)
    told = source.get("media_type") or source.get("url") or source.get("type")
    size = f", {len(source['data']):,} characters" if isinstance(source.get("data"), str) else ""
    return f"{told}{size}"


def _size(content: Any) -> str:
    """How much text a content is; blocks that are no text count as what they are."""
    blocks = content if isinstance(content, list) else [content]
    characters = others = 0
    for block in blocks:
        text = block.get("text") if isinstance(block, dict) else block
        if isinstance(text, str):
            characters += len(text)
        else:
            others += 1
    told = [_count(characters, "character")] if characters or not others else []
    if others:
        told.append(_count(others, "part"))
    return " and ".join(told)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else _json(value, 0)


def _json(value: Any, option: int = orjson.OPT_INDENT_2) -> str:
    try:
        return orjson.dumps(value, option=option).decode()
    except orjson.JSONEncodeError:  # it reads 1,024 levels and writes 254
        return "(nested too deeply to be shown)"


def _indented(text: str) -> str:
    return INDENT + text.replace("\n", "\n" + INDENT)
