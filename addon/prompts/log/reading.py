"""Reads the prompt log. It may be written meanwhile, also by several processes: each call sees what is there then.

For any thread. SQLAlchemy is imported with this module, so mitmproxy's process imports it when somebody reads.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import zstandard
from sqlalchemy import ColumnElement, Connection, Engine, case, create_engine, event, func, select, text
from sqlalchemy.engine import Row
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from addon.prompts.entry import Entry, Summary
from addon.prompts.log import document, statements, streams
from addon.prompts.log.tables import EXCHANGES, PACKS, WORDS
from addon.protocol.errors import ConfigError

UNPACKED_SEGMENTS = 16  # kept: a megabyte each, and a long session lies in a few
ID_PREFIX = "req_"
LAST = "last"
SHORTEST_PREFIX = 4  # characters of a session's or an exchange's id
MOST_NEAR = 5
FAILED_FROM = 400


class NoLog(ConfigError):
    """There is no log to read."""


class NotKept(ConfigError):
    """What is asked for is not in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which exchanges. None: any. ``session`` and ``agent`` may be empty: those without one."""

    session: str | None = None
    agent: str | None = None
    kind: str | None = None
    route: str | None = None
    origin: str | None = None
    of: str | None = None
    since: float | None = None
    until: float | None = None
    failed: bool = False


ANY = Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """A session in short; ``session`` None: the exchanges that named none. ``unpriced``: with tokens and no price."""

    session: str | None
    first_at: float
    last_at: float
    exchanges: int
    failed: int
    agents: int
    prompt_tokens: int
    output_tokens: int
    dollars: float
    unpriced: int
    routes: tuple[str, ...]


class Log:
    """See the module."""

    def __init__(self, file: Path) -> None:
        """Open it. Raises: NoLog; ConfigError for a file that is none, or of a newer version."""
        self.file = file
        self._engine = _engine(file)
        try:
            _check(self._engine, file)
        except BaseException:
            self._engine.dispose()
            raise
        self._lock = Lock()
        self._words: dict[int, str] = {}
        self._segments: OrderedDict[int, bytes] = OrderedDict()  # what they hold

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def newest(self) -> int:
        """The number of the newest exchange; 0: there is none."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.max(EXCHANGES.c.number))).scalar() or 0

    def sessions(self, limit: int = 50, offset: int = 0) -> list[SessionRow]:
        """Sessions, those with the newest exchange first."""
        columns = EXCHANGES.c
        prompt = columns.input_tokens + func.coalesce(columns.cache_read_tokens, 0)
        is_unpriced = columns.dollars.is_(None) & columns.output_tokens.is_not(None)
        asked = (
            select(
                columns.session, func.min(columns.at), func.max(columns.at), func.count(),
                func.sum(case((_failed(), 1), else_=0)), func.count(columns.agent.distinct()),
                func.coalesce(func.sum(prompt + func.coalesce(columns.cache_write_tokens, 0)), 0),
                func.coalesce(func.sum(columns.output_tokens), 0), func.coalesce(func.sum(columns.dollars), 0.0),
                func.sum(case((is_unpriced, 1), else_=0)), func.group_concat(columns.route.distinct()),
            ).group_by(columns.session).order_by(func.max(columns.number).desc()).limit(limit).offset(offset)
        )  # fmt: skip
        with self._engine.connect() as connection:
            rows = connection.execute(asked).all()
            words = self._known(connection)
        return [_session(row, words) for row in rows]

    def count_sessions(self) -> int:
        """How many sessions there are."""
        asked = select(EXCHANGES.c.session).distinct().subquery()
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(asked)).scalar() or 0

    def summaries(
        self, wanted: Wanted = ANY, *, after: int = 0, limit: int | None = None, newest: bool = False
    ) -> list[Summary]:
        """Exchanges in the order of their numbers, those behind number ``after``; ``newest``: the newest first."""
        number = EXCHANGES.c.number
        asked = select(EXCHANGES).where(number > after).order_by(number.desc() if newest else number)
        with self._engine.connect() as connection:
            words = self._known(connection)
            numbers = {text: number for number, text in words.items()}
            asked = asked.where(*_conditions(wanted, numbers)).limit(limit)
            rows = connection.execute(asked).all()
            words = self._known(connection)
        return [_summary(row, words) for row in rows]

    def entry(self, number: int) -> Entry:
        """Return an exchange, whole. Raises: NotKept."""
        with self._engine.connect() as connection:
            row = connection.execute(select(EXCHANGES).where(EXCHANGES.c.number == number)).one_or_none()
            if row is None:
                raise NotKept(f"There is no exchange {number} in the log; the newest is {self.newest()}.")
            read = partial(self._read, connection)
            summary = _summary(row, self._known(connection))
            return document.load(read([row.segment, row.start, row.size]), summary, read, streams.unpack)

    def resolve(self, text: str) -> Summary:
        """Find an exchange by its number, its id (or how it begins), SESSION/TURN, or ``last``. Raises: NotKept."""
        session, slash, turn = text.rpartition("/")
        if slash:
            return self._turn(self.session(session), turn)
        columns = EXCHANGES.c
        if text == LAST:
            found = self.summaries(newest=True, limit=1)
        elif text.isascii() and text.isdigit() and len(text) <= len(str(self.newest())):
            found = self._where(columns.number == int(text))
        else:
            found = self._where(columns.id.startswith(text.removeprefix(ID_PREFIX), autoescape=True))
        if len(found) != 1 or not text:
            what = f"several exchanges begin with {text!r}" if found else f"there is no exchange {text!r} in the log"
            raise NotKept(f"{what.capitalize()}. Write its number, its id, SESSION/TURN, or {LAST}.")
        return found[0]

    def session(self, text: str) -> str:
        """Find a session by how its name begins, or ``last``. Raises: NotKept."""
        rows = self.sessions(limit=-1)
        names = [row.session or "" for row in rows]
        found = [name for name in names if name == text] or [
            name for name in names if len(text) >= SHORTEST_PREFIX and name.startswith(text)
        ]
        if text == LAST and names:
            found = names[:1]
        if len(found) != 1:
            near = ", ".join(name[:8] or "(none)" for name in (found or names)[:MOST_NEAR]) or "none"
            what = f"Several sessions begin with {text!r}" if found else f"There is no session {text!r} in the log"
            raise NotKept(f"{what}. The newest are {near}; `detour sessions` lists them.")
        return found[0]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _turn(self, session: str, turn: str) -> Summary:
        """The exchange at a place of its session, counted from 1; from -1 at its end."""
        found = self.summaries(Wanted(session=session))
        digits = turn.removeprefix("-")
        place = int(turn) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(len(found))) else 0
        if turn == LAST:
            place = -1
        if not 1 <= abs(place) <= len(found):
            shown = session[:8] or "without a name"
            raise NotKept(f"There is no turn {turn!r} in session {shown}: write a number from 1 to {len(found)}.")
        return found[place - 1 if place > 0 else place]

    def _where(self, condition: ColumnElement[bool]) -> list[Summary]:
        asked = select(EXCHANGES).where(condition).order_by(EXCHANGES.c.number).limit(2)
        with self._engine.connect() as connection:
            rows = connection.execute(asked).all()
            words = self._known(connection)
        return [_summary(row, words) for row in rows]

    def _known(self, connection: Connection) -> Mapping[int, str]:
        """The words, those that were added since the last time too."""
        newest = max(self._words, default=0)
        found = connection.execute(select(WORDS).where(WORDS.c.id > newest)).all()
        if found:
            self._words = {**self._words, **{row.id: row.text for row in found}}
        return self._words

    def _read(self, connection: Connection, numbers: Sequence[int]) -> bytes:
        """Return the bytes of spans. Raises: NotKept where a segment is gone."""
        made = []
        for place in range(0, len(numbers), 3):
            segment, start, size = numbers[place : place + 3]
            made.append(self._segment(connection, segment, start + size)[start : start + size])
        return b"".join(made)

    def _segment(self, connection: Connection, segment: int, size: int) -> bytes:
        """Return what a segment holds, at least its first ``size`` bytes."""
        with self._lock:
            held = self._segments.pop(segment, b"")
            if len(held) < size:
                held = _unpacked(connection, segment)
            self._segments[segment] = held
            if len(self._segments) > UNPACKED_SEGMENTS:
                self._segments.popitem(last=False)
        if len(held) < size:
            raise NotKept(f"A part of the exchange is not in the log any more (segment {segment}).")
        return held


