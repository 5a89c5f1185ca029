"""``detour show``: a session as its turns, a line each; a turn with what is new in it; or all that was said."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import tzinfo
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from addon.cli import printing, prompt_log
from addon.cli.prompt_log import Chosen
from addon.prompts import answer, printable, render
from addon.prompts.entry import Entry, Reply, Request
from addon.prompts.exports import chapters, document, figures, pieces
from addon.prompts.exports.chapters import Turn
from addon.prompts.exports.document import Shown
from addon.prompts.exports.pieces import Piece, Sort
from addon.prompts.log.reading import Log
from addon.protocol.errors import BadRequest, ConfigError
from addon.protocol.messages import parse_json
from addon.routing.call import Kind

GLANCE = 60  # characters of a text in a line
MOST_LINES, SHOWN_AT_ENDS = 30, 12  # of a long piece; its first and last lines are shown
WHO = {"User": "bold blue", "Assistant": "bold yellow", "Tools": "bold green", "Error": "bold red"}
FACT = 200  # characters of a fact, which may be a list of many
COLUMNS = (
    printing.Column("turn", "right"),
    printing.Column("time"),
    printing.Column("who", is_text=True),
    printing.Column("new", is_text=True),
    printing.Column("answer", is_text=True),
    printing.Column("in", "right"),
    printing.Column("out", "right", is_extra=True),
    printing.Column("price", "right"),
    printing.Column("took", "right", is_extra=True),
)
RESULTS = frozenset((Sort.RESULT, Sort.FAILURE))
TAGS = re.compile(r"</?system-reminder>")
DIM = frozenset((Sort.REMINDER, Sort.THINKING))


@dataclass(frozen=True, slots=True)
class Wish:
    """What of a turn is shown. ``full``: the whole prompt; ``raw``: bytes as they are."""

    full: bool = False
    sent: bool = False
    reply: bool = False
    raw: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is only what is new."""
        return not (self.full or self.sent or self.reply or self.raw)


def run(text: str, wish: Wish, *, as_json: bool) -> None:
    """Print what ``text`` names. Raises: ConfigError."""
    with prompt_log.opened() as log:
        chosen = prompt_log.choose(log, text)
        if chosen.turn is None:
            if not wish.is_plain:
                raise ConfigError(f"{text} is a session; --full, --sent, --reply and --raw are for a turn: {text}/1")
            _session(log, chosen, as_json=as_json)
        elif wish.is_plain:
            _turn(log, chosen, as_json=as_json)
        else:
            _part(log.entry(chosen.turn.number), wish)


def one(log: Log, chosen: Chosen) -> Turn:
    """Read the turn that was chosen, with the one before it, so that it holds what is new."""
    assert chosen.turn is not None  # noqa: S101 - the caller has looked
    before = chosen.before(chosen.turn)
    both = [chosen.turn] if before is None else [before, chosen.turn]
    found = chapters.chapters(prompt_log.entries(log, both), map(chosen.place, both))
    place = chosen.place(chosen.turn)
    return next(turn for chapter in found for turn in chapter.turns if turn.place == place)


def all_turns(log: Log, chosen: Chosen) -> list[Turn]:
    """Read every turn of a session, in the order in which they began."""
    found = chapters.chapters(prompt_log.entries(log, chosen.summaries), map(chosen.place, chosen.summaries))
    by_place = {turn.place: turn for chapter in found for turn in chapter.turns}
    return [by_place[chosen.place(summary)] for summary in chosen.summaries]


# -- a session ---------------------------------------------------------------------------------------------------------


def _session(log: Log, chosen: Chosen, *, as_json: bool) -> None:
    turns = all_turns(log, chosen)
    if as_json:
        printing.put_json([_as_json(turn) for turn in turns])
        return
    console = printing.console()
    title = document.title(sorted(turns, key=lambda turn: turn.entry.summary.kind != Kind.MAIN))
    printing.put(console, (printable.line(title or "Session", document.TITLE), "bold"))
    for name, value in document.facts([turn.entry.summary for turn in turns], printing.here()):
        printing.put(console, (f"{name}: ", "dim"), printing.cell(value, FACT))
    console.print()
    console.print(table(turns, console.width))


def table(turns: list[Turn], width: int) -> Table:
    """Lay out the turns of a session, a line each."""
    zone = printing.here()
    return printing.table(COLUMNS, [list(_cells(turn, zone)) for turn in turns], width)


def _cells(turn: Turn, zone: tzinfo) -> Iterator[Text | str]:
    summary = turn.entry.summary
    yield str(turn.place)
    yield figures.clock(summary.at, zone)
    yield printing.cell(_who(turn), GLANCE)
    yield _new(turn)
    yield _answer(turn)
    yield "" if summary.prompt_tokens is None else f"{summary.prompt_tokens:,}"
    yield "" if summary.output_tokens is None else f"{summary.output_tokens:,}"
    yield "" if summary.dollars is None else figures.price(summary.dollars)
    yield figures.elapsed(summary.total_ms)


def _who(turn: Turn) -> str:
    summary = turn.entry.summary
    if summary.origin is not None:
        return str(summary.origin)
    if turn.is_beside or summary.agent is None:
        return summary.kind or summary.path
    return " ".join(filter(None, (summary.agent_type or "agent", printing.short(summary.agent))))


