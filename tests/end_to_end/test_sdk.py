"""The official SDK reads what we make of every recorded reply, through a running mitmdump.

Its accumulator decides what a stream means. The same reply sent whole must come out as the same message.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import anthropic
import pytest

from tests import law
from tests.end_to_end.client import DOORS
from tests.end_to_end.fakes import FakeBackend
from tests.end_to_end.proxy import Proxy
from tests.end_to_end.replies import Json, Raw
from tests.end_to_end.sdk import official_client
from tests.end_to_end.strictness import Vendor
from tests.stories import Story, every_story

CHAT = every_story("openai_chat")
OF_RESPONSES = {"openai": "openai-responses", "azure": "azure-responses"}  # whose model speaks so at any address
STORIES = [*CHAT, *(story for story in every_story("openai_responses") if story.target.provider in OF_RESPONSES)]
FAILING = [story for story in STORIES if b"event: error" in (story.folder / "client.sse").read_bytes()]
FINISHED = [story for story in STORIES if story not in FAILING]
# the stories in OpenAI's own shape, which `completion` below can put together; the others are about deviations
PLAIN = frozenset({
    "plain_text", "parallel_tools", "parallel_tools_interleaved", "reasoning_text_tools", "real_llamacpp_text",
    "refusal", "text_then_tool", "unicode_text", "usage_nets_cached",
})  # fmt: skip
VENDORS: tuple[Vendor, ...] = get_args(Vendor.__value__)
COUNTED = (b'"prompt_tokens"', b'"input_tokens"')
PIECE_BYTES = 61  # a prime: pieces end anywhere, in the middle of a line or of a character
QUESTION: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Tell me."}]


@pytest.fixture(params=DOORS)
def client(request: pytest.FixtureRequest, mitmdump: Proxy) -> Iterator[anthropic.Anthropic]:
    with official_client(request.param, mitmdump) as client:
        yield client


def name(story: Story) -> str:
    return story.folder.name if story in CHAT else story.name


def model(story: Story) -> str:
    target = story.target
    return target.name if story in CHAT else f"{OF_RESPONSES[target.provider]}/{target.model}"


def streamed(story: Story) -> Raw:
    recorded = story.backend_reply
    return Raw(tuple(recorded[start : start + PIECE_BYTES] for start in range(0, len(recorded), PIECE_BYTES)))


def whole(story: Story) -> Raw:
    body = json.dumps(completion(chunks(story.backend_reply))).encode()
    return Raw((body,), headers=(("content-type", "application/json"),))


def chunks(recorded: bytes) -> Iterator[Json]:
    for line in recorded.replace(b"\r\n", b"\n").split(b"\n"):
        if line.startswith(b"data:") and line != b"data: [DONE]":
            yield json.loads(line.removeprefix(b"data:"))


def completion(recorded: Iterable[Json]) -> Json:
    """The whole reply that a stream of OpenAI's own shape amounts to."""
    message: Json = {"role": "assistant", "content": None}
    calls: dict[int, Json] = {}
    result: Json = {"object": "chat.completion", "usage": None}
    finish = None
    for chunk in recorded:
        result["usage"] = chunk.get("usage") or result["usage"]
        for choice in chunk["choices"][:1]:
            finish = choice.get("finish_reason") or finish
            for name, value in choice["delta"].items():
                if isinstance(value, str) and name != "role":
                    message[name] = (message.get(name) or "") + value
            for fragment in choice["delta"].get("tool_calls") or []:
                empty = {"type": "function", "function": {"name": "", "arguments": ""}}
                call = calls.setdefault(fragment["index"], {"id": fragment.get("id"), **empty})
                for name, value in fragment["function"].items():
                    call["function"][name] += value or ""
    if calls:
        message["tool_calls"] = list(calls.values())
    return {**result, "choices": [{"index": 0, "message": message, "finish_reason": finish}]}


def essence(message: anthropic.types.Message, closed: set[int] | None = None) -> Json:
    """A message without what is made anew each time, and without blocks that were left open."""
    dumped: Json = message.model_dump(exclude={"id"}, exclude_none=True)
    if closed is not None:
        dumped["content"] = [block for index, block in enumerate(dumped["content"]) if index in closed]
    for block in dumped["content"]:
        block.pop("signature", None)
        block.pop("parsed_output", None)
        for field in ("id", "tool_use_id"):
            if block.get(field, "").startswith(("toolu_", "srvtoolu_")):
                block[field] = "made by us"
    return dumped


def asked(story: Story) -> Json:
    """The story's own tools, or form of the answer, where it depends on them; else as little as can be."""
    own = json.loads(story.client_request)
    minimal = {"model": model(story), "max_tokens": 1000, "messages": QUESTION}
    if "text_calls" in story.fields:
        minimal["tools"] = own["tools"]
    if name(story).startswith("form_"):
        minimal["output_config"] = {"format": own["output_config"]["format"]}
    return minimal


def ask(client: anthropic.Anthropic, story: Story) -> tuple[list[Any], anthropic.types.Message]:
    events: list[Any] = []
    with client.messages.stream(**asked(story)) as stream:
        events.extend(stream)
        return events, stream.get_final_message()


def play(backend: FakeBackend, story: Story, *replies: Raw) -> None:
    backend.script(*replies, vendor=next((each for each in VENDORS if each == story.target.provider), "openai"))


@pytest.mark.parametrize("story", FINISHED, ids=name)
def test_accumulates_every_transcript(client: anthropic.Anthropic, backend: FakeBackend, story: Story) -> None:
    play(backend, story, streamed(story), streamed(story))
    events, accumulated = ask(client, story)
    opened = [event.index for event in events if event.type == "content_block_start"]
    closed = [event.index for event in events if event.type == "content_block_stop"]
    assert opened == list(range(len(opened)))
    assert accumulated.stop_reason is not None
    assert len(accumulated.content) == len(opened)
    if accumulated.stop_reason != "max_tokens":  # a call cut at the limit is left open on purpose
        assert opened == closed
    if story.fields:  # the profile is that of the story
        golden = law.check((story.folder / "client.sse").read_bytes())
        kinds = [event["content_block"]["type"] for event in golden if event["type"] == "content_block_start"]
        assert kinds == [block.type for block in accumulated.content]
    collected = client.messages.create(**asked(story))
    expected = essence(accumulated, set(closed))
    if not any(
        counted in story.backend_reply for counted in COUNTED
    ):  # then it is estimated, from two requests that differ
        expected["usage"] = essence(collected)["usage"]
    assert essence(collected) == expected


@pytest.mark.parametrize("story", FAILING, ids=name)
def test_raises_where_a_reply_fails(client: anthropic.Anthropic, backend: FakeBackend, story: Story) -> None:
    play(backend, story, streamed(story))
    with pytest.raises((anthropic.APIStatusError, ValueError)) as raised:  # a ValueError: the call's JSON is broken
        ask(client, story)
    assert str(raised.value)


@pytest.mark.parametrize("story", [story for story in FINISHED if name(story) in PLAIN], ids=name)
def test_whole_reply_is_the_accumulated_stream(client: anthropic.Anthropic, backend: FakeBackend, story: Story) -> None:
    play(backend, story, streamed(story), whole(story))
    _, accumulated = ask(client, story)
    message = client.messages.create(**asked(story))
    assert essence(message) == essence(accumulated)