def _unpacked(connection: Connection, segment: int) -> bytes:
    first = segment * statements.PACKS_OF_SEGMENT
    asked = select(PACKS.c.data).where(PACKS.c.id.between(first, first + statements.PACKS_OF_SEGMENT - 1))
    unpack = zstandard.ZstdDecompressor().decompressobj().decompress
    return b"".join(unpack(row.data) for row in connection.execute(asked.order_by(PACKS.c.id)))


def _engine(file: Path) -> Engine:
    engine = create_engine(f"sqlite:///{file}", poolclass=NullPool)  # nothing stays open that nobody uses

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.execute("PRAGMA query_only = ON")

    return engine


def _check(engine: Engine, file: Path) -> None:
    if file.exists():
        try:
            with engine.connect() as connection:
                version = connection.execute(text("PRAGMA user_version")).scalar() or 0
        except DatabaseError as error:
            raise ConfigError(f"{file} cannot be read as a prompt log: {error.orig}.") from None
        if version > statements.VERSION:
            raise ConfigError(statements.NEWER.format(file))
        if version == statements.VERSION:
            return
    raise NoLog(f"There is no prompt log at {file} yet: it is made with the first exchange, but for `record: off`.")


def _failed() -> ColumnElement[bool]:
    columns = EXCHANGES.c
    return columns.error.is_not(None) | (columns.status == 0) | (columns.status >= FAILED_FROM)


def _conditions(wanted: Wanted, numbers: Mapping[str, int]) -> list[ColumnElement[bool]]:
    columns, made = EXCHANGES.c, list[ColumnElement[bool]]()
    for name in ("session", "agent", "kind", "route", "origin"):
        text, column = getattr(wanted, name), columns[name]
        if text is not None:
            made.append(column == numbers.get(text, -1) if text else column.is_(None))
    if wanted.of is not None:
        made.append(columns.of == wanted.of)
    if wanted.since is not None:
        made.append(columns.at >= wanted.since)
    if wanted.until is not None:
        made.append(columns.at < wanted.until)
    if wanted.failed:
        made.append(_failed())
    return made


def _summary(row: Row[Any], words: Mapping[int, str]) -> Summary:
    values = row._mapping
    made: dict[str, Any] = {
        name: words.get(values[name]) if name in statements.WORDS else values[name] for name in statements.SUMMARY
    }
    return Summary(number=values["number"], **made)


def _session(row: Sequence[Any], words: Mapping[int, str]) -> SessionRow:
    session, first, last, exchanges, failed, agents, prompt, output, dollars, unpriced, routes = row
    names = tuple(words[int(each)] for each in (routes or "").split(",") if each)
    return SessionRow(
        session=words.get(session) if session is not None else None,
        first_at=first, last_at=last, exchanges=exchanges, failed=failed, agents=agents, prompt_tokens=prompt,
        output_tokens=output, dollars=dollars, unpriced=unpriced, routes=names,
    )  # fmt: skip
