from typing import Any

import pytest

from addon.prompts.reader import transcript
from addon.prompts.reader.texts import Budget
from addon.prompts.reader.transcript import Piece
from addon.protocol import signature

REMINDER = "<system-reminder>\nBe brief.\n</system-reminder>\n"
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls", "text": "a\nb", "n": 3}}
RESULT = {
    "type": "tool_result",
    "tool_use_id": "toolu_1",
    "is_error": True,
    "content": [{"type": "text", "text": "no"}],
}


def _pieces(content: Any) -> tuple[Piece, ...]:
    return transcript.pieces(content, "messages.0.content", Budget())


def _texts(found: tuple[Piece, ...]) -> list[tuple[str, str]]:
    return [(piece.kind, piece.text.head if piece.text else "") for piece in found]


# -- what is new -------------------------------------------------------------------------------------------------------


def _said(*texts: str) -> list[Any]:
    return [{"role": "user" if index % 2 == 0 else "assistant", "content": text} for index, text in enumerate(texts)]


def test_what_the_turn_before_did_not_hold_is_new() -> None:
    found = transcript.messages({"messages": _said("a", "b", "c")}, {"messages": _said("a")})
    assert [message.is_new for message in found] == [False, True, True]


def test_without_a_turn_before_what_waits_for_an_answer_is_new() -> None:
    found = transcript.messages({"messages": _said("a", "b", "c")})
    assert [message.is_new for message in found] == [False, False, True]
    begun = transcript.messages({"messages": _said("a", "b")})
    assert [message.is_new for message in begun] == [False, True]


def test_a_mark_of_the_cache_makes_nothing_new() -> None:
    marked = [{"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]}]
    assert transcript.fresh([*marked, *_said("b")], _said("a", "x")) == 1


def test_the_same_request_again_shows_its_last_message() -> None:
    assert transcript.fresh(_said("a", "b", "c"), _said("a", "b", "c")) == 2
    assert transcript.fresh([], _said("a")) == 0


def test_a_message_is_told_in_a_line_without_reminders() -> None:
    content = [{"type": "text", "text": REMINDER}, {"type": "text", "text": "Say\nhello."}, CALL]
    (found,) = transcript.messages({"messages": [{"role": "user", "content": content}]})
    assert (found.preview, found.kinds) == ("Say hello.", ("text", "call"))
    (called,) = transcript.messages({"messages": [{"role": "assistant", "content": [CALL, RESULT]}]})
    assert called.preview.startswith("Bash command=ls text=a b n=3 no")


@pytest.mark.parametrize("messages", [None, "text", 3, [None], [3], [{"content": {"a": 1}}], [{"role": "user"}], [[]]])
def test_a_strange_request_is_shown_all_the_same(messages: Any) -> None:
    for message in transcript.messages({"messages": messages}):
        assert isinstance(message.preview, str)
        transcript.pieces(transcript.at({"messages": messages}, f"messages.{message.index}"), "x", Budget())


# -- pieces ------------------------------------------------------------------------------------------------------------


def test_reminders_are_taken_out_of_what_was_said() -> None:
    assert _texts(_pieces(f"Before.\n{REMINDER}After.")) == [
        ("text", "Before."),
        ("reminder", "Be brief."),
        ("text", "After."),
    ]
    assert _texts(_pieces(REMINDER)) == [("reminder", "Be brief.")]
    assert _texts(_pieces("<system-reminder>\nIt has no end.")) == [("reminder", "It has no end.")]


def test_a_call_shows_an_argument_a_line() -> None:
    (piece,) = _pieces([CALL])
    assert (piece.title, piece.id, piece.path) == ("Bash", "toolu_1", "messages.0.content.0.input")
    assert piece.text is not None
    assert piece.text.head == "command: ls\ntext:\na\nb\nn: 3"


def test_a_result_holds_what_it_is_made_of() -> None:
    (piece,) = _pieces([RESULT])
    assert piece.is_error
    assert _texts(piece.inner) == [("text", "no")]
    assert piece.inner[0].path == "messages.0.content.0.content.0.text"
    (plain,) = _pieces([{"type": "tool_result", "tool_use_id": "t", "content": "yes"}])
    assert _texts(plain.inner) == [("text", "yes")]


def test_thinking_says_who_sealed_it() -> None:
    ours = {"type": "thinking", "thinking": "Hm.", "signature": signature.seal("deepseek/deepseek-v4-pro")}
    theirs = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
    assert [piece.note for piece in _pieces([ours, theirs, {"type": "thinking", "thinking": "Hm."}])] == [
        "sealed by deepseek/deepseek-v4-pro",
        "signature of 3 characters",
        "",
    ]


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ({"type": "base64", "media_type": "image/png", "data": "AAAA"}, "picture"),
        ({"type": "base64", "media_type": "image/svg+xml", "data": "AAAA"}, "file"),
        ({"type": "base64", "media_type": "text/html", "data": "AAAA"}, "file"),
        ({"type": "url", "url": "https://evil.example/a.png"}, "file"),
        ("strange", "file"),
    ],
)
def test_only_a_picture_that_can_hold_no_script_is_one(source: Any, kind: str) -> None:
    (piece,) = _pieces([{"type": "image", "source": source}])
    assert piece.kind == kind


