"""YAML text to plain data, and the line on which each value stands. Pure.

YAML 1.2's core schema (YAML 1.2.2, chapter 10.3), with anchors, aliases and merge keys (``<<``): ``on``, ``no``, dates
and ``22:00`` are texts. The parser's events are read in one walk: nothing is built that the limits refuse afterwards.
No error quotes a value, a tag or an alias, any of which may be a key (``!hunter2``): it names the place.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from math import isinf
from types import MappingProxyType
from typing import Any, Never

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from addon.protocol.errors import ConfigError

type Path = tuple[str | int, ...]

MOST_CHARACTERS = 1_000_000  # a written configuration has a few thousand; the parser reads 100,000 a second or so
MOST_LEVELS = 64  # a JSON Schema in a backend's body has a dozen; Python's own stack ends at a few hundred
MOST_VALUES = 100_000  # with every alias counted in full: what the largest text can write out without any
MOST_DIGITS = 400  # Python reads 4,300 by itself; no setting has twenty
LONGEST_SHOWN = 40  # of a mapping's key: names are short, and a misplaced secret is long
MERGE = "<<"
TAG = "tag:yaml.org,2002:"
TEXT = frozenset(("!", TAG + "str"))

NULL = re.compile(r"(?:null|Null|NULL|~)?")
TRUE = re.compile(r"true|True|TRUE")
FALSE = re.compile(r"false|False|FALSE")
DECIMAL = re.compile(r"[-+]?[0-9]+")
OCTAL = re.compile(r"0o[0-7]+")
HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NO_NUMBER = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# pattern of a plain scalar -> what it means; the first that matches
PLAIN: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (NULL, lambda _: None),
    (TRUE, lambda _: True),
    (FALSE, lambda _: False),
    (DECIMAL, int),
    (OCTAL, lambda text: int(text, 0)),
    (HEXADECIMAL, lambda text: int(text, 0)),
    (FLOAT, float),
)
# explicit tag of a scalar -> the types its meaning must have
SCALAR_TAGS: Mapping[str, type] = MappingProxyType(
    {TAG + "null": type(None), TAG + "bool": bool, TAG + "int": int, TAG + "float": float}
)

UNKNOWN_TAG = "a tag that is not known here: leave it out, or put a text that begins with ! in quotes"
# what the parser says -> what the user does about it, and whether the mistake is where the thing began
FIXES: tuple[tuple[str, str, bool], ...] = (
    (
        "mapping values are not allowed here",
        "a colon where none can stand: indent the lines of one mapping alike, "
        "and put a value that holds a colon and a space in quotes",
        False,
    ),
    ("could not find expected ':'", "a key without a colon: write KEY: value", True),
    ("found unexpected end of stream", "a quote that is not closed", True),
    ("expected ',' or ", "a bracket that is not closed, or a comma that is missing", True),
    ("expected the node content", "a value that is missing, or a bracket that is not closed", False),
    ("expected <block end>", "a line that is indented unlike its neighbours", False),
    ("found undefined tag handle", UNKNOWN_TAG, False),
    ("expected alphabetic or numeric character", "a name is missing after & or *: put a text in quotes", False),
)
NO_START = re.compile(r"found character '(.)' that cannot start any token")


@dataclass(frozen=True, slots=True)
class Spot:
    """The line of a value, or of its key, and the spots of what is in it."""

    line: int
    inside: Mapping[str | int, "Spot"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Document:
    """``data`` is a mapping of plain dicts, lists, texts, numbers, bools and None; nothing in it is shared."""

    data: dict[str, Any]
    top: Spot = Spot(1)

    def line(self, path: Path) -> int:
        """Return the line, from 1, of the value at ``path``; where there is none, that of the longest part there is."""
        spot = self.top
        for step in path:
            inner = spot.inside.get(step)
            if inner is None:
                break
            spot = inner
        return spot.line


def read(text: str, name: str) -> Document:
    """Read one YAML document whose top level is a mapping; an empty one is an empty mapping.

    Raises: ConfigError that begins with ``name, line N:`` and says what to do.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(f"{name}, line 1: the text has more than {MOST_CHARACTERS:,} characters")
    try:
        events: Iterator[Event] = YAML(typ="safe", pure=True).parse(text)
        return _Walk(events, name).document()
    except (MarkedYAMLError, ReaderError) as error:
        line, what = _told(error, text)
        raise ConfigError(f"{name}, line {line}: {what}") from None


