"""One exchange with a backend by itself: what is kept, and what its reply becomes. The rest is in test_endings."""

import gc
import json
import weakref
from dataclasses import replace

import pytest

from addon.dialects import Encoded, WireRequest
from addon.dialects.losses import Loss, Lost, loss
from addon.protocol import signature
from addon.protocol.deltas import Usage
from addon.protocol.errors import Reply
from addon.protocol.event_shapes import MESSAGE_STOP
from addon.protocol.messages import Json
from addon.protocol.signature import Seal
from addon.proxy.intake import Send
from addon.proxy.journey import Trouble
from addon.proxy.routed_exchange import RoutedExchange
from addon.routing.call import Call
from addon.routing.route import choose
from addon.settings.assembly import parse
from tests import law, searches
from tests.proxy.live import HELLO, KEY, NATIVE_HELLO, WHOLE_HELLO, gzipped, said

SETTINGS = parse(
    {
        "OPENAI_API_KEY": KEY,
        "DEEPSEEK_API_KEY": KEY,
        "VLLM_ANTHROPIC_API_BASE": "http://127.0.0.1:9",
        "SEARXNG_API_BASE": "http://127.0.0.1:9",
        "SEARXNG_API_KEY": KEY,
    }
)
JSON = {"content-type": "application/json"}


def _routed(
    model: str = "openai/gpt-test", *, stream: bool = True, losses: tuple[Loss, ...] = (), kept_bytes: int = 100_000
) -> RoutedExchange:
    route = choose(Call({"model": model}), SETTINGS)
    assert route.destination
    encoded = Encoded(WireRequest("http://x", (), b"x" * 400), losses)
    send = Send(route, route.destination, stream, encoded, kept_bytes=kept_bytes)
    return RoutedExchange("abc", route, 10.0, losses=losses, send=send)


def test_a_whole_native_reply_is_sealed() -> None:
    routed = _routed("vllm-anthropic/q", stream=False)
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
    reply = routed.reply_whole(200, JSON, json.dumps({"type": "message", "content": [thought]}).encode(), 11.0)
    [sealed] = json.loads(reply.body)["content"]
    assert signature.unseal(sealed["signature"]) == Seal("vllm-anthropic/q", {"native": "abc"})


@pytest.mark.parametrize("shows_thinking", [True, False])
def test_thinking_that_the_client_does_not_want_to_see_is_in_its_signature(shows_thinking: bool) -> None:
    routed = _routed("deepseek/q", stream=False)
    routed.send = replace(routed.send, shows_thinking=shows_thinking)
    message = {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    reply = routed.reply_whole(200, JSON, json.dumps({"choices": [choice]}).encode(), 11.0)
    thought, _ = json.loads(reply.body)["content"]
    assert thought["thinking"] == ("Hm." if shows_thinking else "")
    seal = signature.unseal(thought["signature"])
    assert seal == Seal("deepseek/q", {} if shows_thinking else {"text": "Hm."})


@pytest.mark.parametrize(("offered", "called"), [({}, "Bash"), ({"parallel": {}}, "parallel")])
def test_a_reply_is_read_by_what_was_offered(offered: dict[str, dict[str, object]], called: str) -> None:
    routed = _routed(stream=False)
    routed.send = replace(routed.send, encoded=replace(routed.send.encoded, offered=offered))
    arguments = '{"tool_uses":[{"recipient_name":"functions.Bash","parameters":{}}]}'
    call = {"id": "a", "type": "function", "function": {"name": "parallel", "arguments": arguments}}
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}
    reply = routed.reply_whole(200, JSON, json.dumps({"choices": [choice]}).encode(), 11.0)
    assert [block["name"] for block in json.loads(reply.body)["content"]] == [called]


def test_an_id_of_an_earlier_call_is_not_given_away_again() -> None:
    routed = _routed(stream=False)
    routed.send = replace(routed.send, encoded=replace(routed.send.encoded, call_ids={"call_0"}))
    call = {"id": "call_0", "type": "function", "function": {"name": "Bash", "arguments": "{}"}}
    choice = {"index": 0, "message": {"role": "assistant", "tool_calls": [call]}, "finish_reason": "tool_calls"}
    reply = routed.reply_whole(200, JSON, json.dumps({"choices": [choice]}).encode(), 11.0)
    assert [block["id"] for block in json.loads(reply.body)["content"]] == [f"toolu_{routed.id}_0"]


