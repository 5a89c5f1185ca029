"""Anthropic Messages: the request as the client sends it, and a reply collected from its own events.

Requests are checked, not rebuilt: unknown fields and values stay where they are, because new ones come with each
release of Claude Code. What every later step relies on (an object, a model, messages that are objects with a role and
a content, blocks that are objects with a type) is checked here once, in Anthropic's own wording. This is written by
hand and not with pydantic because it runs on every request: pydantic models of just these fields take five times as
long (docs/performance.md).
"""

from dataclasses import dataclass
from typing import Any, Never, TypeGuard

import orjson

from addon.protocol import framing, lenient
from addon.protocol.errors import BadRequest, MalformedReply

type Json = dict[str, Any]
type Path = tuple[str | int, ...]  # a JSON path; written out only when something is wrong

ROLES = frozenset(("user", "assistant", "system"))
ATTRIBUTION = "x-anthropic-billing-header:"  # first system block: a fingerprint for Anthropic, no prompt text


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request. ``body`` is the parsed JSON; nobody changes it."""

    body: Json
    model: str
    stream: bool
    messages: list[Json]
    betas: tuple[str, ...] = ()  # that the client asks for, in its header

    @property
    def system(self) -> list[Json]:
        """The system prompt as blocks, without the attribution block."""
        system = self.body.get("system") or []
        blocks = [{"type": "text", "text": system}] if isinstance(system, str) else system
        return [block for block in blocks if not str(block.get("text", "")).startswith(ATTRIBUTION)]

    @property
    def is_attributed(self) -> bool:
        """Whether the system prompt begins with the attribution block."""
        system = self.body.get("system") or [{}]
        return str(system if isinstance(system, str) else system[0].get("text", "")).startswith(ATTRIBUTION)

    @property
    def tools(self) -> list[Json]:
        """The tool definitions, as sent."""
        return self.body.get("tools") or []


def parse_json(body: bytes) -> object:
    """Parse a body, as leniently as the client's own runtime writes it. Raises: BadRequest."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        first = error
    try:
        return lenient.loads(body, _refuse_constant)
    except ValueError:
        raise BadRequest(f"The request body is not valid JSON: {first}") from first


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def parse(body: bytes) -> Request:
    """Check a request to ``/v1/messages`` or ``/v1/messages/count_tokens``.

    Raises: BadRequest with the JSON path, as Anthropic words it.
    """
    return check(parse_json(body))


def has_model(parsed: object) -> TypeGuard[Json]:
    """Whether a parsed body is an object that names a model: enough to choose who answers."""
    return isinstance(parsed, dict) and isinstance(parsed.get("model"), str) and bool(parsed["model"])


def check(parsed: object) -> Request:
    """Check a parsed body; see ``parse``."""
    if not isinstance(parsed, dict):
        raise BadRequest(f"The request body must be a JSON object, not {_kind(parsed)}.")
    model = _field(parsed, "model", "model")
    if not isinstance(model, str) or not model:
        raise BadRequest("model: Input should be a valid string")
    messages = _field(parsed, "messages", "messages")
    if not isinstance(messages, list):
        raise BadRequest("messages: Input should be a valid list")
    if not messages:
        raise BadRequest("messages: at least one message is required")
    _check_messages(messages)
    _check_system(parsed.get("system") or [])
    _check_tools(parsed.get("tools"))
    for name in ("thinking", "output_config", "tool_choice"):
        if not isinstance(parsed.get(name) or {}, dict):
            raise BadRequest(f"{name}: Input should be an object")
    stops = parsed.get("stop_sequences") or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise BadRequest("stop_sequences: Input should be a valid list of strings")
    stream = parsed.get("stream")
    if stream is not None and not isinstance(stream, bool):
        raise BadRequest("stream: Input should be a valid boolean")
    return Request(parsed, model, bool(stream), messages)


def _field(holder: Json, name: str, path: str) -> object:
    if name not in holder:
        raise BadRequest(f"{path}: Field required")
    return holder[name]


PLAIN_ROLES = ("user", "assistant")
CALL_CLASSES = (str, str, dict)


def _check_messages(messages: list[Any]) -> None:
    for index, message in enumerate(messages):
        if not is_plain(message):
            _check_message(message, index)


def is_plain(message: Any) -> bool:  # noqa: C901 - one flat list of shapes, called for every message
    """Whether a message is of a shape that nearly all are; these are right, the others are looked at closely."""
    if message.__class__ is not dict or len(message) != 2:
        return False
    try:
        content = message["content"]
        if message["role"] not in PLAIN_ROLES:
            return False
        if content.__class__ is str:
            return True
        if content.__class__ is not list:
            return False
        for block in content:
            kind = block["type"]
            if kind == "tool_result":
                if block["tool_use_id"].__class__ is not str or block["content"].__class__ is not str:
                    return False
            elif kind == "tool_use":
                if (block["id"].__class__, block["name"].__class__, block["input"].__class__) != CALL_CLASSES:
                    return False
            elif kind != "text" or block["text"].__class__ is not str:
                return False
    except (KeyError, TypeError, IndexError):  # a field is missing, or a block is no object
        return False
    return True


