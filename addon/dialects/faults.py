"""What a backend's error means: wording of every vendor in, our kinds out.

In: an HTTP status, lower-case headers and a body; or an error object found inside a stream. Out: a BackendError whose
message the client understands. Order: vetoes, overflow, then the table of signs, then the status.
Sources: vendors' error pages and SDKs, collected in docs/protocol.md, "Errors"; client wording: Claude Code 2.1.329.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from addon.protocol.errors import BackendError, Kind

MAX_SHOWN = 600  # characters of a backend's own words that reach the client; an HTML page says nothing more after that

# a text that says "tokens" but means "slow down": never an overflow (Bedrock, OpenAI, Groq)
VETO = re.compile(
    r"^(throttling|service unavailable)|rate limit|too many requests|tokens per minute|requests per minute|quota",
    re.IGNORECASE,
)

# (pattern, group of the prompt's tokens, group of the limit); 0: the text has no such number
OVERFLOW: tuple[tuple[re.Pattern[str], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), tokens, limit)
    for pattern, tokens, limit in (
        (r"prompt is too long(?:: (\d+) tokens > (\d+) maximum)?", 1, 2),
        (r"maximum context length is (\d+) tokens.*?(?:requested(?: about)?|resulted in) (\d+)", 2, 1),
        (r"input tokens exceed the configured limit of (\d+) tokens.*?resulted in (\d+)", 2, 1),
        (r"input token count(?: \((\d+)\))? exceeds the maximum number of tokens allowed \(?(\d+)", 1, 2),
        (r"maximum prompt length is (\d+) but the request contains (\d+)", 2, 1),
        (r"prompt contains (\d+) tokens.*?too large for model with (\d+) maximum context length", 1, 2),
        (r"input \((\d+) tokens\) is longer than the model.?s context length \((\d+) tokens\)", 1, 2),
        (r"exceeded model token limit: (\d+) \(requested: (\d+)\)", 2, 1),
        (r"range of input length should be \[\d+, (\d+)\]", 0, 1),
        (r"current length is (\d+) while limit is (\d+)", 1, 2),
        (r"prompt token count of (\d+) exceeds the limit of (\d+)", 1, 2),
        (r"request \((\d+) tokens\) exceeds the available context size \((\d+) tokens\)", 1, 2),
        (r"input length \((\d+)\) exceeds model'?s maximum context length \((\d+)\)", 1, 2),
        (r"passed (?:at least )?(\d+) input tokens.*?(?:context length|model length) (?:is )?(?:only )?(\d+)", 1, 2),
        (r"prompt contains at least (\d+) input tokens", 1, 0),
        (r"(?:maximum context length|maximum model length) (?:is )?(?:of )?(\d+)", 0, 1),
        (r"inputs` tokens \+ `max_new_tokens` must be <= (\d+)", 0, 1),
        (r"exceeds the maximum allowed input length of ([\d,]+)", 0, 1),
        (r"input is too long for requested model|too many input tokens|expected maxlength", 0, 0),
        (r"context_length_exceeded|exceeds the context window|context window exceeds limit", 0, 0),
        (r"exceed_context_size_error|exceeds the available context size", 0, 0),
        (r"reduce the length of the messages|greater than the context length", 0, 0),
        (r"prompt too long; exceeded (?:max )?context length|longer than the model'?s context length", 0, 0),
        (r"token limit exceeded|maximum input length is|model_context_window_exceeded", 0, 0),
    )
)

# the reply's part alone is too large: Anthropic's wording makes the client lower max_tokens by itself
OUTPUT_CAP = re.compile(
    r"requested \d+ tokens \((\d+) (?:in|of text input,? in) the messages,? (?:and )?(\d+) in the completion",
    re.IGNORECASE,
)

# (statuses or None for any, pattern in code, type or message, kind); first match wins
SIGNS: tuple[tuple[frozenset[int] | None, re.Pattern[str], Kind], ...] = tuple(
    (frozenset(statuses) if statuses else None, re.compile(pattern, re.IGNORECASE), kind)
    for statuses, pattern, kind in (
        (
            (),
            r"insufficient_quota|billing_hard_limit|billing_not_active|insufficient.balance|credit balance",
            Kind.MONEY,
        ),
        ((402,), r"", Kind.MONEY),
        ((401,), r"", Kind.CREDENTIAL),
        (
            (400, 403),
            r"invalid.api.key|api.key.not.valid|api_key_invalid|incorrect api key|unrecognizedclient|expiredtoken|"
            r"security token|invalid.authentication|authentication_error|no auth credentials",
            Kind.CREDENTIAL,
        ),
        ((403,), r"", Kind.PERMISSION),
        ((), r"rate_limit|rate limit|too many requests|throttling|resource_exhausted", Kind.RATE_LIMIT),
        ((429,), r"", Kind.RATE_LIMIT),
        ((), r"overloaded|insufficient_system_resource|service unavailable|\bunavailable\b", Kind.OVERLOADED),
        ((503, 529), r"", Kind.OVERLOADED),
        ((408, 504, 524), r"", Kind.TIMEOUT),
        (
            (),
            r"model_not_found|model.*(?:does not exist|not found|is not found)|unknown model|"
            r"model identifier is invalid|no such model|not a valid model",
            Kind.NOT_FOUND,
        ),
        ((404,), r"", Kind.NOT_FOUND),
        ((413,), r"", Kind.TOO_LARGE),
        ((), r"authentication_error|invalid_api_key", Kind.CREDENTIAL),
        ((), r"server_error|internal_error|internal server error|network_error", Kind.SERVER),
    )
)

RETRY_TEXT = re.compile(r"(?:try again|retry) in (?:(\d+)m)?([\d.]+)(ms|s)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Told:
    """What a backend said went wrong, whatever envelope it said it in."""

    message: str
    code: str = ""
    type: str = ""
    tokens: int | None = None  # llama.cpp gives the numbers as fields
    limit: int | None = None


def read(body: object) -> Told | None:
    """Find the error in a parsed body of any vendor's shape; None when there is none."""
    if isinstance(body, list) and body:
        return read(body[0])  # Gemini wraps a stream's error in an array
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    if isinstance(error, str):
        return Told(error, code=_text(body.get("code")))
    if isinstance(error, dict):
        metadata = error.get("metadata")
        raw = metadata.get("raw") if isinstance(metadata, dict) else None  # OpenRouter: the real cause
        message = _text(error.get("message")) or _text(error.get("type")) or "unknown error"
        return Told(
            f"{message}: {raw}" if isinstance(raw, str) and raw else message,
            _text(error.get("code")) or _text(error.get("status")),
            _text(error.get("type")),
            _number(error.get("n_prompt_tokens")),
            _number(error.get("n_ctx")),
        )
    if body.get("object") == "error" or "choices" not in body:
        for name in ("message", "Message", "detail"):
            if body.get(name):
                told = body[name]
                return Told(
                    told if isinstance(told, str) else orjson.dumps(told).decode(),
                    _text(body.get("code")),
                    _text(body.get("type")),
                )
    return None


