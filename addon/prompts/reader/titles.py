"""What a session is called: as the client's own title call says, else by the first words of its user.

A title costs reading an exchange or two, so those that were found are kept while the reader runs, and a list of
sessions finds as many anew as it has time for; the script asks for the list again.
"""

import time
from collections.abc import Sequence
from threading import Lock

import orjson

from addon.prompts import answer
from addon.prompts.entry import Summary
from addon.prompts.log.reading import Log, NotKept, SessionRow, Wanted
from addon.prompts.reader import texts, transcript
from addon.protocol.errors import BadRequest
from addon.protocol.messages import parse_json
from addon.routing.call import Kind

LOOKED_AT = 12  # exchanges at the start of a session; the title call is among the first three
MOST_KEPT = 20_000
LIST_S = 0.12
MOST_TITLE = 90  # characters
TALKS = frozenset((Kind.MAIN, Kind.SUBAGENT, Kind.WORKFLOW, Kind.OTHER))


class Titles:
    """Those found so far."""

    def __init__(self) -> None:
        """None yet."""
        self._found: dict[str, str] = {}
        self._lock = Lock()

    def of(self, log: Log, rows: Sequence[SessionRow]) -> dict[str | None, str]:
        """Return titles by session; not all, where finding them would take too long."""
        until = time.monotonic() + LIST_S
        return {
            row.session: self.one(log, row.session)
            for row in rows
            if row.session is not None and (row.session in self._found or time.monotonic() < until)
        }

    def one(self, log: Log, session: str) -> str:
        """Return a session's title; empty where nothing was said in it."""
        if (kept := self._found.get(session)) is not None:
            return kept
        if title := find(log, session):
            with self._lock:
                if len(self._found) >= MOST_KEPT:
                    self._found.clear()
                self._found[session] = title
        return title


def find(log: Log, session: str) -> str:
    """Look for a session's title in the log."""
    first = log.summaries(Wanted(session=session), limit=LOOKED_AT)
    for summary in first:
        if summary.kind == Kind.TITLE and (title := _told(log, summary)):
            return title
    for summary in first:
        if summary.kind in TALKS and (title := _asked(log, summary)):
            return title
    return ""


def _told(log: Log, summary: Summary) -> str:
    try:
        entry = log.entry(summary.number)
        reply = entry.given or entry.reply
        told = orjson.loads(answer.of(reply).text) if reply is not None else None
    except (NotKept, orjson.JSONDecodeError):
        return ""
    title = told.get("title") if isinstance(told, dict) else None
    return texts.preview(title, MOST_TITLE) if isinstance(title, str) else ""


def _asked(log: Log, summary: Summary) -> str:
    try:
        request = log.entry(summary.number).request
        parsed = parse_json(request.body) if request is not None else None
    except (NotKept, BadRequest):
        return ""
    messages = transcript.messages(parsed) if isinstance(parsed, dict) else []
    said = next((message.preview for message in messages if message.role == "user" and message.preview), "")
    return texts.preview(said, MOST_TITLE)
