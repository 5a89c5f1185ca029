"""Kills writers of one log at random moments and looks at what they left: ``python -m ... FILE SEED TIMES``.

Every writer says each number as soon as it has it. Whatever was said must be there, whole; what was not said may be
there, whole. A program of its own, because it forks. Prints what it found as JSON.
"""

import json
import os
import random
import select
import signal
import sqlite3
import sys
import time
from dataclasses import replace
from pathlib import Path

from addon.prompts.entry import Entry
from addon.prompts.log import writer
from addon.prompts.log.reading import Log
from addon.prompts.log.writer import Writer
from tests.prompts.entries import recorded_session
from tests.prompts.log.plain import Plain

LONGEST_S = 0.05  # of a writer's life: some thirty exchanges
NUMBER_BYTES = 4


def write(file: Path, entries: list[Entry], said: int) -> None:
    """Write without end."""
    kept = Writer(file, Plain())
    count = 0
    while True:
        entry = entries[count % len(entries)]
        session = f"session {os.getpid()} {count // len(entries)}"
        number = kept.add(replace(entry, summary=replace(entry.summary, session=session), reason=str(count)))
        os.write(said, number.to_bytes(NUMBER_BYTES))
        count += 1


def killed(file: Path, entries: list[Entry], life_s: float) -> list[int]:
    """Let a writer live so long; return the numbers that it said."""
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            write(file, entries, said)
        finally:
            os._exit(1)
    os.close(said)
    time.sleep(life_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    numbers = b""
    while select.select([heard], [], [], 0)[0] and (piece := os.read(heard, 65_536)):
        numbers += piece
    os.close(heard)
    return [int.from_bytes(numbers[at : at + NUMBER_BYTES]) for at in range(0, len(numbers), NUMBER_BYTES)]


def main(file: Path, seed: int, times: int) -> dict[str, object]:
    """See the module."""
    draw, entries = random.Random(seed), recorded_session()
    writer.SEGMENT_BYTES = 200_000  # so that some die while a segment is put into one part
    said: set[int] = set()
    for _ in range(times):
        said.update(killed(file, entries, draw.uniform(0, LONGEST_S)))
    log = Log(file)
    known = {each.number for each in log.summaries()}
    faults = []
    for number in sorted(known):
        entry = log.entry(number)
        meant = entries[int(entry.reason) % len(entries)]
        if (entry.request, entry.given) != (meant.request, meant.given):
            faults.append(number)
    log.close()
    database = sqlite3.connect(file)
    (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
    wrong = database.execute("PRAGMA foreign_key_check").fetchall()
    database.close()
    return {
        "said": len(said), "kept": len(known), "missing": sorted(said - known), "half": faults,
        "integrity": verdict, "keys": wrong,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201 - a program
