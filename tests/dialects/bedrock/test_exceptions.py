"""Bedrock's exceptions, over HTTP and within a stream, become errors of the right kind."""

import json
from typing import Any

import pytest

from addon.dialects import ReplyContext
from addon.dialects.bedrock import exceptions
from addon.protocol.amazon_frames import AmazonFrame
from addon.protocol.errors import BackendError, Kind
from tests.end_to_end.bedrock_strictness import service
from tests.stories import target

CONTEXT = ReplyContext(target("bedrock", "us.amazon.nova-pro-v1:0"), "x1", "AWS_BEARER_TOKEN_BEDROCK")
SLOW = "Too many requests, please wait before trying again."
LONG = "Input is too long for requested model."
BAD_KEY = "Authentication failed: Please make sure your API Key is valid."

# name, status, words -> kind
ERRORS = [
    ("AccessDeniedException", 403, "You don't have access to the model with the specified model ID.", Kind.PERMISSION),
    ("AccessDeniedException", 403, BAD_KEY, Kind.CREDENTIAL),
    ("UnrecognizedClientException", 403, "The security token included in the request is invalid.", Kind.CREDENTIAL),
    ("ExpiredTokenException", 403, "The security token included in the request is expired", Kind.CREDENTIAL),
    ("InvalidSignatureException", 403, "Signature expired: 20261120T120000Z is now earlier than", Kind.CREDENTIAL),
    ("MissingAuthenticationTokenException", 403, "Missing Authentication Token", Kind.CREDENTIAL),
    ("ResourceNotFoundException", 404, "Could not resolve the foundation model from the ARN.", Kind.NOT_FOUND),
    ("ThrottlingException", 429, SLOW, Kind.RATE_LIMIT),
    ("ThrottlingException", 429, "Too many tokens, please wait before trying again.", Kind.RATE_LIMIT),
    ("ThrottlingException", 429, "Too many tokens per day, please wait before trying again.", Kind.MONEY),
    ("ModelNotReadyException", 429, "The model is not ready for inference.", Kind.RATE_LIMIT),
    ("ServiceQuotaExceededException", 400, "Your request exceeds the service quota for your account.", Kind.RATE_LIMIT),
    ("ModelTimeoutException", 408, "Model has timed out in processing the request.", Kind.TIMEOUT),
    ("ModelErrorException", 424, "The request failed due to an error while processing the model.", Kind.SERVER),
    ("ModelStreamErrorException", 424, "An error occurred while streaming.", Kind.SERVER),
    ("InternalServerException", 500, "The system encountered an unexpected error.", Kind.SERVER),
    ("ServiceUnavailableException", 503, "Bedrock is unable to process your request.", Kind.OVERLOADED),
    ("ConflictException", 400, "Another request is under way.", Kind.SERVER),
    ("ValidationException", 400, LONG, Kind.OVERFLOW),
    ("ValidationException", 400, "Malformed input request: expected maxLength: 5, actual: 9", Kind.OVERFLOW),
    ("ValidationException", 400, "The provided model identifier is invalid.", Kind.NOT_FOUND),
    (
        "ValidationException",
        400,
        "This model doesn't support the reasoningContent.reasoningText.signature field. Remove it and try again.",
        Kind.REPAIRABLE,
    ),
    ("ValidationException", 400, "This model doesn't support tool use.", Kind.REFUSED),
    ("SomethingNewException", 400, "No.", Kind.REFUSED),
    ("SomethingNewException", 500, "No.", Kind.SERVER),
]


def over_http(headers: dict[str, str], body: object, status: int = 400) -> BackendError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return exceptions.from_reply(status, headers, raw, CONTEXT)


@pytest.mark.parametrize(("name", "status", "words", "kind"), ERRORS)
def test_an_http_error_has_its_kind_wherever_its_name_stands(name: str, status: int, words: str, kind: Kind) -> None:
    for headers, body in (
        ({"x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/"}, {"message": words}),
        ({"x-amzn-errortype": name}, {"Message": words}),
        ({}, {"__type": f"com.amazon.bedrock#{name}", "message": words}),
    ):
        assert over_http(headers, body, status).kind is kind