def test_the_log_names_what_was_lost_and_only_so_much_of_it() -> None:
    lost = loss(Lost.SAFEGUARDS, "a\nb"), *(loss(Lost.PREFILL, f"messages.{n}") for n in range(4))
    told = _routed(losses=(*lost, loss(Lost.ENCRYPTED_THINKING, "metadata"))).told_losses()
    assert told.startswith(" · lost: a b: nobody else checks")
    assert told.endswith("messages.1: the model answers these words; it does not continue them; and 2 more")
    assert _routed(losses=(loss(Lost.ENCRYPTED_THINKING, "metadata"),)).told_losses() == ""


def test_a_summary_tells_route_tokens_time_reason_and_losses() -> None:
    routed = _routed(losses=(loss(Lost.SAFEGUARDS, "top_k"), loss(Lost.ENCRYPTED_THINKING, "metadata")))
    routed.open_stream()
    for piece in HELLO[:-2]:
        routed.feed(piece, 12.5)
    routed.feed(
        b'data: {"choices":[],"usage":{"prompt_tokens":1500,"completion_tokens":2,'
        b'"prompt_tokens_details":{"cached_tokens":500}}}\n\n',
        13.0,
    )
    routed.close()
    assert routed.summary() == (
        "openai/gpt-test → openai/gpt-test · 1,500 in (500 cached), 2 out · first token 2.50 s · end_turn"
        " · 1 lost in translation"
    )


def test_a_summary_is_one_line_whatever_names_and_words_are_in_it() -> None:
    routed = _routed("openai/gpt\n2026-01-01 ERROR forged")
    routed.settle(routed.trouble(Trouble(f"no route\r\nto {KEY}"), began=False))
    assert "\n" not in routed.summary()
    assert "\r" not in routed.summary()
    assert KEY not in routed.summary()
    assert "$OPENAI_API_KEY" in routed.summary()


def test_a_reply_longer_than_what_is_kept_is_counted() -> None:
    routed = _routed(kept_bytes=100)
    routed.open_stream()
    given = b"".join(routed.feed(piece, 11.0) for piece in HELLO) + routed.close()
    assert said(given) == "Hello"
    assert (len(routed.backend_reply()), routed.dropped) == (100, sum(map(len, HELLO)) - 100)
    whole = _routed(stream=False, kept_bytes=100)
    body = json.dumps(WHOLE_HELLO).encode()
    whole.reply_whole(200, JSON, body, 11.0)
    assert (len(whole.backend_reply()), whole.dropped) == (100, len(body) - 100)


def test_the_backends_reply_is_kept_unpacked() -> None:
    routed = _routed()
    routed.open_stream("gzip")
    routed.feed(gzipped(b"".join(HELLO)), 11.0)
    assert routed.backend_reply() == b"".join(HELLO)
    broken = _routed()
    broken.open_stream("gzip")
    broken.feed(b"no gzip", 11.0)
    assert broken.backend_reply() == b"no gzip"


NATIVE = [
    (200, json.dumps({"type": "message", "usage": {"input_tokens": 1, "output_tokens": 2}}).encode(), 200, None),
    (200, b"<html>", 502, "no message"),
    (200, b"[]", 502, "no message"),
    (201, b"{}", 502, "status 201"),
    (401, b'{"type":"error","error":{"type":"authentication_error","message":"no"}}', 403, "credential"),
]


@pytest.mark.parametrize(("status", "body", "expected", "words"), NATIVE)
def test_a_native_whole_reply_passes_if_it_is_a_message(
    status: int, body: bytes, expected: int, words: str | None
) -> None:
    routed = _routed("vllm-anthropic/q", stream=False)
    reply = routed.reply_whole(status, {**JSON, "set-cookie": "x"}, body, 11.0)
    assert reply.status == expected
    if words is None:
        assert (reply.body, reply.headers) == (body, (("content-type", "application/json"),))
        assert routed.usage
        assert routed.usage.output_tokens == 2
    else:
        assert words in json.loads(reply.body)["error"]["message"]
        assert routed.error
        assert words in routed.error


