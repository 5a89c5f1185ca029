"""The system prompt and the tools as documents, each with its own history: which text was sent when. Pure.

In: the requests of a session one after another, in their order. Out: documents, each with the versions that were sent
and the stretches of turns with each. A system prompt is one of the main conversation, of a type of agent, or of a kind
of call beside them; a tool is one by its name. The attribution is no document: it differs for each request by design.
Requests may be of any shape.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from typing import Literal

from addon.prompts import canonical, render, weights
from addon.prompts.entry import Summary
from addon.routing.call import Kind

type Section = Literal["system", "tools"]

MAIN = "main conversation"
# kind of call -> whose system prompt it bears, where the agent has told no type
WHOSE: Mapping[str, str] = {Kind.MAIN: MAIN, Kind.COMPACTION: MAIN, Kind.SUBAGENT: "subagents"}
NAMELESS = "a tool without a name"
MOST_NAME = 80  # characters of a name; clients may send longer ones, which are told apart by a digest


@dataclass(slots=True)
class Span:
    """A stretch of turns that sent one version: the places of the first and the last, and how many sent it."""

    first: int
    last: int
    turns: int = 1


@dataclass(slots=True)
class Version:
    """One text of a document. ``number`` is from 1, in the order in which texts were first sent."""

    number: int
    key: str
    text: str
    tokens: int  # estimated
    spans: list[Span] = field(default_factory=list)

    @property
    def turns(self) -> int:
        """How many sent it."""
        return sum(span.turns for span in self.spans)


@dataclass(slots=True)
class Document:
    """A block of somebody's system prompt, or a tool. ``versions`` are in the order in which they were first sent."""

    section: Section
    name: str  # unique among the documents of a session
    title: str
    whose: str  # of a system prompt; "" for a tool
    versions: list[Version] = field(default_factory=list)
    now: Version | None = None  # the one that was sent last

    def version(self, number: int) -> Version:
        """Return one. Raises: LookupError."""
        if not 1 <= number <= len(self.versions):
            raise LookupError(f"{self.title} has the versions 1 to {len(self.versions)}, not {number}")
        return self.versions[number - 1]


class History:
    """Takes the requests of a session; what it has found so far can be asked at any time."""

    def __init__(self) -> None:
        """Nothing was sent yet."""
        self._documents: dict[str, Document] = {}

    def add(self, place: int, summary: Summary, request: object) -> None:
        """Take the next request; ``place`` is its turn."""
        for section, name, title, whose, value in _parts(request, summary):
            document = self._documents.get(name)
            if document is None:
                document = self._documents[name] = Document(section, name, title, whose)
            key = blake2b(canonical.written(value), digest_size=16).hexdigest()
            if document.now is not None and document.now.key == key:
                span = document.now.spans[-1]
                span.last, span.turns = place, span.turns + 1
                continue
            document.now = _version(document, key, value)
            document.now.spans.append(Span(place, place))

    def documents(self) -> list[Document]:
        """Return all: system prompts, the main conversation's first, then tools by name."""
        return sorted(self._documents.values(), key=_order)

    def document(self, name: str) -> Document:
        """Return one by its name. Raises: LookupError."""
        return self._documents[name]


def whose_prompt(summary: Summary) -> str:
    """Say whose system prompt a request bears."""
    if summary.agent_type:
        return _short(summary.agent_type)
    return WHOSE.get(summary.kind or "", summary.kind or "other calls")


def _parts(request: object, summary: Summary) -> Iterator[tuple[Section, str, str, str, object]]:
    fields = request if isinstance(request, dict) else {}
    system, whose = fields.get("system"), whose_prompt(summary)
    blocks = [
        (number, block)
        for number, block in enumerate(canonical.blocks(system) if system else (), 1)
        if not canonical.is_attribution(block)
    ]
    for place, (number, block) in enumerate(blocks, 1):  # the place stays when the attribution is turned off
        yield "system", f"system/{whose}/{place}", f"system prompt, block {number}", whose, block
    tools = fields.get("tools")
    seen: set[str] = set()
    for tool in tools if isinstance(tools, list) else ():
        bare = canonical.unmarked(tool)
        named = bare.get("name") if isinstance(bare, dict) else None
        title = _short(named) if isinstance(named, str) and named else NAMELESS
        if title not in seen:  # a second one of a name is refused by whoever answers
            seen.add(title)
            yield "tools", f"tools/{title}", title, "", bare


def _short(name: str) -> str:
    if len(name) <= MOST_NAME:
        return name
    return f"{name[:MOST_NAME]}… {blake2b(name.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"


def _version(document: Document, key: str, value: object) -> Version:
    """Return the version of a text, made if it is new."""
    known = next((version for version in document.versions if version.key == key), None)
    if known is not None:
        return known
    if document.section == "tools":
        show, tokens = partial(render.tool, value), weights.of_tool(value)
    else:
        show, tokens = partial(render.content, [value]), sum(weights.of_content([value]).values())
    made = Version(len(document.versions) + 1, key, show(), round(tokens))
    document.versions.append(made)
    return made


def _order(document: Document) -> tuple[bool, bool, str]:
    return document.section == "tools", document.whose != MAIN, document.name
