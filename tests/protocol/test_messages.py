"""Requests are checked in Anthropic's words; a stream of events is collected into the message it amounts to."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from addon.protocol import framing, messages
from addon.protocol.errors import BadRequest, MalformedReply

type Json = dict[str, Any]

HELLO = [{"role": "user", "content": "Hello"}]
SMALLEST: Json = {"model": "claude-opus-5-5", "messages": HELLO}


def turn(*blocks: Any, **more: Any) -> Json:
    return {"model": "m", "messages": [{"role": "user", "content": list(blocks), **more}]}


def test_the_smallest_request_is_taken() -> None:
    request = messages.parse(orjson.dumps(SMALLEST))
    assert (request.body, request.model, request.messages) == (SMALLEST, "claude-opus-5-5", HELLO)
    assert (request.stream, request.system, request.tools) == (False, [], [])


TEXT = {"type": "text", "text": ""}
TAKEN: list[Json] = [
    {**SMALLEST, "stream": True, "a_field_of_tomorrow": {"a": [1]}},
    {**SMALLEST, "system": None, "tools": None, "thinking": None, "output_config": None, "stop_sequences": None},
    {**SMALLEST, "system": "Be brief.", "stream": False, "stop_sequences": ["a"]},
    {**SMALLEST, "tools": [{"name": "Bash"}, {"name": "web_search", "type": "web_search_20250305"}]},
    {**SMALLEST, "tools": [{"name": "Bash", "type": None, "input_schema": {}, "defer_loading": True}]},
    {**SMALLEST, "tools": [{"type": "mcp_toolset", "mcp_server_name": "a"}]},
    turn(),
    turn(TEXT, {"type": "block_of_tomorrow", "text": 5}),
    turn({"type": "tool_result", "tool_use_id": "x"}),
    turn({"type": "tool_result", "tool_use_id": "x", "content": None}),
    turn({"type": "tool_result", "tool_use_id": "x", "content": "a", "is_error": True}),
    turn({"type": "tool_result", "tool_use_id": "x", "content": [TEXT, {"type": "tool_reference", "tool_name": "a"}]}),
    turn({"type": "thinking", "thinking": ""}),
    {"model": "m", "messages": [{"role": "system", "content": [], "output_config": {"effort": "low"}}]},
    {"model": "m", "messages": [{"role": "assistant", "content": "", "output_config": None}]},
]


@pytest.mark.parametrize("body", TAKEN)
def test_what_the_client_sends_is_taken(body: Json) -> None:
    assert messages.parse(orjson.dumps(body)).body == body


INPUT = "Input should be"
REFUSED: list[tuple[Any, str]] = [
    ([], "The request body must be a JSON object, not an array."),
    ("a", "The request body must be a JSON object, not a string."),
    (5, "The request body must be a JSON object, not a number."),
    (5.5, "The request body must be a JSON object, not a number."),
    (True, "The request body must be a JSON object, not a boolean."),
    (None, "The request body must be a JSON object, not null."),
    ({}, "model: Field required"),
    ({"messages": HELLO}, "model: Field required"),
    ({"model": 5, "messages": HELLO}, f"model: {INPUT} a valid string"),
    ({"model": "", "messages": HELLO}, f"model: {INPUT} a valid string"),
    ({"model": "m"}, "messages: Field required"),
    ({"model": "m", "messages": {}}, f"messages: {INPUT} a valid list"),
    ({"model": "m", "messages": []}, "messages: at least one message is required"),
    ({"model": "m", "messages": ["a"]}, f"messages.0: {INPUT} an object"),
    ({"model": "m", "messages": [{"content": "a"}]}, "messages.0.role: Field required"),
    (
        {"model": "m", "messages": [{"role": "tool", "content": ""}]},
        f"messages.0.role: {INPUT} 'user', 'assistant' or 'system'",
    ),
    (
        {"model": "m", "messages": [{"role": ["user"], "content": ""}]},
        f"messages.0.role: {INPUT} 'user', 'assistant' or 'system'",
    ),
    ({"model": "m", "messages": [*HELLO, {"role": "user"}]}, "messages.1.content: Field required"),
    (
        {"model": "m", "messages": [{"role": "user", "content": 5}]},
        f"messages.0.content: {INPUT} a valid string or list",
    ),
    (turn("a"), f"messages.0.content.0: {INPUT} an object"),
    (turn({}), "messages.0.content.0.type: Field required"),
    (turn({"type": 5}), "messages.0.content.0.type: Field required"),
    (turn(TEXT, {"type": "text"}), "messages.0.content.1.text.text: Field required"),
    (turn({"type": "text", "text": None}), "messages.0.content.0.text.text: Field required"),
    (turn({"type": "tool_use", "name": "a", "input": {}}), "messages.0.content.0.tool_use.id: Field required"),
    (turn({"type": "tool_use", "id": "a", "input": {}}), "messages.0.content.0.tool_use.name: Field required"),
    (
        turn({"type": "tool_use", "id": "a", "name": "a", "input": "{}"}),
        "messages.0.content.0.tool_use.input: Field required",
    ),
    (turn({"type": "tool_result"}), "messages.0.content.0.tool_result.tool_use_id: Field required"),
    (
        turn({"type": "tool_result", "tool_use_id": "a", "content": 5}),
        f"messages.0.content.0.tool_result.content: {INPUT} a valid string or list",
    ),
    (
        turn({"type": "tool_result", "tool_use_id": "a", "content": [TEXT, {"type": "image"}]}),
        "messages.0.content.0.tool_result.content.1.image.source: Field required",
    ),
    (turn({"type": "thinking"}), "messages.0.content.0.thinking.thinking: Field required"),
    (turn({"type": "image", "source": "a"}), "messages.0.content.0.image.source: Field required"),
    (turn({"type": "document"}), "messages.0.content.0.document.source: Field required"),
    (turn({"type": "tool_reference"}), "messages.0.content.0.tool_reference.tool_name: Field required"),
    (turn(output_config="high"), f"messages.0.output_config: {INPUT} an object"),
    ({**SMALLEST, "system": 5}, f"system: {INPUT} a valid string or list"),
    ({**SMALLEST, "system": [{"text": "a"}]}, "system.0.type: Field required"),
    ({**SMALLEST, "system": [TEXT, {"type": "image", "source": {}}]}, f"system.1.type: {INPUT} 'text'"),
    ({**SMALLEST, "tools": {}}, f"tools: {INPUT} a valid list"),
    ({**SMALLEST, "tools": ["Bash"]}, f"tools.0: {INPUT} an object"),
    ({**SMALLEST, "tools": [{}]}, "tools.0.name: Field required"),
    ({**SMALLEST, "tools": [{"type": None}]}, "tools.0.name: Field required"),
    ({**SMALLEST, "tools": [{"type": "bash_20250124", "name": 7}]}, "tools.0.name: Field required"),
    ({**SMALLEST, "tools": [{"type": 7, "name": "a"}]}, f"tools.0.type: {INPUT} a valid string"),
    ({**SMALLEST, "tools": [{"name": "Bash", "input_schema": "x"}]}, f"tools.0.input_schema: {INPUT} an object"),
    ({**SMALLEST, "thinking": "yes"}, f"thinking: {INPUT} an object"),
    ({**SMALLEST, "output_config": [1]}, f"output_config: {INPUT} an object"),
    ({**SMALLEST, "tool_choice": "auto"}, f"tool_choice: {INPUT} an object"),
    ({**SMALLEST, "stop_sequences": "a"}, f"stop_sequences: {INPUT} a valid list of strings"),
    ({**SMALLEST, "stop_sequences": [5]}, f"stop_sequences: {INPUT} a valid list of strings"),
    ({**SMALLEST, "stream": "yes"}, f"stream: {INPUT} a valid boolean"),
    ({**SMALLEST, "stream": 1}, f"stream: {INPUT} a valid boolean"),
]


@pytest.mark.parametrize(("body", "message"), REFUSED)
def test_what_anthropic_refuses_is_refused_in_its_words(body: Any, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        messages.parse(orjson.dumps(body))
    assert (400, "invalid_request_error", message) == (caught.value.status, caught.value.type, caught.value.message)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest, match=r"^The request body is not valid JSON: "):
        messages.parse(body)


def test_half_a_surrogate_pair_is_replaced() -> None:
    body = rb'{"model": "m", "messages": [{"role": "user", "content": "a\ud83d"}]}'
    assert messages.parse(body).messages == [{"role": "user", "content": "a\ufffd"}]


@pytest.mark.parametrize(
    ("body", "expected"),
    [(SMALLEST, True), ({"model": "m"}, True), ({"model": ""}, False), ({"model": 5}, False), ({}, False), ([], False)],
)
def test_a_model_is_enough_to_choose_who_answers(body: object, expected: bool) -> None:
    assert messages.has_model(body) is expected


ATTRIBUTION = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.329.136; cc_entrypoint=sdk-cli;"}


QUOTED = {"type": "text", "text": "a x-anthropic-billing-header:"}


@pytest.mark.parametrize(
    ("system", "expected"),
    [
        ("Be brief.", [{"type": "text", "text": "Be brief."}]),
        ([ATTRIBUTION, {"type": "text", "text": "a"}], [{"type": "text", "text": "a"}]),
        ([QUOTED], [QUOTED]),
        (ATTRIBUTION["text"], []),
    ],
)  # fmt: skip
def test_the_system_prompt_lacks_the_attribution(system: object, expected: list[Json]) -> None:
    request = messages.check({**SMALLEST, "system": system})
    assert (request.system, request.is_attributed) == (expected, ATTRIBUTION["text"] in str(system))


USAGE = {"input_tokens": 7, "output_tokens": 0}
START: Json = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": USAGE,
    },
}


def block(index: int, opened: Json, *deltas: Json, closed: bool = True) -> list[Json]:
    events = [{"type": "content_block_start", "index": index, "content_block": opened}]
    events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [*events, {"type": "content_block_stop", "index": index}] if closed else events


def ended(reason: str) -> list[Json]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [
        {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}},
        {"type": "message_stop"},
    ]


def stream(*events: Json) -> bytes:
    return b"".join(framing.encode(event["type"], orjson.dumps(event)) for event in events)


def test_events_amount_to_a_message() -> None:
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    tool: Json = {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {}}
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ('{"a"', ":1}")]
    events = [
        START,
        {"type": "ping"},
        *block(0, thinking, {"type": "thinking_delta", "thinking": "H"}, {"type": "signature_delta", "signature": "s"}),
        *block(1, TEXT, {"type": "text_delta", "text": "A"}, {"type": "text_delta", "text": "B"}),
        *block(2, tool, *pieces),
        *block(3, {**tool, "id": "call_2"}),
        *ended("tool_use"),
    ]
    content = [
        {"type": "thinking", "thinking": "H", "signature": "s"},
        {"type": "text", "text": "AB"},
        {**tool, "input": {"a": 1}},
        {**tool, "id": "call_2"},
    ]
    expected = {**START["message"], "content": content, "stop_reason": "tool_use"}
    assert messages.collect(stream(*events)) == {**expected, "usage": {**USAGE, "output_tokens": 9}}


def test_a_block_that_was_not_closed_is_left_out() -> None:
    tool = {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {}}
    cut = block(1, tool, {"type": "input_json_delta", "partial_json": '{"a'}, closed=False)
    collected = messages.collect(stream(START, *block(0, TEXT), *cut, *ended("max_tokens")))
    assert (collected["content"], collected["stop_reason"]) == ([TEXT], "max_tokens")


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([], "has no message_stop"),
        ([START, *block(0, TEXT)], "has no message_stop"),
        ([START, {"type": "error", "error": {"type": "api_error", "message": "boom"}}], "boom"),
    ],
)
def test_what_is_no_whole_message_is_refused(events: list[Json], words: str) -> None:
    with pytest.raises(MalformedReply, match=words):
        messages.collect(stream(*events))


@pytest.mark.parametrize(
    "events",
    [
        [START, {"type": "message_of_tomorrow"}],
        [START, *block(0, TEXT, {"type": "delta_of_tomorrow"})],
        [START, *block(0, {"type": "block_of_tomorrow"})],
    ],
)
def test_an_event_that_we_never_write_is_a_bug(events: list[Json]) -> None:
    with pytest.raises(AssertionError, match="of_tomorrow"):
        messages.collect(stream(*events))


PLAIN_SHAPES: tuple[object, ...] = (
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    {"role": "assistant", "content": [{"type": "tool_use", "id": "a", "name": "b", "input": {}}]},
    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "c"}]},
)


@pytest.mark.parametrize("message", PLAIN_SHAPES)
def test_the_usual_shapes_are_known_as_such(message: object) -> None:
    assert messages.is_plain(message)


def _broken(value: Any) -> Iterator[Any]:
    """Every way to take one thing out of a shape, or to make it something else."""
    if isinstance(value, dict):
        for key in value:
            yield {name: inner for name, inner in value.items() if name != key}
            wrongs: tuple[Any, ...] = (None, 5, {}, [])
            for wrong in wrongs:
                yield {**value, key: wrong}
            for inner in _broken(value[key]):
                yield {**value, key: inner}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            for inner in (None, 5, "x", *_broken(item)):
                yield [*value[:index], inner, *value[index + 1 :]]


@pytest.mark.parametrize("message", [broken for shape in PLAIN_SHAPES for broken in _broken(shape)])
def test_what_is_taken_for_plain_is_right(message: Any) -> None:
    if messages.is_plain(message):
        messages._check_message(message, 0)
