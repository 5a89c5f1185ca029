"""Properties 1 to 4: what the client gets is lawful and does not depend on how the backend's bytes arrive."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import ReplyContext
from addon.dialects.profiles import Echo
from addon.protocol import signature
from addon.protocol.deltas import Carry, Delta, End, Finish, Reasoning, StopReason, Text, ToolArguments, ToolCall
from addon.protocol.errors import DetourError
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import collect
from addon.stream import StreamTranslator, write_whole
from tests import law
from tests.chunks import reading
from tests.properties import strategies as our
from tests.stories import Story, every_story, translated

STORIES = every_story()
ANY_STORY = st.sampled_from(STORIES)
PLAIN = next(story for story in STORIES if story.name.endswith("/plain_text"))


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_a_story_comes_out_the_same_byte_by_byte(story: Story) -> None:
    whole = story.backend_reply
    expected = story.render_client_reply([whole])
    law.check(expected)
    assert expected == story.render_client_reply(whole[at : at + 1] for at in range(len(whole)))


@given(st.data(), ANY_STORY)
def test_any_cutting_gives_the_same_client_bytes(data: st.DataObject, story: Story) -> None:
    whole = story.backend_reply
    assert story.render_client_reply([whole]) == story.render_client_reply(data.draw(our.cuts(whole)))


@given(st.lists(our.DELTAS, max_size=30))
def test_any_deltas_give_a_lawful_beginning_and_an_end_makes_it_whole(deltas: list[Delta]) -> None:
    check_writer(deltas)


@given(st.lists(our.CONTENT, max_size=40), our.DELTAS)
def test_any_order_of_content_is_lawful(deltas: list[Delta], last: Delta) -> None:
    check_writer([*deltas, last])


def check_writer(deltas: list[Delta]) -> None:
    writer = EventWriter("msg_1", "claude-opus-5-5", "openai/gpt-5.5", 7)
    written = b""
    for delta in deltas:
        written += writer.write(delta)
    law.check(written, ended=writer.over)
    law.check(written + writer.write(End()))


@given(st.data(), ANY_STORY)
def test_a_reply_cut_anywhere_ends_lawfully(data: st.DataObject, story: Story) -> None:
    whole = story.backend_reply
    law.check(story.render_client_reply([whole[: data.draw(st.integers(0, len(whole)))]]))


@given(st.data(), ANY_STORY)
def test_a_damaged_reply_ends_lawfully(data: st.DataObject, story: Story) -> None:
    broken = data.draw(our.damaged(story.backend_reply))
    pieces = data.draw(our.cuts(broken))
    law.check(story.render_client_reply(pieces))
    assert story.render_client_reply([broken]) == story.render_client_reply(pieces)


@given(st.data(), ANY_STORY, st.integers(0, 2))
def test_a_backend_that_dies_ends_lawfully(data: st.DataObject, story: Story, extra: int) -> None:
    whole = story.backend_reply
    translator = story.translator()
    written = translator.feed(whole[: data.draw(st.integers(0, len(whole)))])
    for _ in range(extra + 1):
        written += translator.fail(data.draw(our.ERRORS))
    written += translator.close()
    law.check(written)


READING = reading(PLAIN.context(), think_tags=True, text_calls=True, repeats_reasoning=True)
CARRYING = reading(PLAIN.context(), reasoning_echo=Echo.REASONING_DETAILS)
KNOWN_KEYS = st.sampled_from([
    "arguments", "cached_tokens", "choices", "code", "completion_tokens", "content", "data", "delta", "detail", "error",
    "extra_content", "finish_reason", "function", "id", "index", "message", "metadata", "n_ctx", "name", "object",
    "prompt_tokens", "prompt_tokens_details", "raw", "reasoning", "reasoning_content", "reasoning_details", "refusal",
    "signature", "status", "summary", "text", "thinking", "tool_calls", "type", "usage", "x_groq",
])  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
ANY_JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KNOWN_KEYS, inner, max_size=4), max_leaves=25
)


@pytest.mark.parametrize("context", [PLAIN.context(), READING, CARRYING], ids=["plain", "reading", "carrying"])
@given(ANY_JSON)
def test_any_json_from_a_backend_ends_lawfully(context: ReplyContext, value: object) -> None:
    dialect = dialects.load("openai_chat")
    body = json.dumps(value).encode()
    translator = StreamTranslator(dialect.decoder(context), PLAIN.writer())
    law.check(translated(translator, [b"data: " + body + b"\n\n", PLAIN.backend_reply]))
    with contextlib.suppress(DetourError):
        law.check(write_whole(dialect.decode_whole(body, context), PLAIN.writer()))


@given(st.data())
def test_nothing_that_was_said_is_lost_or_mixed_up(data: st.DataObject) -> None:
    texts, thoughts, calls = data.draw(our.said_in_any_order())
    carried = data.draw(st.lists(st.integers(0, 9).map(lambda number: Carry("details", [number])), max_size=3))
    searches = data.draw(st.lists(our.SEARCHES, max_size=2))
    rows: list[list[Delta]] = [list(map(Text, texts)), list(map(Reasoning, thoughts)), [*carried], [*searches]]
    rows += [[ToolCall(key, f"call_{key}", "Bash"), *(ToolArguments(key, p) for p in args)] for key, args in calls]
    deltas: list[Delta] = []
    while any(rows):
        deltas.append(data.draw(st.sampled_from([row for row in rows if row])).pop(0))
    writer = EventWriter("msg_1", "claude-opus-5-5", "openai/gpt-5.5", shows_thinking=data.draw(st.booleans()))
    ending = (Finish(StopReason.TOOL_USE if calls else StopReason.END_TURN), End())
    written = b"".join(map(writer.write, (*deltas, *ending)))
    law.check(written)
    content = collect(written)["content"]
    order = [delta.id for delta in deltas if isinstance(delta, ToolCall)]
    expected = {f"call_{key}": json.loads("".join(args) or "{}") for key, args in calls}
    assert "".join(texts) == "".join(block["text"] for block in content if block["type"] == "text")
    assert [(i, expected[i]) for i in order] == [(b["id"], b["input"]) for b in content if b["type"] == "tool_use"]
    assert [s.query for s in searches] == [b["input"]["query"] for b in content if b["type"] == "server_tool_use"]
    told, numbers = told_in_thinking(content)
    said = "".join(thoughts)
    assert said == told or ("reasoning" in writer.unread and said.startswith(told) and content[-1]["type"] == "text")
    known = [number for each in carried for number in each.value]
    assert known == numbers or ("reasoning state" in writer.unread and known[: len(numbers)] == numbers)


def told_in_thinking(content: list[our.Json]) -> tuple[str, list[int]]:
    """What the thinking blocks say and carry, seen or sealed."""
    blocks = [block for block in content if block["type"] == "thinking"]
    seals = [signature.unseal(block["signature"]) or signature.Seal("") for block in blocks]
    words = (block["thinking"] + seal.state.get("text", "") for block, seal in zip(blocks, seals, strict=True))
    return "".join(words), [number for seal in seals for number in seal.state.get("details", [])]


@given(st.data(), our.spoken())
def test_streamed_and_whole_replies_are_the_same_message(data: st.DataObject, said: our.Spoken) -> None:
    dialect = dialects.load("openai_chat")
    context = READING if said.in_text else PLAIN.context()
    stream = data.draw(our.streamed(said))
    from_stream = translated(StreamTranslator(dialect.decoder(context), PLAIN.writer()), data.draw(our.cuts(stream)))
    from_whole = write_whole(dialect.decode_whole(said.whole(), context), PLAIN.writer())
    law.check(from_stream)
    law.check(from_whole)
    assert collect(from_whole) == collect(from_stream)
