"""What Gemini said comes back to it as it said it: replies through the client's transcript into the next request.

A reply of parts is made, read, written as Anthropic's events, collected as the client does, and sent back. Every
signature must stand on the part that it came on, calls keep their order and ids, and what was said once must stand at
the beginning of all that is said later.
"""

import functools
import json
import re
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects import ReplyContext, Target
from addon.dialects.gemini.dialect import DIALECT
from addon.protocol import messages, signature
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import collect
from addon.stream import write_whole
from tests.dialects.gemini.saying import NEW, OLD, VERTEX
from tests.end_to_end.gemini_strictness import of_body
from tests.stories import FOLDER, target

type Json = dict[str, Any]

STAND_IN = "skip_thought_signature_validator"
LOST = "reasoning state"  # what came behind the last words
SESSIONS = sorted(path.stem for path in (FOLDER / "sessions").glob("*.json"))
RECORDED_SIGNATURE = re.compile(r'"REAL\d"')

SIGNS = st.sampled_from(["", "", "AAAA", "BBBB", "CCCC"])
WORDS = st.sampled_from(["I look.", "Hm", " and ", "\u00fc\U0001f600", "x"])


def signed(part: Json, sign: str) -> Json:
    return {**part, "thoughtSignature": sign} if sign else part


PARTS = st.lists(
    st.one_of(
        st.builds(lambda words, sign: signed({"text": words}, sign), WORDS, SIGNS),
        st.builds(lambda sign: signed({"text": ""}, sign), SIGNS),
        st.builds(lambda words: {"text": words, "thought": True}, WORDS),
        st.builds(lambda sign: signed({"functionCall": {"name": "Bash", "args": {"a": 1}}}, sign), SIGNS),
    ),
    min_size=1,
    max_size=6,
)


def replied(parts: list[Json], there: Target, number: int, *, shows_thinking: bool) -> tuple[list[Json], set[str]]:
    """The content of the client's message, and what was told as unread."""
    calls = [part for part in parts if "functionCall" in part]
    named = [
        {**part, "functionCall": {**part["functionCall"], "id": f"c{number}_{at}"}} if "functionCall" in part else part
        for at, part in enumerate(parts)
    ]
    chunks = [{"candidates": [{"content": {"role": "model", "parts": [part]}}]} for part in named]
    done = {"candidates": [{"finishReason": "STOP"}]}
    writer = EventWriter("msg_1", "m", there.name, shows_thinking=shows_thinking)
    deltas = DIALECT.decode_whole(orjson.dumps([*chunks, done]), ReplyContext(there, f"x{number}"))
    message = collect(write_whole(deltas, writer))
    assert message["stop_reason"] == ("tool_use" if calls else "end_turn")
    return message["content"], set(writer.unread)


def asked(turns: list[Json], there: Target) -> list[tuple[str, Json]]:
    """All parts of the next request, each with its role."""
    body = {"model": "m", "messages": turns}
    sent = orjson.loads(DIALECT.encode(messages.check(body), None, there).wire.body)
    assert of_body(sent, there.model, vertex=there.profile.vertex) == []
    return [(content["role"], part) for content in sent["contents"] for part in content["parts"]]


def session(replies: list[list[Json]], there: Target, *, shows_thinking: bool) -> tuple[list[Json], list[set[str]]]:
    """The client's messages after these replies, each answered."""
    turns: list[Json] = [{"role": "user", "content": "Go."}]
    unread = []
    for number, parts in enumerate(replies):
        content, left = replied(parts, there, number, shows_thinking=shows_thinking)
        unread.append(left)
        if content:
            turns.append({"role": "assistant", "content": content})
        results = [
            {"type": "tool_result", "tool_use_id": block["id"], "content": "done"}
            for block in content
            if block["type"] == "tool_use"
        ]
        turns.append({"role": "user", "content": [*results, {"type": "text", "text": "On."}]})
    return turns, unread


def said(part: Json) -> list[tuple[str, str]]:
    """What a part of a reply says, character by character, so that pieces of one text are one text."""
    if "functionCall" in part:
        return [("call", "")]
    return [("text", letter) for letter in part["text"]]


