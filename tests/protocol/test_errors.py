"""Each error knows the reply it deserves, in Anthropic's envelope."""

from collections.abc import Mapping

import orjson
import pytest

from addon.protocol.errors import (
    KINDS,
    PASSING,
    BackendError,
    BadRequest,
    ConfigError,
    DetourError,
    InternalError,
    Kind,
    MalformedReply,
    Reply,
    TooDeep,
    Unsupported,
)

INVALID = "invalid_request_error"
ERRORS: list[tuple[DetourError, int, str, str, Mapping[str, str]]] = [
    (BadRequest("messages.0.role: wrong"), 400, INVALID, "messages.0.role: wrong", {}),
    (BadRequest("too much", 413, "request_too_large"), 413, "request_too_large", "too much", {}),
    (TooDeep(), 400, INVALID, "The request body is nested too deeply: at most 254 levels can be sent on.", {}),
    (Unsupported("messages.0", "an image", "Leave it."), 424, INVALID, "Detour: messages.0: an image. Leave it.", {}),
    (BackendError(Kind.OVERFLOW, "long"), 400, INVALID, "long", {}),
    (BackendError(Kind.OUTPUT_CAP, "long"), 400, INVALID, "long", {}),
    (BackendError(Kind.TOO_LARGE, "large"), 413, "request_too_large", "large", {}),
    (BackendError(Kind.RATE_LIMIT, "slow"), 429, "rate_limit_error", "slow", {}),
    (BackendError(Kind.RATE_LIMIT, "slow", 0), 429, "rate_limit_error", "slow", {"retry-after": "0"}),
    (BackendError(Kind.RATE_LIMIT, "slow", 60), 429, "rate_limit_error", "slow", {"retry-after": "60"}),
    (BackendError(Kind.RATE_LIMIT, "slow", 61), 429, "rate_limit_error", "slow", {"x-should-retry": "false"}),
    (BackendError(Kind.CREDENTIAL, "key"), 403, "permission_error", "key", {}),
    (BackendError(Kind.PERMISSION, "no"), 403, "permission_error", "no", {}),
    (BackendError(Kind.MONEY, "pay"), 402, "billing_error", "pay", {}),
    (BackendError(Kind.NOT_FOUND, "where"), 404, "not_found_error", "where", {}),
    (BackendError(Kind.OVERLOADED, "busy"), 503, "api_error", "busy", {}),
    (BackendError(Kind.UNREACHABLE, "away"), 503, "api_error", "away", {}),
    (BackendError(Kind.TIMEOUT, "late"), 504, "timeout_error", "late", {}),
    (BackendError(Kind.SERVER, "boom"), 500, "api_error", "boom", {}),
    (BackendError(Kind.REFUSED, "no"), 424, INVALID, "no", {}),
    (BackendError(Kind.REPAIRABLE, "no"), 400, INVALID, "no", {}),
    (MalformedReply("odd"), 502, "api_error", "odd", {}),
    (
        InternalError("msg_1"),
        424,
        "api_error",
        "Detour failed on this request (incident msg_1). The proxy's log has the details under that id; please report "
        "them.",
        {},
    ),
]


@pytest.mark.parametrize(("error", "status", "kind", "message", "headers"), ERRORS)
def test_an_error_knows_its_reply(
    error: DetourError, status: int, kind: str, message: str, headers: Mapping[str, str]
) -> None:
    body = {"type": "error", "error": {"type": kind, "message": message}}
    expected = Reply(status, (("content-type", "application/json"), *headers.items()), orjson.dumps(body))
    assert expected == error.reply()
    assert {**body, "request_id": "req_1"} == orjson.loads(error.reply("req_1").body)
    assert message == str(error)


def test_every_kind_has_its_row_and_its_test() -> None:
    assert set(Kind) == set(KINDS)
    assert set(Kind) == {error.kind for error, *_ in ERRORS if isinstance(error, BackendError)}


@pytest.mark.parametrize("kind", Kind)
def test_no_status_is_one_that_the_client_answers_with_a_storm(kind: Kind) -> None:
    status, _ = KINDS[kind]
    assert status not in (401, 422, 529)


@pytest.mark.parametrize("kind", Kind)
def test_inside_a_stream_what_may_pass_is_an_overload(kind: Kind) -> None:
    error = BackendError(kind, "so it is")
    told = orjson.loads(error.event())
    assert told == {"type": "error", "error": {"type": error.type_in_stream, "message": "so it is"}}
    assert error.type_in_stream == ("overloaded_error" if kind in PASSING else KINDS[kind][1])


def test_inside_a_stream_an_error_of_ours_has_its_own_type() -> None:
    assert orjson.loads(InternalError("abc").event())["error"]["type"] == "api_error"


def test_an_error_may_quote_what_is_no_utf8() -> None:
    error = BadRequest("from " + b"http://\xff".decode("utf-8", "surrogateescape"))
    assert orjson.loads(error.reply().body)["error"]["message"] == error.message == "from http://?"


def test_what_cannot_be_said_names_its_path() -> None:
    assert Unsupported("messages.0.content.1", "an image", "Leave it.").path == "messages.0.content.1"


def test_a_wrong_setting_is_an_error_of_ours() -> None:
    assert str(ConfigError("PORT: 'x' is no number")) == "PORT: 'x' is no number"


def test_an_error_that_is_kept_holds_no_frame() -> None:
    def fail() -> None:
        try:
            orjson.loads(b"{]")
        except ValueError as error:
            raise BadRequest("no JSON") from error

    with pytest.raises(BadRequest, match="no JSON") as caught:
        fail()
    assert caught.value.kept() is caught.value
    assert (caught.value.__traceback__, caught.value.__context__, caught.value.__cause__) == (None, None, None)
