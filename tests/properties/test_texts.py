"""Texts that are read once more: no cut changes what is read, and nothing that is said gets lost."""

import json
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from addon.dialects.openai_chat.text_call_forms import FORMS
from addon.dialects.openai_chat.text_calls import TextCalls
from addon.dialects.openai_chat.think_tags import CLOSING, ThinkTags
from addon.dialects.openai_chat.tool_arguments import Arguments
from addon.protocol.deltas import Delta, Reasoning, Text, ToolArguments, ToolCall
from tests.chunks import CONTEXT
from tests.properties import strategies as our

OFFERING = replace(CONTEXT, offered={"Bash": {}, "Read": {}})
CALL = json.dumps({"name": "Bash", "arguments": {"command": "ls </tool_call> ``` </parameter>"}})
BITS = [
    *FORMS, *CLOSING, *CLOSING.values(), CALL, CALL[:20], CALL[20:], "Bash", "Read", "Bash>", "[ARGS]", "[CALL_ID]",
    "{}", "{", "}", "[", "]", '"', "\\", ",", ";", ">", "\n", " ", "</function>", "</tool_call>", "```", "[]", "ls",
    "<parameter=a>", "</parameter>", "<|message|>", "<|call|>", "<|eom_id|>", "Bash>{}</function>", '{"name":',
    "\U0001f600",
]  # fmt: skip
SOUP = st.lists(st.sampled_from(BITS) | our.WORDS, max_size=15).map("".join)


def in_pieces(data: st.DataObject, text: str) -> list[str]:
    return data.draw(our.pieces(text)) if text else []


def told(deltas: Iterable[Delta]) -> list[object]:
    """Texts joined, thoughts joined, calls as they are."""
    found: list[object] = []
    for delta in deltas:
        if isinstance(delta, Text | Reasoning):
            assert delta.text
            last = found[-1] if found else None
            if isinstance(last, list) and last[0] is type(delta):
                last[1] += delta.text
            else:
                found.append([type(delta), delta.text])
        else:
            found.append(delta)
    return found


def calls_of(pieces: Iterable[str]) -> list[Delta]:
    parser = TextCalls(OFFERING)
    return [*(delta for piece in pieces for delta in parser.feed(piece)), *parser.close()]


@given(st.data(), SOUP)
def test_no_cut_changes_the_calls_that_are_read(data: st.DataObject, text: str) -> None:
    assert told(calls_of([text] if text else [])) == told(calls_of(in_pieces(data, text))) == told(calls_of(text))


WRITTEN = [f"<tool_call>{CALL}</tool_call>", f"```json\n{CALL}\n```", f"[TOOL_CALLS][{CALL}]", f"<|python_tag|>{CALL}"]
SAID = st.sampled_from(["I see.\n\n", "Now < ", "[1] `"])
BLANK = st.sampled_from(["", "\n", " \n "])


@given(st.data(), st.lists(st.tuples(SAID, st.sampled_from(WRITTEN), BLANK), min_size=1, max_size=4))
def test_every_call_is_read_and_the_text_between_stays(data: st.DataObject, parts: list[tuple[str, str, str]]) -> None:
    found = told(calls_of(in_pieces(data, "".join(map("".join, parts)))))
    assert [said for said, _, _ in parts] == [each[1] for each in found if isinstance(each, list)]
    kinds = [Text if isinstance(each, list) else type(each) for each in found]
    assert kinds == [Text, ToolCall, ToolArguments] * len(parts)


@given(SOUP)
def test_text_without_an_offered_name_stays_as_it_is(text: str) -> None:
    text = text.replace("Bash", "Grep").replace("Read", "Glob")
    said = "".join(delta.text for delta in calls_of(text) if isinstance(delta, Text))
    assert said == text or (said == "" and not text.strip())


@given(st.data(), SOUP, st.booleans(), st.booleans())
def test_no_cut_changes_the_thinking_that_is_read(
    data: st.DataObject, text: str, opened: bool, unanswered: bool
) -> None:
    def read(pieces: Iterable[str]) -> list[object]:
        tags = ThinkTags(opened=opened)
        words = [word for piece in pieces for word in tags.feed(piece)]
        return told([*words, *tags.close(unanswered=unanswered)])

    assert read([text] if text else []) == read(in_pieces(data, text)) == read(text)


KEYS = st.sampled_from(["a", "b", "command"])
VALUES = st.recursive(
    st.none() | st.integers(-9, 9) | our.WORDS | st.sampled_from(['{"a":', "{", '"', "\\", "}"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=6,
)


@given(st.data(), st.dictionaries(KEYS, VALUES, max_size=3))
def test_arguments_are_the_same_in_every_form(data: st.DataObject, given_arguments: dict[str, object]) -> None:
    text = json.dumps(given_arguments, separators=data.draw(st.sampled_from([(",", ":"), (", ", ": ")])))
    quoted = json.dumps(text)
    for whole in (text, quoted):
        cuts = in_pieces(data, whole)
        for sent in (cuts, ["".join(cuts[: count + 1]) for count in range(len(cuts))]):
            arguments = Arguments()
            assert "".join([*map(arguments.feed, sent), arguments.close()]) == text
