"""What a backend said went wrong, found in whatever envelope it said it, and how long it wants us to wait.

In: a parsed body, headers with lower-case names. Out: a Told, or seconds. What it means is the business of ``faults``.
Sources: vendors' error pages and SDKs, collected in docs/protocol.md, "Errors".
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

MAX_SHOWN = 600  # characters of a backend's own words that reach the client; an HTML page says nothing more after that
MAX_PAGE_BYTES = 20_000  # of a body that is not JSON: its words come early
EPOCH_FROM = 1_000_000_000  # a "reset" this large is a moment and not a wait

DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m(?!s))?(?:(\d{1,9}(?:\.\d{1,9})?)(ms|s))?", re.ASCII)
WAIT = re.compile(r"(?:try again|retry) (?:in|after) (\d[\dhms.]{0,40})(?: (seconds|minutes))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Told:
    """A backend's own words."""

    message: str
    code: str = ""
    type: str = ""
    tokens: int | None = None  # llama.cpp gives the numbers as fields
    limit: int | None = None
    wait: str = ""  # Gemini's RetryInfo: a duration
    for_today: bool = False  # Gemini's QuotaFailure: the day's allowance is used up

    @property
    def status(self) -> int | None:
        """The HTTP status that the code amounts to, if it is one."""
        return int(self.code) if re.fullmatch(r"[45]\d\d", self.code, re.ASCII) else None


def read(body: object) -> Told | None:
    """Find the error in a parsed body of any vendor's shape; None when there is none."""
    if isinstance(body, list) and body:
        return read(body[0])  # Gemini wraps a stream's error in an array
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, str) and error:
        return Told(error, code=_text(body.get("code")))
    if isinstance(error, dict):
        return _nested(error)
    if body.get("choices"):
        return None
    refusal = body.get("base_resp")  # MiniMax, under the status 200
    if isinstance(refusal, dict) and refusal.get("status_code"):
        return Told(_text(refusal.get("status_msg")) or "unknown error", _text(refusal["status_code"]))
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        return read({"error": errors[0]})
    for name in ("message", "Message", "detail"):
        if body.get(name):
            return Told(_sentence(body[name]), _text(body.get("code")), _text(body.get("type")))
    return None


def _nested(error: Mapping[str, Any]) -> Told:
    metadata = error.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None  # OpenRouter: the real cause
    message = next(filter(None, (_text(error.get(name)) for name in ("message", "detail", "type"))), "unknown error")
    details = error.get("details")
    known = [detail for detail in details if isinstance(detail, dict)] if isinstance(details, list) else []
    violations = [each for detail in known for each in detail.get("violations") or () if isinstance(each, dict)]
    return Told(
        f"{message}: {raw}" if isinstance(raw, str) and raw else message,
        _text(error.get("code")) or _text(error.get("status")),
        " ".join(filter(None, (_text(error.get("type")), _text(error.get("status"))))),
        _number(error.get("n_prompt_tokens")),
        _number(error.get("n_ctx")),
        next((_text(detail["retryDelay"]) for detail in known if "retryDelay" in detail), ""),
        any("PerDay" in _text(each.get("quotaId")) for each in violations),
    )


def _sentence(told: object) -> str:
    """Say what pydantic found (FastAPI's ``detail``) without the input that it quotes: that is the user's prompt."""
    if isinstance(told, str):
        return told
    found = [each for each in told if isinstance(each, dict) and "msg" in each] if isinstance(told, list) else []
    if not found:
        return orjson.dumps(told).decode()
    return "; ".join(f"{'.'.join(map(str, each.get('loc') or ()))}: {each['msg']}" for each in found)


def page(body: bytes) -> Told:
    """Return the words of a body that is not JSON: tags of an HTML page taken out."""
    text = body[:MAX_PAGE_BYTES].decode("utf-8", "replace")
    words = re.sub(r"<(style|script|head).*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
    return Told(" ".join(words.split())[:MAX_SHOWN] or "an empty error reply")


def retry_after(headers: Mapping[str, str], told: Told) -> int | None:
    """Read how long to wait, in whole seconds rounded up: from headers, else from the body; None when unsaid."""
    for seconds in (
        _scaled(_float(headers.get("retry-after-ms")), 1 / 1000),
        _float(headers.get("retry-after")),
        _until(headers.get("retry-after"), headers.get("date")),
        _duration(told.wait),
        _in_words(told.message),
        _reset(headers),
    ):
        if seconds is not None:
            return max(0, math.ceil(seconds))
    return None


def _in_words(message: str) -> float | None:
    """Groq: "try again in 7m12s". Gemini: "retry in 59.44s". Azure: "retry after 20 seconds"."""
    found = WAIT.search(message.lower())
    if not found:
        return None
    if found[2]:
        return _scaled(_float(found[1]), 60 if found[2] == "minutes" else 1)
    return _duration(found[1].rstrip("."))


def _reset(headers: Mapping[str, str]) -> float | None:
    """The latest reset among the allowances that are used up (OpenAI, Groq: durations; others: seconds, a moment)."""
    waits: list[float] = []
    for name in ("x-ratelimit-{}-requests", "x-ratelimit-{}-tokens", "x-ratelimit-{}", "ratelimit-{}"):
        if headers.get(name.format("remaining")) == "0":
            told = headers.get(name.format("reset"), "")
            seconds = _float(told) if _float(told) is not None else _duration(told)
            if seconds is not None and seconds >= EPOCH_FROM:
                now = _moment(headers.get("date"))
                seconds = seconds - now.timestamp() if now else None
            waits += [] if seconds is None else [seconds]
    return max(waits, default=None)


def _duration(text: str) -> float | None:
    found = DURATION.fullmatch(text.strip())
    if not found or not found[0]:
        return None
    hours, minutes, seconds, unit = found.groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0) / (1000 if unit == "ms" else 1)


def _until(when: str | None, now: str | None) -> float | None:
    """Seconds from the reply's own ``Date`` to an HTTP date; no clock of ours is asked."""
    then, start = _moment(when), _moment(now)
    return (then - start).total_seconds() if then and start else None


def _moment(text: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment and moment.tzinfo is None else moment


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _float(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
