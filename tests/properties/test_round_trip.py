"""What a backend wants back comes back: on its turn, on its call, as it was, whoever answered in between."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import ReplyContext, Target
from addon.dialects.openai_chat.echo import NO_THOUGHTS, UNSIGNED
from addon.dialects.profiles import Echo
from addon.dialects.tools import ToolNames
from addon.protocol import messages, signature
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import collect
from addon.stream import StreamTranslator
from tests import law, stories
from tests.chunks import DONE, chunk, sse
from tests.properties.strategies import WORDS, Json

CHAT = dialects.load("openai_chat")
NATIVE = dialects.load("anthropic")
WANTING = {
    "deepseek/v4": Echo.REASONING_CONTENT,
    "groq/openai/gpt-oss-120b": Echo.REASONING,
    "openrouter/z-ai/glm-5.3": Echo.REASONING_DETAILS,
    "minimax/MiniMax-M3": Echo.REASONING_DETAILS,
    "mistral/m": Echo.THINKING_PARTS,
    "gemini-chat/gemini-3-pro": Echo.CALL_SIGNATURES,
}
SIBLINGS = (
    "openrouter/another",
    "gemini-chat/gemini-2.5-flash",
    "deepseek/v3",
)  # other models of some of the providers
OTHERS = ("vllm/m", *WANTING, *SIBLINGS)
TOOLS = st.sampled_from(["Bash", "9to5", "mcp__a__" + "n" * 70, "mcp.dotted"])
SIGNED = st.sampled_from([{}, *({"extra_content": {"google": {"thought_signature": f"sig-{n}"}}} for n in range(2))])


def target(name: str) -> Target:
    provider, _, model = name.partition("/")
    return stories.target(provider, model)


# -- what is said ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """Thoughts, parts of reasoning details, texts and calls of one reply, in their order; kind and value."""

    said: tuple[tuple[str, Json], ...]

    def of(self, kind: str) -> list[Json]:
        """What there is of a kind."""
        return [value for each, value in self.said if each == kind]

    @property
    def thought(self) -> str:
        """Every word of it."""
        shown = (value for kind, value in self.said if kind in ("reasoning_content", "reasoning_details"))
        return "".join(str(value.get("text", "")) for value in shown)

    def stream(self, names: ToolNames) -> bytes:
        """As the backend writes it, which knows the tools by their names on the wire."""
        chunks: list[Json] = []
        for kind, value in self.said:
            match kind:
                case "reasoning_details":
                    chunks.append(chunk({kind: [value]}))
                case "tool_calls":
                    function = {**value["function"], "name": names[value["function"]["name"]]}
                    chunks.append(chunk({kind: [{**value, "function": function}]}))
                case _:
                    chunks.append(chunk({kind: value["text"]}))
        return sse(*chunks, chunk({}, "tool_calls" if self.of("tool_calls") else "stop")) + DONE


# each part of the details has a number of its own, or they would be fragments of one
DETAIL = st.one_of(
    st.builds(
        lambda sealed, more: {"type": "reasoning.encrypted", "data": sealed, **more},
        WORDS,
        st.sampled_from([{}, {"format": "openai-responses-v1"}, {"id": "rs_1"}]),
    ),
    st.builds(lambda text: {"type": "reasoning.text", "text": text, "format": "google-gemini-v1"}, WORDS).map(
        lambda part: {**part, "signature": "s"}
    ),
)
CALL = st.builds(
    lambda name, arguments, extra: {"function": {"name": name, "arguments": json.dumps(arguments)}, **extra},
    TOOLS,
    st.dictionaries(WORDS, WORDS, max_size=2),
    SIGNED,
)
SPOKEN = WORDS.map(lambda text: {"text": text})
ONE = st.one_of(
    st.tuples(st.just("reasoning_content"), SPOKEN),
    st.tuples(st.just("content"), SPOKEN),
    st.tuples(st.just("reasoning_details"), DETAIL),
    st.tuples(st.just("tool_calls"), CALL),
    st.tuples(st.just("tool_calls"), CALL),
)
REPLIES = st.lists(ONE, min_size=1, max_size=6).map(
    lambda said: Reply(
        tuple(
            (kind, {**value, "index": place, **({"id": f"call_{place}"} if kind == "tool_calls" else {})})
            for place, (kind, value) in enumerate(said)
        )
    )
)


# -- what becomes of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One reply as the client keeps it, who gave it, and what of it was told as unread."""

    name: str
    reply: Reply
    content: list[Json]
    unread: frozenset[str]

    @property
    def says_something(self) -> bool:
        """Whether the client keeps it: one of thinking alone it forgets."""
        return any(block["type"] in ("text", "tool_use") for block in self.content)


def turn(name: str, reply: Reply, *, shows_thinking: bool) -> Turn:
    names = ToolNames()
    stream = reply.stream(names)
    writer = EventWriter("msg_1", "claude-opus-5-5", name, shows_thinking=shows_thinking)
    context = ReplyContext(target(name), "x1", tool_names=names.shortened)
    written = stories.translated(StreamTranslator(CHAT.decoder(context), writer), [stream])
    law.check(written)
    return Turn(name, reply, kept(collect(written)["content"]), frozenset(writer.unread))


