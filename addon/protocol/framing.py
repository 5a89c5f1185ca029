"""Server-sent events: bytes to frames and back.

Source: WHATWG HTML, "Server-sent events"; deviations of backends in docs/protocol.md. Lines end in LF, CR or CRLF and
are split as bytes before any decoding; ``bytes.splitlines`` knows just these three (``str.splitlines`` does not).
"""

from typing import NamedTuple

from addon.protocol.errors import MalformedReply

MAX_EVENT_BYTES = 32 * 1024 * 1024  # one event as large as the largest request Anthropic takes is surely not text
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Frame(NamedTuple):
    """One event: its name (``message`` where the backend gave none) and its data, lines joined by LF."""

    event: str
    data: bytes


def encode(event: str, data: bytes) -> bytes:
    """Write one event. ``data`` holds no line break, as JSON written by us never does."""
    return b"event: %s\ndata: %s\n\n" % (event.encode(), data)


class ServerSentEvents:
    """A push parser: ``feed`` bytes as they arrive, in any cuts; ``close`` at the end.

    Comments, ``id`` and ``retry`` are passed over. A last event that lacks its blank line is still given by ``close``:
    some backends end so, and if it was cut its JSON will say so.
    """

    __slots__ = (
        "_after_cr",
        "_between",
        "_broken",
        "_data",
        "_data_bytes",
        "_event",
        "_rest",
        "_rest_bytes",
        "_started",
    )

    def __init__(self) -> None:
        """Start at the first byte of a body."""
        self._rest: list[bytes] = []  # pieces of a line without its end yet
        self._rest_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._event = ""
        self._after_cr = False
        self._started = False
        self._between = False  # past the first piece, and exactly between two events
        self._broken: MalformedReply | None = None

    def sole(self, chunk: bytes) -> bytes | None:
        """Return the data of a chunk that is just one unnamed event, as nearly every backend sends them.

        None: it is not, or something is pending; ``feed`` must take it. This is a short cut: ``feed`` gives the same.
        """
        if not self._between or not chunk.startswith(b"data: ") or not chunk.endswith(b"\n"):
            return None
        if chunk.endswith(b"\r\n\r\n"):  # Google's
            is_one = chunk.find(b"\r") == len(chunk) - 4 and chunk.find(b"\n") == len(chunk) - 3
            return chunk[6:-4] if is_one else None
        is_one = chunk.find(b"\n") == len(chunk) - 2 and b"\r" not in chunk
        return chunk[6:-2] if is_one else None

    def feed(self, chunk: bytes) -> list[Frame]:
        """Return the events that ``chunk`` completes. Raises: MalformedReply when one event outgrows its limit."""
        self._between = False
        if self._broken is not None:
            raise self._broken
        if not self._started and chunk:
            chunk = self._strip_mark(chunk)
        if self._after_cr and chunk:
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        frames = self._split(chunk) if chunk else []
        pending = self._rest or self._data or self._event or self._after_cr or self._broken
        self._between = self._started and not pending
        return frames

    def close(self) -> list[Frame]:
        """Return the event left over, if any."""
        line = self._take_rest()
        if line:
            self._read_line(line)
        if self._broken is not None:
            return []  # told by feed, or the end of a reply that has failed anyway
        frame = self._dispatch()
        return [frame] if frame else []

    def _strip_mark(self, chunk: bytes) -> bytes:
        """Drop a byte order mark, which may itself arrive in pieces."""
        head = self._take_rest() + chunk
        if len(head) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(head):
            self._hold(head)
            return b""
        self._started = True
        return head.removeprefix(BYTE_ORDER_MARK)

    def _split(self, chunk: bytes) -> list[Frame]:
        frames: list[Frame] = []
        lines = chunk.splitlines(keepends=True)
        last = lines[-1]
        if not last.endswith((b"\n", b"\r")):
            lines.pop()
        for line in lines:
            if self._rest:
                line = self._take_rest() + line  # noqa: PLW2901 - the same line, now whole
            line = line.rstrip(b"\r\n")  # noqa: PLW2901 - the same line, bare
            if line:
                self._read_line(line)
            elif frame := self._dispatch():
                frames.append(frame)
        if last.endswith(b"\r"):
            self._after_cr = True
        elif not last.endswith(b"\n"):
            self._hold(last)
        if self._broken is not None and not frames:
            raise self._broken
        return frames

    def _hold(self, piece: bytes) -> None:
        self._rest.append(piece)
        self._rest_bytes += len(piece)
        self._check_size()

    def _take_rest(self) -> bytes:
        line = b"".join(self._rest)
        self._rest.clear()
        self._rest_bytes = 0
        return line

    def _check_size(self) -> None:
        if self._rest_bytes + self._data_bytes > MAX_EVENT_BYTES:
            self._broken = MalformedReply(f"The backend sent one event of more than {MAX_EVENT_BYTES} bytes.")
            self._rest.clear()
            self._data.clear()

    def _read_line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(value)
            self._check_size()
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"error":  # llama.cpp's older builds report a failure on a field of this name
            self._event = "error"
            self._data.append(value)

    def _dispatch(self) -> Frame | None:
        data, event = self._data, self._event
        self._data, self._event, self._data_bytes = [], "", 0
        return Frame(event or "message", b"\n".join(data)) if data else None
