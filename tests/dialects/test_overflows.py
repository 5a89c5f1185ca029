"""What is too long, in every vendor's words, and in those that the client acts upon."""

import re
from dataclasses import replace

import orjson
import pytest

from addon.dialects import ReplyContext, Target, faults
from addon.dialects.complaints import Told
from addon.dialects.profiles import Profile
from addon.protocol.errors import BackendError, Kind
from tests.dialects.wordings import OUTPUT_CAPS, REPLY_LIMITS, TOO_LONG

UNKNOWN = Target("openai", "gpt-5.5", "https://api.openai.com/v1", Profile())
WINDOW = 200_000
TARGET = replace(UNKNOWN, max_input_tokens=WINDOW)
NOTHING_KNOWN = ReplyContext(UNKNOWN, "x1")


def knowing(estimate: int, window: int | None = WINDOW) -> ReplyContext:
    return ReplyContext(replace(TARGET, max_input_tokens=window), "x1", input_estimate=estimate)


def wrapped(message: str, code: object = None, kind: str = "invalid_request_error") -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def meant(body: bytes, context: ReplyContext = NOTHING_KNOWN, status: int = 400) -> tuple[Kind, str]:
    error = faults.from_reply(status, {}, body, context)
    return error.kind, error.message


def told(tokens: int | None, limit: int | None) -> str:
    """What the client hears."""
    if tokens and limit and tokens > limit:
        return f"prompt is too long: {tokens} tokens > {limit} maximum"
    return "prompt is too long for openai/gpt-5.5" + (f", which takes {limit} tokens" if limit else "")


@pytest.mark.parametrize("status", [400, 413, 422, 500])
@pytest.mark.parametrize(("words", "tokens", "limit"), TOO_LONG.values(), ids=TOO_LONG)
def test_a_prompt_that_is_too_long_is_told_as_anthropic_tells_it(
    words: str, tokens: int | None, limit: int | None, status: int
) -> None:
    expected = (Kind.OVERFLOW, told(tokens, limit))
    assert meant(wrapped(words), status=status) == expected
    error = faults.from_stream(Told(words), NOTHING_KNOWN)
    assert (error.kind, error.message) == expected


@pytest.mark.parametrize(("words", "tokens", "limit"), TOO_LONG.values(), ids=TOO_LONG)
def test_case_does_not_matter_and_a_status_that_means_itself_does(
    words: str, tokens: int | None, limit: int | None
) -> None:
    assert meant(wrapped(words.swapcase()))[0] is Kind.OVERFLOW
    assert meant(wrapped(words), status=429)[0] is Kind.RATE_LIMIT


@pytest.mark.parametrize(("words", "tokens", "limit"), TOO_LONG.values(), ids=TOO_LONG)
def test_no_number_is_ever_made_up(words: str, tokens: int | None, limit: int | None) -> None:
    _, message = meant(wrapped(words), knowing(190_000, None))
    numbers = {int(number) for number in re.findall(r"\d{2,}", message)}
    assert numbers <= {tokens, limit, 190_000}
    assert 190_000 not in numbers or limit is not None


CODES: dict[str, tuple[bytes, int | None, int | None]] = {
    "OpenAI's code": (wrapped("Something new.", "context_length_exceeded"), None, None),
    "llama.cpp's fields": (
        orjson.dumps(
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                    "n_prompt_tokens": 9001,
                    "n_ctx": 8192,
                }
            }
        ),
        9_001,
        8_192,
    ),
    "OpenRouter's cause": (
        orjson.dumps(
            {
                "error": {
                    "code": 400,
                    "message": "Provider returned error",
                    "metadata": {"raw": "maximum prompt length is 131072 but the request contains 140000 tokens"},
                }
            }
        ),
        140_000,
        131_072,
    ),
    "Gemini in an array": (
        orjson.dumps(
            [
                {
                    "error": {
                        "code": 400,
                        "status": "INVALID_ARGUMENT",
                        "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                    }
                }
            ]
        ),
        9,
        8,
    ),
    "MiniMax": (
        orjson.dumps(
            {"base_resp": {"status_code": 2013, "status_msg": "invalid params, context window exceeds limit"}}
        ),
        None,
        None,
    ),
    "plain text": (b"prompt is too long: 9 tokens > 8 maximum", 9, 8),
}


@pytest.mark.parametrize(("body", "tokens", "limit"), CODES.values(), ids=CODES)
def test_a_prompt_that_is_too_long_is_found_in_every_envelope(
    body: bytes, tokens: int | None, limit: int | None
) -> None:
    assert meant(body) == (Kind.OVERFLOW, told(tokens, limit))


WORDLESS = wrapped("Something new.", "context_length_exceeded")
# the words, our estimate, the window that we know -> what is told
FILLED: dict[str, tuple[bytes, int, int | None, tuple[int | None, int | None]]] = {
    "both from us": (WORDLESS, 210_000, WINDOW, (210_000, WINDOW)),
    "an estimate that must be wrong": (WORDLESS, 150_000, WINDOW, (None, WINDOW)),
    "an estimate alone": (WORDLESS, 150_000, None, (None, None)),
    "the limit from the words": (wrapped("maximum model length is 131072"), 150_000, WINDOW, (150_000, 131_072)),
    "an excess": (wrapped("prompt too long; exceeded max context length by 500 tokens"), 0, WINDOW, (200_500, WINDOW)),
    "vLLM's excess": (wrapped("max_tokens must be at least 1, got -4096."), 0, WINDOW, (204_096, WINDOW)),
    "an excess of nobody knows what": (wrapped("prompt too long; exceeded context length by 5"), 0, None, (None, None)),
}


