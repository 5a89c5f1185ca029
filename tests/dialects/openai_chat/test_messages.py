"""A conversation, turn by turn: what went in, what OpenAI is told, and what was lost on the way."""

import hashlib
from dataclasses import replace
from typing import Any

import pytest

from addon.dialects import Target
from addon.dialects.openai_chat.messages import Conversation
from addon.dialects.profiles import Echo, Profile, SystemTurns
from addon.protocol import signature
from addon.protocol.errors import BadRequest, Unsupported

type Json = dict[str, Any]
type Told = tuple[str, str, bool]  # a loss: path, what, whether it is routine

TARGET = Target("openai", "gpt-5.5", "https://api.openai.com/v1", Profile(documents=True, call_id_limit=40))
FOLDING = replace(TARGET, profile=replace(TARGET.profile, system_turns=SystemTurns.FIRST_ONLY))
WANTS_IT_BACK = Profile(reasoning_echo=Echo.REASONING_CONTENT, echo_always=True)
ECHOING = replace(TARGET, provider="deepseek", profile=WANTS_IT_BACK)
NINE = replace(TARGET, provider="mistral", profile=replace(TARGET.profile, call_id_length=9))
MARK = {"cache_control": {"type": "ephemeral"}}


def said(*turns: Json, target: Target = TARGET, system: list[Json] | None = None) -> tuple[list[Json], list[Told]]:
    conversation = Conversation(target, lambda name: name.replace(".", "_"))
    conversation.add_system_prompt(system or [])
    for index, turn in enumerate(turns):
        conversation.add(index, turn)
    messages = conversation.close(len(turns) - 1)
    return messages, [(each.path, each.what, each.routine) for each in conversation.losses]


def user(*blocks: Json | str) -> Json:
    return {"role": "user", "content": [text(block) if isinstance(block, str) else block for block in blocks]}


def assistant(*blocks: Json | str) -> Json:
    return {**user(*blocks), "role": "assistant"}


def system(*blocks: Json | str) -> Json:
    return {**user(*blocks), "role": "system"}


def text(words: str) -> Json:
    return {"type": "text", "text": words, **MARK}


