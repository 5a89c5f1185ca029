"""What every vendor's wording means. The texts are the vendors' own, collected in docs/protocol.md, "Errors"."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects import ReplyContext, faults
from addon.dialects.complaints import Told
from addon.protocol.errors import KINDS, Kind
from tests.dialects.wordings import NO_PICTURES, OUTPUT_CAPS, REPLY_LIMITS, TOO_LONG
from tests.stories import target

WINDOW = 200_000
TARGET = replace(target("openai", "gpt-5.5"), max_input_tokens=WINDOW)
CONTEXT = ReplyContext(TARGET, "x1", "OPENAI_API_KEY", input_estimate=150_000)


def wrapped(message: str, code: object = None, kind: str = "invalid_request_error") -> bytes:
    return orjson.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def meant(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> tuple[Kind, str]:
    error = faults.from_reply(status, headers or {}, body, CONTEXT)
    assert (error.status, error.type) == KINDS[error.kind]
    return error.kind, error.message


STALE = [
    wrapped("The encrypted content gAAA could not be verified.", "invalid_encrypted_content"),
    wrapped("Encrypted content for item rs_1 could not be decrypted or parsed."),
    wrapped("Function call is missing a thought_signature in functionCall parts."),
    wrapped("Corrupted thought signature.", 400, "INVALID_ARGUMENT"),
    wrapped("Invalid signature in thinking block"),
    wrapped("This model doesn't support the reasoningContent.reasoningText.signature field."),
]


@pytest.mark.parametrize("body", STALE)
def test_reasoning_that_is_not_taken_back_is_told_in_the_words_on_which_the_client_leaves_it_out(body: bytes) -> None:
    kind, message = meant(400, body)
    assert kind is Kind.REPAIRABLE
    assert message.startswith("messages: Invalid `signature` in `thinking` block (openai/gpt-5.5: ")


def test_a_signature_of_something_else_is_no_such_thing() -> None:
    assert meant(403, wrapped("Invalid signature of the request"))[0] is Kind.PERMISSION
    assert meant(400, wrapped("The request signature we calculated does not match"))[0] is Kind.REFUSED


@pytest.mark.parametrize(("status", "words"), NO_PICTURES.values(), ids=NO_PICTURES)
def test_a_model_without_eyes_is_told_once_with_a_way_out(status: int, words: str) -> None:
    kind, message = meant(status, wrapped(words))
    assert kind is Kind.REFUSED
    assert message.startswith(f"openai/gpt-5.5 sees no pictures, it says: {words.rstrip('.')}. Name a model that does")
    assert "`image:`" in message
    assert faults.from_stream(Told(words), CONTEXT).message == message


def test_a_status_that_means_itself_does_so_beside_words_on_pictures() -> None:
    words = "image input is not supported"
    assert [meant(status, wrapped(words))[0] for status in (401, 429, 503)] == [
        Kind.CREDENTIAL,
        Kind.RATE_LIMIT,
        Kind.OVERLOADED,
    ]


def test_a_server_that_fails_over_a_picture_is_no_blind_model() -> None:
    assert meant(500, wrapped("failed to decode image bytes")) == (
        Kind.SERVER,
        "openai/gpt-5.5: failed to decode image bytes",
    )


NAMED = "openai/gpt-5.5: "
REFUSED_KEY = "openai/gpt-5.5 refused the credential in OPENAI_API_KEY: "
PER_DAY: Any = [{"violations": [{"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}]
RETRY: Any = [*PER_DAY, {"retryDelay": "26s"}]


def gemini(status: str, message: str, code: int = 429, details: object = None) -> bytes:
    return orjson.dumps({"error": {"code": code, "message": message, "status": status, "details": details}})


GROQ = "Request too large for model `x` in organization `o` service tier `on_demand` on tokens per minute (TPM): "
MEANINGS: dict[str, tuple[int, bytes, Kind]] = {
    # credential
    "401": (401, wrapped("Incorrect API key provided", "invalid_api_key"), Kind.CREDENTIAL),
    "401 with a page": (401, b"<html>Unauthorized</html>", Kind.CREDENTIAL),
    "401 without a word": (401, b"", Kind.CREDENTIAL),
    "403 and an invalid key": (403, wrapped("Invalid API Key"), Kind.CREDENTIAL),
    "Gemini's key": (
        400,
        gemini("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", 400),
        Kind.CREDENTIAL,
    ),
    "Gemini's key, by its reason": (400, wrapped("odd", "API_KEY_INVALID"), Kind.CREDENTIAL),
    "Bedrock's token": (403, b'{"message":"The security token included in the request is invalid."}', Kind.CREDENTIAL),
    "Bedrock's client": (403, wrapped("odd", "UnrecognizedClientException"), Kind.CREDENTIAL),
    "Bedrock's expired token": (403, wrapped("odd", "ExpiredTokenException"), Kind.CREDENTIAL),
    "Moonshot": (401, wrapped("Invalid Authentication", None, "invalid_authentication_error"), Kind.CREDENTIAL),
    "OpenRouter without a key": (401, b'{"error":{"message":"No auth credentials found","code":401}}', Kind.CREDENTIAL),
    "llama.cpp": (
        401,
        b'{"error":{"message":"Invalid API Key","type":"authentication_error","code":401}}',
        Kind.CREDENTIAL,
    ),
    # permission
    "Bedrock's access": (403, b'{"Message":"User is not authorized to perform bedrock:InvokeModel"}', Kind.PERMISSION),
    "Vertex": (403, gemini("PERMISSION_DENIED", "Vertex AI API has not been used in project 1", 403), Kind.PERMISSION),
    "OpenRouter's moderation": (
        403,
        b'{"error":{"code":403,"message":"Input was flagged","metadata":{"reasons":[]}}}',
        Kind.PERMISSION,
    ),
    # money
    "402": (402, wrapped("Insufficient Balance"), Kind.MONEY),
    "OpenRouter's credits": (402, b'{"error":{"message":"Insufficient credits","code":402}}', Kind.MONEY),
    "OpenAI's quota": (
        429,
        wrapped("You exceeded your current quota, please check your plan", "insufficient_quota"),
        Kind.MONEY,
    ),
    "OpenAI's limit": (429, wrapped("Billing hard limit has been reached", "billing_hard_limit_reached"), Kind.MONEY),
    "z.ai": (
        429,
        b'{"error":{"code":"1113","message":"Insufficient balance or no resource package. Please recharge."}}',
        Kind.MONEY,
    ),
    "z.ai's plan for five hours": (429, wrapped("Usage limit reached for 5 hours. It will reset", "1308"), Kind.MONEY),
    "z.ai's plan is over": (429, wrapped("Your GLM Coding Plan package has expired", "1309"), Kind.MONEY),
    "z.ai's plan for a week": (429, wrapped("Weekly/Monthly Limit Exhausted.", "1310"), Kind.MONEY),
    "z.ai's plan without it": (
        429,
        wrapped("Your current subscription plan does not yet include access to glm-5", "1311"),
        Kind.MONEY,
    ),
    "Anthropic's credits": (400, wrapped("Your credit balance is too low to access the Anthropic API."), Kind.MONEY),
    "Gemini's day": (429, gemini("RESOURCE_EXHAUSTED", "You exceeded your current quota.", 429, PER_DAY), Kind.MONEY),
    # rate limit
    "429": (429, wrapped("Rate limit reached for gpt-5.5", "rate_limit_exceeded", "tokens"), Kind.RATE_LIMIT),
    "429 without a word": (429, b"", Kind.RATE_LIMIT),
    "Gemini's minute": (
        429,
        gemini("RESOURCE_EXHAUSTED", "You exceeded your current quota.", 429, RETRY),
        Kind.RATE_LIMIT,
    ),
    "Bedrock's throttling": (429, b'{"message":"Too many tokens, please wait before trying again."}', Kind.RATE_LIMIT),
    "Bedrock's throttling in a stream": (
        400,
        b'{"message":"Too many tokens, please wait before trying again.", "code": "throttlingException"}',
        Kind.RATE_LIMIT,
    ),
    "Bedrock's throttling by name": (400, wrapped("ThrottlingException: Rate exceeded"), Kind.RATE_LIMIT),
    "tokens per minute": (
        413,
        wrapped(f"{GROQ}Limit 8000, Used 7000, Requested 2000", "rate_limit_exceeded"),
        Kind.RATE_LIMIT,
    ),
    "tokens per minute, exactly": (
        429,
        wrapped(f"{GROQ}Limit 8000, Requested 8000", "rate_limit_exceeded"),
        Kind.RATE_LIMIT,
    ),
    "too many requests that mention a length": (
        400,
        wrapped("Too many requests: maximum context length is 5"),
        Kind.RATE_LIMIT,
    ),
    # overloaded
    "503": (503, wrapped("odd"), Kind.OVERLOADED),
    "529": (529, wrapped("Overloaded", None, "overloaded_error"), Kind.OVERLOADED),
    "Gemini overloaded": (
        503,
        gemini("UNAVAILABLE", "The model is overloaded. Please try again later.", 503),
        Kind.OVERLOADED,
    ),
    "OpenAI overloaded": (500, wrapped("odd", "server_is_overloaded"), Kind.OVERLOADED),
    "DeepSeek overloaded": (503, wrapped("Service is too busy"), Kind.OVERLOADED),
    "DeepSeek without resources": (500, wrapped("odd", "insufficient_system_resource"), Kind.OVERLOADED),
    "503 without a word": (503, b"", Kind.OVERLOADED),
    "529 without a word": (529, b"", Kind.OVERLOADED),
    # timeout
    "408": (408, wrapped("odd"), Kind.TIMEOUT),
    "504": (504, b"<html><h1>504 Gateway Time-out</h1></html>", Kind.TIMEOUT),
    "524": (524, b"error code: 524", Kind.TIMEOUT),
    "Bedrock's timeout": (424, wrapped("odd", "ModelTimeoutException"), Kind.TIMEOUT),
    # server
    "500": (500, wrapped("The server had an error", None, "server_error"), Kind.SERVER),
    "502 with a page": (502, b"<html><head><title>502</title></head><body>Bad Gateway</body></html>", Kind.SERVER),
    "502 without a word": (502, b"", Kind.SERVER),
    "520": (520, b"error code: 520", Kind.SERVER),
    "Bedrock's model": (424, wrapped("odd", "ModelErrorException"), Kind.SERVER),
    "llama.cpp's missing field": (
        500,
        b'{"error":{"code":500,"message":"key not found","type":"server_error"}}',
        Kind.SERVER,
    ),
    # model not found
    "OpenAI's model": (
        404,
        wrapped("The model `x` does not exist or you do not have access to it.", "model_not_found"),
        Kind.NOT_FOUND,
    ),
    "DeepSeek's model": (400, wrapped("Model Not Exist"), Kind.NOT_FOUND),
    "Bedrock's model id": (400, b'{"message":"The provided model identifier is invalid."}', Kind.NOT_FOUND),
    "Gemini's model": (404, gemini("NOT_FOUND", "models/x is not found for API version v1beta", 404), Kind.NOT_FOUND),
    "Ollama's model": (
        404,
        b'{"error":{"message":"model \\"x\\" not found, try pulling it first","type":"api_error"}}',
        Kind.NOT_FOUND,
    ),
    "OpenRouter's model": (400, b'{"error":{"message":"x/y is not a valid model ID","code":400}}', Kind.NOT_FOUND),
    "Mistral's model": (
        400,
        b'{"object":"error","message":"Invalid model: x","type":"invalid_model","code":"1500"}',
        Kind.NOT_FOUND,
    ),
    "z.ai's model": (
        400,
        b'{"error":{"code":"1211","message":"Unknown Model, please check the model code."}}',
        Kind.NOT_FOUND,
    ),
    "Hugging Face's model": (
        400,
        wrapped("The requested model 'x' is not supported", "model_not_supported"),
        Kind.NOT_FOUND,
    ),
    "a wrong address": (404, b"<html>Not Found</html>", Kind.NOT_FOUND),
    # too large
    "413": (413, wrapped("Request exceeds the maximum size", None, "request_too_large"), Kind.TOO_LARGE),
    "too large under another status": (400, wrapped("Request exceeds it", None, "request_too_large"), Kind.TOO_LARGE),
    "413 with a page": (413, b"<html><h1>413 Request Entity Too Large</h1></html>", Kind.TOO_LARGE),
    # content, parameters, reasoning, everything else: said once, verbatim
    "OpenAI's policy": (
        400,
        wrapped("Your request was rejected by our safety system.", "content_policy_violation"),
        Kind.REFUSED,
    ),
    "Azure's filter": (400, wrapped("The response was filtered", "content_filter"), Kind.REFUSED),
    "an unknown name": (400, wrapped('Unknown name "thinking": Cannot find field.'), Kind.REFUSED),
    "extra inputs": (422, b'{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted"}]}', Kind.REFUSED),
    "another name for the limit": (
        400,
        wrapped("Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead."),
        Kind.REFUSED,
    ),
    "an output limit below what the client asks for": (
        400,
        wrapped("Range of max_tokens should be [1, 2999]"),
        Kind.REFUSED,
    ),
    "nothing was asked for": (400, wrapped("Range of max_tokens should be at least 1"), Kind.REFUSED),
    "a user's name": (400, wrapped("Invalid 'user': string too long.", "string_above_max_length"), Kind.REFUSED),
    "an image's size": (
        400,
        wrapped("messages.0: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes"),
        Kind.REFUSED,
    ),
    "reasoning that is missing": (
        400,
        wrapped("The reasoning_content in the thinking mode must be passed back to the API."),
        Kind.REFUSED,
    ),
    "400 without a word": (400, b"", Kind.REFUSED),
    "418": (418, wrapped("odd"), Kind.REFUSED),
    "a request that is quoted says nothing": (
        400,
        wrapped("Bad request. Yours was: " + " " * 2000 + "rate limit, prompt is too long"),
        Kind.REFUSED,
    ),
}


@pytest.mark.parametrize(("status", "body", "kind"), MEANINGS.values(), ids=MEANINGS)
def test_every_other_wording_has_its_meaning(status: int, body: bytes, kind: Kind) -> None:
    found, message = meant(status, body)
    assert found is kind
    assert message.startswith(REFUSED_KEY if kind is Kind.CREDENTIAL else NAMED)


def test_every_kind_that_a_backend_may_cause_is_tested() -> None:
    ours = {Kind.UNREACHABLE, Kind.MALFORMED, Kind.REPAIRABLE}  # told by the proxy, the decoders, the native dialect
    assert set(Kind) - ours == {kind for *_, kind in MEANINGS.values()} | {Kind.OVERFLOW, Kind.OUTPUT_CAP}


@pytest.mark.parametrize(
    ("headers", "body", "expected"),
    [
        ({"retry-after": "7"}, b"", {"retry-after": "7"}),
        ({}, wrapped("Please try again in 7m12s"), {"x-should-retry": "false"}),
        ({}, gemini("RESOURCE_EXHAUSTED", "quota", 429, RETRY), {"retry-after": "26"}),
        ({}, b"", {}),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(
    headers: Mapping[str, str], body: bytes, expected: Mapping[str, str]
) -> None:
    assert faults.from_reply(429, headers, body, CONTEXT).headers == expected


def test_only_a_rate_limit_does() -> None:
    assert faults.from_reply(500, {"retry-after": "7"}, b"", CONTEXT).headers == {}


def test_long_words_are_cut() -> None:
    _, message = meant(400, wrapped("x" * 5000))
    assert message == NAMED + "x" * 600


@pytest.mark.parametrize(
    ("code", "kind"), [("429", Kind.RATE_LIMIT), ("503", Kind.OVERLOADED), ("1261", Kind.SERVER), ("", Kind.SERVER)]
)
def test_a_code_inside_a_stream_counts_as_the_status(code: str, kind: Kind) -> None:
    assert faults.from_stream(Told("odd", code), CONTEXT).kind is kind


def test_a_code_that_is_no_status_does_not_hide_a_prompt_that_is_too_long() -> None:
    assert faults.from_stream(Told("Prompt exceeds max length", "1261"), CONTEXT).kind is Kind.OVERFLOW


WORDS = st.sampled_from(
    [words for words, *_ in TOO_LONG.values()]
    + [words for words, *_ in (*OUTPUT_CAPS.values(), *REPLY_LIMITS.values())]
)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | WORDS | st.just("9" * 5000),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "code",
                    "type",
                    "status",
                    "details",
                    "metadata",
                    "raw",
                    "detail",
                    "msg",
                    "loc",
                    "errors",
                    "base_resp",
                    "status_code",
                    "status_msg",
                    "violations",
                    "quotaId",
                    "retryDelay",
                    "n_ctx",
                    "n_prompt_tokens",
                ]
            ),
            inner,
        )
    ),
)


@given(st.integers(400, 599), SHAPES | st.binary())
def test_no_error_of_a_backend_is_tripped_over(status: int, body: object) -> None:
    told = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = faults.from_reply(status, {"retry-after": "1"}, told, CONTEXT)
    assert error.message
    assert error.status not in (401, 422)
