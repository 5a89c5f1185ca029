"""Where two readings of one thing differ, and a reviewed table of the differences that are meant.

Both readings are normalised first (`request`, `reply`), so that only meaning is left: the order of tools, None, whether
text is one string or several parts, how JSON inside a string is spaced. Then `differences` walks both and names each
place with its path. A message, a part and a block are named by their role or type, so a path reads
`messages.3.tool.content.0.text`; text is compared line by line.
"""

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, override

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """One place. None means that there is nothing."""

    story: str
    model: str  # litellm's `provider/name`
    path: tuple[str, ...]
    ours: Any
    theirs: Any

    @override
    def __str__(self) -> str:
        return (
            f"{self.model}, {self.story}: {'.'.join(self.path)}\n    ours:   {self.ours!r}\n    theirs: {self.theirs!r}"
        )


class _Anything:
    @override
    def __repr__(self) -> str:
        return "anything"


ANYTHING: Any = _Anything()


@dataclass(frozen=True, slots=True)
class Row:
    """A difference that is meant.

    `path` has `*` for any one step, and at its end `**` for any number. `ours` and `theirs` say what stands there: a
    value (None: nothing), a pattern that a text matches whole, a function that judges a value, or ANYTHING.
    `models` is the beginning of the models' names, `stories` the stories; "" and () for all.
    """

    path: str
    why: str
    ours: Any = ANYTHING
    theirs: Any = ANYTHING
    models: tuple[str, ...] = ("",)
    alike: Callable[[Any, Any], bool] | None = None  # what holds between ours and theirs
    stories: tuple[str, ...] = ()

    def explains(self, difference: Difference) -> bool:
        """Whether this is the difference that the row speaks of."""
        return (
            difference.model.startswith(self.models)
            and (not self.stories or difference.story in self.stories)
            and _leads(self.path.split("."), difference.path)
            and _fits(self.ours, difference.ours)
            and _fits(self.theirs, difference.theirs)
            and (self.alike is None or _is_alike(self.alike, difference))
        )


def _is_alike(alike: Callable[[Any, Any], bool], difference: Difference) -> bool:
    return difference.ours is not None and difference.theirs is not None and alike(difference.ours, difference.theirs)


def _leads(pattern: Sequence[str], path: Sequence[str]) -> bool:
    if pattern[-1] == "**":
        pattern = pattern[:-1]
        path = path[: len(pattern)]
    return len(pattern) == len(path) and all(step in ("*", taken) for step, taken in zip(pattern, path, strict=True))


def _fits(wanted: Any, value: Any) -> bool:
    if wanted is ANYTHING:
        return True
    if isinstance(wanted, re.Pattern):
        return isinstance(value, str) and wanted.fullmatch(value) is not None
    if callable(wanted):
        return value is not None and bool(wanted(value))
    return bool(type(wanted) is type(value) and wanted == value)


def unexplained(found: Iterable[Difference], table: Sequence[Row]) -> list[Difference]:
    """The differences that no row speaks of."""
    return [difference for difference in found if not any(row.explains(difference) for row in table)]


def stale(found: Sequence[Difference], table: Sequence[Row]) -> list[Row]:
    """The rows that explain nothing (any more)."""
    return [row for row in table if not any(map(row.explains, found))]


def differences(story: str, model: str, ours: Json, theirs: Json) -> list[Difference]:
    """Every place where two normal forms differ; an end without an answer is one place, whatever the other says."""
    for end in ("refused", "error"):
        if (end in ours) != (end in theirs):
            return [Difference(story, model, (end,), ours.get(end), theirs.get(end))]
    return [Difference(story, model, *place) for place in _places((), ours, theirs)]


type Place = tuple[tuple[str, ...], Any, Any]


def _places(path: tuple[str, ...], ours: Any, theirs: Any) -> Iterator[Place]:
    if ours == theirs and type(ours) is type(theirs):
        return
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from _places((*path, key), ours.get(key), theirs.get(key))
    elif isinstance(ours, list) and isinstance(theirs, list):
        lines = path[-1:] == ("lines",)
        for low, high, their_low, their_high in _unequal([*map(_whole, ours)], [*map(_whole, theirs)]):
            if lines:
                hunk, their_hunk = "\n".join(ours[low:high]), "\n".join(theirs[their_low:their_high])
                yield (*path, str(low)), hunk if high > low else None, their_hunk if their_high > their_low else None
            else:
                yield from _items(path, low, ours[low:high], theirs[their_low:their_high])
    else:
        yield path, ours, theirs


def _items(path: tuple[str, ...], start: int, ours: list[Any], theirs: list[Any]) -> Iterator[Place]:
    """Items that are not equal: those of one kind, in their order, are compared; the others stand side by side."""
    left, right = [*map(_kind, ours)], [*map(_kind, theirs)]
    done = their_done = 0
    for low, high, their_low, their_high in [*_unequal(left, right), (len(left), len(left), len(right), len(right))]:
        for offset in range(low - done):
            yield from _places((*path, str(start + done + offset)), ours[done + offset], theirs[their_done + offset])
        for offset, (our_item, their_item) in enumerate(zip_longest(ours[low:high], theirs[their_low:their_high])):
            step = (*path, str(start + low + offset))
            if our_item is not None and their_item is not None and our_item.keys() == their_item.keys():
                yield step, our_item, None  # results of different calls are no pair
                yield step, None, their_item
            else:
                yield step, our_item, their_item
        done, their_done = high, their_high


