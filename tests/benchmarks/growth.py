"""How the prompt log grows over a session of 100 turns, each of which sends its whole history.

The session is of Claude Code's own shape: its system prompt and tools as they were recorded, and in each turn some
words, a call of Read and a file's lines as its result. Words and files are this repository's, which nothing repeats.
Every turn is translated to OpenAI's format and back by Detour, and the reply is streamed in pieces of a few letters,
so the log holds all four sides of every exchange. Beside it stands the way of others: a file of JSON for each request.
"""

import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import zstandard

from addon import dialects
from addon.dialects import ReplyContext
from addon.prompts.entry import Entry, Headers, Reply
from addon.prompts.log.reading import Log
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.prompts.redact import Redactor
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import check
from addon.stream import StreamTranslator
from tests.benchmarks.samples import call_piece, chunk
from tests.benchmarks.table import Row, report
from tests.prompts.entries import entry
from tests.stories import FOLDER, target, translated

ROOT = Path(__file__).resolve().parents[2]
TURNS = 100
LINES = 100  # of a file, in a result: some 4.5 kB, so that the last turn has 120,000 tokens
LIMIT = 1.5  # times the final transcript, compressed as one
LETTERS = (2, 7)  # of a delta
STREAM: Headers = (("content-type", "text/event-stream"),)

type Json = dict[str, Any]


def turns(count: int = TURNS) -> Iterator[tuple[Json, list[Json]]]:
    """Each turn's request, and the blocks of its answer."""
    recorded = json.loads((FOLDER / "sessions" / "first_door.json").read_text())[-1]
    words = [part for part in _prose().split("\n") if len(part) > 80]
    files = sorted((ROOT / "addon").rglob("*.py"), key=lambda path: (len(path.parts), path.name))
    messages: list[Json] = recorded["messages"][:2]
    for number in range(count):
        yield {**recorded, "messages": _marked(messages)}, _answer(number, words, files)
        path = files[number % len(files)]
        numbered = enumerate(path.read_text().splitlines()[:LINES], 1)
        lines = "\n".join(f"{line:6}\t{text}" for line, text in numbered)
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number:024d}", "content": lines}
        answer = {"role": "assistant", "content": _answer(number, words, files)}
        messages = [*messages, answer, {"role": "user", "content": [result]}]


def _prose() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md")))


def _answer(number: int, words: list[str], files: list[Path]) -> list[Json]:
    path = f"/home/user/detour/{files[number % len(files)].relative_to(ROOT)}"
    call = {"type": "tool_use", "id": f"toolu_{number:024d}", "name": "Read", "input": {"file_path": path}}
    return [{"type": "text", "text": words[(number + 1) % len(words)]}, call]


def _marked(messages: list[Json]) -> list[Json]:
    """The client marks its newest message for the cache, and that alone."""
    *before, last = messages
    content = last["content"]
    *blocks, newest = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [*before, {**last, "content": [*blocks, {**newest, "cache_control": {"type": "ephemeral"}}]}]


def exchanges(count: int = TURNS) -> Iterator[Entry]:
    """Every turn as an exchange that was sent to OpenAI."""
    draw, dialect, there = random.Random(1), dialects.load("openai_chat"), target("openai", "gpt-5.5")
    for number, (body, answer) in enumerate(turns(count), 1):
        made = entry(orjson.dumps(body), number=number)
        assert made.request is not None
        wire = dialect.encode(check(body), None, there).wire
        reply = b"".join(_chunks(answer, draw))
        name = f"{number:024x}"
        writer = EventWriter(f"msg_{name}", body["model"], there.name, 0)
        given = translated(StreamTranslator(dialect.decoder(ReplyContext(there, name)), writer), [reply])
        yield replace(
            made,
            summary=replace(made.summary, route=there.name, status=200),
            sent=replace(made.request, url=wire.url, headers=wire.headers, body=wire.body),
            reply=Reply(status=200, headers=STREAM, body=reply),
            given=Reply(status=200, headers=STREAM, body=given),
        )


def _chunks(answer: list[Json], draw: random.Random) -> Iterator[bytes]:
    """The answer as OpenAI streams it, a few letters at a time."""
    text, call = answer
    for piece in _pieces(text["text"], draw):
        yield chunk({"content": piece})
    yield chunk(call_piece("", id=call["id"].replace("toolu", "call"), type="function", function={"name": "Read"}))
    for piece in _pieces(json.dumps(call["input"]), draw):
        yield chunk(call_piece(piece))
    yield chunk({}, "tool_calls")
    yield b"data: [DONE]\n\n"


def _pieces(text: str, draw: random.Random) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = start + draw.randint(*LETTERS)
        yield text[start:end]
        start = end


def main() -> int:
    """Print the table; 1 where a limit is passed."""
    told = list(exchanges())
    last = told[-1].request
    assert last is not None
    transcript = len(zstandard.compress(last.body))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / FILE
        writer = Writer(file, Redactor(b"a benchmark's"))
        for each in told:
            writer.add(each)
        writer.close()
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
        log = Log(file)
        kept = [log.entry(summary.number) for summary in log.summaries()]
        log.close()
    same = [(each.request, each.sent, each.reply, each.given) for each in told]
    assert [(each.request, each.sent, each.reply, each.given) for each in kept] == same, "it does not come back"
    bodies = [part.body for sides in same for part in sides if part is not None]
    peers = sum(len(each.request.body) + len(each.given.body) for each in told if each.request and each.given)
    sys.stdout.write(
        f"{TURNS} turns, the last of {len(last.body):,} bytes; all four sides of all: {sum(map(len, bodies)):,} bytes\n"
        f"A file of JSON for each request and its reply, as others do it: {peers:,} bytes\n\n"
    )
    row = Row(f"log of {TURNS} turns", f"{size:,} bytes", f"{transcript:,} bytes", size / transcript, LIMIT)
    return report([row], ["what", "Detour", "the final transcript, compressed as one", "figure", "limit"])


if __name__ == "__main__":
    raise SystemExit(main())
