"""What a checked target can do, read from what came of asking it. Pure.

In: the answers that came through the pipeline, what its log has of the backend's own reply, and what is known of the
model. Out: a word for each column, and a finding for each thing that is not as it should be, with the
backend's words and the way out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from addon.cli.asking import Outcome
from addon.cli.finding import Finding, Level, broken, doubtful
from addon.prompts.entry import Entry
from addon.routing.config import Endpoint
from addon.routing.facts import ModelFacts

YES, NO, UNTOLD = "yes", "no", ""
WHEN_FORCED, WRONG = "forced", "wrong"
SLOW_MS = 30_000  # to the first word of a prompt of 200 tokens; Claude Code's has 15,000
STREAMED = ("text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream")
SMALLEST_WINDOW = 64_000  # tokens; Claude Code's first prompt takes 15,000, and it compacts late
TOOL = "weather"
CITY = "city"


@dataclass(frozen=True, slots=True)
class Asked:
    """One target, asked. ``forced``: the second question, where the first brought no call; ``entry``: of the first."""

    target: str
    outcome: Outcome
    endpoint: Endpoint
    facts: ModelFacts
    forced: Outcome | None = None
    entry: Entry | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of the table, and what stands under it. ``works``: a session could be held with it."""

    target: str
    reached: str = UNTOLD
    key: str = UNTOLD
    stream: str = UNTOLD
    call: str = UNTOLD
    usage: str = UNTOLD
    thinking: str = UNTOLD
    first_ms: int | None = None
    total_ms: int | None = None
    findings: tuple[Finding, ...] = field(default=())

    @property
    def works(self) -> bool:
        """Whether nothing is broken."""
        return all(finding.level is not Level.FAIL for finding in self.findings)


def unasked(target: str, why: str, *, named: bool) -> Verdict:
    """Return what is said of one that cannot be asked at all: a fault where somebody wants to know of it by name."""
    found = broken(why, "") if named else doubtful(f"it is not asked: {why}", "")
    return Verdict(target, findings=(found,))


def judge(asked: Asked) -> Verdict:
    """Say what works."""
    outcome = asked.outcome
    if outcome.failed and not outcome.answer.calls and not outcome.answer.text:
        return _failed(asked)
    told = (*_cut(asked), *_streaming(asked), *_calling(asked), *_counting(asked), *_fitness(asked))
    return Verdict(
        asked.target,
        YES,
        YES if asked.endpoint.credential.value or asked.endpoint.credential.minting else "none",
        _stream(asked),
        _call(asked),
        _usage(asked),
        YES if outcome.answer.thinking or _redacted(outcome) else NO,
        outcome.first_ms,
        outcome.total_ms,
        told,
    )


# -- what works --------------------------------------------------------------------------------------------------------


def _stream(asked: Asked) -> str:
    kind = _content_type(asked)
    return UNTOLD if kind is None else YES if kind in STREAMED else NO


def _content_type(asked: Asked) -> str | None:
    """What the backend's own reply says that it is; None where that was not kept."""
    entry = asked.entry
    reply = (entry.reply or entry.given) if entry is not None else None
    if reply is None:
        return None
    found = next((value for name, value in reply.headers if name.lower() == "content-type"), "")
    return found.partition(";")[0].strip().lower()


def _streaming(asked: Asked) -> tuple[Finding, ...]:
    found: list[Finding] = []
    if _stream(asked) == NO:
        what = _content_type(asked) or "no content type"
        found.append(
            doubtful(f"it answers whole ({what}) though a stream was asked for", "nothing is seen until it has ended")
        )
    first = asked.outcome.first_ms
    if first is not None and first > SLOW_MS:
        found.append(doubtful(f"its first word took {first / 1000:.0f} s", "a session will feel slow"))
    return tuple(found)


def _cut(asked: Asked) -> tuple[Finding, ...]:
    error = asked.outcome.answer.error
    if error is None:
        return ()
    return (broken(f"its reply did not end well: {error}", "`detour read` shows such a reply when a session has one"),)


def _call(asked: Asked) -> str:
    if _calls(asked.outcome):
        return YES if _fits(asked.outcome) else WRONG
    return WHEN_FORCED if asked.forced is not None and _calls(asked.forced) else NO


def _calls(outcome: Outcome) -> bool:
    return any(call.name == TOOL and call.whole for call in outcome.answer.calls)


