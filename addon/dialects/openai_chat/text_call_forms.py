"""The forms in which models write calls as text: one small grammar for each, over text that arrives in pieces.

A form is a generator. It reads from a ``Candidate`` what stands behind its mark, yields where it needs more, and
returns the calls; ``NoCall`` says that it is none. How much was read by then does not depend on the pieces, and nothing
is read twice: what a form has read is not looked at for calls again, for it may be the text of a file about calls.

Sources: the chat templates of Hermes, Qwen 2.5 and 3, Qwen3-Coder, Llama 3.1, Mistral (tokenizers v3, v11 and v13) and
gpt-oss (Harmony), and vLLM's parsers of these; fenced JSON is what weak models write by themselves.
"""

import json
import re
from collections.abc import Callable, Generator, Mapping
from typing import Any, NamedTuple

import orjson

from addon.dialects.openai_chat.json_end import JsonEnd
from addon.dialects.openai_chat.tool_arguments import is_object
from addon.protocol import lenient
from addon.protocol.messages import Json

NOTHING: Mapping[str, object] = {}
LONGEST_HEADER = 256  # a name, or what stands before the arguments; names have 64 characters at the most
KEYS = frozenset(("name", "arguments", "parameters", "type", "id"))  # of JSON that names a call
WRAPPER = frozenset(("type", "id", "function"))  # keys of JSON that holds such in "function", as on the wire
NAMING = KEYS | WRAPPER
FIRST_KEY = re.compile(r'[\s\[]*\{\s*"([^"]*)"')
FIRST_KEY_BEGUN = re.compile(r'[\s\[]*(?:\{\s*(?:"[^"]*)?)?')

BLANKS = re.compile(r"\s*")
# what ends a tool's name, a parameter's name, a call's id, Harmony's header
AFTER_NAME, AFTER_KEY, AFTER_ID = re.compile(r"[^\w.:-]"), re.compile(">"), re.compile(r"\[")
MESSAGE = re.compile(re.escape("<|message|>"))

type Reading[T] = Generator[None, None, T]


class NoCall(Exception):
    """What was read is no call."""


class Called(NamedTuple):
    """A call as it was written. Values that stood between tags are text, whatever the tool wants."""

    name: str
    arguments: Json
    tagged: bool = False


class Candidate:
    """Text that may be a call, as far as it has come."""

    __slots__ = ("_at", "_begun", "_come", "_ended", "_read")

    def __init__(self, text: str, at: int = 0) -> None:
        """``text`` from the place ``at`` on is what has come behind the mark."""
        self._come = text
        self._begun = self._at = at  # where reading began, and where it is
        self._read: list[str] = []  # what was read before that came
        self._ended = False

    def add(self, text: str) -> None:
        """Go on with ``text``."""
        self._read.append(self._come[self._begun : self._at])
        self._come = self._come[self._at :] + text
        self._begun = self._at = 0

    def end(self) -> None:
        """Say that nothing more will come."""
        self._ended = True

    @property
    def read(self) -> str:
        """What the form has read."""
        return "".join(self._read) + self._come[self._begun : self._at]

    @property
    def rest(self) -> tuple[str, int]:
        """What it has not: a text, and where in that it begins."""
        return self._come, self._at

    def more(self) -> Reading[None]:
        """Wait for more. Raises: NoCall where there is none."""
        if self._ended:
            raise NoCall
        yield

    def next_is(self, *marks: str) -> bool:
        """Say whether one of the marks comes next; where something of it is missing, it does not."""
        return self._come.startswith(marks, self._at)

    @property
    def at_end(self) -> bool:
        """Whether all that has come is read."""
        return self._at == len(self._come)

    def skip(self, mark: str) -> str:
        """Read a mark that comes next."""
        self._at += len(mark)
        return mark

    def blanks(self) -> Reading[str]:
        """Read blanks, up to what is none or to the end."""
        blanks = ""
        while True:
            found = BLANKS.match(self._come, self._at)
            blanks += self.skip(found[0]) if found else ""
            if not self.at_end or self._ended:
                return blanks
            yield

    def one_of(self, *marks: str) -> Reading[str]:
        """Read one of the marks if one comes next; else return an empty text."""
        while True:
            for mark in marks:
                if self.next_is(mark):
                    return self.skip(mark)
            beginning = self._come[self._at : self._at + LONGEST_HEADER]
            if self._ended or not any(mark.startswith(beginning) for mark in marks):
                return ""
            yield

    def upto(self, ends: re.Pattern[str]) -> Reading[str]:
        """Read a header, up to what ``ends`` it. Raises: NoCall where that is too far away."""
        while (found := ends.search(self._come, self._at, self._at + LONGEST_HEADER)) is None:
            if len(self._come) - self._at >= LONGEST_HEADER:
                raise NoCall
            yield from self.more()
        return self.skip(self._come[self._at : found.start()])

    def until(self, mark: str) -> Reading[str]:
        """Read anything up to a mark, and the mark, which is not returned."""
        pieces: list[str] = []
        while (at := self._come.find(mark, self._at)) < 0:
            pieces.append(self.skip(self._come[self._at : max(self._at, len(self._come) - len(mark) + 1)]))
            yield from self.more()
        pieces.append(self.skip(self._come[self._at : at]))
        self.skip(mark)
        return "".join(pieces)

    def json(self, keys: frozenset[str] = frozenset()) -> Reading[Any]:
        """Read an object or an array. ``keys``: what its first key may be; other JSON is not read."""
        yield from self.blanks()
        if keys:
            yield from self._first_key(keys)
        end, pieces = JsonEnd(), [""]
        while not end.over:
            if self.at_end:
                yield from self.more()
            pieces.append(self.skip(self._come[self._at : end.feed(self._come, self._at)]))
            if end.broken:
                raise NoCall
        return _parsed("".join(pieces))

    def _first_key(self, keys: frozenset[str]) -> Reading[None]:
        while (found := FIRST_KEY.match(self._come, self._at, self._at + LONGEST_HEADER)) is None:
            begun = FIRST_KEY_BEGUN.fullmatch(self._come, self._at)
            if not begun or len(self._come) - self._at >= LONGEST_HEADER:
                raise NoCall
            yield from self.more()
        if found[1] not in keys:
            raise NoCall


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        written = json.dumps(json.loads(text, strict=False))  # small models leave line breaks inside of strings
        return lenient.loads(written.encode(), NOTHING.get)
    except (ValueError, RecursionError):
        raise NoCall from None


