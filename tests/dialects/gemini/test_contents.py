"""A conversation as Gemini's contents: roles, calls and their results, media, signatures."""

from typing import Any

import pytest

from addon.protocol.errors import BadRequest, Unsupported
from tests.dialects.gemini.saying import GEMMA, NEW, OLD, VERTEX, contents, lost, result, said, thought, used

type Json = dict[str, Any]

STAND_IN = {"thoughtSignature": "skip_thought_signature_validator"}
PNG = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
PDF = {"type": "document", "title": "p", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}}
PNG_PART = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
PDF_PART = {"inlineData": {"mimeType": "application/pdf", "data": "JVBE"}}


def text(words: str) -> Json:
    return {"type": "text", "text": words}


def call(call_id: str, name: str = "Bash", **fields: Any) -> Json:
    return {"functionCall": {"id": call_id, "name": name, "args": {}}, **fields}


def response(call_id: str, name: str = "Bash", *, parts: list[Json] | None = None, **told: str) -> Json:
    media = {"parts": parts} if parts else {}
    return {"functionResponse": {"id": call_id, "name": name, "response": told, **media}}


def test_turns_of_one_role_are_one_content() -> None:
    system = {"role": "system", "content": "Note."}
    told = contents({"role": "user", "content": "a"}, {"role": "user", "content": [text("b"), text("")]}, system)
    note = "<system-reminder>\nNote.\n</system-reminder>"
    assert told == [("user", [{"text": "a"}, {"text": "b"}, {"text": note}])]


def test_a_conversation_begins_and_ends_with_the_user() -> None:
    told = contents({"role": "assistant", "content": "Once"})
    assert [role for role, _ in told] == ["user", "model", "user"]
    assert ("messages.0", "prefill") in lost(said(messages=[{"role": "assistant", "content": "Once"}]))


def test_nothing_at_all_is_refused() -> None:
    with pytest.raises(BadRequest, match="at least one message must have non-empty content"):
        contents("")


def test_results_stand_in_the_order_of_the_calls_before_all_else() -> None:
    told = contents("Go.", [used("a"), used("b", "Read")], [text("And?"), result("b", "2"), result("a", "1")])
    assert told[1:] == [
        ("model", [call("a", **STAND_IN), call("b", "Read")]),
        ("user", [response("a", output="1"), response("b", "Read", output="2"), {"text": "And?"}]),
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (result("a", "x", is_error=True), {"error": "x"}),
        (result("a", ""), {"output": "[no output]"}),
        (result("a", [text("x"), text("y")]), {"output": "x\n\ny"}),
    ],
)
def test_a_result_is_an_output_or_an_error(told: Json, expected: Json) -> None:
    assert contents("Go.", [used("a")], [told])[2] == ("user", [response("a", **expected)])


def test_a_call_without_its_result_is_answered_for_it() -> None:
    turns: list[Any] = [
        {"role": "user", "content": "Go."},
        {"role": "assistant", "content": [used("a"), used("b")]},
        {"role": "user", "content": [result("b")]},
        {"role": "assistant", "content": [used("c")]},
        {"role": "system", "content": "Note."},
        {"role": "assistant", "content": [used("d")]},
    ]
    told = contents(*turns)
    gone = "[no result: the call was interrupted]"
    assert told[2] == ("user", [response("a", error=gone), response("b", output="done")])
    assert told[4][1][0] == response("c", error=gone)
    assert told[6] == ("user", [response("d", error=gone)])
    assert [sort for _, sort in lost(said(messages=turns))] == ["missing_result"] * 3


def test_a_result_without_its_call_is_told_in_words() -> None:
    told = contents([result("gone", [text("old"), PNG]), text("Go.")])
    assert told == [("user", [{"text": "old"}, PNG_PART, {"text": "Go."}])]
    assert contents([result("gone", ""), text("Go.")]) == [("user", [{"text": "Go."}])]


def test_media_stand_in_their_result_where_gemini_takes_them_there() -> None:
    told = contents("Look.", [used("a"), used("b")], [result("a", [text("x"), PNG]), result("b", [PDF])])
    assert told[2] == (
        "user",
        [response("a", output="x", parts=[PNG_PART]), response("b", output="[no output]", parts=[PDF_PART])],
    )


def test_media_of_results_stand_behind_them_for_an_older_model() -> None:
    told = contents("Look.", [used("a")], [result("a", [text("x"), PNG]), text("What is it?")], target=OLD)
    see = "x\n\n[see the attachment behind the results]"
    assert told[1:] == [
        ("model", [{"functionCall": {"name": "Bash", "args": {}}}]),
        (
            "user",
            [
                {"functionResponse": {"name": "Bash", "response": {"output": see}}},
                {"text": "[attachment of the result of Bash]"},
                PNG_PART,
                {"text": "What is it?"},
            ],
        ),
    ]


def test_a_picture_may_be_said_by_its_address() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}
    assert contents([image]) == [("user", [{"fileData": {"fileUri": "https://a/b.png"}}])]


def test_a_picture_in_a_system_turn_is_refused_by_its_path() -> None:
    with pytest.raises(Unsupported, match=r"messages\.1\.content\.0"):
        contents("Go.", {"role": "system", "content": [PNG]})


