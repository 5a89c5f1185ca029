"""What people read: the newest first, everything said, and never an exception."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import render
from addon.protocol import signature

TOOL = {
    "name": "Bash",
    "description": "Runs it.\nCarefully.",
    "input_schema": {
        "type": "object",
        "properties": {"command": {"type": "string"}, "timeout": {"type": "number"}},
        "required": ["command"],
    },
    "defer_loading": True,
}
REQUEST: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "You are."}, {"type": "text", "text": "Be.", "cache_control": {"type": "e"}}],
    "messages": [
        {"role": "user", "content": "What is here?"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Look.", "signature": "x" * 1000},
                {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls\npwd", "timeout": 1}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "a file"}]},
        {"role": "system", "content": "Hurry.", "output_config": {"effort": "low"}},
    ],
    "tools": [TOOL],
    "stream": True,
}

DOCUMENT = """\
# claude-opus-5-5 · 4 messages · system prompt of 11 characters · 1 tool

newest:
- user: | # messages.2, 1 part
  <result t1>
  a file
  </result>
- system: | # messages.3, 6 characters {"output_config":{"effort":"low"}}
  Hurry.

before:
- user: | # messages.0, 13 characters
  What is here?
- assistant: | # messages.1, 2 parts
  <thinking>
  Look.
  </thinking>
  <signature of 1,000 characters>
  <call Bash t1>
  command: |
    ls
    pwd
  timeout: 1
  </call>

system: | # 11 characters
  You are.
  ---
  Be.
  <cache_control {"type":"e"}>

tools: # 1
- Bash: |
  Runs it.
  Carefully.
  arguments:
    command: {"type":"string"}
    timeout?: {"type":"number"}
  input_schema: {"type":"object","required":["command"]}
  defer_loading: true

parameters:
  model: claude-opus-5-5
  max_tokens: 100
  stream: true
