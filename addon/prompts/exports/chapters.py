"""A session as chapters: its conversation, each agent, the calls beside them; in each, turn by turn what is new. Pure.

Every request of the client's repeats the whole history. Here a turn holds only what was not in the turn before it of
the same chapter, nor in that one's answer. Messages are the same whatever the client varies between two requests: a
text as a string or as a block, the marks of its cache, thinking that it leaves out. Where less than half of what was
said before is still there, or the client has compacted, the conversation begins anew at a joint.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import blake2b
from itertools import count
from typing import Any

import orjson

from addon.prompts import answer, threads
from addon.prompts.alignment import Steps, align
from addon.prompts.answer import Answer
from addon.prompts.entry import Entry
from addon.prompts.exports import pieces
from addon.protocol.errors import BadRequest
from addon.protocol.messages import Json, parse_json
from addon.routing.call import Kind

MARKS = frozenset(("cache_control", "signature", "citations", "caller"))  # fields that come and go on the same block
UNSAID = frozenset(("thinking", "redacted_thinking"))  # kinds of blocks that the client may leave out of the history


class Sort(StrEnum):
    """What a chapter is about."""

    MAIN = "main"
    AGENT = "agent"
    BESIDE = "beside"  # titles, searches, questions on the side: what is part of no conversation


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One exchange, and what is new in it.

    ``entry`` is without its bodies, of which a session has too many. ``place`` counts from one in the session. ``new``:
    the messages, in order; ``known``: how many were told before; ``gone``: how many of those before are no longer
    there. ``names``: the tools that were called, by the calls' ids.
    """

    entry: Entry
    place: int
    request: Json = field(default_factory=dict)  # the last one of a conversation; of any other turn it is empty
    new: tuple[Json, ...] = ()
    known: int = 0
    gone: int = 0
    is_joint: bool = False  # what follows a compaction, or keeps less than half
    answer: Answer | None = None  # None: there is none
    names: Mapping[str, str] = field(default_factory=dict)
    is_beside: bool = False  # it is part of no conversation

    @property
    def is_compaction(self) -> bool:
        """Whether it asks for a summary of the conversation, which then begins anew with it."""
        return self.entry.summary.kind == Kind.COMPACTION


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """One conversation, or all that was asked beside them, in the order of the log."""

    sort: Sort
    turns: tuple[Turn, ...]
    agent: str | None = None
    parent: str | None = None
    agent_type: str | None = None


@dataclass(slots=True)
class _Thread:
    """What is known of a chapter while it is read."""

    sort: Sort
    turns: list[Turn] = field(default_factory=list)
    said: list[bytes] = field(default_factory=list)  # a key for each message of the newest request, and its answer's
    names: dict[str, str] = field(default_factory=dict)
    compacted: bool = False
    newest: int | None = None  # the turn that holds the conversation's request

    def add(self, turn: Turn) -> None:
        """Add a turn, and let go of the request before it where the new one goes on from there."""
        if turn.request:
            if self.newest is not None and not turn.is_joint:
                self.turns[self.newest] = replace(self.turns[self.newest], request={})
            self.newest = len(self.turns)
        self.turns.append(turn)


def chapters(entries: Iterable[Entry], places: Iterable[int] | None = None) -> tuple[Chapter, ...]:
    """Return the conversation first, then the agents as they appeared, then what was asked beside them.

    ``places``: those of the entries in their session; by default they are all of it. Entries are looked at one by one,
    and none is held.
    """
    known: dict[str, _Thread] = {}
    for place, entry in zip(count(1) if places is None else places, entries, strict=False):
        request = parsed(entry)
        name, sort = _thread_of(entry, request)
        thread = known.setdefault(name, _Thread(sort))
        thread.add(_turn(entry, place, request, thread, known.get(entry.summary.agent or "")))
    order = list(Sort)
    found = sorted(known.values(), key=lambda thread: order.index(thread.sort))
    return tuple(map(_chapter, found))


def parsed(entry: Entry) -> Json:
    """Return the client's request; empty where it is not kept or no JSON object."""
    if entry.request is None:
        return {}
    try:
        request = parse_json(entry.request.body)
    except BadRequest:
        return {}
    return request if isinstance(request, dict) else {}


def messages(request: Json) -> list[Json]:
    """Return the messages of a request of any shape; what is no object is passed over."""
    found = request.get("messages")
    return [message for message in found if isinstance(message, dict)] if isinstance(found, list) else []


