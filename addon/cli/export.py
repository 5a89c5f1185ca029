"""``detour export``: a session, or a turn of it, as a file for other programs and for people."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from addon.cli import printing, prompt_log
from addon.cli.prompt_log import Chosen
from addon.prompts.entry import Entry, Summary
from addon.prompts.exports import Export
from addon.prompts.log.reading import Log
from addon.protocol.errors import ConfigError
from addon.settings import private_file

type Format = Literal["markdown", "html", "jsonl", "openai", "har", "curl", "transcript"]

ENDINGS: dict[str, Format] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".jsonl": "jsonl",
    ".har": "har",
    ".sh": "curl",
}
MOST_NOTES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How it is to be. ``form`` None: as the file's name ends, else Markdown. ``output`` None: standard output."""

    form: Format | None = None
    output: Path | None = None
    force: bool = False
    replies: bool = False  # jsonl: each beside its request
    sent: bool = False  # curl: what went to the backend
    transcript: Path | None = None  # the folder of the stories
    name: str | None = None  # of a story
    like: str | None = None  # the known provider that a story's own is like


def run(text: str, wish: Wish) -> None:
    """Write what ``text`` names. Raises: ConfigError."""
    form = wish.form or _form(wish)
    with prompt_log.opened() as log:
        chosen = prompt_log.choose(log, text)
        if form == "transcript":
            _story(log, chosen, wish)
            return
        if wish.output is not None:
            _check(wish.output, force=wish.force)
        export = _made(form, log, chosen, wish)
    if wish.output is None:
        printing.put_bytes(export.content)
    else:
        private_file.write_bytes(wish.output, export.content)
    _note(export.left_out)


def _form(wish: Wish) -> Format:
    if wish.transcript is not None:
        return "transcript"
    return ENDINGS.get(wish.output.suffix.lower(), "markdown") if wish.output is not None else "markdown"


def _made(form: Format, log: Log, chosen: Chosen, wish: Wish) -> Export:
    if form in ("markdown", "html"):
        return _document(form, log, chosen)
    if form == "curl":
        from addon.prompts.exports import curl

        return Export(curl.command(_single(log, chosen, "a curl command"), sent=wish.sent))
    summaries = [chosen.turn] if chosen.turn is not None else chosen.own
    if form == "openai":
        from addon.prompts.exports import openai_chat

        alone = chosen.turn is not None or not chosen.session  # what is no conversation is a line of its own
        return openai_chat.dump(prompt_log.entries(log, summaries), map(chosen.place, summaries), each=alone)
    return MAKERS[form](prompt_log.entries(log, summaries), wish)


def _document(form: Format, log: Log, chosen: Chosen) -> Export:
    from addon.prompts.exports.document import document

    summaries: Sequence[Summary] = chosen.own
    only = None
    if chosen.turn is not None:  # what is new in it shows beside the turn before
        before = chosen.before(chosen.turn)
        summaries = [chosen.turn] if before is None else [before, chosen.turn]
        only = (chosen.place(chosen.turn),)
    made = document(prompt_log.entries(log, summaries), map(chosen.place, summaries), printing.here(), only=only)
    if form == "html":
        from addon.prompts.exports import page

        return Export(page.render(made))
    from addon.prompts.exports import markdown

    return Export(markdown.render(made))


def _jsonl(entries: Iterable[Entry], wish: Wish) -> Export:
    from addon.prompts.exports import jsonl

    return jsonl.dump(entries, replies=wish.replies)


def _har(entries: Iterable[Entry], wish: Wish) -> Export:
    from addon.prompts.exports import har

    return har.archive(entries)


MAKERS: dict[str, Callable[[Iterable[Entry], Wish], Export]] = {"jsonl": _jsonl, "har": _har}


def _single(log: Log, chosen: Chosen, what: str) -> Entry:
    if chosen.turn is None:
        raise ConfigError(f"{what} is made of one exchange: name a turn, {printing.short(chosen.session)}/1")
    return log.entry(chosen.turn.number)


def _story(log: Log, chosen: Chosen, wish: Wish) -> None:
    from addon.prompts.exports.transcript import story
    from addon.stream import StreamTranslator

    if wish.transcript is None:
        raise ConfigError("a transcript is a folder: --transcript tests/transcripts")
    entry = _single(log, chosen, "a transcript")
    name = wish.name or f"exchange_{entry.summary.number}"
    if not name.replace("_", "").isalnum() or not name.isascii():
        raise ConfigError(f"--name is {name!r}: write letters, digits and underscores")
    files = story(entry, name, translate=StreamTranslator, like=wish.like)
    paths = {wish.transcript / path: content for path, content in files.items()}
    for path in paths:
        if path.exists() and not wish.force:
            raise ConfigError(f"{path} is there already; --force writes over it, --name names another")
    for path, content in paths.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        private_file.write_bytes(path, content)
    sys.stdout.write("".join(f"{path}\n" for path in paths))


def _check(output: Path, *, force: bool) -> None:
    if output.is_dir() or not output.parent.is_dir():
        raise ConfigError(f"{output} cannot be written: name a file in a folder that is there")
    if not os.access(output.parent, os.W_OK):
        raise ConfigError(f"{output} cannot be written: {output.parent} is not yours to write to")
    if output.exists() and not force:
        raise ConfigError(f"{output} is there already; --force writes over it")


def _note(left_out: Sequence[str]) -> None:
    printing.put_notes(left_out[:MOST_NOTES])
    if len(left_out) > MOST_NOTES:
        printing.put_notes([f"and {len(left_out) - MOST_NOTES:,} notes more like these"])
