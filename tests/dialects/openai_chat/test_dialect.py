"""The chat-completions dialect as the proxy sees it: bytes in, bytes and deltas out."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.dialects import ReplyContext
from addon.dialects.openai_chat import dialect as openai_chat
from addon.dialects.profiles import Profile
from addon.protocol import messages
from addon.protocol.deltas import Delta, End, Failure, Finish, StopReason, Text, ToolArguments, ToolCall, Usage
from addon.protocol.errors import BackendError, Kind, MalformedReply, TooDeep
from addon.protocol.messages import Json
from addon.protocol.tokens import BYTES_PER_TOKEN
from tests.stories import target

TARGET = target("openai", "gpt-5.5")
CONTEXT = ReplyContext(TARGET, "x1", "OPENAI_API_KEY", {"short": "a long name"}, 7)
DIALECT = openai_chat.DIALECT
ASKING = {"model": "m", "messages": [{"role": "user", "content": "A title."}]}


@pytest.mark.parametrize(("stream", "accept"), [(True, "text/event-stream"), (False, "application/json")])
def test_a_request_is_written_with_the_backends_address_and_headers(stream: bool, accept: str) -> None:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": stream, "top_k": 1})
    encoded = DIALECT.encode(messages.parse(body), body, TARGET)
    assert encoded.wire.url == "https://api.openai.com/v1/chat/completions"
    assert encoded.wire.headers == (
        ("content-type", "application/json"), ("accept", accept), ("accept-encoding", "identity"),
    )  # fmt: skip
    assert orjson.loads(encoded.wire.body)["messages"] == [{"role": "user", "content": "Hi"}]
    assert [loss.path for loss in encoded.losses] == ["top_k"]


def test_extra_fields_and_headers_of_the_backend_come_last() -> None:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True})
    extra = {"max_completion_tokens": None, "stream_options": {"x": 1}, "provider": {"sort": "price"}}
    there = replace(TARGET, extra_body=extra, headers=(("accept", "a/b"), ("x-team", "blue")))
    wire = DIALECT.encode(messages.parse(body), None, there).wire
    assert orjson.loads(wire.body) == {
        "model": "gpt-5.5",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True, "x": 1},
        "provider": {"sort": "price"},
    }
    assert [wire.headers[0][0], *wire.headers[2:]] == ["content-type", ("accept", "a/b"), ("x-team", "blue")]


def test_what_is_extra_and_nested_too_deeply_is_refused() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}'
    deep: object = 1
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(TooDeep):
        DIALECT.encode(messages.parse(body), body, replace(TARGET, extra_body={"deep": deep}))


def test_shortened_names_are_remembered() -> None:
    body = orjson.dumps({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "tools": [{"name": "a b"}]})
    (long,) = DIALECT.encode(messages.parse(body), body, TARGET).tool_names.values()
    assert long == "a b"


def test_the_ids_of_all_calls_so_far_are_remembered() -> None:
    called = [{"type": "tool_use", "id": each, "name": "a", "input": {}} for each in ("call_0", "x" * 90)]
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": called}]
    body = orjson.dumps({"model": "m", "messages": turns})
    assert {"call_0", "x" * 90} <= set(DIALECT.encode(messages.parse(body), body, TARGET).call_ids)


def test_what_is_offered_is_remembered_by_its_name_on_the_wire() -> None:
    asked = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    body = orjson.dumps({**asked, "tools": [{"name": "Read", "input_schema": schema}, {"name": "a b"}]})
    offered = DIALECT.encode(messages.parse(body), body, TARGET).offered
    assert offered == {"Read": schema, "a_b_c8687a08": {"type": "object", "properties": {}}}
    bare = orjson.dumps(asked)
    assert DIALECT.encode(messages.parse(bare), bare, TARGET).offered == {}


def test_a_stream_is_decoded() -> None:
    decoder = DIALECT.decoder(CONTEXT)
    assert decoder.feed(b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n') == [Text("Hi")]
    assert decoder.close() == [End()]


CALL = {"id": "call_1", "type": "function", "function": {"name": "short", "arguments": "{}"}}
WHOLE: list[tuple[object, list[Delta]]] = [
    (
        {
            "choices": [{"message": {"content": "Hi", "tool_calls": [CALL]}, "finish_reason": "tool_calls"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        },
        [
            Text("Hi"),
            ToolCall(0, "call_1", "a long name"),
            ToolArguments(0, "{}"),
            Finish(StopReason.TOOL_USE),
            Usage(3, 2),
            End(),
        ],
    ),
    ({"choices": []}, [End()]),
]


@pytest.mark.parametrize(("reply", "expected"), WHOLE)
def test_a_whole_reply_is_decoded(reply: object, expected: list[Delta]) -> None:
    body = orjson.dumps(reply)
    assert DIALECT.decode_whole(body, CONTEXT) == expected
    assert DIALECT.decode_whole(b"\n\n  \n" + body + b"\n", CONTEXT) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices":', b"5"])
def test_a_whole_reply_that_is_none_is_a_failure(body: bytes) -> None:
    (failure,) = DIALECT.decode_whole(body, CONTEXT)
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, MalformedReply)


def test_an_error_with_the_status_of_success_is_a_failure() -> None:
    failure, *_ = DIALECT.decode_whole(b'{"error":{"message":"Provider returned error","code":502}}', CONTEXT)
    assert isinstance(failure, Failure)
    assert failure.error.message == "openai/gpt-5.5: Provider returned error"


def test_an_http_error_is_classified_with_what_is_known() -> None:
    small = replace(CONTEXT, target=replace(TARGET, max_input_tokens=5))
    error = DIALECT.decode_error(400, {}, b'{"error":{"message":"m","code":"context_length_exceeded"}}', small)
    assert (error.kind, error.message) == (Kind.OVERFLOW, "prompt is too long: 7 tokens > 5 maximum")
    refused = DIALECT.decode_error(401, {}, b'{"error":{"message":"no"}}', CONTEXT)
    assert refused.message == "openai/gpt-5.5 refused the credential in OPENAI_API_KEY: no"


@pytest.mark.parametrize("levels", [300, 1000])
def test_what_is_nested_too_deeply_is_refused(levels: int) -> None:
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    call = b'{"type":"tool_use","id":"c","name":"Bash","input":%s}' % deep
    body = b'{"messages":[{"role":"assistant","content":[%s]}],"model":"m"}' % call
    with pytest.raises(TooDeep):
        openai_chat.DIALECT.encode(messages.parse(body), body, TARGET)


def limited(prompt: int, asked: int = 32_000, **fields: Any) -> tuple[Json, list[str]]:
    """The wire body of a request with a prompt of so many tokens for a window of 32,768, and what of it was lost."""
    there = replace(target("vllm", "qwen"), max_input_tokens=32_768, max_output_tokens=32_768, **fields)
    text = "x" * round(prompt * BYTES_PER_TOKEN)
    body = orjson.dumps({"model": "m", "max_tokens": asked, "messages": [{"role": "user", "content": text}]})
    encoded = DIALECT.encode(messages.parse(body), body, there)
    assert encoded.input_tokens == pytest.approx(prompt, abs=50)
    return orjson.loads(encoded.wire.body), [each.what for each in encoded.losses]


def test_a_reply_gets_no_more_than_its_prompt_leaves_of_the_window() -> None:
    body, losses = limited(20_000)
    assert body["max_tokens"] == pytest.approx(32_768 - 21_000 - 1_000, abs=50)
    assert losses == [f"32000 became {body['max_tokens']}, what such a prompt leaves of a window of 32768"]
    assert limited(20_000, 8_000) == ({**body, "max_tokens": 8_000}, [])


def test_only_the_last_of_two_limits_is_told() -> None:
    body, losses = limited(20_000, 64_000)
    assert losses == [f"64000 became {body['max_tokens']}, what such a prompt leaves of a window of 32768"]


def test_the_users_own_word_on_the_reply_stands() -> None:
    assert limited(20_000, extra_body={"max_tokens": 30_000})[0]["max_tokens"] == 30_000


def test_a_prompt_that_would_be_cut_without_a_word_is_refused() -> None:
    with pytest.raises(BackendError) as caught:
        limited(45_000, profile=Profile(cuts_silently=True), window_is_set=True)
    assert caught.value.message.startswith("prompt is too long: 4")


FORM: Json = {"type": "json_schema", "schema": {"type": "object", "required": ["title"]}}


@pytest.mark.parametrize(("written", "read"), [('```\n{"title": 1}\n```', '{"title": 1}'), ("{}", None)])
def test_an_answer_of_a_form_is_checked_whole_and_streamed(written: str, read: str | None) -> None:
    there = target("deepseek", "deepseek-v4-pro")
    body = orjson.dumps({**ASKING, "output_config": {"format": FORM}})
    encoded = DIALECT.encode(messages.parse(body), body, there)
    context = ReplyContext(there, "x1", form=encoded.form)
    choice: Json = {"index": 0, "finish_reason": "stop"}
    whole = DIALECT.decode_whole(orjson.dumps({"choices": [{**choice, "message": {"content": written}}]}), context)
    decoder = DIALECT.decoder(context)
    chunk = orjson.dumps({"choices": [{**choice, "delta": {"content": written}}]})
    streamed = [*decoder.feed(b"data: %s\n\n" % chunk), *decoder.close()]
    for deltas in (whole, streamed):
        finish, answer, end = deltas
        assert (finish, end) == (Finish(StopReason.END_TURN), End())
        assert answer == Text(read) if read else isinstance(answer, Failure)


def test_nothing_is_checked_where_the_backend_is_held_to_the_schema() -> None:
    body = orjson.dumps({**ASKING, "output_config": {"format": FORM}})
    assert DIALECT.encode(messages.parse(body), body, TARGET).form is None