def _named(value: Any, *, bare: bool = False) -> list[Called]:
    """Return the calls of JSON that names them. ``bare``: nothing but this says that it is one, so it must be plain."""
    if isinstance(value, list) and value:
        return [call for each in value for call in _named(each, bare=bare)]
    if isinstance(value, dict) and "function" in value and WRAPPER.issuperset(value):
        value = value["function"]
    if not isinstance(value, dict) or not KEYS.issuperset(value):
        raise NoCall
    name, arguments = value.get("name"), value.get("arguments", value.get("parameters"))
    if not isinstance(name, str) or (bare and arguments is None):
        raise NoCall
    if isinstance(arguments, str) and is_object(arguments):
        arguments = orjson.loads(arguments)
    return [Called(name, _object({} if arguments is None else arguments))]


def _object(value: Any) -> Json:
    if not isinstance(value, dict):
        raise NoCall
    return value


def _hermes(text: Candidate) -> Reading[list[Called]]:
    yield from text.blanks()
    if (yield from text.one_of("<function=")):
        calls = yield from _function(text)
    else:
        calls = _named((yield from text.json(NAMING)))
    yield from text.blanks()
    if not (yield from text.one_of("</tool_call>")) and not text.at_end:
        raise NoCall  # at the end of the reply the tag may be missing: the model took it for the end of its turn
    return calls


def _function(text: Candidate) -> Reading[list[Called]]:
    name = yield from text.upto(AFTER_NAME)
    if not (yield from text.one_of(">")):
        raise NoCall
    yield from text.blanks()
    if text.next_is("{"):
        arguments = _object((yield from text.json()))
        yield from text.blanks()
        if not (yield from text.one_of("</function>")):
            raise NoCall
        return [Called(name, arguments)]
    values: Json = {}
    mark = yield from text.one_of("<parameter=", "</function>")
    while mark == "<parameter=":
        key = yield from text.upto(AFTER_KEY)
        text.skip(">")
        values[key], mark = yield from _parameter(text)
    if not mark:
        raise NoCall
    return [Called(name, values, tagged=True)]


def _parameter(text: Candidate) -> Reading[tuple[str, str]]:
    """Return a parameter's text and the mark behind it. A closing tag that no such mark follows is part of the text."""
    pieces: list[str] = []
    while True:
        pieces.append((yield from text.until("</parameter>")))
        blanks = yield from text.blanks()
        mark = yield from text.one_of("<parameter=", "</function>")
        if mark:
            return "".join(pieces).removeprefix("\n").removesuffix("\n"), mark
        pieces += ("</parameter>", blanks)


def _llama(text: Candidate) -> Reading[list[Called]]:
    calls: list[Called] = []
    while True:
        calls += _named((yield from text.json(NAMING)))
        yield from text.blanks()
        if not (yield from text.one_of(";")):
            yield from text.one_of("<|eom_id|>", "<|eot_id|>")
            return calls


def _mistral(text: Candidate) -> Reading[list[Called]]:
    yield from text.blanks()
    if text.next_is("[", "{"):
        return _named((yield from text.json(NAMING)))
    name = yield from text.upto(AFTER_NAME)
    yield from text.blanks()
    if (yield from text.one_of("[CALL_ID]")):
        yield from text.upto(AFTER_ID)
    yield from text.one_of("[ARGS]")
    return [Called(name, _object((yield from text.json())))]


def _fenced(text: Candidate) -> Reading[list[Called]]:
    calls = _named((yield from text.json(NAMING)), bare=True)
    yield from text.blanks()
    if not (yield from text.one_of("```")):
        raise NoCall
    return calls


def _harmony(text: Candidate) -> Reading[list[Called]]:
    name = yield from text.upto(AFTER_NAME)
    yield from text.upto(MESSAGE)
    text.skip("<|message|>")
    arguments = _object((yield from text.json()))
    yield from text.blanks()
    yield from text.one_of("<|call|>")
    return [Called(name, arguments)]


def bare(text: Candidate) -> Reading[list[Called]]:
    """JSON that is the whole answer."""
    calls: list[Called] = []
    while True:
        calls += _named((yield from text.json(NAMING)), bare=True)
        yield from text.blanks()
        if not (yield from text.one_of(";")) and text.at_end:
            return calls


FORMS: Mapping[str, Callable[[Candidate], Reading[list[Called]]]] = {
    "<tool_call>": _hermes,
    "<function=": _function,
    "<|python_tag|>": _llama,
    "[TOOL_CALLS]": _mistral,
    "```json\n": _fenced,
    "```tool_call\n": _fenced,
    "<|channel|>commentary to=functions.": _harmony,
}