"""


def test_a_request_reads_from_the_newest_message_to_the_parameters() -> None:
    assert render.prompt(REQUEST) == DOCUMENT


BLOCKS = [
    ({"type": "text", "text": "a"}, "a"),
    ({"type": "text", "text": None}, "null"),
    ({"type": "tool_use", "name": "N", "id": 1, "input": "no object"}, "<call N 1>\n  no object\n  </call>"),
    ({"type": "tool_result", "tool_use_id": "t", "is_error": True}, "<result error t>\n  \n  </result>"),
    (
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "in"}]},
        "<result t>\n  in\n  </result>",
    ),
    (
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "abcd"}},
        "<image image/png, 4 characters>",
    ),
    ({"type": "document", "source": {"type": "url", "url": "https://x/y"}}, "<document https://x/y>"),
    ({"type": "image", "source": 7}, "<image 7>"),
    ({"type": "document", "source": {"type": "file"}, "title": "T"}, "<document file>\n  <title T>"),
    ({"type": "tool_reference", "tool_name": "WebFetch"}, "<tool WebFetch loaded>"),
    ({"type": "of tomorrow", "x": 1}, '{\n    "type": "of tomorrow",\n    "x": 1\n  }'),
    ("bare", '"bare"'),
    (None, "null"),
    (["nested"], '[\n    "nested"\n  ]'),
]


@pytest.mark.parametrize(("block", "text"), BLOCKS)
def test_every_kind_of_block(block: object, text: str) -> None:
    document = render.prompt({"messages": [{"role": "user", "content": [block]}]})
    assert document.partition("\n  ")[2].partition("\n\nparameters:")[0] == text


SHAPES: list[tuple[object, str | None]] = [
    (None, "null\n"),
    ([1], "[\n  1\n]\n"),
    ({}, "# null\n\nparameters:\n"),
    ({"messages": "x", "tools": 1}, "# null\n\nparameters:\n  messages: x\n  tools: 1\n"),
    ({"messages": []}, "# null · 0 messages\n\nnewest:\n\nparameters:\n"),
    ({"messages": [1, "a"]}, "# null · 2 messages\n\nnewest:\n- 1\n- a\n\nparameters:\n"),
    (
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "{"}]},
        "# null · 2 messages\n\nnewest:\n- assistant: | # messages.1, 1 character\n  {\n\n"
        "before:\n- user: | # messages.0, 1 character\n  q\n\nparameters:\n",
    ),
    (
        {"tools": [1, {"name": "N", "input_schema": 3}]},
        "# null · 2 tools\n\ntools: # 2\n- 1\n- N: |\n  input_schema: 3\n\nparameters:\n",
    ),
    (
        {"tools": [{"input_schema": {"properties": [1]}}, {"input_schema": {"properties": {"a": 1}, "required": "a"}}]},
        "# null · 2 tools\n\ntools: # 2\n- null: |\n  input_schema: {\"properties\":[1]}\n"
        "- null: |\n  arguments:\n    a?: 1\n  input_schema: {\"required\":\"a\"}\n\nparameters:\n",
    ),
    (
        {"system": "one", "model": "m"},
        "# m · system prompt of 3 characters\n\nsystem: | # 3 characters\n  one\n\nparameters:\n  model: m\n",
    ),
    ({"system": [{"type": "image"}, "x"]}, None),
]  # fmt: skip


@pytest.mark.parametrize(("request_body", "document"), SHAPES)
def test_unknown_shapes_are_shown_as_they_are(request_body: object, document: str | None) -> None:
    rendered = render.prompt(request_body)
    assert document is None or rendered == document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
KINDS = st.sampled_from(["text", "thinking", "tool_use", "tool_result", "image", "document", "tool_reference", "x"])
FIELDS = st.sampled_from(["text", "thinking", "input", "content", "source", "name", "id", "is_error", "signature"])
BLOCK = st.builds(lambda kind, rest: {**rest, "type": kind}, KINDS, st.dictionaries(FIELDS, JSON, max_size=4))
CONTENT = JSON | st.lists(BLOCK | JSON, max_size=3)
MESSAGE = st.fixed_dictionaries({"role": JSON | st.sampled_from(["user", "assistant"]), "content": CONTENT}) | JSON
ANYTHING = JSON | st.fixed_dictionaries(
    {},
    optional={
        "model": JSON,
        "system": CONTENT,
        "messages": JSON | st.lists(MESSAGE, max_size=4),
        "tools": JSON | st.lists(JSON | st.fixed_dictionaries({"name": JSON, "input_schema": JSON}), max_size=2),
        "of tomorrow": JSON,
    },
)


@given(ANYTHING)
def test_any_json_renders(request_body: Any) -> None:
    assert render.prompt(orjson.loads(orjson.dumps(request_body))).endswith("\n")


@given(ANYTHING)
def test_no_text_of_a_message_is_left_out(request_body: Any) -> None:
    words = "the very words"
    request = {"messages": [{"role": "user", "content": [{"type": "text", "text": words}, request_body]}]}
    assert words in render.prompt(request)


def test_results_within_results_do_not_exhaust_the_stack() -> None:
    block: object = {"type": "text", "text": "innermost"}
    for _ in range(400):
        block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
    assert "nested too deeply" in render.prompt({"messages": [{"role": "user", "content": [block]}]})


def test_a_large_prompt_is_rendered_whole() -> None:
    text = "A line of the conversation, as they are.\n" * 100
    messages = [{"role": "user", "content": [{"type": "text", "text": text}]} for _ in range(40)]
    rendered = render.prompt({"messages": messages})
    assert len(rendered) > 160_000


def test_a_sent_request_shows_its_address() -> None:
    assert render.sent("https://host/v1", {"a": 1}) == '# POST https://host/v1\n{\n  "a": 1\n}\n'
    assert render.sent("https://host/find?q=a", None, "GET") == "# GET https://host/find?q=a\n"


NOTHING = "changed by the route: nothing\nlost or changed in translation: nothing\nleft out as always: nothing\n"
CHANGES: list[tuple[list[tuple[str, str, bool]], list[tuple[str, str]], str]] = [
    ([], [], NOTHING),
    (
        [("top_k", "dropped", False), ("metadata", "dropped", True)],
        [("tools", "dropped: Bash"), ("system", "appended 9 characters")],
        "changed by the route:\n  tools: dropped: Bash\n  system: appended 9 characters\n"
        "lost or changed in translation:\n  top_k: dropped\nleft out as always:\n  metadata: dropped\n",
    ),
]


@pytest.mark.parametrize(("losses", "changes", "text"), CHANGES)
def test_changes_of_the_route_come_first_and_routine_losses_last(
    losses: list[tuple[str, str, bool]], changes: list[tuple[str, str]], text: str
) -> None:
    shown = render.changes("openai/x", "BIG_MODEL", losses, changes)
    assert shown == f"route: openai/x\nreason: BIG_MODEL\n\n{text}"


def test_a_flow_of_an_older_detour_has_no_changes() -> None:
    assert render.changes("openai/x", "BIG_MODEL", []) == f"route: openai/x\nreason: BIG_MODEL\n\n{NOTHING}"


def test_a_signature_of_ours_says_who_thought() -> None:
    sealed = signature.seal("deepseek/deepseek-v4-pro")
    thought = {"type": "thinking", "thinking": "Hm.", "signature": sealed}
    shown = render.prompt({"messages": [{"role": "assistant", "content": [thought]}]})
    assert f"<signature of {len(sealed)} characters by deepseek/deepseek-v4-pro>" in shown


def test_attempts_that_failed_stand_below_the_reason() -> None:
    attempts = [["a/x", 429, 1_200, "a/x: Slow\ndown."], ["b/y", 503, 3, "gone"]]
    told = "attempts that failed:\n  a/x: 429 after 1,200 ms, a/x: Slow down.\n  b/y: 503 after 3 ms, gone\n"
    assert render.changes("c/z", "a list", [], (), attempts) == f"route: c/z\nreason: a list\n{told}\n{NOTHING}"


def test_the_middle_of_a_long_text_is_left_out() -> None:
    lines = [f"line {number}\n" for number in range(100_000)]
    whole = "".join(lines)
    shown = render.shortened(whole)
    assert render.shortened(whole[:1000]) == whole[:1000]
    assert render.MOST_SHOWN - 200 < len(shown) < render.MOST_SHOWN + 200
    assert shown.startswith("line 0\nline 1\n")
    assert shown.endswith("line 99999\n")
    assert f"\n\n# {len(whole) - render.MOST_SHOWN:,} characters are left out here" in shown
    head, _, tail = shown.partition("\n\n#")
    assert head.rpartition("\n")[2] + "\n" in lines
    assert tail.partition("\n\n")[2].partition("\n")[0] + "\n" in lines


def test_a_long_text_of_one_line_is_cut_anywhere() -> None:
    shown = render.shortened("a" * 1_000_000)
    assert shown.count("a" * 1000) > 500


def test_parts_are_rendered_alone() -> None:
    assert (
        render.content([{"type": "text", "text": "a"}, {"type": "tool_reference", "tool_name": "b"}])
        == "a\n<tool b loaded>"
    )
    assert render.tool({"name": "Bash", "description": "Runs it.", "x": 1}) == "Runs it.\nx: 1"
    assert render.tool(3) == "3"
    assert render.call({"a": "b\nc", "d": 1}) == "a: |\n  b\n  c\nd: 1"
    assert (render.scalar({}), render.indented("a\nb"), render.counted(2, "word")) == ("{}", "  a\n  b", "2 words")
