"""What `scripts/faultlab` prints: a line for each row, with all that is not as it must be."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.faultlab import real_client
from tests.faultlab.faults import FAULTS
from tests.faultlab.judge import Shown, complaints
from tests.faultlab.lab import laboratory
from tests.faultlab.script import Fault, Tempo, apart, as_written, together

USAGE = """Play faults of backends, clients and machines to a real mitmdump with the addon, and list what came of them.

  scripts/faultlab [NAME...]            all of them, or those whose names hold one of these
  scripts/faultlab --together [NAME...] the same with as few writes of the backend as can be; --apart: with many
  scripts/faultlab --client [NAME...]   what the real Claude Code shows of some of them

It ends with 1 where a row is not as tests/faultlab/faults.py says that it must be.
"""


def chosen(faults: Sequence[Fault], names: Sequence[str]) -> list[Fault]:
    """Those that are asked for."""
    return [fault for fault in faults if not names or any(name in fault.name for name in names)]


def line(fault: Fault, shown: Shown, found: Sequence[str]) -> str:
    """A row for people."""
    got = shown.got
    seen = "(left)" if got is None else f"{got.status} {len(got.body):,} bytes"
    asked = " ".join(shown.asked) or "none"
    told = (
        f"  {fault.name:<32} {seen:<22} asked: {asked:<20} {shown.elapsed_s:5.2f} s  {'ok' if not found else 'WRONG'}"
    )
    return "\n".join((told, *(f"      {each}" for each in found), ""))


async def play(names: Sequence[str], tempo: Tempo) -> int:
    """Play rows and print each when it is over; return how many are wrong."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        async with laboratory(Path(folder)) as lab:
            async for fault, shown in lab.play(chosen(FAULTS, names), tempo):
                found = await asyncio.to_thread(complaints, fault, shown)  # rows go on meanwhile
                wrong += bool(found)
                _print(line(fault, shown, found))
    _print(f"{wrong} rows are not as they must be.\n" if wrong else "All is as it must be.\n")
    return 1 if wrong else 0


async def hear(names: Sequence[str]) -> int:
    """Ask with the real client, and print what it shows."""
    if reason := real_client.missing():
        _print(f"{reason}\n")
        return 2
    rows = chosen([fault for fault in FAULTS if names or fault.name in real_client.ROWS], names)
    with tempfile.TemporaryDirectory() as folder:
        async with laboratory(Path(folder)) as lab:
            async for fault, heard in real_client.hear(lab, Path(folder), rows):
                _print(f"{fault.name:<32} {heard.told}\n")
    return 0


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def main() -> int:
    """Read the arguments and play."""
    parser = argparse.ArgumentParser(
        prog="scripts/faultlab", description=USAGE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--client", action="store_true", help="ask with the real Claude Code")
    parser.add_argument("--together", dest="tempo", action="store_const", const=together, help="few writes")
    parser.add_argument("--apart", dest="tempo", action="store_const", const=apart, help="many writes")
    arguments = parser.parse_args()
    if arguments.client:
        return asyncio.run(hear(arguments.names))
    return asyncio.run(play(arguments.names, arguments.tempo or as_written))


if __name__ == "__main__":
    sys.exit(main())
