"""For a native backend the model, the address and the credential change, and nothing else."""

from dataclasses import replace

import orjson
import pytest

from addon.dialects import Encoded, ReplyContext
from addon.dialects.anthropic import dialect as anthropic
from addon.protocol import messages
from addon.protocol.errors import BackendError, Kind, TooDeep, Unsupported
from tests.stories import target

TARGET = target("deepseek-anthropic", "deepseek-v4-pro")
CONTEXT = ReplyContext(TARGET, "x1", "DEEPSEEK_API_KEY", input_estimate=7)


def encode(body: bytes) -> Encoded:
    return anthropic.DIALECT.encode(messages.parse(body), body, TARGET)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"\\u00fc \\ud83d"}],  "top_p":1.0}',
            b'{"model":"deepseek-v4-pro","messages":[{"role":"user","content":"\\u00fc \\ud83d"}],  "top_p":1.0}',
        ),
        (
            b'{"messages":[{"role":"user","content":"a"}],"model":"claude-opus-5-5"}',
            b'{"messages":[{"role":"user","content":"a"}],"model":"deepseek-v4-pro"}',
        ),
        (
            b'{ "model": "claude-opus-5-5", "messages": [{"role": "user", "content": "a"}]}',
            b'{"model":"deepseek-v4-pro","messages":[{"role":"user","content":"a"}]}',
        ),
        (
            b'{"model":"a","messages":[{"role":"user","content":[{"type":"x","model":"b"}]}]}',
            b'{"model":"deepseek-v4-pro","messages":[{"role":"user","content":[{"type":"x","model":"b"}]}]}',
        ),
        (
            b'{"model":"a","messages":[{"role":"user","content":"c"}],"model":"b"}',
            b'{"model":"deepseek-v4-pro","messages":[{"role":"user","content":"c"}]}',
        ),
        (
            b'{"model":"a\\"b","messages":[{"role":"user","content":"c"}]}',
            b'{"model":"deepseek-v4-pro","messages":[{"role":"user","content":"c"}]}',
        ),
    ],
)
def test_only_the_model_changes(body: bytes, expected: bytes) -> None:
    assert encode(body).wire.body == expected


ATTRIBUTION = b'{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.329.8c9; cch=384f6;"}'
PROMPT = b'{"type":"text","text":"You help."}'
ASKED = b'"messages":[{"role":"user","content":"a"}]'
SYSTEMS = {
    "before the prompt": (ATTRIBUTION + b"," + PROMPT, PROMPT),
    "alone": (ATTRIBUTION, b""),
    "with a mark": (ATTRIBUTION[:-1] + b',"cache_control":{}},' + PROMPT, PROMPT),
    "twice": (ATTRIBUTION + b"," + ATTRIBUTION + b"," + PROMPT, PROMPT),
    "none": (PROMPT, PROMPT),
}


@pytest.mark.parametrize(("system", "expected"), SYSTEMS.values(), ids=SYSTEMS)
def test_the_attribution_stays_behind(system: bytes, expected: bytes) -> None:
    body = b'{"model":"a",' + ASKED + b',"system":[' + system + b"]}"
    assert encode(body).wire.body == b'{"model":"deepseek-v4-pro",' + ASKED + b',"system":[' + expected + b"]}"


def test_the_attribution_as_a_string_stays_behind() -> None:
    body = b'{"model":"a",' + ASKED + b',"system":"x-anthropic-billing-header: cch=384f6;"}'
    assert orjson.loads(encode(body).wire.body)["system"] == []


def test_claude_gets_the_attribution() -> None:
    body = b'{"model":"a",' + ASKED + b',"system":[' + ATTRIBUTION + b"]}"
    claude = target("azure-claude", "a")
    assert anthropic.DIALECT.encode(messages.parse(body), body, claude).wire.body == body


def test_a_request_that_was_changed_is_written_anew() -> None:
    changed = messages.parse(b'{"model":"a","messages":[{"role":"user","content":"changed"}]}')
    sent = anthropic.DIALECT.encode(changed, None, TARGET).wire.body
    assert sent == b'{"model":"deepseek-v4-pro","messages":[{"role":"user","content":"changed"}]}'


def test_extra_fields_and_headers_of_the_backend_come_last() -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":"c"}],"metadata":{"user_id":"u"},"thinking":{"x":1}}'
    extra = {"metadata": None, "thinking": {"type": "disabled"}, "top_k": 20}
    there = replace(TARGET, extra_body=extra, headers=(("Accept", "a/b"), ("x-team", "blue")))
    wire = anthropic.DIALECT.encode(messages.parse(body), body, there).wire
    assert orjson.loads(wire.body) == {
        "model": "deepseek-v4-pro",
        "messages": [{"role": "user", "content": "c"}],
        "thinking": {"x": 1, "type": "disabled"},
        "top_k": 20,
    }
    assert wire.headers[-2:] == (("Accept", "a/b"), ("x-team", "blue"))
    assert [name for name, _ in wire.headers].count("accept") == 0