@pytest.mark.parametrize(("name", "status", "words", "kind"), ERRORS[:-1])
def test_a_frame_has_the_kind_of_the_http_error_of_its_name(name: str, status: int, words: str, kind: Kind) -> None:
    if name == "SomethingNewException":
        kind = Kind.SERVER  # no status says whose fault it is
    told = json.dumps({"message": words}).encode()
    named = {":message-type": "exception", ":exception-type": name[0].lower() + name[1:]}
    assert exceptions.from_frame(AmazonFrame(told, named), CONTEXT).kind is kind


def test_every_exception_of_botocores_model_has_a_status() -> None:
    names = {
        shape.name
        for name in ("Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream")
        for shape in service().operation_model(name).error_shapes
    }
    names |= {
        shape.name
        for shape in service().operation_model("ConverseStream").output_shape.members["stream"].members.values()
        if shape.metadata.get("exception")
    }
    assert {name.removesuffix("Exception").lower() for name in names} <= exceptions.STATUSES.keys()
    assert len(names) > 9


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "an empty error reply"),
        (b"<html><body>Bad Gateway</body></html>", "Bad Gateway"),
        (b"[1]", "[1]"),
        (b"{}", "an empty error reply"),
        (b'{"message":5}', "an empty error reply"),
        (
            b'{"message":"The model said no.","originalMessage":"too hot","originalStatusCode":400}',
            "The model said no.: too hot",
        ),
    ],
)
def test_a_body_of_any_shape_is_told_in_words(body: bytes, words: str) -> None:
    assert over_http({}, body).message == f"bedrock/us.amazon.nova-pro-v1:0: {words}"


def test_a_model_that_wants_a_profile_is_told_with_the_way_out() -> None:
    words = (
        "Invocation of model ID anthropic.claude-opus-5 with on-demand throughput isn\u2019t supported. Retry "
        "your request with the ID or ARN of an inference profile that contains this model."
    )
    error = over_http({"x-amzn-errortype": "ValidationException"}, {"message": words})
    assert error.kind is Kind.REFUSED
    assert error.message.endswith("contains this model, with a prefix: us.ID, eu.ID, apac.ID or global.ID")


def test_an_operation_that_the_host_does_not_know_is_told_by_its_name() -> None:
    body = {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}, "Version": "1.0"}
    error = over_http({}, body, 404)
    assert (error.kind, error.message) == (Kind.NOT_FOUND, "bedrock/us.amazon.nova-pro-v1:0: UnknownOperationException")


@pytest.mark.parametrize(
    ("headers", "payload", "words"),
    [
        ({":message-type": "error", ":error-code": "InternalError", ":error-message": "Broke."}, b"", "Broke."),
        ({":message-type": "error", ":error-code": "InternalError"}, b"", "InternalError"),
        (
            {":message-type": "exception", ":exception-type": "internalServerException"},
            b"no",
            "internalServerException",
        ),
        ({":message-type": "exception"}, b"[]", "an empty error reply"),
    ],
)
def test_a_frame_of_any_shape_is_told_in_words(headers: Any, payload: bytes, words: str) -> None:
    error = exceptions.from_frame(AmazonFrame(payload, headers), CONTEXT)
    assert (error.kind, error.message) == (Kind.SERVER, f"bedrock/us.amazon.nova-pro-v1:0: {words}")


def test_a_refused_credential_is_told_by_the_name_of_its_setting() -> None:
    error = over_http({"x-amzn-errortype": "AccessDeniedException"}, {"Message": BAD_KEY}, 403)
    assert (
        error.message
        == f"bedrock/us.amazon.nova-pro-v1:0 refused the credential in AWS_BEARER_TOKEN_BEDROCK: {BAD_KEY}"
    )