def test_what_comes_before_the_first_content_waits_for_it() -> None:
    routed = _routed()
    routed.open_stream(waits=True)
    assert routed.feed(HELLO[0], 11.0).startswith(b"event: message_start")
    assert (routed.begun, routed.failed) == (True, False)
    native = _routed("vllm-anthropic/q")
    native.open_stream(waits=True)
    assert native.feed(NATIVE_HELLO[0], 11.0) == b""
    assert (native.begun, native.first_at, bytes(native.given)) == (False, None, b"")
    assert native.feed(NATIVE_HELLO[1], 12.0) == NATIVE_HELLO[0] + NATIVE_HELLO[1]
    assert (native.begun, native.first_at, native.failed) == (True, 12.0, False)


NATIVE_ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"busy"}}\n\n'
NAME, DATA = NATIVE_HELLO[5].removesuffix(b"\n").splitlines(keepends=True)
ENDS = {
    "amid": (NATIVE_HELLO[:3], b"event: error\n"),
    "in an event": ([*NATIVE_HELLO[:3], b"event: content_block_delta\n"], b"\nevent: error\n"),
    "behind an error": ([*NATIVE_HELLO[:3], NATIVE_ERROR], b""),
    "behind a reason": (NATIVE_HELLO[:5], MESSAGE_STOP),
    "behind a reason, in the name of the end": ([*NATIVE_HELLO[:5], NAME], b"\n" + MESSAGE_STOP),
    "behind a reason, in the data of the end": ([*NATIVE_HELLO[:5], NAME, DATA[:9]], b"\n" + MESSAGE_STOP),
    "behind a reason, before the blank line": ([*NATIVE_HELLO[:5], NAME, DATA], b"\n"),
    "behind all": (NATIVE_HELLO, b""),
}


@pytest.mark.parametrize("breaks_off", [True, False])
@pytest.mark.parametrize("name", ENDS)
def test_a_native_stream_that_ends_too_early_is_ended(name: str, breaks_off: bool) -> None:
    pieces, wanted = ENDS[name]
    native = _routed("vllm-anthropic/q")
    native.open_stream(waits=True)
    for piece in pieces:
        native.feed(piece, 11.0)
    tail = native.cut("gone") if breaks_off else native.close()
    assert tail.startswith(wanted)
    assert bool(tail) == bool(wanted)
    assert (native.error is not None) == (
        b"error" in wanted or name == "behind an error" or (breaks_off and wanted != b"")
    )
    read = [event for event in bytes(native.given).split(b"\n\n") if b"\ndata: " in event]
    assert [b'"message_stop"' in event or b'"error"' in event for event in read] == [False] * (len(read) - 1) + [True]


@pytest.mark.parametrize("pieces", [[], NATIVE_HELLO[:1], [b": nothing\n\n"]])
def test_a_native_stream_that_ends_before_its_first_word_has_failed(pieces: list[bytes]) -> None:
    native = _routed("vllm-anthropic/q")
    native.open_stream(waits=True)
    for piece in pieces:
        native.feed(piece, 11.0)
    assert native.close() == b""
    assert "ended its reply before its first word" in str(native.failure)


WHOLE = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "EMPTY"}, "finish_reason": "stop"}]}


def test_a_key_that_is_a_word_changes_no_reply() -> None:
    settings = parse({"VLLM_API_KEY": "EMPTY"})
    route = choose(Call({"model": "vllm/x"}), settings)
    assert route.destination
    send = Send(route, route.destination, False, Encoded(WireRequest("http://x", (), b"{}")))
    reply = RoutedExchange("abc", route, 10.0, send=send).reply_whole(200, JSON, json.dumps(WHOLE).encode(), 11.0)
    assert json.loads(reply.body)["content"] == [{"type": "text", "text": "EMPTY"}]


