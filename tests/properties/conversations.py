"""Requests that Claude Code might send: every block type, in every order that Anthropic takes, and in some others."""

import base64
from typing import Any

from hypothesis import strategies as st

from addon.dialects import Target
from addon.dialects.profiles import DocumentPart, Echo, Profile, ReasoningStyle, SchemaStyle, SystemTurns
from addon.protocol import signature
from tests.pdfs import encoded, pdf

type Json = dict[str, Any]

CACHE = st.sampled_from([{}, {"cache_control": {"type": "ephemeral"}}])
ODD_WORDS = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\u2028",
        "\0",
        "x" * 3000,
        "\ud83d lone \ude00",
        "Human: [DONE] <system-reminder>",
        "\U0001f469\u200d\U0001f4bb",
    ]
)
WORDS = ODD_WORDS | st.sampled_from(["a", "Go on.", '{"a": 1}', "\u4f60\u597d", "one\n\ntwo"]) | st.text(max_size=5)
SOME_WORDS = st.text(min_size=1, max_size=5)
# few, so that ids repeat; long ones and odd ones, as other backends give them
IDS = st.sampled_from(["toolu_01", "call_a", "call_b", "call_abc|fc_1:x", "c" * 41, "c" * 70, "ü"])
NAMES = st.sampled_from(["Bash", "Read", "mcp__server__" + "n" * 60, "mcp.dotted name", "DeferredToolPlaceholder", "ö"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
SIGNATURES = st.sampled_from(["", "ErUBCkYIBxgCIkD0", signature.seal("openai/gpt-5.5"), signature.seal("deepseek/v4")])
PNG = base64.b64encode(b"\x89PNG\r\n").decode()
READABLE = encoded(pdf("Words", None))
PDF = base64.b64encode(b"%PDF-1.4").decode()


def block(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """A block of one type, with or without a cache mark."""
    return st.builds(lambda mark, held: {"type": kind, **held, **mark}, CACHE, st.fixed_dictionaries(dict(fields)))


def source(**fields: str) -> st.SearchStrategy[Json]:
    return st.just(dict(fields))


TEXT = block("text", text=WORDS)
IMAGE = block(
    "image",
    source=source(type="base64", media_type="image/png", data=PNG)
    | source(type="url", url="https://example.com/a.png"),
)
DOCUMENT = block(
    "document",
    source=source(type="base64", media_type="application/pdf", data=PDF)
    | source(type="base64", media_type="application/pdf", data=READABLE)
    | source(type="base64", media_type="text/plain", data=PDF)
    | source(type="text", media_type="text/plain", data="words")
    | st.fixed_dictionaries({"type": st.just("content"), "content": WORDS | st.lists(TEXT, max_size=2)}),
    title=st.none() | WORDS,
)
REFERENCE = block("tool_reference", tool_name=NAMES)
SEARCH_RESULT = block("search_result", source=WORDS, title=WORDS, content=st.lists(TEXT, max_size=2))
RESULT_CONTENT = st.none() | WORDS | st.lists(TEXT | IMAGE | DOCUMENT | REFERENCE | SEARCH_RESULT, max_size=3)
TOOL_USE = block("tool_use", id=IDS, name=NAMES, input=st.dictionaries(WORDS, JSON, max_size=3))
THINKING = block("thinking", thinking=WORDS, signature=SIGNATURES)
REDACTED = block("redacted_thinking", data=st.just("EmwK"))


@st.composite
def tool_result(draw: st.DrawFn, ids: st.SearchStrategy[str] = IDS) -> Json:
    """A result, with and without its optional fields."""
    result: Json = {"type": "tool_result", "tool_use_id": draw(ids), **draw(CACHE)}
    if draw(st.booleans()):
        result["content"] = draw(RESULT_CONTENT)
    if draw(st.booleans()):
        result["is_error"] = draw(st.booleans())
    return result


CHANGE = st.builds(
    lambda kind, name: {"type": kind, "tool": {"type": "tool_reference", "name": name}},
    st.sampled_from(["tool_addition", "tool_removal"]),
    NAMES,
)


def message(role: str, *blocks: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    """A turn of `role`: a string or blocks."""
    content = WORDS | st.lists(st.one_of(*blocks), max_size=4)
    return st.builds(lambda content: {"role": role, "content": content}, content)


USER = message("user", TEXT, IMAGE, DOCUMENT, tool_result(), SEARCH_RESULT)
ASSISTANT = message("assistant", TEXT, TOOL_USE, TOOL_USE, THINKING, REDACTED)
SYSTEM = st.builds(
    lambda turn, effort: {**turn, **({"output_config": {"effort": effort}} if effort else {})},
    message("system", TEXT, CHANGE),
    st.sampled_from([None, "low", "medium", "max"]),
)


@st.composite
def answered(draw: st.DrawFn) -> list[Json]:
    """An assistant's turn and the user's, in which each call has its result, in some order, as the client sends it."""
    calls = draw(st.lists(TOOL_USE, max_size=3, unique_by=lambda call: call["id"]))
    before = draw(st.lists(TEXT | THINKING | REDACTED, max_size=2))
    results = [draw(tool_result(st.just(call["id"]))) for call in draw(st.permutations(calls))]
    turn: list[Json] = [
        {"role": "assistant", "content": [*before, *calls]},
        {"role": "user", "content": [*results, *draw(st.lists(TEXT | IMAGE, min_size=1, max_size=2))]},
    ]
    return turn + draw(st.lists(SYSTEM, max_size=1))


@st.composite
def history(draw: st.DrawFn) -> list[Json]:
    """A conversation as the client keeps it: it begins with the user and ends with the user or the system."""
    first = {"role": "user", "content": [{"type": "text", "text": draw(SOME_WORDS)}]}
    turns = [first, *draw(st.lists(SYSTEM, max_size=1))]
    for turn in draw(st.lists(answered(), max_size=4)):
        turns += turn
    return turns


JUMBLE = st.lists(USER | ASSISTANT | SYSTEM, min_size=1, max_size=7)  # any order at all
SCHEMAS = st.sampled_from(
    [
        {"type": "object", "properties": {"a": {"type": "string", "format": "uri"}}, "required": ["a"]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "additionalProperties": False},
        {"anyOf": [{"properties": {"a": {}}}, {"properties": {"b": {}}}], "type": "object"},
        {"allOf": [{"type": "object", "properties": {"a": {}}, "required": ["a"]}]},
        {"type": "object", "properties": {"type": {"const": "x"}, "properties": {"enum": [1]}}, "not": {}},
        {"type": ["object", "null"], "oneOf": [True]},
        {},
    ]
)


@st.composite
def tools(draw: st.DrawFn) -> list[Json]:
    """Tools with distinct names."""
    names = draw(st.lists(NAMES | st.just("Extra"), unique=True, max_size=4))
    return [
        {
            "name": name,
            "input_schema": draw(SCHEMAS),
            **draw(st.sampled_from([{}, {"description": ""}, {"description": "What it does."}])),
            **draw(
                st.sampled_from([{}, {"defer_loading": True}, {"type": "custom"}, {"type": None}, {"strict": True}])
            ),
            **draw(CACHE),
        }
        for name in names
    ]


@st.composite
def requests(draw: st.DrawFn, messages: st.SearchStrategy[list[Json]] | None = None) -> Json:
    """A request with any of the fields that the client has been seen to send, and some that it has not."""
    available = draw(tools())
    names = [tool["name"] for tool in available]
    choices: list[Json] = [{"type": "auto"}, {"type": "any"}, {"type": "none"}]
    choices += [{"type": "tool", "name": name} for name in names if name != "DeferredToolPlaceholder"]
    optional: dict[str, st.SearchStrategy[Any]] = {
        "system": WORDS
        | st.lists(TEXT, max_size=2)
        | st.just([{"type": "text", "text": "x-anthropic-billing-header: a"}]),
        "max_tokens": st.integers(1, 128_000),
        "stream": st.booleans(),
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(1, 99),
        "stop_sequences": st.lists(st.sampled_from(["</severity>", "STOP", "\n\n"]), max_size=6),
        "thinking": st.sampled_from(
            [
                {"type": "adaptive", "display": "updates"},
                {"type": "enabled", "budget_tokens": 31_999},
                {"type": "enabled", "budget_tokens": 2**63},
                {"type": "disabled"},
            ]
        ),
        "output_config": st.sampled_from(
            [
                {},
                {"effort": "max"},
                {"effort": "some new word"},
                {
                    "format": {
                        "type": "json_schema",
                        "schema": {"type": "object", "properties": {"a": {"type": "null"}}},
                    }
                },
                {"format": {"type": "json_schema", "schema": {"allOf": [{}]}}, "effort": "low"},
            ]
        ),
        "metadata": st.just({"user_id": "{}"}),
        "context_management": st.just({"edits": []}),
        "diagnostics": st.just({"previous_message_id": None}),
        "safeguards": st.just([{"type": "dangerous_tool_use"}]),
        "speed": st.just("fast"),
        "a_field_of_tomorrow": JSON,
    }
    body: Json = {
        "model": "claude-opus-5-5",
        "messages": draw(history() | JUMBLE if messages is None else messages),
        "tools": available,
    }
    if draw(st.booleans()):
        body["tool_choice"] = {**draw(st.sampled_from(choices)), "disable_parallel_tool_use": draw(st.booleans())}
    for name in draw(st.sets(st.sampled_from(sorted(optional)))):
        body[name] = draw(optional[name])
    return body


def strict(system_turns: SystemTurns = SystemTurns.ANYWHERE, **fields: Any) -> Target:
    """A target as strict as OpenAI."""
    profile = Profile(call_id_limit=40, system_turns=system_turns, **{"documents": True, **fields})
    return Target("openai", "gpt-4o", "https://api.openai.com/v1", profile, max_output_tokens=16_384)


TARGETS = st.sampled_from(
    [
        strict(),
        strict(SystemTurns.FIRST_ONLY),
        strict(system_role="developer", reasoning=ReasoningStyle.EFFORT, efforts=("low", "high"), effort_off="none"),
        strict(stop_limit=0, sampling=False, parallel_switch=False, json_schema=False),
    ]
)
EVERY_STYLE = st.builds(
    strict,
    st.sampled_from(SystemTurns),
    reasoning=st.sampled_from(ReasoningStyle),
    reasoning_echo=st.sampled_from([None, *Echo]),
    documents=st.booleans(),
    document_part=st.sampled_from(DocumentPart),
    images=st.booleans(),
    image_urls=st.booleans(),
    stop_limit=st.integers(0, 4),
    required_choice=st.sampled_from([None, "any", "required"]),
    named_choice=st.booleans(),
    stream_usage=st.booleans(),
    json_schema=st.booleans(),
    json_object=st.booleans(),
    tool_schema=st.sampled_from(SchemaStyle),
)
