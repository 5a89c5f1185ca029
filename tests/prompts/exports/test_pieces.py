"""Any content is cut into pieces, and nothing of it is left out but the bytes of media."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.exports import pieces
from addon.prompts.exports.pieces import Piece, Sort
from addon.protocol import signature

NAMES = {"c1": "Bash"}
PNG = {"type": "base64", "media_type": "image/png", "data": "aGk="}
REMINDER = "<system-reminder>x</system-reminder>"

CONTENTS: list[tuple[Any, list[Piece]]] = [
    ("hi", [Piece(Sort.TEXT, "", "hi")]),
    (None, []),
    (7, [Piece(Sort.OTHER, "content", "7")]),
    ([{"type": "text", "text": ""}], []),
    ([{"type": "text", "text": 7}], [Piece(Sort.OTHER, "text", '{\n  "type": "text",\n  "text": 7\n}')]),
    (REMINDER, [Piece(Sort.REMINDER, "system reminder, 36 characters", REMINDER)]),
    ([{"type": "thinking", "thinking": "Hm."}], [Piece(Sort.THINKING, "thinking, 3 characters", "Hm.")]),
    (
        [{"type": "thinking", "thinking": "Hm.", "signature": signature.seal("groq/x")}],
        [Piece(Sort.THINKING, "thinking by groq/x, 3 characters", "Hm.")],
    ),
    ([{"type": "thinking", "thinking": ""}], [Piece(Sort.THINKING, "thinking that is not shown")]),
    ([{"type": "redacted_thinking", "data": "x"}], [Piece(Sort.THINKING, "thinking that is not shown")]),
    (
        [{"type": "tool_use", "id": "c", "name": "Edit", "input": {"path": "a", "new": "x\ny", "all": True}}],
        [Piece(Sort.CALL, "Edit", "path: a\nnew: |\n  x\n  y\nall: true")],
    ),
    ([{"type": "tool_use", "id": "c", "name": "Edit", "input": '{"half'}], [Piece(Sort.CALL, "Edit", '{"half')]),
    ([{"type": "tool_result", "tool_use_id": "c1", "content": "ok"}], [Piece(Sort.RESULT, "Bash", "ok")]),
    ([{"type": "tool_result", "tool_use_id": "c9"}], [Piece(Sort.RESULT, "c9", "")]),
    (
        [{"type": "tool_result", "tool_use_id": "c1", "is_error": True, "content": [{"type": "text", "text": "no"}]}],
        [Piece(Sort.FAILURE, "Bash", "no")],
    ),
    (
        [
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "content": [
                    {"type": "text", "text": "a"},
                    {"type": "image", "source": PNG},
                    {"type": "tool_reference", "tool_name": "WebFetch"},
                ],
            }
        ],
        [
            Piece(Sort.RESULT, "Bash", "a\n\nthe tool WebFetch is loaded"),
            Piece(Sort.MEDIA, "image: image/png, 4 characters", "", "data:image/png;base64,aGk="),
        ],
    ),
    (
        [{"type": "image", "source": PNG | {"media_type": "image/svg+xml"}}],
        [Piece(Sort.MEDIA, "image: image/svg+xml, 4 characters")],
    ),
    (
        [{"type": "image", "source": PNG | {"data": 'x" onload="'}}],
        [Piece(Sort.MEDIA, "image: image/png, 11 characters")],
    ),
    ([{"type": "image", "source": {"type": "url", "url": "http://a/b"}}], [Piece(Sort.MEDIA, "image: http://a/b")]),
    (
        [{"type": "document", "source": {"type": "text", "data": "a b"}}],
        [Piece(Sort.MEDIA, "document: text, 3 characters", "a b")],
    ),
    ([{"type": "document"}], [Piece(Sort.MEDIA, "document")]),
    (["bare"], [Piece(Sort.OTHER, "content", "bare")]),
    ([{"type": "new", "x": 1}], [Piece(Sort.OTHER, "new", '{\n  "type": "new",\n  "x": 1\n}')]),
]


@pytest.mark.parametrize(("content", "wanted"), CONTENTS, ids=[str(content)[:60] for content, _ in CONTENTS])
def test_a_content_is_cut(content: Any, wanted: list[Piece]) -> None:
    assert list(pieces.of(content, NAMES)) == wanted


def test_results_within_results_end_somewhere() -> None:
    deep: Any = "core"
    for _ in range(300):
        deep = [{"type": "tool_result", "tool_use_id": "c1", "content": deep}]
    [piece] = pieces.of(deep, NAMES)
    assert piece.text == "(nested too deeply to be shown)"


NAMES_OF_FIELDS = st.sampled_from(["type", "text", "content", "source", "input", "data"]) | st.text()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES_OF_FIELDS, inner, max_size=4),
)


@given(JSON)
def test_nothing_raises(content: Any) -> None:
    assert all(isinstance(piece.text, str) for piece in pieces.of(content, NAMES))


def test_tools_are_known_by_the_ids_of_their_calls() -> None:
    said = [{"content": "a"}, 7, {"content": [7, {"type": "tool_use", "id": "a", "name": "B"}, {"type": "text"}]}]
    assert pieces.names(said) == {"a": "B"}


def user(*texts: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text} for text in texts]}


COMMAND = "<command-message>x</command-message>\n<command-name>/init</command-name>\n<command-args>now</command-args>"
TITLES: list[tuple[Any, str]] = [
    ([user(REMINDER, "Read it.")], "Read it."),
    ([{"role": "assistant", "content": "no"}, 7, user(" ", REMINDER), user("Second.")], "Second."),
    ([user(COMMAND)], "/init now"),
    ([user("<command-name>/clear</command-name>")], "/clear"),
    ([user("<task-notification>\n<id>1</id>\n<summary>Agent x finished</summary>")], "Agent x finished"),
    ([user("<command-name>" * 9)], "<command-name>" * 9),
    ([], ""),
    (None, ""),
]


@pytest.mark.parametrize(("messages", "title"), TITLES)
def test_the_title_is_what_the_user_said_first(messages: Any, title: str) -> None:
    assert pieces.title({"messages": messages}) == title


def test_in_a_system_turn_the_client_speaks() -> None:
    content = [{"type": "text", "text": "x"}, {"type": "tool_use", "name": "Bash", "input": "y"}]
    sorts = [
        [piece.sort for piece in pieces.said({"role": role, "content": content}, {})] for role in ("system", "user")
    ]
    assert sorts == [[Sort.REMINDER, Sort.CALL], [Sort.TEXT, Sort.CALL]]
