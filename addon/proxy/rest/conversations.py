"""The conversations of the prompt log over HTTP: read, emptied, continued, carried out and in, recorded or not.

Every verb opens the log for itself, in whichever thread it is called. Nothing here touches the event loop but
``Recorder.switch``, which sets two values that the recorder looks at. SQLAlchemy is imported with this module, so it is
imported when somebody asks, beside the event loop.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
from sqlalchemy.exc import SQLAlchemyError

from addon.prompts import conversation, threads
from addon.prompts.conversation import History, Told
from addon.prompts.entry import Entry, Reply, Request, Summary
from addon.prompts.log import retention, search
from addon.prompts.log.reading import ANY, Log, NotKept, Wanted
from addon.prompts.log.scribe import Book
from addon.prompts.log.writer import connect
from addon.protocol.errors import BadRequest, ConfigError
from addon.proxy.recorder import Recorder, rules_of
from addon.proxy.rest import models
from addon.proxy.rest.answers import WRONG, Ask
from addon.routing.call import REQUEST_CLASS, SESSION, Kind
from addon.routing.settings import Settings

ADDRESS = "https://api.anthropic.com/v1/messages"
CARRIED = ("anthropic-version", "anthropic-beta")  # what a body may say depends on them
VERSION = ("anthropic-version", "2023-06-01")
NO_LOG = "There is no prompt log at {file} yet: it is made with the first exchange that is recorded."
PATIENCE_S, PAUSE_S = 1.0, 0.005  # with what ended and is not written yet
NEAR = 200  # exchanges
HAS_EXCHANGES = "SELECT 1 FROM sqlite_master WHERE name = 'exchanges'"
JSON: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)


class Conversations:
    """See the module. Raises: BadRequest, 404 where there is no such thing, 503 where the log fails."""

    def __init__(self, recorder: Recorder, settings: Callable[[], Settings | None], home: Callable[[], Path]) -> None:
        """``home`` is DETOUR_HOME."""
        self._recorder, self._find, self._home = recorder, settings, home

    # -- what is shown -------------------------------------------------------------------------------------------------

    def newest(self, session: str | None, limit: int) -> models.Conversation:
        """Return the newest messages of a conversation."""
        _ = self._settings
        self._settle()
        if session is None and not self._is_there:
            return models.Conversation(session=None, messages=[], total_count=0, note="There is no log yet.")
        with self._opened() as log:
            entry = _turn(log, session)
            if entry is None:
                return models.Conversation(session=None, messages=[], total_count=0, note="No conversation is in it.")
            found = conversation.history(entry)
            first = max(0, len(found.messages) - limit)
            told = conversation.attributed(found, _turns(log, entry), first)
        shown = [_message(each) for each in told[first:]]
        return models.Conversation(session=found.session, messages=shown, total_count=len(told))

    def status(self) -> models.Recorded:
        """Say whether conversations are recorded, and what the log holds."""
        settings, file, tally = self._settings, self._file, self._recorder.tally
        sessions = exchanges = messages = 0
        if self._is_there:
            with self._opened() as log:
                rows = log.sessions(limit=-1)
                sessions, exchanges = len(rows), sum(row.exchanges for row in rows)
                messages = _length(_turn(log, None))
        return models.Recorded(
            recording_enabled=self._recorder.is_on(settings),
            record=self._recorder.mode(settings).value,
            file_path=str(file),
            buffer_size=self._recorder.waiting,
            total_recent_conversations=sessions,
            exchanges=exchanges,
            messages=messages,
            bytes=_size(file),
            lost=tally.lost,
            fault=tally.fault,
        )

    def exported(self, session: str | None) -> models.Exported:
        """Return a conversation, whole."""
        found = self._history(session)
        return models.Exported(session=found.session, request=found.request, messages=list(found.messages))

    # -- what is changed -----------------------------------------------------------------------------------------------

    def switch(self, *, on: bool, file_path: str = "") -> models.Recorded:
        """Record them, or do not. Raises: BadRequest for a file that lies elsewhere, or is no log."""
        settings = self._settings
        file = self._place(file_path, settings) if file_path else None
        self._recorder.switch(on=on, file=file)
        told = f"recording enabled, saving to: {self._file}" if on else "recording disabled"
        return self.status().model_copy(update={"message": f"Conversation {told}"})

    def _place(self, text: str, settings: Settings) -> Path:
        """Read a path: one that is not absolute is one in DETOUR_HOME, and every other must lie where it may."""
        home = self._home()
        try:
            file = (home / Path(text).expanduser()).resolve()
            folders = [folder.expanduser().resolve() for folder in (home, *map(Path, settings.recording.folders))]
            if not any(file.is_relative_to(folder) and file != folder for folder in folders):
                known = ", ".join(map(str, folders))
                raise BadRequest(f"file_path: {file} lies in none of {known}; `record_folders` in detour.yaml adds one")
            if file.exists() and not _is_log(file):
                raise BadRequest(f"file_path: {file} is there already, and is no prompt log")
        except (OSError, ValueError, RuntimeError) as error:
            raise BadRequest(f"file_path: {error}") from None
        return file

    def empty(self) -> models.Emptied:
        """Empty the log."""
        _, file = self._settings, self._file
        self._settle()
        if not self._is_there:
            return models.Emptied(message=f"There is no log at {file}.", exchanges=0, conversations=0, bytes=0)
        before = _size(file)
        with self._opened() as log:
            sessions = log.count_sessions()
        with _told(), closing(connect(file)) as database:
            gone = retention.empty(database)
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            search.remove(file)  # its words go too
        return models.Emptied(
            message=f"Deleted from {file}: {gone} exchanges of {sessions} conversations.",
            exchanges=gone,
            conversations=sessions,
            bytes=max(0, before - _size(file)),
        )

    def bring(self, wanted: models.ImportBody) -> models.Imported:
        """Put a conversation into the log, as the newest."""
        settings, file = self._settings, self._file
        body, reply = conversation.parted(wanted.request, [each.model_dump() for each in wanted.messages])
        session = wanted.session if wanted.session and not self._has(wanted.session) else str(uuid4())
        entry = _brought(session, body, reply)
        with _told(), closing(Book(file, rules_of(settings, self._home()))) as book:
            book.add(entry)
        return models.Imported(
            message="The conversation is in the log, and the newest; POST /conversation/continue goes on with it.",
            session=session,
            exchange=f"req_{entry.summary.id}",
            total_count=len(wanted.messages),
        )

    def _has(self, session: str) -> bool:
        if not self._is_there:
            return False
        with self._opened() as log:
            return bool(log.summaries(Wanted(session=session), limit=1))

    def next(self, given: Mapping[str, Any], session: str | None) -> Ask:
        """Return the next turn of a conversation."""
        _ = self._settings
        self._settle()
        with self._opened() as log:
            entry = _turn(log, session)
        if entry is None:
            raise BadRequest(f"There is no conversation in {self._file} to go on with.", 404, conversation.MISSING)
        found = conversation.history(entry)
        body = conversation.continued(found, given)
        sent = {name.lower(): value for name, value in entry.request.headers} if entry.request else {}
        headers = {**dict((VERSION, *JSON)), **{name: sent[name] for name in CARRIED if name in sent}}
        headers[REQUEST_CLASS] = Kind.MAIN.value
        if found.session is not None:
            headers[SESSION] = found.session
        query = urlsplit(entry.request.url).query if entry.request else ""
        return Ask(orjson.dumps(body), tuple(headers.items()), query)

    # -- inside --------------------------------------------------------------------------------------------------------

    @property
    def _settings(self) -> Settings:
        settings = self._find()
        if settings is None:
            raise BadRequest(WRONG, 503, "api_error")
        return settings

    @property
    def _file(self) -> Path:
        return self._recorder.file()

    def _history(self, session: str | None) -> History:
        _ = self._settings
        self._settle()
        with self._opened() as log:
            entry = _turn(log, session)
        if entry is None:
            raise BadRequest(f"There is no conversation in {self._file}.", 404, conversation.MISSING)
        return conversation.history(entry)

    def _settle(self) -> None:
        """Let the recorder write what has ended."""
        deadline = time.monotonic() + PATIENCE_S
        while self._recorder.waiting and time.monotonic() < deadline:
            time.sleep(PAUSE_S)

    @property
    def _is_there(self) -> bool:
        """Whether there is a log: the file may be one that is just being made."""
        with self._reading():
            return self._file.is_file() and _holds_exchanges(self._file)

    @contextmanager
    def _opened(self) -> Iterator[Log]:
        """Open the log for reading. Raises: BadRequest 404 where there is none."""
        if not self._is_there:
            raise BadRequest(NO_LOG.format(file=self._file), 404, conversation.MISSING)
        with self._reading(), closing(Log(self._file)) as log:
            yield log

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """What fails in reading is told."""
        try:
            yield
        except NotKept as error:
            raise BadRequest(error.message, 404, conversation.MISSING) from None
        except (SQLAlchemyError, sqlite3.Error, OSError) as error:
            told = getattr(error, "orig", None) or error  # without the statement
            raise BadRequest(f"The log {self._file} cannot be read: {told}", 503, "api_error") from None


@contextmanager
def _told() -> Iterator[None]:
    """What fails in writing is told."""
    try:
        yield
    except (sqlite3.Error, OSError, ConfigError) as error:
        raise BadRequest(f"The log cannot be written: {error}", 503, "api_error") from None


def _turn(log: Log, session: str | None) -> Entry | None:
    """Find the newest turn, of a session or of all; None: there is none. Raises: NotKept for an unknown session."""
    wanted = Wanted(session=log.session(session)) if session is not None else ANY
    for most in (NEAR, None):  # it is among the newest, but for a log of calls beside conversations
        found = next(filter(conversation.is_turn, log.summaries(wanted, newest=True, limit=most)), None)
        if found is not None:
            return log.entry(found.number)
    return None


def _turns(log: Log, newest: Entry) -> Iterator[tuple[Summary, int]]:
    """Yield a turn and those that it continues, each with the number of messages in its request."""
    session = newest.summary.session
    summaries = log.summaries(Wanted(session=session)) if session is not None else []
    earlier = {turn.summary.number: turn.previous for turn in threads.turns(summaries)}
    summary: Summary | None = newest.summary
    while summary is not None:
        body = conversation.parsed(log.entry(summary.number))
        if body is None:
            return
        yield summary, len(body["messages"])
        summary = earlier.get(summary.number)


def _length(entry: Entry | None) -> int:
    """How many messages a conversation has; 0 where its prompts are not kept."""
    try:
        return len(conversation.history(entry).messages) if entry is not None else 0
    except BadRequest:
        return 0


def _message(told: Told) -> models.Message:
    at = datetime.fromtimestamp(told.at, UTC).isoformat(timespec="milliseconds") if told.at is not None else None
    return models.Message(
        timestamp=at,
        role=str(told.message.get("role")),
        content=told.message.get("content"),
        model_used=told.model,
        exchange=f"req_{told.exchange}" if told.exchange else None,
    )


def _brought(session: str, body: dict[str, Any], reply: dict[str, Any] | None) -> Entry:
    """A conversation as if it had been asked and answered now."""
    model = body.get("model")
    message = {"id": "msg_import", "type": "message", "model": model, "stop_reason": "end_turn", **(reply or {})}
    summary = Summary(
        id=uuid4().hex[:24],
        at=time.time(),
        session=session,
        kind=Kind.MAIN.value,
        asked=model if isinstance(model, str) else None,
        status=200 if reply is not None else 0,
        stop_reason="end_turn" if reply is not None else None,
        origin=conversation.IMPORT,
    )
    return Entry(
        summary=summary,
        reason="it was brought in by POST /conversation/import",
        request=Request(method="POST", url=ADDRESS, headers=(*JSON, VERSION), body=orjson.dumps(body)),
        given=Reply(status=200, headers=JSON, body=orjson.dumps(_as_reply(message))) if reply is not None else None,
    )


def _as_reply(message: dict[str, Any]) -> dict[str, Any]:
    """A reply's content is a list of blocks; a history's may be a text."""
    content = message["content"]
    return {**message, "content": [{"type": "text", "text": content}] if isinstance(content, str) else content}


def _size(file: Path) -> int:
    """Bytes on disk, with what SQLite keeps beside it."""
    found = (file, file.with_name(f"{file.name}-wal"))
    return sum(each.stat().st_size for each in found if each.is_file())


def _is_log(file: Path) -> bool:
    try:
        return _holds_exchanges(file)
    except sqlite3.Error:
        return False


def _holds_exchanges(file: Path) -> bool:
    """Raises: sqlite3.Error for what is no database."""
    with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
        return database.execute(HAS_EXCHANGES).fetchone() is not None
