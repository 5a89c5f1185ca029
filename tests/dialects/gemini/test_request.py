"""The fields of a request as Gemini is told them, and what is lost."""

from dataclasses import replace
from typing import Any

import pytest

from addon.protocol.errors import BadRequest
from tests.dialects.gemini.saying import ASKED, NEW, OLD, VERTEX, lost, said

type Json = dict[str, Any]

TOOL = {"name": "note", "description": "Take a note.", "input_schema": {"properties": {"a": {"type": "string"}}}}
WEB = {"type": "web_search_20250305", "name": "web_search"}
SEARCHES: Json = {"googleSearch": {}}
DECLARED = {
    "functionDeclarations": [
        {
            "name": "note",
            "description": "Take a note.",
            "parametersJsonSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
        }
    ]
}


def test_a_bare_request_says_no_more_than_it_must() -> None:
    told = said()
    assert told.body == {
        "contents": [{"role": "user", "parts": [{"text": "Do it."}]}],
        "generationConfig": {"maxOutputTokens": 65_536},
    }
    assert (told.losses, told.offered, told.search, told.form, list(told.call_ids)) == ((), {}, None, None, [])


def test_the_system_prompt_is_one_text_and_never_empty() -> None:
    blocks = [{"type": "text", "text": each} for each in ("a", "", "b")]
    assert said(system=blocks).body["systemInstruction"] == {"parts": [{"text": "a\n\nb"}]}
    assert "systemInstruction" not in said(system="").body


def test_limits_and_sampling_have_gemini_s_names() -> None:
    config = said(max_tokens=100, temperature=0, top_p=0.5, stop_sequences=["a", "b"]).body["generationConfig"]
    assert config == {"maxOutputTokens": 100, "temperature": 0, "topP": 0.5, "stopSequences": ["a", "b"]}


def test_a_sixth_word_to_stop_at_is_lost() -> None:
    told = said(stop_sequences=list("abcdef"))
    assert told.body["generationConfig"]["stopSequences"] == list("abcde")
    assert lost(told) == [("stop_sequences", "stop_sequences")]


def test_a_tool_is_declared_with_json_schema() -> None:
    told = said(tools=[TOOL])
    assert told.body["tools"] == [DECLARED]
    assert told.offered == {"note": DECLARED["functionDeclarations"][0]["parametersJsonSchema"]}
    assert "toolConfig" not in told.body


def test_a_tool_without_arguments_or_words_has_a_name_alone() -> None:
    told = said(tools=[{"name": "f", "input_schema": {}}]).body["tools"]
    assert told[0]["functionDeclarations"][0]["name"] == "f"
    assert "description" not in told[0]["functionDeclarations"][0]


CHOICES: list[tuple[Json, Json]] = [
    ({"type": "auto"}, {"mode": "AUTO"}),
    ({"type": "any"}, {"mode": "ANY"}),
    ({"type": "none"}, {"mode": "NONE"}),
    ({"type": "tool", "name": "note"}, {"mode": "ANY", "allowedFunctionNames": ["note"]}),
]


@pytest.mark.parametrize(("choice", "config"), CHOICES)
def test_every_choice_of_tools_has_a_mode(choice: Json, config: Json) -> None:
    told = said(tools=[TOOL], tool_choice=choice)
    assert told.body["toolConfig"] == {"functionCallingConfig": config}
    assert lost(told) == []


def test_a_choice_that_cannot_be_said_is_a_loss() -> None:
    assert lost(said(tools=[TOOL], tool_choice={"type": "new"})) == [("tool_choice", "tool_choice")]
    assert lost(said(tool_choice={"type": "any"})) == [("tool_choice", "tool_choice_empty")]
    told = said(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True})
    assert lost(told) == [("tool_choice.disable_parallel_tool_use", "parallel_switch")]


def test_a_choice_of_a_tool_that_is_not_there_is_the_clients_mistake() -> None:
    with pytest.raises(BadRequest, match="Tool 'other' not found"):
        said(tools=[TOOL], tool_choice={"type": "tool", "name": "other"})


@pytest.mark.parametrize("target", [NEW, OLD, VERTEX])
def test_a_search_alone_is_googles_own_everywhere(target: Any) -> None:
    told = said(target, tools=[WEB], tool_choice={"type": "auto"})
    assert (told.body["tools"], "toolConfig" in told.body, lost(told)) == ([SEARCHES], False, [])
    assert told.search is not None


def test_a_search_beside_functions_is_validated() -> None:
    told = said(tools=[TOOL, WEB])
    assert told.body["tools"] == [DECLARED, SEARCHES]
    assert told.body["toolConfig"] == {
        "functionCallingConfig": {"mode": "VALIDATED"},
        "includeServerSideToolInvocations": True,
    }
    assert said(VERTEX, tools=[TOOL, WEB]).body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


def test_an_older_model_has_functions_or_its_search() -> None:
    told = said(OLD, tools=[TOOL, WEB])
    assert len(told.body["tools"]) == 1
    assert lost(told) == [("tools.1", "server_tool")]


def test_a_search_cannot_be_forced() -> None:
    wanted = {"type": "tool", "name": "web_search"}
    for tools in ([WEB], [TOOL, WEB]):
        assert lost(said(tools=tools, tool_choice=wanted)) == [("tool_choice", "tool_choice")]
    assert lost(said(tools=[TOOL, WEB], tool_choice={"type": "any"})) == [("tool_choice", "tool_choice")]


def test_a_form_is_the_replys_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    form = {"format": {"type": "json_schema", "schema": schema}}
    told = said(output_config=form)
    assert told.body["generationConfig"]["responseMimeType"] == "application/json"
    assert told.body["generationConfig"]["responseJsonSchema"] == schema
    assert told.form is None
    beside = said(output_config=form, tools=[TOOL])
    assert "responseMimeType" not in beside.body["generationConfig"]
    assert beside.form is not None
    assert "Answer with one JSON object" in str(beside.body["systemInstruction"])


def test_a_profile_adds_fields_and_takes_none_over() -> None:
    profile = replace(NEW.profile, always={"labels": {"a": "b"}, "contents": []})
    body = said(replace(NEW, profile=profile)).body
    assert (body["labels"], len(body["contents"])) == ({"a": "b"}, 1)


def test_what_nobody_translates_is_told() -> None:
    told = said(metadata={}, novelty=1)
    assert lost(told) == [("novelty", "unknown_field")]


def test_nothing_is_said_of_safety() -> None:
    assert "safetySettings" not in said(messages=[ASKED]).body