def use(call_id: str = "call_1", name: str = "Bash", **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(content: Any = None, call_id: str = "call_1", **more: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def called(*calls: tuple[str, str, str], content: str | None = None) -> Json:
    functions = [{"id": i, "type": "function", "function": {"name": n, "arguments": a}} for i, n, a in calls]
    return {"role": "assistant", "content": content, "tool_calls": functions}


def answer(content: str, call_id: str = "call_1") -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def words(content: str) -> Json:
    return {"role": "user", "content": content}


ASK = user("Do it.")
ASKED = words("Do it.")
BASH = called(("call_1", "Bash", "{}"))
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}}
IMAGE_PART: Json = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}
PDF: Json = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}, **MARK}
PDF_PART: Json = {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBE"}}
EMPTY = "call_" + hashlib.sha256(b"").hexdigest()[:35]
LONG = "call_" + hashlib.sha256(b"c" * 41).hexdigest()[:35]
BELOW = "[see the attachment in the next message]"


def attachment(of: str = "call_1") -> Json:
    return {"type": "text", "text": f"[attachment of the result of {of}]"}


STORIES: dict[str, tuple[list[Json], list[Json]]] = {
    "a text as a string": ([{"role": "user", "content": "Hi."}], [words("Hi.")]),
    "a text as a block": ([user("Hi.")], [words("Hi.")]),
    "texts become paragraphs": ([user("One.", "", "Two.")], [words("One.\n\nTwo.")]),
    "empty turns say nothing": ([ASK, user(), user(""), assistant(), {"role": "assistant", "content": ""}], [ASKED]),
    "the model's texts": (
        [ASK, assistant("One.", "", "Two."), ASK],
        [ASKED, {"role": "assistant", "content": "One.\n\nTwo."}, ASKED],
    ),
    "a call and its result": (
        [ASK, assistant(use(a=1)), user(result("done"))],
        [ASKED, called(("call_1", "Bash", '{"a":1}')), answer("done")],
    ),
    "words before a call": (
        [ASK, assistant("Now.", use()), user(result("done"))],
        [ASKED, called(("call_1", "Bash", "{}"), content="Now."), answer("done")],
    ),
    "the user's words follow the results": (
        [ASK, assistant(use(), use("call_2")), user("Hm.", result("b", "call_2"), "Go on.", result("a"))],
        [
            ASKED,
            called(("call_1", "Bash", "{}"), ("call_2", "Bash", "{}")),
            answer("b", "call_2"),
            answer("a"),
            words("Hm.\n\nGo on."),
        ],
    ),
    "a result in blocks": (
        [ASK, assistant(use()), user(result([text("a"), text(""), text("b")]))],
        [ASKED, BASH, answer("a\n\nb")],
    ),
    "a result without content": ([ASK, assistant(use()), user(result())], [ASKED, BASH, answer("[no output]")]),
    "a result of nothing": ([ASK, assistant(use()), user(result([]))], [ASKED, BASH, answer("[no output]")]),
    "a result of empty text": ([ASK, assistant(use()), user(result(""))], [ASKED, BASH, answer("[no output]")]),
    "a failed call": (
        [ASK, assistant(use()), user(result("no", is_error=True))],
        [ASKED, BASH, answer("[tool error]\nno")],
    ),
    "a failed call without words": (
        [ASK, assistant(use()), user(result("", is_error=True))],
        [ASKED, BASH, answer("[tool error]\n[no output]")],
    ),
    "a call that did not fail": (
        [ASK, assistant(use()), user(result("a", is_error=False))],
        [ASKED, BASH, answer("a")],
    ),
    "a loaded tool": (
        [
            ASK,
            assistant(use(name="ToolSearch")),
            user(result([{"type": "tool_reference", "tool_name": "mcp.x"}]), "Tool loaded."),
        ],
        [
            ASKED,
            called(("call_1", "ToolSearch", "{}")),
            answer("[the tool mcp_x is loaded and can be called]"),
            words("Tool loaded."),
        ],
    ),
    "an image": (
        [user("Look:", IMAGE)],
        [{"role": "user", "content": [{"type": "text", "text": "Look:"}, IMAGE_PART]}],
    ),
    "an id as long as may be": (
        [ASK, assistant(use("c" * 40)), user(result("a", "c" * 40))],
        [ASKED, called(("c" * 40, "Bash", "{}")), answer("a", "c" * 40)],
    ),
    "media in results come after the results, before the user's words": (
        [ASK, assistant(use(), use("call_2")), user(result([IMAGE]), result([text("a PDF"), PDF], "call_2"), "And?")],
        [
            ASKED,
            called(("call_1", "Bash", "{}"), ("call_2", "Bash", "{}")),
            answer(BELOW),
            answer(f"a PDF\n\n{BELOW}", "call_2"),
            {
                "role": "user",
                "content": [attachment(), IMAGE_PART, attachment("call_2"), PDF_PART, {"type": "text", "text": "And?"}],
            },
        ],
    ),
    "the user's own picture is told from those of results": (
        [ASK, assistant(use()), user("", IMAGE, result([IMAGE]), "And?", IMAGE)],
        [
            ASKED,
            BASH,
            answer(BELOW),
            {
                "role": "user",
                "content": [
                    attachment(),
                    IMAGE_PART,
                    {"type": "text", "text": "[attachment of the user's own]"},
                    IMAGE_PART,
                    {"type": "text", "text": "And?"},
                    IMAGE_PART,
                ],
            },
        ],
    ),
    "a system turn stays where it is": (
        [ASK, system("Env.", "", "More."), assistant("A."), ASK],
        [ASKED, {"role": "system", "content": "Env.\n\nMore."}, {"role": "assistant", "content": "A."}, ASKED],
    ),
    "a system turn without words says nothing": (
        [ASK, {"role": "system", "content": [], "output_config": {"effort": "low"}}],
        [ASKED],
    ),
    "an id that comes twice in a turn": (
        [ASK, assistant(use(), use()), user(result("a"), result("b"))],
        [ASKED, called(("call_1", "Bash", "{}"), ("call_1_2", "Bash", "{}")), answer("a"), answer("b", "call_1_2")],
    ),
    "an id that comes twice, once as another's second": (
        [ASK, assistant(use(), use(), use("call_1_2")), user(result("c", "call_1_2"), result("a"), result("b"))],
        [
            ASKED,
            called(("call_1", "Bash", "{}"), ("call_1_2", "Bash", "{}"), ("call_1_2_2", "Bash", "{}")),
            answer("c", "call_1_2_2"),
            answer("a"),
            answer("b", "call_1_2"),
        ],
    ),
    "an id that comes again in a later turn": (
        [ASK, assistant(use()), user(result("a")), assistant(use()), user(result("b"))],
        [ASKED, BASH, answer("a"), BASH, answer("b")],
    ),
    "an empty id": (
        [ASK, assistant(use("")), user(result("a", ""))],
        [ASKED, called((EMPTY, "Bash", "{}")), answer("a", EMPTY)],
    ),
    "a long id": (
        [ASK, assistant(use("c" * 41)), user(result("a", "c" * 41))],
        [ASKED, called((LONG, "Bash", "{}")), answer("a", LONG)],
    ),
}


@pytest.mark.parametrize(("turns", "expected"), STORIES.values(), ids=STORIES)
def test_a_conversation_is_said_whole(turns: list[Json], expected: list[Json]) -> None:
    messages, losses = said(*turns)
    assert messages == expected
    assert losses == []


def lost(path: str, what: str, routine: bool = False) -> Told:
    return path, what, routine


NO_RESULT = "[no result: the call was interrupted]"
UNANSWERED = "the call call_1 has no result; said so to the model"
ORPHAN = "the result of a call that the conversation does not hold became plain text"
REPAIRS: dict[str, tuple[list[Json], list[Json], list[Told]]] = {
    "a call without a result, before the model's next turn": (
        [ASK, assistant(use()), assistant("Well.")],
        [ASKED, BASH, answer(NO_RESULT), {"role": "assistant", "content": "Well."}],
        [
            lost("messages.2", UNANSWERED),
            lost("messages.2", "the model answers these words; it does not continue them"),
        ],
    ),
    "a call without a result, before the user's words": (
        [ASK, assistant(use()), user("Stop.")],
        [ASKED, BASH, answer(NO_RESULT), words("Stop.")],
        [lost("messages.2", UNANSWERED)],
    ),
    "one of two calls without a result": (
        [ASK, assistant(use("call_0"), use()), user(result("a", "call_0"))],
        [ASKED, called(("call_0", "Bash", "{}"), ("call_1", "Bash", "{}")), answer("a", "call_0"), answer(NO_RESULT)],
        [lost("messages.2", UNANSWERED)],
    ),
    "a call without a result, before a system turn": (
        [ASK, assistant(use()), system("Env.")],
        [ASKED, BASH, answer(NO_RESULT), {"role": "system", "content": "Env."}],
        [lost("messages.2", UNANSWERED)],
    ),
    "a call without a result, at the end": (
        [ASK, assistant(use())],
        [ASKED, BASH, answer(NO_RESULT)],
        [lost("messages.1", UNANSWERED)],
    ),
    "a result without its call": (
        [user(result("old", "gone", is_error=True), "Go on.")],
        [words("[tool error]\nold\n\nGo on.")],
        [lost("messages.0.content.0", ORPHAN)],
    ),
    "a result without its call, with an image": (
        [user(result([IMAGE], "gone"))],
        [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "[attachment of an earlier tool result]"},
                    IMAGE_PART,
                    {"type": "text", "text": BELOW},
                ],
            }
        ],
        [lost("messages.0.content.0", ORPHAN)],
    ),
    "a second result of one call": (
        [ASK, assistant(use()), user(result("a"), result("b"))],
        [ASKED, BASH, answer("a"), words("b")],
        [lost("messages.2.content.1", ORPHAN)],
    ),
    "words for the model to continue": (
        [ASK, assistant("{")],
        [ASKED, {"role": "assistant", "content": "{"}],
        [lost("messages.1", "the model answers these words; it does not continue them")],
    ),
    "thinking alone is no turn": (
        [ASK, assistant({"type": "thinking", "thinking": "Hm", "signature": "s"}, {"type": "redacted_thinking"}), ASK],
        [ASKED, ASKED],
        [
            lost("messages.1.content.0", "thinking of an earlier turn left out", routine=True),
            lost("messages.1.content.1", "Anthropic's encrypted thinking left out", routine=True),
        ],
    ),
    "tools that come and go": (
        [ASK, system({"type": "tool_addition"}, "Env.", {"type": "tool_removal"})],
        [ASKED, {"role": "system", "content": "Env."}],
        [
            lost("messages.1.content.0", "tool_addition: the tools themselves are sent as they are now"),
            lost("messages.1.content.2", "tool_removal: the tools themselves are sent as they are now"),
        ],
    ),
}