@pytest.mark.parametrize(("body", "estimate", "window", "numbers"), FILLED.values(), ids=FILLED)
def test_numbers_that_are_missing_are_ours_where_they_can_be_true(
    body: bytes, estimate: int, window: int | None, numbers: tuple[int | None, int | None]
) -> None:
    assert meant(body, knowing(estimate, window)) == (Kind.OVERFLOW, told(*numbers))


@pytest.mark.parametrize(
    ("status", "body", "estimate", "window", "kind"),
    [
        (400, b"", 180_001, WINDOW, Kind.OVERFLOW),
        (413, b"\n", 180_001, WINDOW, Kind.OVERFLOW),
        (400, b"", 180_000, WINDOW, Kind.REFUSED),
        (413, b"", 180_000, WINDOW, Kind.TOO_LARGE),
        (400, b"", 180_001, None, Kind.REFUSED),
        (500, b"", 180_001, WINDOW, Kind.SERVER),
        (400, b"no", 180_001, WINDOW, Kind.REFUSED),
    ],
)
def test_an_error_without_a_word_is_about_the_size_when_the_window_is_nearly_full(
    status: int, body: bytes, estimate: int, window: int | None, kind: Kind
) -> None:
    error = faults.from_reply(status, {}, body, knowing(estimate, window))
    assert error.kind is kind
    if kind is Kind.OVERFLOW:
        assert error.message == told(None, WINDOW)


def room(message: str) -> tuple[int, int]:
    """What the client asks for next (docs/protocol.md, "Errors"), and what it asked for before, by the text."""
    prompt, reply, window = (int(word) for word in message.replace(",", "").split() if word.isdigit())
    return window - prompt - 1_000, reply


@pytest.mark.parametrize(("words", "prompt", "reply", "window"), OUTPUT_CAPS.values(), ids=OUTPUT_CAPS)
def test_a_reply_that_is_too_large_makes_the_client_ask_for_less(
    words: str, prompt: int, reply: int, window: int
) -> None:
    expected = (
        f"input length and `max_tokens` exceed context limit: {prompt} + {reply} > {window}, decrease input length or "
        "`max_tokens` and try again"
    )
    assert meant(wrapped(words, "context_length_exceeded")) == (Kind.OUTPUT_CAP, expected)


@pytest.mark.parametrize(("prompt", "kind"), [(196_000, Kind.OUTPUT_CAP), (196_001, Kind.OVERFLOW)])
def test_a_reply_needs_some_room_to_ask_for_less(prompt: int, kind: Kind) -> None:
    words = f"input length and `max_tokens` exceed context limit: {prompt} + 32000 > 200000"
    assert meant(wrapped(words))[0] is kind


VLLM = (
    "This model's maximum context length is 32768 tokens. However, you requested {} output tokens and your prompt "
    "contains at least {} input tokens, for a total of at least 32769 tokens."
)


def test_a_prompt_that_was_not_counted_to_its_end_ends_in_an_answer_or_in_compaction() -> None:
    """vLLM tells window - reply + 1, whatever the prompt: who took that for its size would go down by 1,001 a time."""
    for prompt in (2_000, 20_000, 26_000, 27_000, 31_000, 40_000):
        for estimate in (prompt // 2, prompt, prompt * 2):
            reply, asked = 32_000, 0
            while prompt + reply > 32_768:
                asked += 1
                kind, message = meant(wrapped(VLLM.format(reply, 32_769 - reply)), knowing(estimate, None))
                if kind is Kind.OVERFLOW:
                    break
                following, before = room(message)
                assert (before, following < reply) == (reply, True)
                reply = following
            assert asked <= 4
            assert prompt + reply <= 32_768 or prompt + 8_000 > 32_768 or estimate + 4_000 > 32_768


@pytest.mark.parametrize(("words", "most"), REPLY_LIMITS.values(), ids=REPLY_LIMITS)
@pytest.mark.parametrize("estimate", [0, 150_000])
def test_more_than_a_model_ever_writes_makes_the_client_ask_for_just_that(words: str, most: int, estimate: int) -> None:
    kind, message = meant(wrapped(words), knowing(estimate))
    assert kind is Kind.OUTPUT_CAP
    assert room(message) == (most, most + 1_001)


GROQ = "Request too large for model `x` in organization `o` service tier `on_demand` on tokens per minute (TPM): "


@pytest.mark.parametrize("status", [413, 429])
def test_a_request_beyond_a_minutes_allowance_is_too_long(status: int) -> None:
    body = wrapped(
        f"{GROQ}Limit 8000, Requested 15000, please reduce your message size", "rate_limit_exceeded", "tokens"
    )
    assert meant(body, status=status) == (Kind.OVERFLOW, told(15_000, 8_000))
    openai = wrapped(
        "Request too large for gpt-4o on tokens per min (TPM): Limit 30000, Requested 45000.", None, "tokens"
    )
    assert meant(openai, status=status) == (Kind.OVERFLOW, told(45_000, 30_000))


def test_the_error_is_one_that_the_client_knows() -> None:
    error: BackendError = faults.from_reply(400, {}, wrapped("prompt is too long"), NOTHING_KNOWN)
    assert (error.status, error.type) == (400, "invalid_request_error")
