"""A conversation as the log holds it, and its next turn. Pure.

The client sends a conversation whole with every turn, so the newest turn that was answered holds all of it: its request
and its answer. A turn is what the main agent asks; titles, counts and other calls beside it are none. Requests without
a session are turns too, each a conversation of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from addon.prompts import answer, threads
from addon.prompts.entry import Entry, Summary
from addon.prompts.usage import model_of
from addon.protocol.errors import BadRequest
from addon.protocol.messages import Json, check, parse_json
from addon.routing.call import Kind

IMPORT = "import"  # the origin of a conversation that was brought in
FORMAT = "detour-conversation"  # of an export
USER, ASSISTANT = "user", "assistant"
NOT_RUN = "The tool was not run: the conversation was continued without it."
MISSING = "not_found_error"


@dataclass(frozen=True, slots=True)
class Told:
    """A message, when it was first sent, and who was asked or answered; None: unknown. ``at``: seconds since 1970."""

    message: Json
    at: float | None = None
    model: str | None = None
    exchange: str | None = None  # its id


@dataclass(frozen=True, slots=True)
class History:
    """``request``: all of the newest request but its messages; ``asked`` of these were in it, then the answer."""

    session: str | None
    request: Json
    messages: Sequence[Json]
    asked: int


def is_turn(summary: Summary) -> bool:
    """Whether an exchange holds a conversation: one of the main agent's, answered, or one that was brought in."""
    if summary.origin == IMPORT:
        return True
    is_main = summary.kind == Kind.MAIN or (summary.kind == Kind.OTHER and summary.session is None)
    return is_main and summary.origin is None and not summary.agent and threads.is_answered(summary)


def history(entry: Entry) -> History:
    """Read a turn. Raises: BadRequest 404 where the log holds no prompts of it."""
    body = parsed(entry)
    if body is None:
        raise BadRequest("The log holds no prompts of it, but who answered: see `record`.", 404, MISSING)
    asked = body.pop("messages")
    said = answer.of(entry.given).message if entry.given is not None else None
    reply = [{"role": ASSISTANT, "content": said["content"]}] if said and said.get("content") else []
    return History(entry.summary.session, body, (*asked, *reply), len(asked))


def parsed(entry: Entry) -> Json | None:
    """Return a turn's request; None where it is not kept, or is none."""
    try:
        body = parse_json(entry.request.body) if entry.request is not None else None
    except BadRequest:
        return None
    is_one = isinstance(body, dict) and isinstance(body.get("messages"), list)
    return body if is_one and isinstance(body, dict) else None


def attributed(found: History, turns: Iterable[tuple[Summary, int]], first: int = 0) -> list[Told]:
    """Say of the messages from ``first`` on who sent or wrote them, and when.

    In: the turns, newest first, each with the number of messages in its request; no more are taken than are needed.
    Where a turn does not continue the one before it in so many words, as after a compaction, the rest stays unknown.
    """
    told = [Told(message) for message in found.messages]
    newer: tuple[Summary, int] | None = None
    for summary, asked in turns:
        if newer is not None:
            continues = asked < newer[1] and told[asked].message.get("role") == ASSISTANT
            _sent(told, newer[0], asked + 1 if continues else newer[1] - 1, newer[1])
            if not continues:
                return told
        if asked < len(told):
            written_at = summary.at + summary.total_ms / 1000
            told[asked] = Told(told[asked].message, written_at, model_of(summary), summary.id)
        newer = summary, asked
        if asked <= first:
            return told
    if newer is not None:
        _sent(told, newer[0], 0, newer[1])
    return told


def _sent(told: list[Told], summary: Summary, begin: int, end: int) -> None:
    for index in range(begin, end):
        told[index] = Told(told[index].message, summary.at, model_of(summary), summary.id)


# -- the next turn -----------------------------------------------------------------------------------------------------


def continued(found: History, given: Mapping[str, Any]) -> Json:
    """Return the request of the next turn. Raises: BadRequest.

    ``given`` is what a request says, its messages new ones, or ``message`` in place of these, a text. It goes over what
    the last request said; null takes a field out. A reply is streamed where it says so, and not because the last was.
    """
    said = {name: value for name, value in given.items() if name not in ("message", "messages")}
    new = _new(given)
    if pending := _open_calls(found.messages, new):
        new = _answered(new, pending)
    body = {**found.request, "stream": False, **said, "messages": [*found.messages, *new]}
    if "max_tokens" not in body:
        raise BadRequest("max_tokens: Field required")
    body = {name: value for name, value in body.items() if value is not None}
    check(body)
    return body


def _new(given: Mapping[str, Any]) -> list[Json]:
    text, messages = given.get("message"), given.get("messages")
    if (text is None) == (messages is None):
        raise BadRequest("give message, a text, or messages")
    if text is not None:
        return [{"role": USER, "content": text}]
    if not isinstance(messages, list) or not messages or not isinstance(messages[0], dict):
        raise BadRequest("messages: at least one message is required")
    return [*messages]


def _open_calls(messages: Sequence[Json], new: Sequence[Json]) -> list[str]:
    """The tool calls at the end whose results nobody sends."""
    if not messages or messages[-1].get("role") != ASSISTANT:
        return []
    sent = {block.get("tool_use_id") for block in _blocks(new[0]) if block.get("type") == "tool_result"}
    calls = [str(block.get("id")) for block in _blocks(messages[-1]) if block.get("type") == "tool_use"]
    return [call for call in calls if call not in sent]


def _answered(new: Sequence[Json], calls: Sequence[str]) -> list[Json]:
    """Put results in front that say that there are none: a call without one is refused."""
    results = [{"type": "tool_result", "tool_use_id": call, "content": NOT_RUN, "is_error": True} for call in calls]
    first, *rest = new
    if first.get("role") != USER:
        return [{"role": USER, "content": results}, *new]
    content = first.get("content")
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return [{**first, "content": [*results, *blocks]}, *rest]


def _blocks(message: Json) -> list[Json]:
    content = message.get("content")
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


# -- out and in --------------------------------------------------------------------------------------------------------


def parted(request: Mapping[str, Any], messages: Sequence[Json]) -> tuple[Json, Json | None]:
    """Part a conversation that is brought in into a request and the answer to it. Raises: BadRequest.

    None: it does not end with the assistant. A model and a limit, where none are told, are needed when it goes on.
    """
    *asked, last = messages
    reply = last if last.get("role") == ASSISTANT else None
    body = {**request, "messages": asked if reply is not None else [*messages]}
    if not body["messages"]:
        raise BadRequest("messages: the first is the user's")
    check({"model": "any", **body, "messages": [*messages]})
    return body, reply