@pytest.mark.parametrize(("turns", "expected", "losses"), REPAIRS.values(), ids=REPAIRS)
def test_what_openai_would_refuse_is_repaired_and_reported(
    turns: list[Json], expected: list[Json], losses: list[Told]
) -> None:
    assert said(*turns) == (expected, losses)


def reminder(words: str) -> str:
    return f"<system-reminder>\n{words}\n</system-reminder>"


FOLDED: dict[str, tuple[list[Json], list[Json]]] = {
    "into the user's words": ([ASK, system("Env.")], [words(f"Do it.\n\n{reminder('Env.')}")]),
    "into the user's parts": (
        [user(IMAGE), system("Env.")],
        [{"role": "user", "content": [IMAGE_PART, {"type": "text", "text": reminder("Env.")}]}],
    ),
    "twice": (
        [ASK, system("A."), system("B.")],
        [words(f"Do it.\n\n{reminder('A.')}\n\n{reminder('B.')}")],
    ),
    "after a result": (
        [ASK, assistant(use()), user(result("a")), system("Env.")],
        [ASKED, BASH, answer("a"), words(reminder("Env."))],
    ),
    "at the beginning": (
        [system("Env."), assistant("A."), ASK],
        [words(reminder("Env.")), {"role": "assistant", "content": "A."}, ASKED],
    ),
    "not into an older turn, which the backend may have cached": (
        [ASK, assistant(), user(""), system("Env.")],
        [ASKED, words(reminder("Env."))],
    ),
}