@dataclass(frozen=True, slots=True)
class _Node:
    """A value that was read. ``size`` counts the values in it, itself too; ``height`` the levels below it."""

    data: Any
    spot: Spot
    size: int = 1
    height: int = 0


@dataclass(slots=True)
class _Walk:
    """Builds the document from the parser's events."""

    events: Iterator[Event]
    name: str
    anchors: dict[str, _Node | None] = field(default_factory=dict)  # None: its value is still being read
    values: int = 0

    def document(self) -> Document:
        node: _Node | None = None
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                if node is not None:
                    self._fail(event, "a second document begins: one file holds one, so take the --- out")
                first = next(self.events)
                node = self._node(first, 0)
                if node.data is not None and not isinstance(node.data, dict):
                    self._fail(first, "the top level must be a mapping: write KEY: value")
        if node is None or node.data is None:
            return Document({})
        return Document(node.data, node.spot)

    def _node(self, event: Event, level: int) -> _Node:
        self._deepen(event, level)
        self._count(event, 1)
        if isinstance(event, AliasEvent):
            return self._alias(event, level)
        anchor = event.anchor if isinstance(event, NodeEvent) else None
        if anchor is not None:
            self.anchors[anchor] = None
        if isinstance(event, MappingStartEvent):
            node = self._mapping(event, level)
        elif isinstance(event, SequenceStartEvent):
            node = self._sequence(event, level)
        else:
            node = _Node(self._scalar(event), Spot(_line(event)))
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _alias(self, event: AliasEvent, level: int) -> _Node:
        if event.anchor not in self.anchors:
            self._fail(event, "an alias that refers to nothing: write its & further up, or put the * in quotes")
        node = self.anchors[event.anchor]
        if node is None:
            self._fail(event, "an alias stands inside of what it refers to")
        self._deepen(event, level + node.height)
        self._count(event, node.size)
        return replace(node, data=deepcopy(node.data))

    def _sequence(self, start: SequenceStartEvent, level: int) -> _Node:
        self._collection_tag(start, "seq")
        data: list[Any] = []
        spots: dict[str | int, Spot] = {}
        size, height = 1, 0
        while not isinstance(event := next(self.events), SequenceEndEvent):
            node = self._node(event, level + 1)
            spots[len(data)] = Spot(_line(event), node.spot.inside)
            data.append(node.data)
            size, height = size + node.size, max(height, node.height + 1)
        return _Node(data, Spot(_line(start), spots), size, height)

    def _mapping(self, start: MappingStartEvent, level: int) -> _Node:
        self._collection_tag(start, "map")
        own: dict[str, Any] = {}
        spots: dict[str | int, Spot] = {}
        lines: dict[str | None, int] = {}
        merged: dict[str, tuple[Any, Spot]] = {}
        size, height = 1, 0
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = self._key(event)
            if key in lines:
                name = _shown(MERGE if key is None else key)
                self._fail(event, f"{name} stands on line {lines[key]} already: leave one of the two")
            lines[key] = _line(event)
            node = self._node(next(self.events), level + 1)
            size, height = size + node.size, max(height, node.height + 1)
            if key is None:
                merged = self._merged(event, node)
            else:
                own[key] = node.data
                spots[key] = Spot(lines[key], node.spot.inside)
        data = {key: value for key, (value, _) in merged.items()}
        for key, (_, spot) in merged.items():
            spots.setdefault(key, spot)
        return _Node({**data, **own}, Spot(_line(start), spots), size, height)

    def _merged(self, event: Event, node: _Node) -> dict[str, tuple[Any, Spot]]:
        """What ``<<`` brings in; of several mappings the earlier wins (YAML's "merge key" type)."""
        several = [(node.data, node.spot)]
        if isinstance(node.data, list):
            several = [(data, node.spot.inside[at]) for at, data in enumerate(node.data)]
        found: dict[str, tuple[Any, Spot]] = {}
        for data, spot in several:
            if not isinstance(data, dict):
                self._fail(event, "<< takes a mapping: write <<: *NAME, with &NAME at a mapping further up")
            for key, value in data.items():
                found.setdefault(key, (value, spot.inside[key]))
        return found

    def _key(self, event: Event) -> str | None:
        """Return a mapping's key; None for the merge key."""
        if not isinstance(event, ScalarEvent):
            self._fail(event, "a key must be a text: write KEY: value")
        self._count(event, 1)
        if event.anchor is not None:
            self._fail(event, "a key takes no anchor: put it at the value")
        if event.value == MERGE and event.implicit[0]:
            return None
        key = self._scalar(event)
        if not isinstance(key, str):
            self._fail(event, f"a key must be a text: put {_shown(event.value)} in quotes")
        return key

    def _scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.tag in TEXT or (event.tag is None and not event.implicit[0]):
            return text
        value = self._plain(event, text)
        if event.tag is not None:
            wanted = SCALAR_TAGS.get(event.tag)
            if wanted is None:
                self._unknown_tag(event)
            if type(value) is not wanted:
                self._fail(event, "the value is not what its tag says: leave the tag out")
        return value

    def _plain(self, event: Event, text: str) -> Any:
        if NO_NUMBER.fullmatch(text):
            self._fail(event, "no setting takes infinity or NaN; a text goes in quotes")
        for pattern, meaning in PLAIN:
            if pattern.fullmatch(text):
                if len(text) > MOST_DIGITS or (isinstance(value := meaning(text), float) and isinf(value)):
                    self._fail(event, "the number is too large; a text goes in quotes")
                return value
        return text

    def _collection_tag(self, event: MappingStartEvent | SequenceStartEvent, kind: str) -> None:
        if event.tag not in (None, "!", TAG + kind):
            self._unknown_tag(event)

    def _unknown_tag(self, event: Any) -> Never:
        self._fail(event, UNKNOWN_TAG)

    def _deepen(self, event: Event, level: int) -> None:
        if level > MOST_LEVELS:
            self._fail(event, f"nested deeper than {MOST_LEVELS} levels")

    def _count(self, event: Event, values: int) -> None:
        self.values += values
        if self.values > MOST_VALUES:
            self._fail(event, f"more than {MOST_VALUES:,} values, those that aliases repeat included")

    def _fail(self, event: Event, what: str) -> Never:
        raise ConfigError(f"{self.name}, line {_line(event)}: {what}")


def _line(event: Event) -> int:
    return int(event.start_mark.line) + 1


def _shown(name: str) -> str:
    """A mapping's key as it may be shown."""
    return f"the key {name!r}" if len(name) <= LONGEST_SHOWN else "the key of this line"


def _told(error: MarkedYAMLError | ReaderError, text: str) -> tuple[int, str]:
    """The line of a syntax error, and a sentence on it that quotes a single character at most."""
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return line, f"the character {error.character:#06x} cannot stand in YAML: take it out"
    problem = str(error.problem)
    told, at_start = next(((fix, early) for start, fix, early in FIXES if problem.startswith(start)), (problem, False))
    mark = (error.context_mark if at_start else None) or error.problem_mark
    line = mark.line
    written = text.split("\n")[line : line + 1]
    if any("\t" in each[: len(each) - len(each.lstrip())] for each in written):
        return line + 1, "a tab in the indentation: YAML takes spaces only"
    if found := NO_START.search(problem):
        return line + 1, f"a value cannot begin with {found[1]}: put it in quotes"
    return line + 1, told
