"""Where a request goes, in which headers, and what comes of replies that come whole, or fail."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects.gemini.dialect import DIALECT
from addon.protocol import messages
from addon.protocol.deltas import End, Failure, Finish, StopReason, Text, Usage
from addon.protocol.errors import BackendError, Kind, TooDeep
from tests.dialects.gemini.saying import ASKED, NEW, VERTEX, context, parts

type Json = dict[str, Any]

STUDIO = "https://generativelanguage.googleapis.com/v1beta"
PROJECT = "https://aiplatform.googleapis.com/v1/projects/p/locations/global"
NEWEST = PROJECT.replace("/v1/", "/v1beta1/")
ADDRESSES = [
    (NEW, STUDIO, "gemini-3", f"{STUDIO}/models/gemini-3"),
    (NEW, "http://127.0.0.1:1", "gemini-3", "http://127.0.0.1:1/v1beta/models/gemini-3"),
    (NEW, "https://gateway/v1", "gemini-3", "https://gateway/v1/models/gemini-3"),
    (NEW, STUDIO, "tunedModels/mine", f"{STUDIO}/tunedModels/mine"),
    (NEW, STUDIO, "models/gemini-3", f"{STUDIO}/models/gemini-3"),
    (NEW, STUDIO, "a b?c", f"{STUDIO}/models/a%20b%3Fc"),
    (VERTEX, PROJECT, "gemini-3", f"{NEWEST}/publishers/google/models/gemini-3"),
    (VERTEX, PROJECT, "google/gemini-3", f"{NEWEST}/publishers/google/models/gemini-3"),
    (VERTEX, PROJECT, "endpoints/123", f"{NEWEST}/endpoints/123"),
    (
        VERTEX,
        "https://aiplatform.googleapis.com/v1",
        "gemini-3",
        "https://aiplatform.googleapis.com/v1beta1/publishers/google/models/gemini-3",
    ),
    (VERTEX, "http://127.0.0.1:1/v1", "gemini-3", "http://127.0.0.1:1/v1/publishers/google/models/gemini-3"),
]


@pytest.mark.parametrize(("target", "base", "model", "address"), ADDRESSES)
@pytest.mark.parametrize("stream", [True, False])
def test_the_model_lies_at_its_address(target: Any, base: str, model: str, address: str, stream: bool) -> None:
    request = messages.check({"model": "m", "messages": [ASKED], "stream": stream})
    wire = DIALECT.encode(request, None, replace(target, base_url=base, model=model)).wire
    assert wire.url == f"{address}:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}"
    assert dict(wire.headers)["accept"] == ("text/event-stream" if stream else "application/json")


def test_the_users_fields_and_headers_are_laid_over() -> None:
    settings = [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    target = replace(NEW, extra_body={"safetySettings": settings}, headers=(("accept", "a"), ("x", "y")))
    wire = DIALECT.encode(messages.check({"model": "m", "messages": [ASKED]}), None, target).wire
    assert orjson.loads(wire.body)["safetySettings"] == settings
    assert dict(wire.headers)["accept"] == "a"
    assert dict(wire.headers)["x"] == "y"


def test_what_cannot_be_written_is_refused() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = {"a": deep}
    call = {"type": "tool_use", "id": "a", "name": "f", "input": deep}
    request = messages.check({"model": "m", "messages": [ASKED, {"role": "assistant", "content": [call]}]})
    with pytest.raises(TooDeep):
        DIALECT.encode(request, None, NEW)


DONE = parts({"text": "Hi."}, finish="STOP")
STOPPED = Finish(StopReason.END_TURN)
WHOLE: list[tuple[Any, list[Any]]] = [
    ({**DONE, "usageMetadata": {"promptTokenCount": 3}}, [Text("Hi."), STOPPED, Usage(3, 0), End()]),
    ([parts({"text": "Hi"}), parts({"text": "."}, finish="STOP")], [Text("Hi"), Text("."), STOPPED, End()]),
    (parts({"text": "Hi."}), [Text("Hi."), End()]),
]


@pytest.mark.parametrize(("body", "deltas"), WHOLE)
def test_a_whole_reply_is_one_chunk_or_a_list_of_them(body: Any, deltas: list[Any]) -> None:
    assert DIALECT.decode_whole(orjson.dumps(body), context()) == deltas


@pytest.mark.parametrize("body", [b"<html>", b"1", b'{"candidates": [1]}'])
def test_what_is_no_reply_fails(body: bytes) -> None:
    [failure] = DIALECT.decode_whole(body, context())
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, BackendError)
    assert failure.error.kind is Kind.MALFORMED


def error(code: int, message: str, status: str, *details: Json) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": status, "details": [*details]}})


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "26s"}
TODAY = {"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}
QUOTA = "You exceeded your current quota, please check your plan and billing details."
ERRORS: list[tuple[int, bytes, Kind]] = [
    (400, error(400, "Invalid JSON payload received. Unknown name", "INVALID_ARGUMENT"), Kind.REFUSED),
    (400, error(400, "API key not valid. Please pass a valid API key.", "INVALID_ARGUMENT"), Kind.CREDENTIAL),
    (400, error(400, "User location is not supported for the API use.", "FAILED_PRECONDITION"), Kind.REFUSED),
    (401, error(401, "Request had invalid authentication credentials.", "UNAUTHENTICATED"), Kind.CREDENTIAL),
    (402, error(402, "Prepayment credits are depleted.", "RESOURCE_EXHAUSTED"), Kind.MONEY),
    (403, error(403, "Vertex AI API has not been used in project p before", "PERMISSION_DENIED"), Kind.PERMISSION),
    (404, error(404, "models/x is not found for API version v1beta", "NOT_FOUND"), Kind.NOT_FOUND),
    (409, error(409, "aborted", "ABORTED"), Kind.SERVER),
    (429, error(429, QUOTA, "RESOURCE_EXHAUSTED", RETRY), Kind.RATE_LIMIT),
    (429, error(429, QUOTA, "RESOURCE_EXHAUSTED", TODAY), Kind.MONEY),
    (429, error(429, QUOTA, "RESOURCE_EXHAUSTED", TODAY, RETRY), Kind.RATE_LIMIT),
    (499, error(499, "The operation was cancelled.", "CANCELLED"), Kind.SERVER),
    (500, error(500, "An internal error has occurred.", "INTERNAL"), Kind.SERVER),
    (501, error(501, "Operation is not implemented", "UNIMPLEMENTED"), Kind.REFUSED),
    (503, error(503, "The model is overloaded.", "UNAVAILABLE"), Kind.OVERLOADED),
    (504, error(504, "Deadline expired.", "DEADLINE_EXCEEDED"), Kind.TIMEOUT),
    (400, b"[" + error(400, "API key expired. API_KEY_INVALID", "INVALID_ARGUMENT") + b"]", Kind.CREDENTIAL),
    (
        400,
        error(400, "The input token count (12) exceeds the maximum number of tokens allowed (10).", "INVALID_ARGUMENT"),
        Kind.OVERFLOW,
    ),
    (400, error(400, "Function call is missing a thought_signature", "INVALID_ARGUMENT"), Kind.REPAIRABLE),
]


@pytest.mark.parametrize(("status", "body", "kind"), ERRORS)
def test_an_error_is_known_by_its_status_and_its_words(status: int, body: bytes, kind: Kind) -> None:
    assert DIALECT.decode_error(status, {}, body, context()).kind is kind


def test_the_time_to_wait_is_told() -> None:
    assert DIALECT.decode_error(429, {}, error(429, QUOTA, "RESOURCE_EXHAUSTED", RETRY), context()).retry_after_s == 26


def test_it_frames_nothing_and_says_nothing_instead_of_an_error() -> None:
    assert DIALECT.unframer(context()) is None  # type: ignore[func-returns-value]  # that is the point
    assert DIALECT.instead_of(BackendError(Kind.SERVER, "x"), context()) is None  # type: ignore[func-returns-value]  # the same
