r"""What the arguments of one call say, in whichever of three forms a backend sends them.

Theory of operation
-------------------
In: the pieces of one call's ``arguments``, none empty. Out: JSON text of an object, passed on as early as can be.

    pieces      {"a"  then  : 1}             as OpenAI does
    snapshots   {"a"  then  {"a": 1}         each piece is all so far (small gateways; saberjack/SHTUCodeProxy#1)
    quoted      "{\"a\": 1}"                 the text once more as a JSON string, itself in pieces or snapshots

States: START (nothing but blanks came), ONE (one piece came and was passed on), DOUBT (two came, of which the second is
held), PIECES, SNAPSHOTS, QUOTED (all is held until the string ends). No flag is needed to tell them apart:

* A piece after ONE that begins with all of it is a snapshot. Pieces cannot look so: the first begins with ``{``, so
  the second would too, and the two together would be ``{...{``. A second brace outside of a string may stand only where
  a value may begin, so the first would have to end in ``:``, ``[`` or ``,``; that is DOUBT. If the first ended inside a
  string, the copy's first quotation mark would end that string, and what follows it there is the name of a property,
  which may not follow a string. (``{"`` alone would need a property that is called ``{``; tools have none.)
* DOUBT ends with the next piece: a snapshot begins with the held one. At the end of the call it is a snapshot, unless
  the two together are an object.
* Nothing but a quoted text begins with a quotation mark.

What contradicts its form is passed on as it is: the whole is then no JSON, and told so where the call ends.
"""

from collections.abc import Callable, Mapping
from enum import Enum, auto

import orjson

from addon.protocol.errors import MalformedReply
from addon.protocol.event_writer import MAX_CALL_CHARACTERS

VALUE_MAY_FOLLOW = (":", "[", ",")
NONE = "null"
LONGEST_ESCAPE = 12  # characters: a pair of surrogates


class State(Enum):
    """Which form it is, as far as it is known."""

    START = auto()
    ONE = auto()
    DOUBT = auto()
    PIECES = auto()
    SNAPSHOTS = auto()
    QUOTED = auto()


class Arguments:
    """A push parser: ``feed`` pieces as they arrive, ``close`` at the end of the reply; both return what is new."""

    __slots__ = ("_held", "_said", "_size", "_slashes", "_state")

    def __init__(self) -> None:
        """Start with nothing."""
        self._state = State.START
        self._said: list[str] = []  # what was passed on
        self._held: list[str] = []  # the last snapshot; what is in doubt; the pieces of the string
        self._slashes = ""  # backslashes at the end of those pieces
        self._size = 0  # of those pieces, in characters

    @property
    def plain(self) -> bool:
        """Whether pieces are passed on as they are from now on."""
        return self._state is State.PIECES

    @property
    def complete(self) -> bool:
        """Whether what was passed on is a whole object."""
        return is_object("".join(self._said))

    def repeats(self, piece: str) -> bool:
        """Whether ``piece`` begins with all that was passed on."""
        return piece.startswith("".join(self._said))

    def feed(self, piece: str) -> str:
        """Return the text that ``piece`` adds; it may be none. Raises: MalformedReply when too much must be held."""
        said = FEEDS[self._state](self, piece)
        if said:
            self._said.append(said)
        return said

    def close(self) -> str:
        """Return what was held. Of a string that never ended it is the text so far, for it was cut."""
        state, self._state = self._state, State.PIECES
        held = "".join(self._held)
        if state is State.DOUBT:
            return held if is_object(self._said[0] + held) else held.lstrip().removeprefix(self._said[0])
        return _unquoted(held) if state is State.QUOTED else ""

    def _first(self, piece: str) -> str:
        text = piece.lstrip()
        if text.startswith('"'):
            self._state = State.QUOTED
            return self._quoted(text)
        if not text or text.rstrip() == NONE:
            return ""
        self._state = State.ONE
        return text

    def _second(self, piece: str) -> str:
        first, text = self._said[0], piece.lstrip()
        if not first.startswith("{") or not text.startswith(first):
            self._state = State.PIECES
            return piece
        if first.rstrip().endswith(VALUE_MAY_FOLLOW):
            self._state, self._held = State.DOUBT, [piece]
            return ""
        self._state, self._held = State.SNAPSHOTS, [first]
        return self._snapshot(piece)

    def _third(self, piece: str) -> str:
        (held,) = self._held
        if piece.lstrip().startswith(held.lstrip()):
            self._state, self._held = State.SNAPSHOTS, self._said[:1]
            return self._snapshot(piece)
        self._state, self._held = State.PIECES, []
        return held + piece

    def _piece(self, piece: str) -> str:
        return piece

    def _snapshot(self, piece: str) -> str:
        (held,), text = self._held, piece.lstrip()
        if held.startswith(text):
            return ""  # nothing new, or an older one again
        self._held = [text]
        return text.removeprefix(held)

    def _quoted(self, piece: str) -> str:
        """Hold the string until its last quotation mark, which alone has no odd number of backslashes before it."""
        may_repeat = piece.startswith('"') and piece.rstrip() != '"' and len(piece) >= self._size
        if may_repeat and piece.startswith("".join(self._held)):
            self._held, self._slashes, self._size = [], "", 0  # a snapshot: nothing goes on behind a string's end
        self._held.append(piece)
        self._size += len(piece)
        if self._size > MAX_CALL_CHARACTERS:
            raise MalformedReply(f"A tool call has arguments of more than {MAX_CALL_CHARACTERS} characters.")
        text = self._slashes + piece
        inside = text.rstrip().removesuffix('"')
        self._slashes = text[len(text.rstrip("\\")) :]
        if inside == text.rstrip() or (len(inside) - len(inside.rstrip("\\"))) % 2 or self._held == ['"']:
            return ""
        held = "".join(self._held)
        self._state, self._held = State.SNAPSHOTS, [held]
        try:
            said = orjson.loads(held)
        except orjson.JSONDecodeError:
            return held
        return said if is_object(said) else "" if said.strip() in ("", NONE) else held


FEEDS: Mapping[State, Callable[[Arguments, str], str]] = {
    State.START: Arguments._first,
    State.ONE: Arguments._second,
    State.DOUBT: Arguments._third,
    State.PIECES: Arguments._piece,
    State.SNAPSHOTS: Arguments._snapshot,
    State.QUOTED: Arguments._quoted,
}


def _unquoted(cut: str) -> str:
    """Return what a string that was cut says up to there, without an escape that was cut too."""
    for length in range(len(cut), max(0, len(cut) - LONGEST_ESCAPE), -1):
        try:
            return str(orjson.loads(cut[:length] + '"')) or cut
        except orjson.JSONDecodeError:
            pass
    return cut


def is_object(text: str) -> bool:
    """Whether ``text`` is the JSON of an object."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