def test_a_quoted_model_in_a_text_does_not_mislead() -> None:
    body = orjson.dumps({"model": "a", "messages": [{"role": "user", "content": '{"model":"b"}'}]})
    assert orjson.loads(encode(body).wire.body)["messages"][0]["content"] == '{"model":"b"}'


@pytest.mark.parametrize(("stream", "accept"), [(b"true", "text/event-stream"), (b"false", "application/json")])
def test_address_and_headers_are_the_backends(stream: bytes, accept: str) -> None:
    encoded = encode(b'{"model":"a","messages":[{"role":"user","content":"c"}],"stream":%s}' % stream)
    assert encoded.wire.url == "https://api.deepseek.com/anthropic/v1/messages"
    assert encoded.wire.headers == (
        ("content-type", "application/json"),
        ("accept", accept),
        ("accept-encoding", "identity"),
        ("anthropic-version", "2023-06-01"),
    )
    assert (encoded.losses, encoded.tool_names) == ((), {})


def test_an_error_is_classified_with_what_is_known() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long"}}'
    small = replace(CONTEXT, target=replace(TARGET, max_input_tokens=5))
    error = anthropic.DIALECT.decode_error(400, {}, body, small)
    assert isinstance(error, BackendError)
    assert (error.kind, error.message) == (Kind.OVERFLOW, "prompt is too long: 7 tokens > 5 maximum")
    refused = anthropic.DIALECT.decode_error(401, {}, b'{"error":{"message":"no"}}', CONTEXT)
    assert refused.message == "deepseek-anthropic/deepseek-v4-pro refused the credential in DEEPSEEK_API_KEY: no"


REPAIRED = [
    "context_management: Extra inputs are not permitted",
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "thinking: Input tag 'adaptive' found using 'type' does not match any of the expected tags",
]


@pytest.mark.parametrize("words", REPAIRED)
def test_what_the_client_repairs_by_itself_stays_as_it_is(words: str) -> None:
    body = orjson.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": words}})
    error = anthropic.DIALECT.decode_error(400, {}, body, CONTEXT)
    assert (error.status, error.type, error.message) == (400, "invalid_request_error", words)
    assert anthropic.DIALECT.decode_error(422, {}, body, CONTEXT).status == 424


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}


@pytest.mark.parametrize(
    ("content", "path"),
    [
        ([{"type": "text", "text": "Look:"}, IMAGE], "messages.0.content.1"),
        ([{"type": "tool_result", "tool_use_id": "c", "content": [IMAGE]}], "messages.0.content.0.content.0"),
        (
            [{"type": "document", "source": {"type": "content", "content": ["odd", IMAGE]}}],
            "messages.0.content.0.source.content.1",
        ),
    ],
)
@pytest.mark.parametrize("changed", [True, False])
def test_a_model_without_eyes_is_not_asked_about_a_picture(content: object, path: str, changed: bool) -> None:
    body = orjson.dumps({"model": "a", "messages": [{"role": "user", "content": content}]})
    asked, sent = messages.parse(body), None if changed else body
    with pytest.raises(Unsupported, match=f"{path}: deepseek-anthropic/deepseek-v4-pro sees no pictures"):
        anthropic.DIALECT.encode(asked, sent, replace(TARGET, vision=False))
    for seeing in (None, True):
        assert b"iVBO" in anthropic.DIALECT.encode(asked, sent, replace(TARGET, vision=seeing)).wire.body


def test_a_word_is_no_picture() -> None:
    body = orjson.dumps({"model": "a", "messages": [{"role": "user", "content": 'an "image"'}]})
    anthropic.DIALECT.encode(messages.parse(body), body, replace(TARGET, vision=False))


def test_replies_are_not_translated() -> None:
    with pytest.raises(NotImplementedError):
        anthropic.DIALECT.decoder(CONTEXT)
    with pytest.raises(NotImplementedError):
        anthropic.DIALECT.decode_whole(b"", CONTEXT)


@pytest.mark.parametrize("levels", [250, 300, 1000])
def test_what_is_nested_too_deeply_is_refused(levels: int) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    call = b'{"type":"tool_use","id":"c","name":"Bash","input":%s}' % deep
    body = b'{"messages":[{"role":"assistant","content":[%s]}],"model":"m"}' % call
    with pytest.raises(TooDeep):
        anthropic.DIALECT.encode(messages.parse(body), body, TARGET)


def test_a_prompt_that_would_be_cut_without_a_word_is_refused() -> None:
    small = replace(target("ollama-anthropic", "qwen3"), max_input_tokens=1_000, window_is_set=True)
    body = orjson.dumps({"model": "a", "messages": [{"role": "user", "content": "x" * 7_200}]})
    with pytest.raises(BackendError) as caught:
        anthropic.DIALECT.encode(messages.parse(body), body, small)
    assert caught.value.message == "prompt is too long: 2004 tokens > 1000 maximum"


def test_the_size_of_a_prompt_is_told() -> None:
    body = b'{"model":"a","messages":[{"role":"user","content":"%s"}]}' % (b"x" * 3_600)
    assert encode(body).input_tokens == pytest.approx(1_000, abs=30)