def _unequal(ours: list[str], theirs: list[str]) -> Iterator[tuple[int, int, int, int]]:
    """The stretches of both that are not equal: from and to in ours, from and to in theirs."""
    for tag, *bounds in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        if tag != "equal":
            yield (bounds[0], bounds[1], bounds[2], bounds[3])


def _whole(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True)


def _kind(item: Any) -> str:
    """A message's role, a part's type; a result also answers a certain call."""
    if not isinstance(item, dict):
        return type(item).__name__
    return " ".join(
        (*sorted(item), *(str(held.get("tool_call_id")) for held in item.values() if isinstance(held, dict)))
    )


# -- normal forms --------------------------------------------------------------------------------------------------


def request(body: Json) -> Json:
    """A chat-completions request, or `{"refused": why}`, without what means nothing."""
    if "refused" in body:
        return body
    ids: dict[str, str] = {}
    normal = {key: value for key, value in body.items() if value is not None and key != "model"}
    normal["messages"] = [_message(message, ids) for message in body["messages"]]
    for field in ("max_tokens", "max_completion_tokens"):
        if field in normal:
            normal["limit"] = {"field": field, "tokens": normal.pop(field)}
    match normal.get("reasoning"):  # OpenRouter's form of OpenAI's field
        case {"effort": effort}:
            del normal["reasoning"]
            normal["reasoning_effort"] = effort
        case {"enabled": False}:
            del normal["reasoning"]
            normal["reasoning_effort"] = "none"
        case _:
            pass
    if "tools" in normal:
        normal["tools"] = {_tool_name(tool): tool for tool in normal["tools"]}
    return normal


def _tool_name(tool: Json) -> str:
    return str(tool.get("function", tool).get("name") or tool["type"])


def _message(message: Json, ids: dict[str, str]) -> Json:
    """By its role. Calls are numbered, because an id says nothing but which result is whose."""
    held = {key: value for key, value in message.items() if value is not None and key != "role"}
    content = held.get("content") or []
    held["content"] = _parts([{"type": "text", "text": content}] if isinstance(content, str) else content)
    if "tool_calls" in held:
        held["tool_calls"] = [_call(call, ids) for call in held["tool_calls"]]
    if "tool_call_id" in held:
        held["tool_call_id"] = ids.get(held["tool_call_id"], held["tool_call_id"])
    role = message["role"]
    return {"system": {**held, "role": role}} if role == "developer" else {role: held}


def _call(call: Json, ids: dict[str, str]) -> Json:
    function = call["function"]
    call_id = ids[call["id"]] = f"call {len(ids)}"
    return {**call, "id": call_id, "function": {**function, "arguments": json.loads(function["arguments"])}}


def _parts(parts: Sequence[Json]) -> list[Json]:
    """Parts and blocks by their types; texts that follow each other are one, and none where they are empty."""
    merged: list[Json] = []
    for part in parts:
        kind = part["type"]
        held = {key: value for key, value in part.items() if value is not None and key not in ("type", "signature")}
        if kind in ("text", "thinking"):
            lines = held.pop(kind).split("\n")
            if lines == [""] and not held:
                continue
            if not held and merged and kind in merged[-1]:
                merged[-1][kind]["lines"] += ["", *lines]
                continue
            held["lines"] = lines
        merged.append({kind: held})
    return merged


def reply(events: bytes | str) -> Json:
    """What a client has in hand after a stream of Anthropic's events, or a whole message: `{"error": true}`, or a
    message; a block that was never closed is not in it. Who speaks for a whole message, and its id, is left out.
    """
    text = events.decode() if isinstance(events, bytes) else events
    message = json.loads(text) if text.startswith("{") else _collected(text)
    if message.get("type") == "error":
        return {"error": True}
    usage = {key: count for key, count in (message.pop("usage", None) or {}).items() if count}
    content = _parts(message.pop("content"))
    rest = {key: value for key, value in message.items() if value is not None and key not in UNREAD}
    return {**rest, "content": content, "usage": usage}


UNREAD = ("id", "type", "role", "model")


def _collected(text: str) -> Json:
    message: Json = {"content": []}
    blocks: dict[int, Json] = {}
    pieces: dict[int, list[str]] = {}
    for line in text.split("\n"):
        event: Json = json.loads(line[len("data: ") :]) if line.startswith("data: ") else {}
        match event.get("type"):
            case "error":
                return event
            case "message_start":
                message = event["message"]
            case "content_block_delta" if event["index"] not in blocks:
                return {"type": "error"}  # "Content block not found" is all that the client makes of it
            case "content_block_start":
                blocks[event["index"]], pieces[event["index"]] = event["content_block"], []
            case "content_block_delta" if "citation" in event["delta"]:
                blocks[event["index"]].setdefault("citations", []).append(event["delta"]["citation"])
            case "content_block_delta":
                pieces[event["index"]] += [said for key, said in event["delta"].items() if key in SAID]
            case "content_block_stop":
                message["content"].append(_closed(blocks[event["index"]], "".join(pieces[event["index"]])))
            case "message_delta":
                message |= event["delta"]
                message["usage"] = {**message["usage"], **event["usage"]}
            case _:
                pass
    return message


SAID = ("text", "thinking", "partial_json")


def _closed(block: Json, said: str) -> Json:
    match block["type"]:
        case "tool_use" | "server_tool_use":
            return {**block, "input": _arguments(said)}
        case "web_search_tool_result":
            return block
        case "text" | "thinking" as kind:
            return {**block, kind: block[kind] + said}
        case other:
            raise AssertionError(f"a block of type {other}")


def _arguments(text: str) -> Any:
    try:
        return json.loads(text or "{}")
    except ValueError:
        return f"no JSON: {text}"
