"""The words of every vendor's error, wherever they lie, and every way of saying how long to wait."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects import complaints
from addon.dialects.complaints import Told

QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"
BODIES: dict[str, tuple[Any, Told | None]] = {
    "OpenAI": (
        {"error": {"message": "m", "type": "t", "param": None, "code": "c"}},
        Told("m", "c", "t"),
    ),
    "Anthropic": ({"type": "error", "error": {"type": "t", "message": "m"}, "request_id": "r"}, Told("m", "", "t")),
    "a number for a code": ({"error": {"message": "m", "code": 429}}, Told("m", "429")),
    "a string": ({"error": "m"}, Told("m")),
    "a string and a code (xAI)": ({"code": "c", "error": "m"}, Told("m", "c")),
    "OpenRouter's cause": (
        {"error": {"message": "m", "code": 502, "metadata": {"raw": "cause", "provider_name": "p"}}},
        Told("m: cause", "502"),
    ),
    "OpenRouter's cause, empty": ({"error": {"message": "m", "metadata": {"raw": ""}}}, Told("m")),
    "OpenRouter's cause, no text": ({"error": {"message": "m", "metadata": {"raw": {"a": 1}}}}, Told("m")),
    "llama.cpp": (
        {"error": {"code": 400, "message": "m", "type": "t", "n_prompt_tokens": 9000, "n_ctx": 8192}},
        Told("m", "400", "t", 9000, 8192),
    ),
    "numbers that are none": (
        {"error": {"message": "m", "n_prompt_tokens": True, "n_ctx": "8192"}},
        Told("m"),
    ),
    "Gemini": (
        {"error": {"code": 429, "message": "m", "status": "RESOURCE_EXHAUSTED"}},
        Told("m", "429", "RESOURCE_EXHAUSTED"),
    ),
    "Gemini in an array": ([{"error": {"message": "m"}}], Told("m")),
    "Gemini's details": (
        {
            "error": {
                "message": "m",
                "details": [
                    {"@type": QUOTA, "violations": [{"quotaId": "GenerateRequestsPerDayPerProject"}, 5]},
                    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "26s"},
                    "odd",
                ],
            }
        },
        Told("m", wait="26s", for_today=True),
    ),
    "Gemini's details, per minute": (
        {"error": {"message": "m", "details": [{"@type": QUOTA, "violations": [{"quotaId": "InputTokensPerMinute"}]}]}},
        Told("m"),
    ),
    "details that are none": ({"error": {"message": "m", "details": "x"}}, Told("m")),
    "no message": ({"error": {"type": "overloaded_error"}}, Told("overloaded_error", "", "overloaded_error")),
    "no words at all": ({"error": {"a": 1}}, Told("unknown error")),
    "vLLM, flat": (
        {"object": "error", "message": "m", "type": "t", "param": None, "code": 400},
        Told("m", "400", "t"),
    ),
    "AWS": ({"Message": "m"}, Told("m")),
    "FastAPI": ({"detail": "m"}, Told("m")),
    "pydantic, without the input it quotes": (
        {
            "detail": [
                {"type": "missing", "loc": ["body", "model"], "msg": "Field required", "input": {"messages": "secret"}},
                {"type": "x", "msg": "Extra inputs are not permitted"},
            ]
        },
        Told("body.model: Field required; : Extra inputs are not permitted"),
    ),
    "a detail of its own kind": ({"detail": {"a": 1}}, Told('{"a":1}')),
    "a detail that is a list of its own kind": ({"detail": ["a"]}, Told('["a"]')),
    "a list of errors": ({"errors": [{"message": "m", "code": 7003}]}, Told("m", "7003")),
    "a list of strings": ({"errors": ["m"]}, Told("m")),
    "MiniMax": ({"base_resp": {"status_code": 2013, "status_msg": "m"}, "choices": None}, Told("m", "2013")),
    "MiniMax without words": ({"base_resp": {"status_code": 1000}}, Told("unknown error", "1000")),
    "MiniMax without an error": ({"base_resp": {"status_code": 0, "status_msg": ""}}, None),
    "errors that are none": ({"errors": 5}, None),
    "a detail of fields without words": ({"detail": [{"a": 1}]}, Told('[{"a":1}]')),
    "a reply": ({"choices": [{"message": {}}], "message": "m"}, None),
    "a reply and no error": ({"choices": [], "error": None}, None),
    "nothing": ({}, None),
    "an empty array": ([], None),
    "no object": (5, None),
    "null": (None, None),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.values(), ids=BODIES)
def test_the_error_is_found(body: Any, expected: Told | None) -> None:
    assert complaints.read(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "an empty error reply"),
        (b" \n", "an empty error reply"),
        (b"Bad Gateway", "Bad Gateway"),
        (
            b"<html><head><title>502 Bad Gateway</title></head>\n<body>\n<center><h1>502 Bad Gateway</h1></center>"
            b"<hr><script>let a = '<b>';</script><style>a{}</style>nginx</body></html>",
            "502 Bad Gateway nginx",
        ),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"x" * 30_000, "x" * 600),
    ],
)
def test_a_page_is_read_for_its_words(body: bytes, expected: str) -> None:
    assert complaints.page(body) == Told(expected)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("429", 429),
        ("500", 500),
        ("1113", None),
        ("200", None),
        ("", None),
        ("rate", None),
        ("\u00b2\u00b2\u00b2", None),
        ("4" * 5000, None),
        ("\u0664\u0660\u0660", None),
    ],
)
def test_a_code_may_be_a_status(code: str, expected: int | None) -> None:
    assert Told("m", code).status == expected


DATE = "Sat, 21 Nov 2026 10:00:00 GMT"
HEADERS: dict[str, tuple[Mapping[str, str], int | None]] = {
    "none": ({}, None),
    "seconds": ({"retry-after": "7"}, 7),
    "none to wait": ({"retry-after": "0"}, 0),
    "fractions are rounded up": ({"retry-after": "6.1"}, 7),
    "less than none": ({"retry-after": "-5"}, 0),
    "a date": ({"retry-after": "Sat, 21 Nov 2026 10:00:42 GMT", "date": DATE}, 42),
    "a date in another zone": ({"retry-after": "Sat, 21 Nov 2026 11:00:42 +0100", "date": DATE}, 42),
    "a date without a zone": ({"retry-after": "Sat, 21 Nov 2026 10:00:42", "date": DATE}, 42),
    "a date that has passed": ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": DATE}, 0),
    "a date without the reply's own": ({"retry-after": "Sat, 21 Nov 2026 10:00:42 GMT"}, None),
    "a date and an odd one": ({"retry-after": "Sat, 21 Nov 2026 10:00:42 GMT", "date": "today"}, None),
    "no date": ({"retry-after": "soon", "date": DATE}, None),
    "not a number": ({"retry-after": "nan"}, None),
    "for ever": ({"retry-after": "1e999"}, None),
    "milliseconds": ({"retry-after-ms": "1200"}, 2),
    "milliseconds come first": ({"retry-after-ms": "1200", "retry-after": "7"}, 2),
    "odd milliseconds": ({"retry-after-ms": "x", "retry-after": "7"}, 7),
    "an allowance used up": ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0s"}, 360),
    "tokens used up": ({"x-ratelimit-remaining-tokens": "0", "x-ratelimit-reset-tokens": "120ms"}, 1),
    "both used up": (
        {
            "x-ratelimit-remaining-requests": "0",
            "x-ratelimit-reset-requests": "1s",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "1h2m3.5s",
        },
        3724,
    ),
    "an allowance that is left": ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "1s"}, None),
    "minutes": ({"ratelimit-remaining": "0", "ratelimit-reset": "6m"}, 360),
    "in plain seconds": ({"ratelimit-remaining": "0", "ratelimit-reset": "12.5"}, 13),
    "a moment": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795255230", "date": DATE}, 30),
    "a moment without the reply's own": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1795255230"}, None),
    "odd": ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
    "used up until nobody knows": ({"x-ratelimit-remaining": "0"}, None),
}


@pytest.mark.parametrize(("headers", "expected"), HEADERS.values(), ids=HEADERS)
def test_headers_say_how_long_to_wait(headers: Mapping[str, str], expected: int | None) -> None:
    assert complaints.retry_after(headers, Told("m")) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (Told("m", wait="26s"), 26),
        (Told("m", wait="0.5s"), 1),
        (Told("m", wait="soon"), None),
        (Told("Rate limit reached for model x. Please try again in 7m12s. Visit https://example.com"), 432),
        (Told("Please try again in 7m12.5s."), 433),
        (Told("Please try again in 1h0m1s"), 3601),
        (Told("Please try again in 150ms. "), 1),
        (Told("You exceeded your current quota.\nPlease retry in 59.44s."), 60),
        (Told("Please retry after 20 seconds."), 20),
        (Told("Try again in 2 minutes"), 120),
        (Told("Please try again in 6s, or later"), 6),
        (Told("Please try again in ...s"), None),
        (Told("Please try again in h"), None),
        (Told("Please try again in 1.2.3 seconds"), None),
        (Told("Please try again later"), None),
        (Told("retry in the morning"), None),
    ],
)
def test_words_say_how_long_to_wait(told: Told, expected: int | None) -> None:
    assert complaints.retry_after({}, told) == expected


WAITING = st.sampled_from(["retry-after", "retry-after-ms", "date", "x-ratelimit-reset-tokens", "x-ratelimit-reset"])
SPANS = st.text() | st.from_regex(r"-?[0-9.hmse+ ]{0,12}", fullmatch=True) | st.sampled_from([DATE, DATE[:20]])


@given(st.dictionaries(WAITING, SPANS), SPANS, SPANS)
def test_no_way_of_saying_it_is_tripped_over(headers: dict[str, str], wait: str, words: str) -> None:
    used_up = {**headers, "x-ratelimit-remaining-tokens": "0", "x-ratelimit-remaining": "0"}
    seconds = complaints.retry_after(used_up, Told(f"Please try again in {words}", wait=wait))
    assert seconds is None or seconds >= 0
