"""A request as the cache sees it."""

from typing import Any

import pytest
from hypothesis import given

from addon.prompts import cache_prefix
from addon.prompts.cache_prefix import Segment
from addon.protocol import tokens
from tests.prompts.test_render import ANYTHING

MARK = {"cache_control": {"type": "ephemeral"}}
REQUEST: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "What is here?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "Bash", "input": {}, **MARK}]},
        {"role": 3, "content": ["bare"]},
        7,
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cch=1;"},
        {"type": "text", "text": "Be brief.", **MARK},
    ],
    "tools": [
        {"name": "Bash", "description": "Runs it.", "input_schema": {"type": "object"}},
        {"name": "WebFetch", "defer_loading": True},
        {"name": 1, "description": None},
        "odd",
    ],
}


def told(segment: Segment) -> tuple[str, str, bytes]:
    return segment.path, segment.title, segment.text


def test_segments_come_in_the_order_of_the_cache() -> None:
    found = cache_prefix.segments(REQUEST)
    assert [told(segment) for segment in found] == [
        ("tools.0", "tool Bash", b'Bash\nRuns it.\n{"input_schema":{"type":"object"}}'),
        ("tools.2", "tool without a name", b'{"name":1,"description":null}'),
        ("tools.3", "tool without a name", b'"odd"'),
        ("system.0.text", "attribution", b"x-anthropic-billing-header: cch=1;"),
        ("system.1.text", "system prompt, block 2", b"Be brief."),
        ("messages.0", "message 1, user", b'{"role":"user"}'),
        ("messages.0.content.0", "message 1, user: text", b"What is here?"),
        ("messages.1", "message 2, assistant", b'{"role":"assistant"}'),
        (
            "messages.1.content.0",
            "message 2, assistant: tool use",
            b'{"type":"tool_use","id":"t","name":"Bash","input":{}}',
        ),
        ("messages.2", "message 3", b'{"role":3}'),
        ("messages.2.content.0", "message 3: a block", b'"bare"'),
        ("messages.3", "message 4", b"7"),
    ]
    assert [segment.path for segment in found if segment.is_marked] == ["system.1.text", "messages.1.content.0"]
    assert [segment.path for segment in found if segment.is_attribution] == ["system.0.text"]


def test_a_lone_text_counts_as_its_block() -> None:
    one, other = ({"system": text} for text in ("Be.", [{"type": "text", "text": "Be."}]))
    assert [segment.key for segment in cache_prefix.segments(one)] == [
        segment.key for segment in cache_prefix.segments(other)
    ]


def test_segments_weigh_what_the_request_weighs() -> None:
    request = {"messages": [{"role": "user", "content": "x" * 3600}], "system": "y" * 3600, "tools": [{"name": "z"}]}
    estimate = tokens.estimate(request["system"], request["messages"], request["tools"])  # type: ignore[arg-type]
    assert sum(segment.tokens for segment in cache_prefix.segments(request)) == pytest.approx(estimate, abs=2)


def test_too_deep_a_block_is_still_one() -> None:
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    (segment,) = cache_prefix.segments({"system": [deep]})
    assert segment.text == b'"(nested too deeply)"'


@given(ANYTHING)
def test_any_request_has_segments(request_body: Any) -> None:
    cache_prefix.segments(request_body)