@pytest.mark.parametrize(
    ("given", "sent"), [("toolu_01-a", "toolu_01-a"), ("functions.Bash:0", "call_"), ("x" * 65, "call_")]
)
def test_an_id_has_the_letters_that_gemini_takes(given: str, sent: str) -> None:
    told = contents("Go.", [used(given)], [result(given)])
    asked, answered = told[1][1][0]["functionCall"]["id"], told[2][1][0]["functionResponse"]["id"]
    assert asked == answered
    assert asked.startswith(sent)
    assert len(asked) <= 64


def test_a_signature_stands_on_the_part_that_it_came_on() -> None:
    marks = [[2, 3, {"thoughtSignature": "T"}], [5, 0, {"thoughtSignature": "U"}]]
    turn = [text("I look."), thought("Hm.", marks=marks, calls={"b": "B"}), used("a"), used("b")]
    assert contents("Go.", turn, [result("a"), result("b")])[1] == (
        "model",
        [
            {"text": "I "},
            {"text": "loo", "thoughtSignature": "T"},
            {"text": "", "thoughtSignature": "U"},
            {"text": "k."},
            call("a"),
            call("b", thoughtSignature="B"),
        ],
    )


def test_a_signature_behind_its_call_is_found_too() -> None:
    turn = [used("a"), thought(calls={"a": "A"})]
    assert contents("Go.", turn, [result("a")])[1] == ("model", [call("a", thoughtSignature="A")])


def test_a_mark_without_its_text_stands_alone() -> None:
    turn = [thought(marks=[[0, 0, {"thoughtSignature": "T"}]]), text("Hi.")]
    assert contents("Go.", turn, "On.")[1] == ("model", [{"text": "", "thoughtSignature": "T"}, {"text": "Hi."}])


def test_signed_thinking_goes_back_and_other_thinking_does_not() -> None:
    signed = thought("Hm.", thoughts=[[0, 3, {"thoughtSignature": "T"}]])
    told = contents("Go.", [signed, thought("Unsigned."), text("Hi.")], "On.")
    assert told[1] == ("model", [{"text": "Hm.", "thoughtSignature": "T", "thought": True}, {"text": "Hi."}])


STRANGERS = [
    thought("Hm.", "gemini/gemini-3.8-flash", calls={"a": "A"}),
    {"type": "thinking", "thinking": "Hm.", "signature": "ErUB"},
    {"type": "redacted_thinking", "data": "x"},
]


@pytest.mark.parametrize("block", STRANGERS)
def test_the_first_call_of_a_step_that_another_made_has_the_stand_in(block: Json) -> None:
    told = contents("Go.", [block, used("a"), used("b")], [result("a"), result("b")], [used("c")], [result("c")])
    assert told[1] == ("model", [call("a", **STAND_IN), call("b")])
    assert told[3] == ("model", [call("c", **STAND_IN)])


def test_an_older_model_wants_no_stand_in() -> None:
    assert "thoughtSignature" not in str(contents("Go.", [used("a")], [result("a")], target=OLD))


TOOL_CALL = {"toolCall": {"id": "s1"}, "thoughtSignature": "A"}
SERVED: list[Json] = [
    thought(marks=[[0, 0, TOOL_CALL]]),
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "rain"}},
    {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
    text("It rains."),
]
SEARCHING: list[Json] = [{"name": "f", "input_schema": {}}, {"type": "web_search_20250305", "name": "web_search"}]


def served(target: Any, tools: list[Json]) -> list[Json]:
    turns = [
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": SERVED},
        {"role": "user", "content": "On."},
    ]
    told = said(target, messages=turns, tools=tools).body["contents"][1]["parts"]
    return list(told)


def test_what_its_own_tools_did_goes_back_to_who_did_it() -> None:
    assert served(NEW, SEARCHING) == [TOOL_CALL, {"text": "It rains."}]


@pytest.mark.parametrize(("target", "tools"), [(NEW, SEARCHING[:1]), (VERTEX, SEARCHING)])
def test_what_its_own_tools_did_is_told_in_words_where_it_may_not_stand(target: Any, tools: list[Json]) -> None:
    told = served(target, tools)
    assert [next(iter(part)) for part in told] == ["text"] * 3
    assert "rain" in told[0]["text"]


def test_a_block_that_nobody_translates_is_refused_by_its_path() -> None:
    with pytest.raises(Unsupported, match=r"messages\.1\.content\.0: .* cannot be given: novelty"):
        contents("Go.", [{"type": "novelty"}], "On.")


def test_pages_that_a_text_cited_are_a_loss() -> None:
    cited = {**text("It rains."), "citations": [{"type": "web_search_result_location"}]}
    turns = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": [cited, text("")]}]
    assert [str(each.sort) for each in said(messages=turns).losses] == ["citations", "prefill"]


def test_gemma_is_told_the_system_prompt_by_the_user() -> None:
    told = said(GEMMA, system="Be brief.")
    assert told.body["contents"] == [{"role": "user", "parts": [{"text": "Be brief."}, {"text": "Do it."}]}]
    assert "systemInstruction" not in told.body
