"""What differs between two requests: system blocks, tools, messages and parameters, each with its words. Pure.

In: two parsed requests of any shape. Out: every part of both in the order of the new one, with its state. What a model
reads the same is the same (see ``canonical``): a mark of the cache that moved is told as that. All texts together are
compared within a number of steps, and what exceeds it is told as replaced, so a difference never takes long.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import zip_longest
from typing import Any, Literal

from addon.prompts import canonical, render
from addon.prompts.alignment import Steps, align
from addon.prompts.words import Run, words

type Section = Literal["system", "tools", "messages", "parameters"]
type State = Literal["same", "changed", "added", "removed"]
type Json = Mapping[str, Any]

SECTIONS: tuple[Section, ...] = ("system", "tools", "messages", "parameters")
SUMMARY_OPENING = "This session is being continued from a previous conversation"  # what the client writes, 2.1.329
MARK_CAME, MARK_LEFT = "the cache mark came here", "the cache mark left"
UNSEEN = "what differs is not shown as text"
REORDERED = "the tools stand in another order"
COMPACTED = "the conversation was compacted in between: it begins with a summary now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part. ``place`` is its path in the new request, or in the old one where it was removed.

    ``old``, ``new`` and ``words`` are empty where it is the same.
    """

    section: Section
    place: str
    title: str
    state: State
    old: str = ""
    new: str = ""
    words: Sequence[Run] = ()
    mark: str = ""  # MARK_CAME or MARK_LEFT
    note: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """Two requests beside each other; ``notes`` say what belongs to no single part."""

    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()
    compacted: bool = False

    def of(self, section: Section) -> list[Part]:
        """Return the parts of one section."""
        return [part for part in self.parts if part.section == section]

    @property
    def changed(self) -> list[Part]:
        """Return the parts that are not the same."""
        return [part for part in self.parts if part.state != "same"]

    @property
    def moved_marks(self) -> list[Part]:
        """Return the parts from which a mark left, or to which one came, and nothing else happened."""
        return [part for part in self.parts if part.state == "same" and part.mark]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of one request: what it is compared by, and how it is shown."""

    section: Section
    place: str
    title: str
    key: bytes
    kind: object  # only pieces of one kind can be the same piece, changed
    is_marked: bool
    show: Callable[[], str]


def between(old: object, new: object, steps: Steps | None = None) -> Difference:
    """Compare two requests."""
    steps = steps or Steps()
    before, now = old if isinstance(old, dict) else {}, new if isinstance(new, dict) else {}
    old_messages, new_messages = list(_messages(before)), list(_messages(now))
    compacted = is_compacted(before, now)
    old_tools, new_tools = _by_name(_tools(before)), _by_name(_tools(now))
    pairs = (
        *_aligned(list(_system(before)), list(_system(now)), steps),
        *_named(old_tools, new_tools),
        *_aligned(old_messages, new_messages, steps, apart=compacted),
        *_named(_by_name(_parameters(before)), _by_name(_parameters(now))),
    )
    common_old = [name for name in old_tools if name in new_tools]
    reordered = common_old != [name for name in new_tools if name in old_tools]
    notes = (*((COMPACTED,) if compacted else ()), *((REORDERED,) if reordered else ()))
    return Difference(tuple(_part(one, other, steps) for one, other in pairs), notes, compacted)


# -- the pieces of a request -------------------------------------------------------------------------------------------


def _system(request: Json) -> Iterator[_Piece]:
    system = request.get("system")
    for number, block in enumerate(canonical.blocks(system) if system else ()):
        whole = system[number] if isinstance(system, list) else system
        is_attribution = canonical.is_attribution(block)
        yield _Piece(
            "system",
            f"system.{number}",
            "attribution" if is_attribution else f"system prompt, block {number + 1}",
            canonical.written(block),
            is_attribution,
            canonical.is_marked(whole),
            partial(render.content, [block]),
        )


def _tools(request: Json) -> Iterator[_Piece]:
    tools = request.get("tools")
    for number, tool in enumerate(tools if isinstance(tools, list) else ()):
        bare = canonical.unmarked(tool)
        name = bare.get("name") if isinstance(bare, dict) else bare
        yield _Piece(
            "tools",
            f"tools.{number}",
            f"tool {render.scalar(name)}",
            canonical.written(bare),
            None,
            canonical.is_marked(tool),
            partial(render.tool, bare),
        )


def _messages(request: Json) -> Iterator[_Piece]:
    messages = request.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        bare = canonical.message(message)
        role = render.scalar(bare.get("role")) if isinstance(bare, dict) else "no message"
        yield _Piece(
            "messages",
            f"messages.{number}",
            f"message {number + 1}, {role}",
            canonical.written(bare),
            role,
            canonical.is_marked(message),
            partial(message_text, bare),
        )


def _parameters(request: Json) -> Iterator[_Piece]:
    for name, value in request.items():
        if name not in render.PARTS or (name != "system" and not isinstance(value, list)):
            yield _Piece("parameters", name, name, canonical.written(value), None, False, partial(render.scalar, value))


def message_text(message: object) -> str:
    """Show a message: what it bears beside its content, then that."""
    if not isinstance(message, dict):
        return render.scalar(message)
    rest = [f"{name}: {render.scalar(value)}" for name, value in message.items() if name not in ("role", "content")]
    return "\n".join((*rest, render.content(message.get("content"))))


def is_compacted(old: object, new: object) -> bool:
    """Whether the new conversation begins with a summary that the old one does not begin with."""
    summary = _summary(new)
    return summary is not None and summary != _summary(old)


def _summary(request: object) -> str | None:
    messages = request.get("messages") if isinstance(request, dict) else None
    first = messages[0] if isinstance(messages, list) and messages else None
    for block in canonical.blocks(first.get("content")) if isinstance(first, dict) else ():
        text = block.get("text") if isinstance(block, dict) else None
        if isinstance(text, str) and text.startswith(SUMMARY_OPENING):
            return text
    return None


# -- beside each other -------------------------------------------------------------------------------------------------

type _Pair = tuple[_Piece | None, _Piece | None]


def _aligned(old: list[_Piece], new: list[_Piece], steps: Steps, *, apart: bool = False) -> Iterator[_Pair]:
    """Pair the pieces by what they say, and what is left by where it stands; ``apart``: that is not paired."""
    for stretch in align([piece.key for piece in old], [piece.key for piece in new], steps):
        before, now = old[stretch.old], new[stretch.new]
        for one, other in zip_longest(before, now):
            if stretch.state == "same" or one is None or other is None or (not apart and one.kind == other.kind):
                yield one, other
            else:
                yield one, None
                yield None, other


def _by_name(pieces: Iterator[_Piece]) -> dict[str, _Piece]:
    """Pieces by title; a second one of a title is another."""
    named: dict[str, _Piece] = {}
    for piece in pieces:
        named[piece.title if piece.title not in named else f"{piece.title}\n{len(named)}"] = piece
    return named


def _named(old: dict[str, _Piece], new: dict[str, _Piece]) -> Iterator[_Pair]:
    for name, piece in new.items():
        yield old.get(name), piece
    yield from ((piece, None) for name, piece in old.items() if name not in new)


def _part(old: _Piece | None, new: _Piece | None, steps: Steps) -> Part:
    piece = new or old
    assert piece is not None  # noqa: S101 - one of a pair is there
    if old is None or new is None:
        state: Literal["added", "removed"] = "added" if old is None else "removed"
        text, mark = piece.show(), MARK_CAME if old is None else MARK_LEFT
        return Part(
            section=piece.section,
            place=piece.place,
            title=piece.title,
            state=state,
            old="" if old is None else text,
            new="" if new is None else text,
            words=(Run(state, text),) if text else (),
            mark=mark if piece.is_marked else "",
        )
    mark = "" if old.is_marked == new.is_marked else MARK_CAME if new.is_marked else MARK_LEFT
    if old.key == new.key:
        return Part(section=piece.section, place=piece.place, title=piece.title, state="same", mark=mark)
    before, now = old.show(), new.show()
    return Part(
        section=piece.section,
        place=piece.place,
        title=piece.title,
        state="changed",
        old=before,
        new=now,
        words=words(before, now, steps),
        mark=mark,
        note=UNSEEN if before == now else "",
    )
