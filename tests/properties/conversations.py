"""Requests that Claude Code might send: every block type, in every order that Anthropic takes, and in some others."""

from typing import Any

from hypothesis import strategies as st

from addon.dialects import Target
from addon.dialects.profiles import DocumentPart, Echo, Profile, ReasoningStyle, SchemaStyle, SearchStyle, SystemTurns
from addon.routing.backend import CHAT, NATIVE
from addon.routing.backends import BACKENDS
from tests import searches, stories
from tests.properties.blocks import (
    ANYTHING,
    CACHE,
    CHANGE,
    DEEP,
    DOCUMENT,
    IMAGE,
    JSON,
    NAMES,
    REDACTED,
    SEARCH_RESULT,
    SOME_WORDS,
    TEXT,
    THINKING,
    TOOL_USE,
    WORDS,
    Json,
    tool_result,
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


ANYONE = st.sampled_from(["user", "assistant", "system"]).flatmap(lambda role: message(role, ANYTHING))
JUMBLE = st.lists(USER | ASSISTANT | SYSTEM | ANYONE | ANYONE, min_size=1, max_size=7)  # any order at all
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


DOMAINS = st.lists(st.sampled_from(["a.example", "https://B.example/docs/", "", "*.c.example"]), max_size=3)
TYPED = st.builds(
    lambda options: searches.tool(**options),
    st.fixed_dictionaries(
        {},
        optional={
            "allowed_domains": DOMAINS | JSON,
            "blocked_domains": DOMAINS | JSON,
            "max_uses": st.integers(0, 9) | JSON,
            "user_location": st.just({"type": "approximate", "country": "DE"}) | JSON,
        },
    ),
) | st.sampled_from(
    [
        {"type": "web_fetch_20250910", "name": "web_fetch"},
        {"type": "code_execution_20250825", "name": "code_execution"},
        {"type": "mcp_toolset", "mcp_server_name": "a"},
        {"type": "memory_20250818", "name": "memory"},
        {"type": "a_tool_of_tomorrow", "name": "x"},
    ]
)


@st.composite
def requests(draw: st.DrawFn, messages: st.SearchStrategy[list[Json]] | None = None) -> Json:
    """A request with any of the fields that the client has been seen to send, and some that it has not."""
    available = draw(tools())
    if messages is None:
        available = draw(st.permutations([*available, *draw(st.just([]) | st.lists(TYPED, max_size=2))]))
    names = [tool["name"] for tool in available if "name" in tool]
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
                {"format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}},
            ]
        ),
        "metadata": st.just({"user_id": "{}"}),
        "context_management": st.just({"edits": []}),
        "diagnostics": st.just({"previous_message_id": None}),
        "safeguards": st.just([{"type": "dangerous_tool_use"}]),
        "speed": st.just("fast"),
        "a_field_of_tomorrow": JSON | DEEP,
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
    profile = Profile(**{"documents": True, "call_id_limit": 40, "system_turns": system_turns, **fields})
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
    echo_always=st.booleans(),
    budget_field=st.sampled_from([None, "thinking_budget"]),
    images=st.booleans(),
    image_urls=st.booleans(),
    documents=st.booleans(),
    document_part=st.sampled_from(DocumentPart),
    stop_limit=st.integers(0, 4),
    required_choice=st.sampled_from([None, "any", "required"]),
    named_choice=st.booleans(),
    stream_usage=st.booleans(),
    json_schema=st.booleans(),
    json_object=st.booleans(),
    tool_schema=st.sampled_from(SchemaStyle),
    search=st.sampled_from([None, *SearchStyle]),
    call_id_length=st.sampled_from([None, 9]),
)
# every row of the provider table, by names that bring out what each of its patterns changes
MODELS = (
    "m", "v4", "z-ai/glm-5.3", "openai/gpt-oss-120b", "gemini-3-pro", "gpt-5-search-api", "gpt-5-chat-latest", "o3",
    "gemini-2.5-pro", "gemini-2.0-flash", "gemini-3.8-flash", "gemma-3", "vertex_ai/claude-opus-5",
    "gemini/gemini-3-pro", "openai/gpt-5.5",
    "gpt-5", "gpt-5.5", "gpt-7", "kimi-k3", "kimi-k2.6", "qwen3.7-plus", "qwen3.6-plus", "qwen3-max", "qwen3-32b",
    "MiniMax-M2", "grok-4.5", "mistral-medium", "us.anthropic.claude-opus-5", "us.anthropic.claude-sonnet-4-6",
    "amazon.nova-2-lite-v1:0", "amazon.nova-pro-v1:0", "openai.gpt-oss-120b-1:0", "us.openai.gpt-6-sol",
    "deepseek.v3.2", "deepseek.v3-v1:0", "mistral.devstral-2-123b", "mistral.pixtral-large-2502-v1:0",
    "minimax.minimax-m2.5", "us.meta.llama4-scout-17b-instruct-v1:0",
)  # fmt: skip


def rows(dialect: str) -> st.SearchStrategy[Target]:
    """A target for each row of a dialect, and for each name that changes its profile."""
    made = [stories.target(row.name, model) for row in BACKENDS.values() if row.dialect == dialect for model in MODELS]
    distinct = {f"{target.provider} {target.profile}": target for target in reversed(made)}
    by_name = {target.name: target for target in distinct.values()}
    return st.sampled_from(sorted(by_name)).map(by_name.__getitem__)


CHAT_ROWS = rows(CHAT)
NATIVE_ROWS = rows(NATIVE)