def _new(turn: Turn) -> Text:
    """Whose results came, else what the user said last, else what the client said in the user's name."""
    found = [piece for message in turn.new for piece in pieces.said(message, turn.names)]
    results = [piece.title for piece in found if piece.sort in RESULTS]
    texts = [pieces.command(piece.text) for piece in found if piece.sort is Sort.TEXT and piece.text.strip()]
    if results:
        told = f"results: {', '.join(results)}"
    elif texts:
        told = texts[-1]
    else:
        told = next((TAGS.sub("", pieces.command(piece.text)) or piece.title for piece in reversed(found)), "")
    return printing.cell(f"anew: {told}" if turn.is_joint else told, GLANCE)


def _answer(turn: Turn) -> Text:
    if how := figures.outcome(turn.entry.summary):
        return printing.cell(how, GLANCE, "red" if figures.is_failure(turn.entry.summary) else "yellow")
    if turn.answer is None:
        return Text("")
    calls = ", ".join(call.name for call in turn.answer.calls)
    text = turn.answer.text or ("" if calls else turn.answer.thinking)
    return printing.cell(f"{calls}{'; ' if calls and text else ''}{text}", GLANCE)


def _as_json(turn: Turn) -> dict[str, Any]:
    return {
        "turn": turn.place,
        **asdict(turn.entry.summary),
        "reason": turn.entry.reason,
        "new": list(turn.new),
        "is_joint": turn.is_joint,
        "answer": turn.answer.message if turn.answer is not None else None,
        **{name: [asdict(each) for each in getattr(turn.entry, name)] for name in ("attempts", "changes", "losses")},
    }


# -- a turn ------------------------------------------------------------------------------------------------------------


def _turn(log: Log, chosen: Chosen, *, as_json: bool) -> None:
    turn = one(log, chosen)
    if as_json:
        printing.put_json(_as_json(turn))
        return
    console, shown = printing.console(), document.shown(turn, printing.here())
    summary = turn.entry.summary
    printing.put(
        console,
        (printable.line(shown.title), "bold"),
        f" of session {printing.short(summary.session)}, " if summary.session else " of no session, ",
        f"exchange {summary.number}, req_{summary.id}",
    )
    printing.put(console, (printable.line(shown.meta), "dim"))
    if turn.entry.reason:
        printing.put(console, (printable.line(f"{summary.route or 'nobody'}: {turn.entry.reason}"), "dim"))
    for text in _body(shown):
        console.print(text, soft_wrap=True)


def _body(shown: Shown) -> Iterator[Text]:
    for note in shown.notes:
        yield printing.cell(note, style="italic")
    for said in shown.said:
        yield Text("")
        yield printing.cell(said.who, style=WHO.get(said.who, "bold"))
        for piece in said.pieces:
            yield from _piece(piece)
    if shown.losses:
        yield Text("")
        yield Text("Changed or lost on the way", style="bold")
        yield from (printing.cell(f"- {loss}") for loss in shown.losses)


def _piece(piece: Piece) -> Iterator[Text]:
    style = "dim" if piece.sort in DIM else "red" if piece.sort is Sort.FAILURE else ""
    if piece.sort is not Sort.TEXT:
        mark = {Sort.CALL: "call ", Sort.RESULT: "result of ", Sort.FAILURE: "failed: "}.get(piece.sort, "")
        yield printing.cell(f"{mark}{piece.title}", style=style or "bold")
    if piece.text:
        indent = "" if piece.sort is Sort.TEXT else "  "
        text = piece.text if piece.sort is Sort.TEXT else _shortened(piece.text)
        yield printing.lines(text, style, indent)


def _shortened(text: str) -> str:
    """Return a long text without its middle."""
    found = printable.text(text).split("\n")
    if len(found) <= MOST_LINES:
        return text
    left_out = len(found) - 2 * SHOWN_AT_ENDS
    return "\n".join([*found[:SHOWN_AT_ENDS], f"[{left_out:,} lines more; --full shows them]", *found[-SHOWN_AT_ENDS:]])


# -- all of it ---------------------------------------------------------------------------------------------------------


def _part(entry: Entry, wish: Wish) -> None:
    if wish.raw:
        printing.put_bytes(_raw(entry, wish).body)
        return
    if wish.full:
        printing.put_text(render.prompt(_parsed(_kept(entry.request, entry, "request").body)))
    if wish.sent:
        sent = _kept(entry.sent or entry.request, entry, "request")
        body = _parsed(sent.body)
        told = render.sent(sent.url, None if isinstance(body, str) else body, sent.method)
        printing.put_text(told + (body if isinstance(body, str) else ""))
    if wish.reply:
        reply = _kept(entry.reply or entry.given, entry, "reply")
        printing.put_text(reply.body.decode("utf-8", "replace") + _note(reply))
    elif wish.full and entry.given is not None:
        printing.put_text(_whole(entry.given))


def _raw(entry: Entry, wish: Wish) -> Request | Reply:
    if wish.reply:
        return _kept(entry.reply or entry.given, entry, "reply")
    return _kept((entry.sent if wish.sent else None) or entry.request, entry, "request")


def _kept[Kept: (Request, Reply)](found: Kept | None, entry: Entry, what: str) -> Kept:
    if found is None:
        raise ConfigError(f"exchange {entry.summary.number}: its {what} is not kept, or there was none")
    return found


def _parsed(body: bytes) -> object:
    try:
        return parse_json(body) if body else None
    except BadRequest:
        return body.decode("utf-8", "replace")


def _whole(given: Reply) -> str:
    found = answer.of(given)
    told = orjson.dumps(found.message, option=orjson.OPT_INDENT_2).decode() if found.message is not None else ""
    return "\n".join(("answer:", *filter(None, (told, found.error)))) + _note(given)


def _note(reply: Reply) -> str:
    return f"\n[{reply.left_out:,} more bytes were not kept]" if reply.left_out else ""
