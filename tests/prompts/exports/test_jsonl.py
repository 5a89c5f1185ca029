"""The JSONL of a session rebuilds the same requests."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.entry import Entry, Reply
from addon.prompts.exports import jsonl
from addon.protocol import messages
from addon.protocol.errors import ConfigError
from tests.prompts.entries import entry, recorded_calls, recorded_session, routed, stream
from tests.prompts.exports import hostile

BODY = b'{"model": "m", "n": 1.0, "e": 1E5, "s": "a\\u00e9\\n\\"  \\\\", "same": 1, "same": 2}'


def bodies(entries: list[Entry]) -> list[bytes]:
    return [each.request.body for each in entries if each.request is not None]


@pytest.mark.parametrize("replies", [False, True])
@pytest.mark.parametrize("session", ["first_door", "second_door", "older_model"])
def test_a_session_comes_back_byte_for_byte(session: str, replies: bool) -> None:
    entries = [*recorded_session(session), *recorded_calls(), *hostile.session()]
    export = jsonl.dump(entries, replies=replies)
    assert export.left_out == ()
    assert export.content.count(b"\n") == len(entries)
    assert jsonl.load(export.content) == bodies(entries)


@pytest.mark.parametrize("replies", [False, True])
def test_no_spelling_is_changed(replies: bool) -> None:
    made = entry(BODY)
    assert jsonl.load(jsonl.dump([made], replies=replies).content) == [BODY]
    spread = entry(BODY.replace(b", ", b",\r\n\t "))
    assert jsonl.load(jsonl.dump([spread], replies=replies).content) == [BODY.replace(b", ", b",").replace(b": ", b":")]


SPACES = st.text(" \t\r\n", max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), VALUES), SPACES, SPACES)
def test_any_layout_is_the_same_value_in_one_line(value: dict[str, Any], comma: str, colon: str) -> None:
    body = json.dumps({**value, "model": "m"}, separators=("," + comma, ":" + colon)).encode()
    [line] = jsonl.dump([entry(body)]).content.splitlines()
    assert json.loads(line) == json.loads(body)
    [wrapped] = jsonl.load(jsonl.dump([entry(body)], replies=True).content)
    assert wrapped == line


def test_a_reply_stands_beside_its_request_as_a_whole_message() -> None:
    made = routed("openai_chat/plain_text")
    assert made.given is not None
    line = json.loads(jsonl.dump([made], replies=True).content)
    assert line["reply"] == messages.collect(made.given.body)
    assert line["route"] == made.summary.route
    assert line["id"] == made.summary.id
    assert "error" not in line


def test_a_failure_stands_beside_its_request_with_its_reason() -> None:
    error = orjson.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Later."}})
    failed = replace(entry(BODY), given=Reply(status=529, headers=(), body=error))
    lines = jsonl.dump([failed, entry(BODY), entry(BODY, given=stream())], replies=True).content.splitlines()
    told = [(line["reply"] is None, line.get("error")) for line in map(json.loads, lines)]
    assert told == [(True, "overloaded_error: Later."), (True, "there was no reply"), (False, None)]


def test_what_is_no_request_is_told() -> None:
    export = jsonl.dump(
        [
            replace(entry(BODY, number=3), request=None),
            replace(entry(BODY, number=4), request=replace(entry(BODY).request, body=b"half {")),  # type: ignore[type-var]  # it has one
            replace(entry(BODY, number=5), request=replace(entry(BODY).request, body=b'"\xff"')),  # type: ignore[type-var]  # it has one
        ]
    )
    assert export.content == b""
    assert export.left_out == (
        "exchange 3: its request is not kept",
        "exchange 4: its request is no JSON",
        "exchange 5: its request is no JSON",
    )


LOADED = [
    (b"", []),
    (b'\xef\xbb\xbf{"model": 1} \r\n\n{"model":2}', [b'{"model": 1}', b'{"model":2}']),
    (b'{ "id" : "a\\"b" , "request" : {"model": 1} , "reply": null}', [b'{"model": 1}']),
    (b'{"reply": null, "request": {"model": 1}}', [b'{"model":1}']),
    (b'{"model": "m", "request": 1}', [b'{"model": "m", "request": 1}']),
]


@pytest.mark.parametrize(("content", "requests"), LOADED)
def test_lines_that_others_wrote_are_read(content: bytes, requests: list[bytes]) -> None:
    assert jsonl.load(content) == requests


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\n{", "line 2: The request body is not valid JSON"), (b"[]", "line 1: a request is a JSON")],
)
def test_a_line_that_is_no_request_is_named(content: bytes, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        jsonl.load(content)