def kept(content: list[Json]) -> list[Json]:
    """As Claude Code sends it back: calls before the first thinking stand behind it (docs/protocol.md, "Requests")."""
    first = next((place for place, block in enumerate(content) if block["type"] == "thinking"), len(content))
    early = [block for block in content[:first] if block["type"] == "tool_use"]
    rest = [block for block in content[:first] if block["type"] != "tool_use"]
    return [*rest, *content[first : first + 1], *early, *content[first + 1 :]]


def history(turns: Iterable[Turn]) -> bytes:
    told: list[Json] = [{"role": "user", "content": "Begin."}]
    for each in turns:
        calls = [block["id"] for block in each.content if block["type"] == "tool_use"]
        results = [{"type": "tool_result", "tool_use_id": call_id, "content": "ok"} for call_id in calls]
        told.append({"role": "assistant", "content": each.content})
        told.append({"role": "user", "content": [*results, {"type": "text", "text": "Go on."}]})
    return json.dumps({"model": "claude-opus-5-5", "messages": told}).encode()


def heard(name: str, body: bytes) -> list[Json]:
    """The assistant's messages, as a backend is told them."""
    wire = CHAT.encode(messages.parse(body), body, target(name)).wire.body
    return [message for message in orjson.loads(wire)["messages"] if message["role"] == "assistant"]


# -- what must be so ---------------------------------------------------------------------------------------------------


def check_calls(said: Turn, message: Json) -> None:
    names = ToolNames()
    calls = [call["function"] for call in message.get("tool_calls", [])]
    told = [(call["name"], json.loads(call["arguments"])) for call in calls]
    asked = [call["function"] for call in said.reply.of("tool_calls")]
    assert told == [(names[call["name"]], json.loads(call["arguments"])) for call in asked]


def check_own(said: Turn, message: Json) -> None:
    """What was thought in a turn is what its thinker hears of it; what came behind the answer was told as unread."""
    match WANTING[said.name]:
        case Echo.REASONING_CONTENT | Echo.REASONING as field:
            assert is_said(message.get(field, ""), said.reply.thought, cut="reasoning" in said.unread)
        case Echo.THINKING_PARTS:
            parts = message["content"] if isinstance(message["content"], list) else []
            thoughts = [each["text"] for part in parts if part["type"] == "thinking" for each in part["thinking"]]
            assert is_said("".join(thoughts), said.reply.thought, cut="reasoning" in said.unread)
        case Echo.REASONING_DETAILS:
            told, parts = message.get("reasoning_details", []), said.reply.of("reasoning_details")
            assert told == (parts[: len(told)] if "reasoning state" in said.unread else parts)
        case Echo.CALL_SIGNATURES:
            told = [call.get("extra_content") for call in message.get("tool_calls", [])]
            signed = [call.get("extra_content") for call in said.reply.of("tool_calls")]
            assert told == (signed if any(signed) else [UNSIGNED, *signed][: len(signed)])
        case unknown:
            raise AssertionError(unknown)


def is_said(told: str, thought: str, *, cut: bool) -> bool:
    """Whether the words are the same, apart from the blanks between blocks."""
    told, thought = "".join(told.split()), "".join(thought.split())
    return thought.startswith(told) if cut else told == thought


@given(st.data(), st.sampled_from(sorted(WANTING)), st.lists(REPLIES, min_size=1, max_size=4), st.booleans())
def test_each_backend_hears_what_it_thought_itself_and_nothing_of_another(
    data: st.DataObject, name: str, replies: list[Reply], shows_thinking: bool
) -> None:
    answering = st.sampled_from([*OTHERS, name, name, name])
    turns = [turn(data.draw(answering), reply, shows_thinking=shows_thinking) for reply in replies]
    turns = [each for each in turns if each.says_something]
    if not turns:
        return
    for said, message in zip(turns, heard(name, history(turns)), strict=True):
        check_calls(said, message)
        if said.name == name:
            check_own(said, message)
            continue
        assert "reasoning_details" not in message
        assert "sig-" not in json.dumps([call.get("extra_content") for call in message.get("tool_calls", [])])
        if said.name.partition("/")[0] != name.partition("/")[0]:
            assert "reasoning" not in message
            assert message.get("reasoning_content", NO_THOUGHTS) == NO_THOUGHTS


@given(st.lists(st.tuples(st.sampled_from(OTHERS), REPLIES), min_size=1, max_size=3), st.booleans())
def test_a_session_that_goes_to_a_native_backend_takes_no_seal_along(
    said: list[tuple[str, Reply]], shows_thinking: bool
) -> None:
    turns = [turn(name, reply, shows_thinking=shows_thinking) for name, reply in said]
    body = history(each for each in turns if each.says_something)
    for name in ("anthropic/claude-opus-5-5", "zai-anthropic/glm-5.3"):
        sent = messages.parse(NATIVE.encode(messages.parse(body), body, target(name)).wire.body)
        blocks = [block for each in sent.messages if each["role"] == "assistant" for block in each["content"]]
        assert not any(block["type"] == "thinking" for block in blocks)
        assert not any(str(block.get("citations")).count(signature.PREFIX) for block in blocks)
        assert all(each["content"] for each in sent.messages)