@pytest.mark.parametrize(("turns", "expected"), FOLDED.values(), ids=FOLDED)
def test_a_system_turn_is_folded_where_it_may_only_stand_first(turns: list[Json], expected: list[Json]) -> None:
    assert said(*turns, target=FOLDING) == (expected, [])


def test_the_system_prompt_is_one_message_in_the_targets_role() -> None:
    developer = replace(TARGET, profile=replace(TARGET.profile, system_role="developer"))
    prompt = [text("You help."), text(""), {"type": "text", "text": "Be brief."}]
    messages, _ = said(ASK, system("Env."), target=developer, system=prompt)
    expected = [
        {"role": "developer", "content": "You help.\n\nBe brief."},
        ASKED,
        {"role": "developer", "content": "Env."},
    ]
    assert messages == expected


def test_an_empty_system_prompt_is_none() -> None:
    assert said(ASK, system=[text("")]) == ([ASKED], [])


def thinking(words: str, origin: str) -> Json:
    return {"type": "thinking", "thinking": words, "signature": signature.seal(origin)}


def test_thinking_goes_back_to_the_provider_it_came_from() -> None:
    turns = [
        ASK,
        assistant(thinking("A", "deepseek/v4"), thinking("B", "deepseek/flash"), thinking("C", "openai/o3"), "Yes."),
        ASK,
    ]
    messages, losses = said(*turns, target=ECHOING)
    assert messages[1] == {"role": "assistant", "content": "Yes.", "reasoning_content": "A\n\nB"}
    assert losses == [lost("messages.1.content.2", "thinking of openai/o3 left out", routine=True)]


