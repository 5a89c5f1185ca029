"""What the real Claude Code shows of a fault: its answer or its error, how often it retried, and what that cost."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.client import BINARY, ClaudeCode, Run
from tests.faultlab.lab import Lab
from tests.faultlab.script import Fault

# one of each kind, and those whose end the client takes for something of its own
ROWS = (
    "refused", "refused_then_second", "reset_once", "hangs_before_headers", "early_hints_first", "kept_reset",
    "html_502", "limit_once", "limit_very_long", "key_refused", "refused_400", "overflow", "error_in_200", "only_done",
    "cut_mid_event", "cut_mid_call", "hangs_mid_stream", "error_mid_stream", "hangs_after_done", "gzip", "trailers",
    "drip", "silent_before_headers", "silent_mid_stream", "silent_then_reset", "silent_then_reset_once",
    "raises_in_encode", "raises_in_close",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one question."""

    answer: str
    is_error: bool
    retries: int  # that the client told of
    asked: list[str]
    elapsed_s: float

    @property
    def told(self) -> str:
        """For people."""
        kind = "error" if self.is_error else "answer"
        requests = " ".join(self.asked) or "none"
        return f"{kind}, {self.retries} retries shown, asked: {requests}, {self.elapsed_s:.1f} s: {self.answer!r}"


def missing() -> str | None:
    """Why this cannot be, if it cannot."""
    if BINARY and os.access(BINARY, os.X_OK):
        return None
    return "no Claude Code client: DETOUR_TEST_CLAUDE does not name one (scripts/test fetches it)"


async def hear(lab: Lab, folder: Path, faults: Iterable[Fault]) -> AsyncIterator[tuple[Fault, Heard]]:
    """Ask for each row in a session of its own, at the reverse door."""
    for fault in faults:
        proxy, played = lab.begin(fault)
        claude = ClaudeCode("reverse", proxy, folder / fault.name)
        started = time.monotonic()
        try:
            run = await asyncio.to_thread(claude.run, "Hello", options=["--model", fault.name])
        except TimeoutError as error:
            run = Run(1, [{"type": "result", "is_error": True, "result": str(error)[:200]}], "")
        elapsed_s = time.monotonic() - started
        failed = bool(run.result.get("is_error"))
        yield fault, Heard(run.text, failed, len(run.notices("api_retry")), list(played.asked), elapsed_s)