def conversations(turns: Iterable[Turn]) -> list[list[Turn]]:
    """Cut a chapter's turns where its conversation begins anew; without the calls that compact."""
    found: list[list[Turn]] = []
    for turn in turns:
        if turn.is_compaction:
            continue
        if turn.is_joint or not found:
            found.append([])
        found[-1].append(turn)
    return found


def _thread_of(entry: Entry, request: Json) -> tuple[str, Sort]:
    """Name the chapter of an exchange. An agent that has no id is known by the words it was given first."""
    summary = entry.summary
    found = threads.conversation_of(summary.session or "", summary.agent, summary.kind)
    if found is None or summary.origin is not None:
        return "beside", Sort.BESIDE
    if summary.agent:
        return summary.agent, Sort.AGENT
    if found[1] == threads.CONVERSATIONS[Kind.MAIN]:
        return "", Sort.MAIN
    return "agent " + b"".join(_key(message) for message in messages(request)[:1]).hex(), Sort.AGENT


def _turn(entry: Entry, place: int, request: Json, thread: _Thread, asker: _Thread | None) -> Turn:
    said = messages(request)
    keys = [_key(message) for message in said]
    before = thread.said
    if thread.sort is Sort.BESIDE:  # it may repeat the conversation it is asked beside
        before = asker.said if asker is not None and _is_same(asker.said, keys) else []
        thread.names = thread.names | (asker.names if asker is not None else {})
    new, kept = _new(before, keys) if request else ([], len(before))
    given = answer.of(entry.given) if entry.given is not None else None
    is_compaction = entry.summary.kind == Kind.COMPACTION
    begins_anew = thread.compacted or kept * 2 < len(before)
    turn = Turn(
        entry=replace(entry, request=None, sent=None, reply=None, given=None),
        place=place,
        request={} if is_compaction or thread.sort is Sort.BESIDE else request,
        new=tuple(said[index] for index in new),
        known=kept,
        gone=len(before) - kept,
        is_joint=bool(before) and begins_anew and not is_compaction and thread.sort is not Sort.BESIDE,
        answer=given,
        names=thread.names,
        is_beside=thread.sort is Sort.BESIDE,
    )
    thread.names |= pieces.names([*turn.new, _answered(given)])
    if is_compaction:
        thread.compacted = given is not None and given.message is not None
    elif thread.sort is not Sort.BESIDE and request:
        thread.compacted = False
        thread.said = [*keys, *([_key(_answered(given))] if _answered(given) else [])]
    return turn


def _is_same(said: Sequence[bytes], keys: Sequence[bytes]) -> bool:
    """Whether messages begin as a conversation does."""
    return bool(said) and said[:1] == keys[:1]


def _answered(given: Answer | None) -> Json:
    """Return an answer as the message that the next request repeats; empty where there is none."""
    content = given.message.get("content") if given is not None and given.message is not None else None
    return {"role": "assistant", "content": content} if content else {}


def _new(before: Sequence[bytes], keys: Sequence[bytes]) -> tuple[list[int], int]:
    """Return the places of the messages that were not told before, and how many of those before are still there."""
    kept = 0
    new: list[int] = []
    for stretch in align(before, keys, Steps()):
        places = range(len(keys))[stretch.new]
        if stretch.state == "same":
            kept += len(places)
        else:
            new += places
    return new, kept


def _key(message: Json) -> bytes:
    """Return the same bytes for the same message."""
    content = message.get("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    told = [_plain(block) for block in blocks] if isinstance(blocks, list) else blocks
    if message.get("role") == "assistant" and isinstance(told, list):
        told = [block for block in told if not (isinstance(block, dict) and block.get("type") in UNSAID)]
    try:
        written = orjson.dumps([message.get("role"), told], option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # nested too deeply to be written
        written = repr(told).encode("utf-8", "replace")
    return blake2b(written, digest_size=16).digest()


def _plain(block: Any) -> Any:
    if not isinstance(block, dict):
        return block
    return {name: value for name, value in block.items() if name not in MARKS}


def _chapter(thread: _Thread) -> Chapter:
    summaries = [turn.entry.summary for turn in thread.turns]
    if thread.sort is not Sort.AGENT:
        return Chapter(sort=thread.sort, turns=tuple(thread.turns))
    return Chapter(
        sort=thread.sort,
        turns=tuple(thread.turns),
        agent=summaries[0].agent,
        parent=next((summary.parent_agent for summary in summaries if summary.parent_agent), None),
        agent_type=next((summary.agent_type for summary in summaries if summary.agent_type), None),
    )