def test_a_provider_that_wants_thinking_gets_the_field_always() -> None:
    messages, _ = said(ASK, assistant(use()), user(result("a")), target=ECHOING)
    assert messages[1] == {**BASH, "reasoning_content": " "}


@pytest.mark.parametrize(
    ("call_id", "expected"),
    [
        ("a1B2c3D4e", "a1B2c3D4e"),
        ("call_1", hashlib.sha256(b"call_1").hexdigest()[:9]),
        ("a1B2c3D4_", hashlib.sha256(b"a1B2c3D4_").hexdigest()[:9]),
        ("a1B2c3D4\u00e9", hashlib.sha256("a1B2c3D4\u00e9".encode()).hexdigest()[:9]),
    ],
)
def test_ids_take_the_form_that_the_target_demands(call_id: str, expected: str) -> None:
    messages, _ = said(ASK, assistant(use(call_id)), user(result("a", call_id)), target=NINE)
    assert messages == [ASKED, called((expected, "Bash", "{}")), answer("a", expected)]


BLIND = replace(TARGET, profile=Profile(images=False))
REFUSED: dict[str, tuple[Json, Target, str, str]] = {
    "an image": (user("Look:", IMAGE), BLIND, "messages.0.content.1", "sees no pictures. Name a model"),
    "an image in a result": (
        user(result([text("Here:"), IMAGE])),
        BLIND,
        "messages.0.content.0.content.1",
        "sees no pictures. Name a model",
    ),
    "a block of tomorrow": (
        user({"type": "hologram"}),
        TARGET,
        "messages.0.content.0",
        "cannot be given: hologram.",
    ),
    "a block of tomorrow from the model": (
        assistant("A.", {"type": "hologram"}),
        TARGET,
        "messages.0.content.1",
        "cannot be given: hologram.",
    ),
    "a result in a result": (
        user(result([result("a")])),
        TARGET,
        "messages.0.content.0.content.0",
        "cannot be given: tool_result.",
    ),
    "an image in a system turn": (
        system("A.", IMAGE),
        TARGET,
        "messages.0.content.1",
        "cannot be given: image in a system turn.",
    ),
}


@pytest.mark.parametrize(("turn", "target", "path", "what"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_said_is_refused_with_its_path(turn: Json, target: Target, path: str, what: str) -> None:
    with pytest.raises(Unsupported) as caught:
        said(turn, target=target)
    assert caught.value.path == path
    assert caught.value.message.startswith(f"Detour: {path}: openai/gpt-5.5 {what}")


def test_a_conversation_without_words_is_refused() -> None:
    with pytest.raises(BadRequest, match="non-empty content"):
        said(user(""), {"role": "assistant", "content": []})


def test_what_claude_cited_is_told_without_its_pages() -> None:
    page = {"type": "web_search_result_location", "url": "https://a.example", "cited_text": "Rain."}
    cited = {**text("It rains."), "citations": [page]}
    messages, losses = said(user("A."), assistant("I looked.", cited, {**text(""), "citations": []}), user("B."))
    assert messages[1] == {"role": "assistant", "content": "I looked.\n\nIt rains."}
    assert losses == [("messages.1.content.1", "the pages that a text of an earlier turn cites", True)]