def from_reply(
    status: int, headers: Mapping[str, str], body: bytes, who: str, variable: str, estimate: int = 0
) -> BackendError:
    """Classify an HTTP error. ``who`` is the target's name; ``variable`` the setting that holds its credential."""
    try:
        told = read(orjson.loads(body))
    except orjson.JSONDecodeError:
        told = None
    if told is None:
        told = Told(_plain(body))
    return classify(status, headers, told, who, variable, estimate)


def classify(
    status: int, headers: Mapping[str, str], told: Told, who: str, variable: str, estimate: int = 0
) -> BackendError:
    """Turn what a backend told into our error. ``status`` is 200 for one found inside a stream."""
    words = " ".join((told.code, told.type, told.message))
    if not VETO.search(told.message) and (too_long := _overflow(status, told, words, estimate)):
        return too_long
    kind = _kind(status, words)
    shown = told.message[:MAX_SHOWN]
    match kind:
        case Kind.CREDENTIAL:
            message = f"{who} refused the credential in {variable}: {shown}"
        case Kind.RATE_LIMIT:
            return BackendError(kind, f"{who}: {shown}", retry_after(headers, told.message))
        case _:
            message = f"{who}: {shown}"
    return BackendError(kind, message)


def _kind(status: int, words: str) -> Kind:
    for statuses, pattern, kind in SIGNS:
        if (statuses is None or status in statuses) and pattern.search(words):
            return kind
    return Kind.REFUSED if 400 <= status < 500 else Kind.SERVER


def _overflow(status: int, told: Told, words: str, estimate: int) -> BackendError | None:
    if status not in (200, 400, 413, 422, 500):
        return None  # auth, rate and gateway statuses mean what they say, whatever their page quotes
    if capped := OUTPUT_CAP.search(told.message):
        prompt, reply = int(capped[1]), int(capped[2])
        limit = re.search(r"maximum context length is (\d+)", told.message)
        if limit and prompt < int(limit[1]):
            return BackendError(
                Kind.OUTPUT_CAP,
                f"input length and `max_tokens` exceed context limit: {prompt} + {reply} > {limit[1]}, "
                "decrease input length or `max_tokens` and try again",
            )
    for pattern, tokens_group, limit_group in OVERFLOW:
        if found := pattern.search(words):
            tokens = told.tokens or _group(found, tokens_group)
            limit_tokens = told.limit or _group(found, limit_group)
            return overflow(tokens, limit_tokens, estimate)
    return None


def overflow(tokens: int | None, limit: int | None, estimate: int = 0) -> BackendError:
    """The one text on which every version of the client compacts; unknown numbers are told from our estimate."""
    if tokens is None:
        tokens = max(estimate, (limit or 0) + 1)
    if limit is None:
        limit = max(1, tokens - 1)
    return BackendError(Kind.OVERFLOW, f"prompt is too long: {tokens} tokens > {limit} maximum")


def retry_after(headers: Mapping[str, str], message: str) -> int | None:
    """Read how long to wait, in whole seconds rounded up: from headers, else from the prose; None when unsaid."""
    if milliseconds := _float(headers.get("retry-after-ms")):
        return math.ceil(milliseconds / 1000)
    if told := headers.get("retry-after"):
        seconds = _float(told)
        if seconds is not None:
            return max(0, math.ceil(seconds))
        return _until(told, headers.get("date"))
    if found := RETRY_TEXT.search(message):
        value = float(found[2]) / (1000 if found[3].lower() == "ms" else 1)
        return math.ceil(value + 60 * int(found[1] or 0))
    return None


def _until(when: str, now: str | None) -> int | None:
    """Seconds from the reply's own ``Date`` to an HTTP date; no clock of ours is asked."""
    try:
        then = parsedate_to_datetime(when)
        start = parsedate_to_datetime(now) if now else None
    except ValueError:
        return None
    if start is None:
        return None
    return max(0, math.ceil((_aware(then) - _aware(start)).total_seconds()))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _plain(body: bytes) -> str:
    """The words of a body that is not JSON: tags of an HTML page taken out."""
    text = re.sub(
        r"<(style|script|head).*?</\1>|<[^>]*>", " ", body[:20_000].decode("utf-8", "replace"), flags=re.DOTALL
    )
    return " ".join(text.split())[:MAX_SHOWN] or "an empty error reply"


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


def _group(found: re.Match[str], group: int) -> int | None:
    digits = found[group] if group else None
    return int(digits.replace(",", "")) if digits else None
