"""Estimates count what a model reads, by its bytes."""

import functools
from typing import Any

import pytest

from addon.protocol import tokens
from addon.protocol.errors import TooDeep
from addon.protocol.tokens import (
    BYTES_PER_TOKEN,
    DOCUMENT_BYTES_PER_PAGE,
    DOCUMENT_PAGE_TOKENS,
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    TOOL_TOKENS,
)

type Json = dict[str, Any]

LONG = "x" * 3600
LONG_TOKENS = 3600 / BYTES_PER_TOKEN


def user(*blocks: Any) -> list[Json]:
    return [{"role": "user", "content": list(blocks)}]


def document(**source: Any) -> Json:
    return {"type": "document", "source": source}


@pytest.mark.parametrize(
    ("system", "messages", "tools", "expected"),
    [
        ([], [], [], 1),
        ("", [{"role": "user", "content": ""}], [], MESSAGE_TOKENS),
        (LONG, [], [], LONG_TOKENS),
        ([{"type": "text", "text": LONG}], [], [], LONG_TOKENS),
        ([], [{"role": "user", "content": LONG}], [], MESSAGE_TOKENS + LONG_TOKENS),
        ([], user({"type": "text", "text": LONG}), [], MESSAGE_TOKENS + LONG_TOKENS),
        ([], user({"type": "text", "text": "ü" * 1800}), [], MESSAGE_TOKENS + LONG_TOKENS),
        ([], user({"type": "image", "source": {"data": LONG * 1000}}), [], MESSAGE_TOKENS + IMAGE_TOKENS),
        ([], user(document(type="text", data=LONG)), [], MESSAGE_TOKENS + LONG_TOKENS),
        ([], user(document(type="base64", data="")), [], MESSAGE_TOKENS + DOCUMENT_PAGE_TOKENS),
        (
            [],
            user(document(type="base64", data="x" * 3 * DOCUMENT_BYTES_PER_PAGE)),
            [],
            MESSAGE_TOKENS + 3 * DOCUMENT_PAGE_TOKENS,
        ),
        ([], user(document(type="url", url="https://example.com")), [], MESSAGE_TOKENS + DOCUMENT_PAGE_TOKENS),
        ([], user({"type": "document"}), [], MESSAGE_TOKENS),
        (
            [],
            user({"type": "tool_result", "tool_use_id": "x", "content": [{"type": "text", "text": LONG}]}),
            [],
            2 * MESSAGE_TOKENS + LONG_TOKENS,
        ),
        ([], user({"type": "tool_result", "tool_use_id": "x"}), [], 2 * MESSAGE_TOKENS),
        ([], user({"type": "thinking", "thinking": LONG}, {"type": "redacted_thinking"}), [], MESSAGE_TOKENS),
        (
            [],
            user({"type": "tool_use", "input": {"a": LONG}}),
            [],
            MESSAGE_TOKENS + LONG_TOKENS + len('{"type":"tool_use","input":{"a":""}}') / BYTES_PER_TOKEN,
        ),
        ([], user("no block", {"type": "text"}), [], MESSAGE_TOKENS),
        ([], [], [{"name": LONG}], TOOL_TOKENS + LONG_TOKENS + len('{"name":""}') / BYTES_PER_TOKEN),
    ],
)
def test_everything_that_is_read_is_counted(system: Any, messages: Any, tools: Any, expected: float) -> None:
    assert tokens.estimate(system, messages, tools) == round(expected)


def test_parts_written_at_once_count_as_each_by_itself() -> None:
    tools = [{"name": "a"}, {"name": "b"}, {"name": "c"}]
    calls = [{"type": "tool_use", "input": {"n": number}} for number in range(5)]
    expected = 3 * (TOOL_TOKENS + len('{"name":"a"}') / BYTES_PER_TOKEN)
    expected += MESSAGE_TOKENS + 5 * len('{"type":"tool_use","input":{"n":0}}') / BYTES_PER_TOKEN
    assert tokens.estimate([], user(*calls), tools) == round(expected)


def test_a_survey_finds_what_stands_in_results_too() -> None:
    image, paper, call = {"type": "image"}, document(type="url"), {"type": "tool_use", "content": [{"type": "image"}]}
    result = {"type": "tool_result", "content": [image, {"type": "tool_result", "content": "ü"}]}
    found = tokens.survey(["abc", [{"type": "text", "text": "de"}, result, paper, call, {"type": "thinking"}, 7], None])
    assert found == tokens.Survey(7, 2, 1, [paper], [call])


@pytest.mark.parametrize("where", ["messages", "tools"])
def test_what_is_nested_too_deeply_is_refused(where: str) -> None:
    deep: Json = functools.reduce(lambda inner, _: {"input": inner}, range(300), {})
    given = {"messages": user({"type": "tool_use", **deep}), "tools": [deep]}
    with pytest.raises(TooDeep):
        tokens.estimate(
            [], given["messages"] if where == "messages" else [], given["tools"] if where == "tools" else []
        )


def test_a_reply_is_counted_by_its_characters() -> None:
    assert tokens.estimate_text(3600) == round(LONG_TOKENS)
    assert tokens.estimate_text(0) == 0
