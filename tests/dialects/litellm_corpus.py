"""What litellm and we are both asked to translate, besides the stories and the recorded calls.

Each request holds one thing: a type of block, a field, or a fault of litellm's that is known (its issue tracker, and
measured). Each reply is a whole `chat.completion`, as a backend gives it to who does not stream.
"""

from collections.abc import Mapping
from typing import Any

from tests.pdfs import encoded, pdf

type Json = dict[str, Any]

PNG = "iVBORw0KGgo="
PDF = encoded(pdf("Words of a PDF."))
SCHEMA: Json = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
TOOL: Json = {"name": "Look", "description": "Looks.", "input_schema": SCHEMA}
LONG_NAME = "mcp__a_server_with_a_long_name__" + "and_a_tool_with_a_longer_one_" * 2


def text(said: str, **fields: Any) -> Json:
    return {"type": "text", "text": said, **fields}


def image(**source: str) -> Json:
    return {"type": "image", "source": source}


def document(title: str | None = None, **source: Any) -> Json:
    return {"type": "document", "source": source, **({"title": title} if title else {})}


def call(name: str = "Look", call_id: str = "call_1", **arguments: Any) -> Json:
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def result(content: Any, call_id: str = "call_1", **fields: Any) -> Json:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Json) -> Json:
    return {"role": "assistant", "content": list(blocks)}


def ask(*turns: Json, **fields: Any) -> Json:
    return {"model": "claude-opus-5-5", "max_tokens": 1000, "messages": list(turns), **fields}


def asking(**fields: Any) -> Json:
    return ask(user(text("Go on.")), **fields)


def after(*results: Json, **fields: Any) -> Json:
    """A turn of results, and the calls that they answer."""
    calls = [call(call_id=result["tool_use_id"], a="b") for result in results]
    return ask(user(text("Look.")), assistant(*calls), user(*results, text("Go on.")), tools=[TOOL], **fields)


SEARCH_RESULT: Json = {"type": "search_result", "title": "T", "source": "https://a.b", "content": [text("Found.")]}
WEB_SEARCH: Json = {"type": "web_search_20250305", "name": "web_search", "max_uses": 8, "allowed_domains": ["a.b"]}

REQUESTS: Mapping[str, Json] = {
    # who says what
    "plain": ask({"role": "user", "content": "Hello"}),
    "system as text": asking(system="You help."),
    "system as blocks": asking(system=[text("You help."), text("Be brief.", cache_control={"type": "ephemeral"})]),
    "attribution": asking(system=[text("x-anthropic-billing-header: cc_version=2;"), text("You help.")]),
    "system turn": ask(user(text("Hi.")), {"role": "system", "content": "Be brief."}, assistant(text("Hi.")), user()),
    "several texts of the user": ask(user(text("One."), text("Two."))),
    "several texts of the model": ask(user(text("Hi.")), assistant(text("One."), text("Two.")), user(text("Go on."))),
    "two turns of the user": ask(user(text("One.")), user(text("Two."))),
    "words to continue": ask(user(text("Count.")), assistant(text("One, two"))),
    "an empty turn": ask(user(text("Hi.")), assistant(text("")), user(text("Go on."))),
    # media
    "image": ask(user(image(type="base64", media_type="image/png", data=PNG), text("What is it?"))),
    "image by address": ask(user(image(type="url", url="https://a.b/c.png"), text("What is it?"))),
    "image by file": ask(user(image(type="file", file_id="file_1"), text("What is it?"))),
    "document": ask(user(document(type="base64", media_type="application/pdf", data=PDF), text("What is it?"))),
    "document of text": ask(user(document("notes", type="text", media_type="text/plain", data="w"), text("What?"))),
    "document of blocks": ask(user(document(type="content", content=[text("Words.")]), text("What?"))),
    "document by address": ask(user(document(type="url", url="https://a.b/c.pdf"), text("What?"))),
    "search result": ask(user(SEARCH_RESULT, text("What?"))),
    "only a search result": ask(user(SEARCH_RESULT)),
    # calls and results
    "result": after(result("Seen.")),
    "result of blocks": after(result([text("Seen."), text("More.")])),
    "error": after(result("No such file.", is_error=True)),
    "empty result": after(result(None)),
    "results out of order": after(result("One."), result("Two.", "call_2")),
    "image in a result": after(result([text("Shot."), image(type="base64", media_type="image/png", data=PNG)])),
    "document in a result": after(result([document(type="base64", media_type="application/pdf", data=PDF)])),
    "document of text in a result": after(result([document(type="text", media_type="text/plain", data="w")])),
    "search result in a result": after(result([SEARCH_RESULT])),
    "reference in a result": after(result([{"type": "tool_reference", "tool_name": "Look"}])),
    "call without a result": ask(user(text("Look.")), assistant(call()), user(text("Stop.")), tools=[TOOL]),
    "result without a call": ask(user(result("Seen."), text("Go on.")), tools=[TOOL]),
    "text after a call": ask(
        user(text("Look.")), assistant(text("So:"), call(), text("Well.")), user(result("Seen.")), tools=[TOOL]
    ),
    "search of Anthropic's server": ask(
        user(text("Search.")),
        assistant(
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
            text("Found.", citations=[{"type": "web_search_result_location", "url": "https://a.b"}]),
        ),
        user(text("Go on.")),
    ),
    # thinking
    "thinking of Anthropic's": ask(
        user(text("Hi.")),
        assistant({"type": "thinking", "thinking": "Hm.", "signature": "ErUB"}, text("Hi.")),
        user(text("Go on.")),
    ),
    "redacted thinking": ask(
        user(text("Hi.")), assistant({"type": "redacted_thinking", "data": "EmwK"}, text("Hi.")), user(text("Go on."))
    ),
    "adaptive": asking(thinking={"type": "adaptive"}),
    **{
        f"effort {effort}": asking(thinking={"type": "adaptive"}, output_config={"effort": effort})
        for effort in ("low", "medium", "high", "xhigh", "max")
    },
    **{
        f"budget {budget}": asking(thinking={"type": "enabled", "budget_tokens": budget})
        for budget in (1_024, 4_096, 10_000, 31_999)
    },
    "thinking off": asking(thinking={"type": "disabled"}),
    "effort without thinking": asking(output_config={"effort": "low"}),
    # tools
    "tools": asking(tools=[TOOL, {"name": "Bare", "input_schema": {"type": "object"}}]),
    "schema of the client's": asking(
        tools=[
            {
                **TOOL,
                "input_schema": {
                    **SCHEMA,
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "additionalProperties": False,
                },
            }
        ]
    ),
    "alternatives at the top of a schema": asking(
        tools=[{**TOOL, "input_schema": {"anyOf": [SCHEMA, {"properties": {"b": {}}}]}}]
    ),
    "deferred tool": asking(tools=[{**TOOL, "defer_loading": True}]),
    "marked tool": asking(tools=[{**TOOL, "cache_control": {"type": "ephemeral"}, "type": "custom"}]),
    "tool streamed eagerly": asking(tools=[{**TOOL, "eager_input_streaming": True}]),
    "tool with examples": asking(tools=[{**TOOL, "input_examples": [{"a": "b"}]}]),
    "strict tool": asking(tools=[{**TOOL, "strict": True}]),
    "long name of a tool": asking(tools=[{**TOOL, "name": LONG_NAME}], tool_choice={"type": "tool", "name": LONG_NAME}),
    "odd name of a tool": asking(tools=[{**TOOL, "name": "mcp.look it up"}]),
    "search": asking(tools=[WEB_SEARCH]),
    "shell of Anthropic's": asking(tools=[{"type": "bash_20250124", "name": "bash"}]),
    "fetch of Anthropic's": asking(tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}]),
    **{
        f"choice {choice['type']}": asking(tools=[TOOL], tool_choice=choice)
        for choice in ({"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "Look"})
    },
    "one call at a time": asking(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    # knobs
    "sampling": asking(temperature=0.5, top_p=0.9),
    "top_k": asking(top_k=5),
    "stop": asking(stop_sequences=["a", "b"]),
    "more stops than OpenAI takes": asking(stop_sequences=["a", "b", "c", "d", "e"]),
    "stream": asking(stream=True),
    "trial of a model": ask({"role": "user", "content": "Hi"}, max_tokens=1),
    "user": asking(metadata={"user_id": "somebody"}),
    "form": asking(
        output_config={"format": {"type": "json_schema", "schema": {**SCHEMA, "additionalProperties": False}}}
    ),
    "form that is not strict": asking(output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
}


def completion(finish: str | None = "stop", usage: Json | None = None, **message: Any) -> Json:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}],
        "usage": USAGE if usage is None else usage,
    }


