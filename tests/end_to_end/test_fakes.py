"""The scripted backend: what it sends is what OpenAI sends, and it notices a script that was not followed."""

import http.client
import json
from collections.abc import Iterator

import pytest

from tests.end_to_end.fakes import KEY, FakeBackend, serving, when
from tests.end_to_end.replies import Answer, Json, answer, call, failure, fragments

HEADERS = {"authorization": f"Bearer {KEY}", "accept-encoding": "identity", "content-type": "application/json"}


@pytest.fixture
def fake() -> Iterator[FakeBackend]:
    with serving(FakeBackend()) as fake:
        yield fake


def ask(fake: FakeBackend, text: str = "hi", **fields: object) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", fake.port, timeout=5)
    body = {"model": "gpt-5.5", "messages": [{"role": "user", "content": text}], **fields}
    try:
        connection.request("POST", "/v1/chat/completions", json.dumps(body), HEADERS)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def events(body: bytes) -> list[Json]:
    lines = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line]
    assert lines.pop() == b"[DONE]"
    return [json.loads(line) for line in lines]


def test_streams_in_the_shape_of_openai(fake: FakeBackend) -> None:
    fake.script(answer("hello world", call("Bash", command="ls")))
    status, body = ask(fake, stream=True, stream_options={"include_usage": True})
    chunks = events(body)
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    assert status == 200
    assert deltas[0]["role"] == "assistant"
    assert "".join(delta.get("content") or "" for delta in deltas) == "hello world"
    assert deltas[3]["tool_calls"][0] == {
        "index": 0,
        "id": "call_1",
        "type": "function",
        "function": {"name": "Bash", "arguments": ""},
    }
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["prompt_tokens"] == 1200
    fake.verify()


def test_answers_whole_when_no_stream_is_asked_for(fake: FakeBackend) -> None:
    fake.script(answer("hello"))
    status, body = ask(fake)
    assert (status, json.loads(body)["choices"][0]["message"]["content"]) == (200, "hello")


def test_deals_fragments_of_parallel_calls_out_in_turns() -> None:
    dealt = fragments([call("A", "call_1", x="long enough"), call("B", "call_2", y="long enough")], interleaved=True)
    assert [fragment["index"] for fragment in dealt[:4]] == [0, 1, 0, 1]


def test_cuts_the_connection_in_the_middle(fake: FakeBackend) -> None:
    fake.script(Answer("hello world", cut_after_chunks=2))
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        ask(fake, stream=True)


def test_gives_errors_with_their_headers(fake: FakeBackend) -> None:
    fake.script(failure(429, "slow down", kind="rate_limit_error", headers=[("retry-after", "1")]))
    status, body = ask(fake)
    assert (status, json.loads(body)["error"]["message"]) == (429, "slow down")


def test_matched_replies_go_before_the_queue(fake: FakeBackend) -> None:
    fake.script(answer("queue"), when(lambda request: "special" in request.text, answer("matched")))
    assert b"matched" in ask(fake, "special")[1]
    assert b"queue" in ask(fake)[1]
    fake.verify()


def test_refuses_and_records_a_faulty_request(fake: FakeBackend) -> None:
    fake.script(answer("hello"))
    assert ask(fake, thinking={"type": "adaptive"})[0] == 400
    with pytest.raises(AssertionError, match=r"request 1: \$\.thinking"):
        fake.verify()


def test_a_request_beyond_the_script_is_a_fault(fake: FakeBackend) -> None:
    assert ask(fake)[0] == 400
    with pytest.raises(AssertionError, match="no reply left"):
        fake.verify()


def test_a_reply_nobody_asked_for_is_a_fault(fake: FakeBackend) -> None:
    fake.script(answer("hello"))
    with pytest.raises(AssertionError, match="never asked for"):
        fake.verify()