def of_reply(parts: list[Json]) -> tuple[list[tuple[str, str]], list[tuple[int, int, str]]]:
    """What is said without thoughts, and each signature with the place of its part in that."""
    told: list[tuple[str, str]] = []
    signs = []
    for part in parts:
        if not part.get("thought"):
            here = said(part)
            if sign := part.get("thoughtSignature"):
                signs.append((len(told), len(told) + len(here), sign))
            told += here
    return told, signs


@given(PARTS, st.sampled_from([NEW, VERTEX]), st.booleans())
def test_every_signature_comes_back_on_its_part(parts: list[Json], there: Target, shows_thinking: bool) -> None:
    turns, [unread] = session([parts], there, shows_thinking=shows_thinking)
    back = [part for role, part in asked(turns, there) if role == "model"]
    told, signs = of_reply(parts)
    told_back, signs_back = of_reply(back)
    own = [sign for sign in signs_back if sign[2] != STAND_IN]
    if told_back == told:
        assert own == (signs[: len(own)] if LOST in unread else signs)
    else:  # blanks that no words follow
        assert [kind for kind, letter in told_back if letter != " "] == [kind for kind, letter in told if letter != " "]
        assert [sign for *_, sign in own] == [sign for *_, sign in signs][: len(own)]
    calls = [part for part in back if "functionCall" in part]
    assert not calls or any("thoughtSignature" in part for part in calls)


@given(st.lists(PARTS, min_size=1, max_size=3), st.sampled_from([NEW, OLD]), st.booleans())
def test_what_was_said_stands_at_the_beginning_of_what_is_said_next(
    replies: list[list[Json]], there: Target, shows_thinking: bool
) -> None:
    turns, _ = session(replies, there, shows_thinking=shows_thinking)
    asks = [asked(turns[: at + 1], there) for at, turn in enumerate(turns) if turn["role"] == "user"]
    for before, after in pairwise(asks):
        assert after[: len(before)] == before


@given(PARTS, st.sampled_from([OLD, VERTEX, target("gemini", "gemini-3.8-flash")]))
def test_nobody_else_is_shown_a_signature(parts: list[Json], other: Target) -> None:
    turns, _ = session([parts], NEW, shows_thinking=True)
    signs = [part.get("thoughtSignature") for _, part in asked(turns, other)]
    assert {*signs} <= {None, STAND_IN}


@given(PARTS)
def test_calls_whose_thinking_the_client_left_out_live_on(parts: list[Json]) -> None:
    turns, _ = session([parts], NEW, shows_thinking=True)
    bare = [
        {**turn, "content": [block for block in turn["content"] if block["type"] != "thinking"]}
        if turn["role"] == "assistant"
        else turn
        for turn in turns
    ]
    calls = [part for _, part in asked([turn for turn in bare if turn["content"]], NEW) if "functionCall" in part]
    assert [part.get("thoughtSignature") for part in calls][:1] == [STAND_IN][: len(calls)]


@functools.cache
def recorded(name: str) -> list[str]:
    return [json.dumps(body) for body in json.loads((FOLDER / "sessions" / f"{name}.json").read_text())]


@pytest.mark.parametrize("there", [NEW, OLD, VERTEX], ids=lambda there: there.name)
@pytest.mark.parametrize("name", SESSIONS)
def test_a_recorded_session_keeps_its_prompt_cache(name: str, there: Target) -> None:
    own = signature.seal(there.name, {"calls": {"toolu_1": "AAAA"}})
    told = []
    for body in recorded(name):
        request = messages.parse(RECORDED_SIGNATURE.sub(f'"{own}"', body).encode())
        sent = orjson.loads(DIALECT.encode(request, None, there).wire.body)
        functions = [each for tool in sent["tools"] for each in tool.get("functionDeclarations", [])]
        parts = [(content["role"], part) for content in sent["contents"] for part in content["parts"]]
        told.append((sent["systemInstruction"], parts, functions))
    for (system, parts, functions), (later_system, later_parts, later_functions) in pairwise(told):
        assert later_system == system
        assert later_parts[: len(parts)] == parts
        assert later_functions[: len(functions)] == functions