def test_what_is_unknown_is_json() -> None:
    (piece,) = _pieces([{"type": "odd", "value": 1}])
    assert (piece.kind, piece.title) == ("json", "odd")
    assert piece.text is not None
    assert '"value": 1' in piece.text.head


def test_results_within_results_end() -> None:
    block: Any = {"type": "text", "text": "deep"}
    for _ in range(200):
        block = {"type": "tool_result", "content": [block]}
    (piece,) = _pieces([block])
    for _ in range(transcript.MAX_DEPTH):
        (piece,) = piece.inner
    assert piece.kind == "json"


# -- documents and paths -----------------------------------------------------------------------------------------------


def test_the_system_prompt_and_the_tools_are_listed() -> None:
    request = {
        "system": [{"type": "text", "text": "You are.", "cache_control": {}}],
        "tools": [{"name": "Bash", "description": "Run it.", "input_schema": {}}, 3],
        "messages": [],
        "max_tokens": 9,
    }
    (block,) = transcript.system(request)
    assert (block.path, block.preview, block.is_cached) == ("system.0", "You are.", True)
    assert [tool.title for tool in transcript.tools(request)] == ["Bash", "?"]
    assert transcript.parameters(request) == [("max_tokens", "9")]
    (text,) = transcript.system({"system": "You are."})
    assert text.path == "system"
    assert transcript.system({}) == transcript.tools({}) == []


def test_a_document_is_a_text() -> None:
    assert transcript.document({"type": "text", "text": "You are."}) == "You are."
    assert transcript.document({"name": "Bash", "description": "Run it.", "x": 1}) == 'Run it.\n\n{\n  "x": 1\n}'
    assert transcript.document("You are.") == "You are."
    assert transcript.document([1]) == "[\n  1\n]"


def test_a_path_leads_to_what_stands_there() -> None:
    assert transcript.at({"messages": [{"content": "a"}]}, "messages.0.content") == "a"
    assert transcript.at({"a": 1}, "") == {"a": 1}
    for path in ("messages.1", "messages.x", "messages.0.content.0", "none", "messages.9999999999"):
        with pytest.raises(LookupError):
            transcript.at({"messages": [{"content": "a"}]}, path)


def test_what_cannot_be_written_as_json_is_said() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    assert transcript.indented(deep) == "(nested too deeply to be shown)"
    assert transcript.scalar("\ud800") == "\ud800"


def test_arguments_that_are_no_object_are_json() -> None:
    assert transcript.arguments([1]) == "[\n  1\n]"
    (message,) = transcript.messages({"messages": [{"role": "assistant", "content": [{**CALL, "input": "ls"}]}]})
    assert message.preview == "Bash ls"


def test_parts_for_which_there_is_no_room_are_counted() -> None:
    found = transcript.pieces([{"type": "text", "text": "x" * 90}] * 5, "messages.0.content", Budget(100))
    assert [(piece.kind, piece.note) for piece in found[-1:]] == [("rest", "3")]