def _check_message(message: object, index: int) -> None:
    if not isinstance(message, dict):
        raise _bad(("messages", index), "Input should be an object")
    role = message.get("role")
    if role.__class__ is not str or role not in ROLES:
        what = "Input should be 'user', 'assistant' or 'system'" if "role" in message else "Field required"
        raise _bad(("messages", index, "role"), what)
    content = message.get("content")
    if content.__class__ is not str:
        if content is None:
            raise _bad(("messages", index, "content"), "Field required")
        _check_blocks(content, ("messages", index, "content"))
    if "output_config" in message and not isinstance(message["output_config"] or {}, dict):
        raise _bad(("messages", index, "output_config"), "Input should be an object")


def _check_system(system: object) -> None:
    _check_blocks(system, ("system",))
    for index, block in enumerate(system if isinstance(system, list) else ()):
        if block["type"] != "text":
            raise _bad(("system", index, "type"), "Input should be 'text'")


def _check_blocks(content: object, path: Path) -> None:
    """Check a content and, one level down, the content of tool results."""
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise _bad(path, "Input should be a valid string or list")
    for index, block in enumerate(content):
        if block.__class__ is not dict:
            raise _bad((*path, index), "Input should be an object")
        kind = block.get("type")
        if kind.__class__ is not str:
            raise _bad((*path, index, "type"), "Field required")
        for name, wanted in BLOCK_CHECKS.get(kind, ()):
            if block.get(name).__class__ is not wanted:
                raise _bad((*path, index, kind, name), "Field required")
        if kind == "tool_result" and (inner := block.get("content")).__class__ is not str and inner is not None:
            _check_blocks(inner, (*path, index, kind, "content"))


def _bad(path: Path, what: str) -> BadRequest:
    return BadRequest(f"{'.'.join(map(str, path))}: {what}")


# block type -> the fields that translation reads, with their types; other block types are judged by the dialect
BLOCK_CHECKS: dict[str, tuple[tuple[str, type], ...]] = {
    "text": (("text", str),),
    "tool_use": (("id", str), ("name", str), ("input", dict)),
    "tool_result": (("tool_use_id", str),),
    "thinking": (("thinking", str),),
    "image": (("source", dict),),
    "document": (("source", dict),),
    "tool_reference": (("tool_name", str),),
}


def _check_tools(tools: object) -> None:
    if tools is None:
        return
    if not isinstance(tools, list):
        raise BadRequest("tools: Input should be a valid list")
    for index, tool in enumerate(tools):
        if not isinstance(tool, dict):
            raise BadRequest(f"tools.{index}: Input should be an object")
        kind = tool.get("type")
        is_typed = bool(kind) and kind != "custom"
        if is_typed and not isinstance(kind, str):
            raise BadRequest(f"tools.{index}.type: Input should be a valid string")
        if not isinstance(tool.get("name", "" if is_typed else None), str):  # a toolset has no name of its own
            raise BadRequest(f"tools.{index}.name: Field required")
        if not is_typed and not isinstance(tool.get("input_schema", {}), dict):
            raise BadRequest(f"tools.{index}.input_schema: Input should be an object")


def _kind(value: object) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")


def collect(stream: bytes) -> Json:
    """Collect a lawful stream of Anthropic events into the whole message they amount to.

    So a reply asked for whole is made from the same events as a streamed one, and the two cannot disagree.
    A block that was never closed (see ``event_writer``: a tool call cut at the length limit) is left out, as the
    client leaves it out. Raises: MalformedReply when ``stream`` holds an ``error`` event or does not end.
    """
    parser = framing.ServerSentEvents()
    message: Json = {}
    block: Json = {}
    pieces: list[str] = []
    for frame in (*parser.feed(stream), *parser.close()):
        event: Json = orjson.loads(frame.data)
        match event["type"]:
            case "message_start":
                message = event["message"]
            case "content_block_start":
                block, pieces = event["content_block"], []
            case "content_block_delta":
                _add(event["delta"], block, pieces)
            case "content_block_stop":
                message["content"].append(_finished(block, pieces))
            case "message_delta":
                message.update(event["delta"])
                message["usage"].update(event["usage"])
            case "message_stop":
                return message
            case "error":
                raise MalformedReply(event["error"]["message"])
            case "ping":
                pass
            case unknown:
                raise AssertionError(f"no collector for the event {unknown}")
    raise MalformedReply("The stream of events has no message_stop.")


def _add(delta: Json, block: Json, pieces: list[str]) -> None:
    match delta["type"]:
        case "text_delta":
            pieces.append(delta["text"])
        case "thinking_delta":
            pieces.append(delta["thinking"])
        case "input_json_delta":
            pieces.append(delta["partial_json"])
        case "signature_delta":
            block["signature"] = delta["signature"]
        case "citations_delta":
            block.setdefault("citations", []).append(delta["citation"])
        case unknown:
            raise AssertionError(f"no collector for the delta {unknown}")


def _finished(block: Json, pieces: list[str]) -> Json:
    whole = "".join(pieces)
    match block["type"]:
        case "text":
            return {**block, "text": whole}
        case "thinking":
            return {**block, "thinking": whole}
        case "tool_use" | "server_tool_use":
            return {**block, "input": orjson.loads(whole) if whole else {}}
        case "web_search_tool_result":
            return block
        case unknown:
            raise AssertionError(f"no collector for the block {unknown}")