def asked_for(name: str, arguments: Any, call_id: str = "call_1") -> Json:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


USAGE: Json = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}

REPLIES: Mapping[str, Json] = {
    "text": completion(content="Hello."),
    "text of several lines": completion(content="One.\n\nTwo."),
    "no text": completion(content=""),
    "parts": completion(content=[{"type": "text", "text": "Hello."}]),
    "reasoning_content": completion(content="Hello.", reasoning_content="Hm."),
    "reasoning": completion(content="Hello.", reasoning="Hm."),
    "both names of reasoning": completion(content="Hello.", reasoning="Hm.", reasoning_content="Hm."),
    "a call": completion("tool_calls", content=None, tool_calls=[asked_for("Look", '{"a": "b"}')]),
    "text and calls": completion(
        "tool_calls",
        content="So:",
        tool_calls=[asked_for("Look", "{}"), asked_for("Look", '{"a": "c"}', "call_2")],
    ),
    "a call with an empty string": completion("tool_calls", content=None, tool_calls=[asked_for("Look", "")]),
    "a call with an object": completion("tool_calls", content=None, tool_calls=[asked_for("Look", {"a": "b"})]),
    "a call with half its arguments": completion("tool_calls", content=None, tool_calls=[asked_for("Look", '{"a": ')]),
    "a call that was cut": completion("length", content=None, tool_calls=[asked_for("Look", '{"a": ')]),
    "a call that ends with stop": completion(content=None, tool_calls=[asked_for("Look", "{}")]),
    "length": completion("length", content="Hel"),
    "filter": completion("content_filter", content="Hel"),
    "refusal": completion(content=None, refusal="No."),
    "a finish that nobody knows": completion("banana", content="Hello."),
    "no finish": completion(None, content="Hello."),
    "cached": completion(content="Hello.", usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 60}}),
    "cached, as DeepSeek says it": completion(
        content="Hello.", usage={**USAGE, "prompt_cache_hit_tokens": 60, "prompt_cache_miss_tokens": 40}
    ),
    "cached, as Moonshot says it": completion(content="Hello.", usage={**USAGE, "cached_tokens": 60}),
    "written to the cache": completion(
        content="Hello.", usage={**USAGE, "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 50}}
    ),
    "reasoning counted": completion(
        content="Hello.", usage={**USAGE, "completion_tokens_details": {"reasoning_tokens": 15}}
    ),
    "no usage": {key: value for key, value in completion(content="Hello.").items() if key != "usage"},
    "no choices": {**completion(content=""), "choices": []},
    "an error inside": {"error": {"message": "overloaded", "code": 503}},
}