@pytest.mark.parametrize("stream", [True, False])
def test_what_of_a_reply_has_no_place_is_a_loss(stream: bool) -> None:
    routed = _routed(stream=stream, losses=(loss(Lost.SAFEGUARDS, "top_k"),))
    if stream:
        routed.open_stream()
        chunk = {"choices": [{"index": 0, "delta": {"content": "a", "audio": {"id": "x"}}, "finish_reason": "stop"}]}
        routed.feed(b"data: %s\n\n" % json.dumps(chunk).encode(), 11.0)
        routed.close()
    else:
        message = {"role": "assistant", "content": "a", "audio": {"id": "x"}}
        whole = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
        routed.reply_whole(200, JSON, json.dumps(whole).encode(), 11.0)
    assert [loss.path for loss in routed.losses] == ["top_k", "reply.audio"]
    assert "2 lost in translation" in routed.summary()


def _limited(model: str, *, stream: bool) -> RoutedExchange:
    """An exchange with a prompt of about 900 tokens, for a window of 1,000."""
    routed = _routed(model, stream=stream)
    destination = routed.send.destination
    there = replace(destination, target=replace(destination.target, max_input_tokens=1_000))
    routed.send = replace(routed.send, destination=there, encoded=replace(routed.send.encoded, input_tokens=900))
    return routed


def _answered(routed: RoutedExchange, message: Json, finish: str, prompt: int) -> Reply | bytes:
    """Reply with one chunk, or whole."""
    choice = {"index": 0, "finish_reason": finish}
    usage = {"prompt_tokens": prompt, "completion_tokens": 0}
    if not routed.send.stream:
        whole = {"choices": [{**choice, "message": message}], "usage": usage}
        return routed.reply_whole(200, JSON, json.dumps(whole).encode(), 11.0)
    routed.open_stream(waits=True)
    chunk = json.dumps({"choices": [{**choice, "delta": message}], "usage": usage}).encode()
    return routed.feed(b"data: %s\n\ndata: [DONE]\n\n" % chunk, 11.0) + routed.close()


CUT = "ollama/qwen counted 300 tokens where about 900 were sent: it left out a part of the prompt without a word"


@pytest.mark.parametrize("stream", [True, False])
def test_a_prompt_that_was_cut_without_a_word_is_a_loss(stream: bool) -> None:
    routed = _limited("ollama/qwen", stream=stream)
    _answered(routed, {"content": "a"}, "stop", 300)
    assert [each.what for each in routed.losses] == [CUT]
    assert "1 lost in translation" in routed.summary()


@pytest.mark.parametrize("stream", [True, False])
def test_a_native_backend_that_cut_the_prompt_is_told_of_too(stream: bool) -> None:
    routed = _limited("ollama-anthropic/qwen", stream=stream)
    message: Json = {"type": "message", "content": [], "usage": {"input_tokens": 300, "output_tokens": 5}}
    if stream:
        routed.open_stream()
        routed.feed(b"event: message_start\ndata: %s\n\n" % json.dumps({"message": message}).encode(), 11.0)
        routed.close()
    else:
        routed.reply_whole(200, JSON, json.dumps(message).encode(), 11.0)
    assert [each.what for each in routed.losses] == [CUT.replace("ollama/", "ollama-anthropic/")]


@pytest.mark.parametrize("stream", [True, False])
def test_a_reply_without_a_word_at_the_end_of_the_window_is_an_overflow(stream: bool) -> None:
    routed = _limited("openai/gpt-test", stream=stream)
    reply = _answered(routed, {"content": ""}, "length", 995)
    assert routed.failure is not None
    refused = routed.settle(routed.failure) if stream else reply
    assert isinstance(refused, Reply)
    assert refused.status == 400
    message = json.loads(refused.body)["error"]["message"]
    assert message == "prompt is too long for openai/gpt-test, which takes 1000 tokens"


@pytest.mark.parametrize("stream", [True, False])
def test_one_with_a_word_is_what_it_says(stream: bool) -> None:
    routed = _limited("openai/gpt-test", stream=stream)
    reply = _answered(routed, {"content": "a"}, "length", 995)
    assert b'"max_tokens"' in (reply.body if isinstance(reply, Reply) else reply)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", ["openai/gpt-test", "ollama-anthropic/qwen"])