def _calling(asked: Asked) -> tuple[Finding, ...]:
    outcome, answer = asked.outcome, asked.outcome.answer
    if not _calls(outcome):
        if asked.forced is not None and _calls(asked.forced):
            return (doubtful("it calls a tool only when it must", "Claude Code lets models choose: expect few calls"),)
        if answer.stop_reason == "max_tokens" and not answer.text:
            return (
                broken("it thought until its tokens were spent, and called nothing", "lower its effort in a route"),
            )
        said = " ".join(answer.text.split())[:100]
        words = f": it said {said!r}" if said else ""
        return (broken(f"it made no tool call{words}", "Claude Code works by calls: choose a model that makes them"),)
    if not _fits(outcome):
        told = _short([call.arguments for call in answer.calls])
        return (broken(f"its call does not fit the tool: {told}", "choose a model that is made for tools"),)
    return ()


def _fits(outcome: Outcome) -> bool:
    arguments = [call.arguments for call in outcome.answer.calls if call.name == TOOL]
    return all(isinstance(each, Mapping) and CITY in each for each in arguments)


def _short(value: Any) -> str:
    told = repr(value)
    return told if len(told) <= 100 else f"{told[:100]}…"


def _usage(asked: Asked) -> str:
    entry = asked.entry
    if entry is None:
        return UNTOLD
    return YES if entry.summary.input_tokens and entry.summary.output_tokens else NO


def _counting(asked: Asked) -> tuple[Finding, ...]:
    if _usage(asked) != NO:
        return ()
    return (doubtful("it counts no tokens", "what is told to Claude Code are estimates, and no cost is known"),)


def _redacted(outcome: Outcome) -> bool:
    content = (outcome.answer.message or {}).get("content")
    kinds = [block.get("type") for block in content if isinstance(block, dict)] if isinstance(content, list) else []
    return "thinking" in kinds or "redacted_thinking" in kinds


def _fitness(asked: Asked) -> tuple[Finding, ...]:
    window = asked.facts.max_input_tokens
    if window is not None and window < SMALLEST_WINDOW:
        return (
            doubtful(
                f"its window has {window:,} tokens, and Claude Code's first prompt takes some 15,000 of them",
                "give it small calls only, or tell a `report_window`",
            ),
        )
    return ()


# -- what does not -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Way:
    """What a failure means: whether the backend was reached, whether it took the key, and the way out."""

    reached: str
    key: str
    remedy: str


# signs in Detour's own words, which name the backend's, then the status: the first that fits
SIGNS: tuple[tuple[str, Way], ...] = (
    (
        r"(?i)cannot be reached.*(tls|ssl|certificate)",
        Way(NO, UNTOLD, "where a proxy decrypts, name its authority in SSL_CERT_FILE; else correct the address"),
    ),
    (r"cannot be reached", Way(NO, UNTOLD, "see that {url} is right and runs; `detour doctor` looks at the way")),
    (r"timed? ?out|the connection failed", Way(UNTOLD, UNTOLD, "give it longer with --timeout, or see its own log")),
    (r"refused the credential", Way(YES, NO, "see that {variable} holds a key of this provider that is in force")),
    (r"prompt is too long", Way(YES, YES, "its window is too small for 300 tokens: see how it was started")),
)
STATUSES: Mapping[int, Way] = {
    HTTPStatus.BAD_REQUEST: Way(YES, YES, "what it refuses can be left out: `profile`, docs/adding-a-backend.md"),
    HTTPStatus.PAYMENT_REQUIRED: Way(YES, YES, "see to the credit of the account"),
    HTTPStatus.FORBIDDEN: Way(YES, NO, "see what the key in {variable} may do"),
    HTTPStatus.NOT_FOUND: Way(YES, UNTOLD, "see that the address and the name are right: `detour models {model}`"),
    HTTPStatus.TOO_MANY_REQUESTS: Way(YES, YES, "wait, or raise the limit of the account"),
}
OTHERWISE = Way(YES, UNTOLD, "it fails itself: try again later, or ask who runs it")
KIND = re.compile(r"^\w+_error: ")  # Anthropic's word for it, which the way out says better


def _failed(asked: Asked) -> Verdict:
    outcome = asked.outcome
    told = KIND.sub("", outcome.answer.error or f"HTTP {outcome.status} without a word")
    words = told.removeprefix(f"{asked.target}: ").removeprefix(f"{asked.target} ")
    way = next((way for sign, way in SIGNS if re.search(sign, told)), None)
    way = way or STATUSES.get(outcome.status, OTHERWISE)
    remedy = way.remedy.format(
        url=asked.endpoint.base_url,
        variable=asked.endpoint.credential.variable,
        model=asked.target.rpartition("/")[2],
    )
    return Verdict(asked.target, way.reached, way.key, total_ms=outcome.total_ms, findings=(broken(words, remedy),))