def test_usage_is_told_for_a_larger_window_and_kept_as_it_is(model: str, stream: bool) -> None:
    routed = _limited(model, stream=stream)
    there = replace(routed.send.destination.target, report_window=100_000)
    routed.send = replace(routed.send, destination=replace(routed.send.destination, target=there))
    message: Json = {"type": "message", "content": [], "usage": {"input_tokens": 700, "output_tokens": 0}}
    if routed.translates:
        reply = _answered(routed, {"content": "a"}, "stop", 700)
    elif stream:
        routed.open_stream()
        event = {"type": "message_start", "message": message}
        reply = routed.feed(b"event: message_start\ndata: %s\n\n" % json.dumps(event).encode(), 11.0) + routed.close()
    else:
        reply = routed.reply_whole(200, JSON, json.dumps(message).encode(), 11.0)
    told = reply.body if isinstance(reply, Reply) else reply
    assert b'"input_tokens":70000' in told
    assert routed.usage == Usage(700, 0)
    assert "700 in" in routed.summary()


def test_an_error_has_no_first_token() -> None:
    routed = _routed()
    routed.open_stream(waits=True)
    assert routed.feed(b'data: {"error":{"message":"no"}}\n\n', 11.0) == b""
    assert routed.close() == b""
    assert routed.failure is not None
    routed.settle(routed.failure)
    assert "first token" not in routed.summary()


def test_a_finished_exchange_goes_at_once() -> None:
    """A ring of references would keep its bodies until the collector comes: 5 MB under load."""

    class Watched(RoutedExchange):
        """Slots of its own base allow no weak reference."""

    model = _routed()
    routed = Watched(model.id, model.route, model.started, send=model.send)
    routed.open_stream()
    for piece in HELLO:
        routed.feed(piece, 11.0)
    routed.close()
    known = weakref.ref(routed)
    gc.disable()
    try:
        del routed
        assert known() is None
    finally:
        gc.enable()


# -- searches ----------------------------------------------------------------------------------------------------------


def _searching(*, stream: bool) -> RoutedExchange:
    routed = _routed("searxng/web", stream=stream)
    encoded = routed.send.destination.dialect.encode(searches.request(), None, routed.send.destination.target)
    routed.send = replace(routed.send, encoded=encoded)
    return routed


FAILURES = [
    (403, b"<html>", "unavailable", "Add `json` to `search: formats:`"),
    (429, f"slow down, {KEY}".encode(), "too_many_requests", "slow down, $SEARXNG_API_KEY"),
    (302, b"", "unavailable", "answered with the status 302"),
    (200, b"<html>", "unavailable", "answered with something that is no list of pages"),
]


@pytest.mark.parametrize(("status", "body", "code", "words"), FAILURES)
@pytest.mark.parametrize("stream", [False, True])
def test_a_search_that_fails_is_no_error_for_the_client(
    status: int, body: bytes, code: str, words: str, stream: bool
) -> None:
    routed = _searching(stream=stream)
    reply = routed.reply_whole(status, {}, body, 11.0)
    assert reply.status == 200
    assert f'"error_code":"{code}"'.encode() in reply.body
    assert words in reply.body.decode()
    assert words in (routed.error or ""), "the user's log does not say that it failed"
    if stream:
        law.check(reply.body)


def test_a_search_endpoint_that_is_down_is_no_error_for_the_client() -> None:
    routed = _searching(stream=False)
    reply = routed.settle(routed.trouble(Trouble("connection refused"), began=False))
    content = json.loads(reply.body)["content"]
    assert (reply.status, content[1]["content"]["error_code"]) == (200, "unavailable")
    assert content[2]["text"].startswith("The search failed. searxng/web cannot be reached at http://127.0.0.1:9")


def test_what_was_searched_for_is_in_the_reply() -> None:
    found = {"results": [{"url": "https://r.example", "title": "Rain", "content": "It rains."}]}
    reply = _searching(stream=False).reply_whole(200, JSON, json.dumps(found).encode(), 11.0)
    use, result, text = json.loads(reply.body)["content"]
    assert use["input"] == {"query": searches.QUERY}
    assert result["content"][0]["url"] == "https://r.example"
    assert "It rains." in text["text"]
