"""Every request that we build is one that the vendors' own types take, and those types are read strictly."""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import Target
from addon.protocol import messages, signature
from addon.protocol.errors import BadRequest, Unsupported
from addon.routing.backend import CHAT
from addon.routing.backends import BACKENDS
from tests import searches
from tests.dialects.vendor_types import ADDED, NARROWED, Row, violations
from tests.properties.conversations import requests
from tests.stories import every_story

type Json = dict[str, Any]

CALLS = Path(__file__).parent.parent / "routing" / "calls" / "claude_code.json"
RECORDED: list[bytes] = [json.dumps(entry["body"]).encode() for entry in json.loads(CALLS.read_text())]
STORIES = every_story("openai_chat")
MINIMAL = b'{"model": "m", "messages": [{"role": "user", "content": "Go on."}]}'


def every_target() -> Iterator[Target]:
    """Each provider that speaks chat-completions, as its row is, and as each family of its models changes the row."""
    for backend in BACKENDS.values():
        if backend.dialect == CHAT:
            base_url = backend.base_url or "https://backend.invalid/v1"
            yield Target(backend.name, "model", base_url, backend.profile)
            for pattern, fields in backend.by_model:
                yield Target(backend.name, pattern.pattern, base_url, replace(backend.profile, **fields))


TARGETS = list(every_target())


def thought(name: str, **state: Any) -> Json:
    """Thinking of one model, with what it may want back besides the words."""
    return {"type": "thinking", "thinking": "Hm.", "signature": signature.seal(name, state)}


DETAILS = [{"type": "reasoning.text", "text": "Hm."}]
SIGNED = {"google": {"thought_signature": "c2ln"}}
STATE = {"reasoning_details": DETAILS, "calls": {"call_1": SIGNED}}
CALLED = {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {}}
ANSWERED = {"type": "tool_result", "tool_use_id": "call_1", "content": "a"}
PDF = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}}
# a session in which every model has thought: each gets its own back
SHARED = {
    "model": "m",
    "thinking": {"type": "enabled", "budget_tokens": 4000},
    "messages": [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": [*(thought(each.name, **STATE) for each in TARGETS), CALLED]},
        {"role": "user", "content": [ANSWERED]},
        {"role": "assistant", "content": [*(thought(each.name) for each in TARGETS), {"type": "text", "text": "Yes."}]},
        {"role": "user", "content": "Go on."},
    ],
}
DOCUMENT = {"model": "m", "messages": [{"role": "user", "content": [PDF]}]}
SEARCH = searches.body(user_location={"type": "approximate", "country": "DE"})
MADE = [json.dumps(made).encode() for made in (SHARED, DOCUMENT, SEARCH)]
CORPUS = sorted({*RECORDED, *MADE, *(story.client_request for story in STORIES)})

# what the recorded requests do not ask for
WISHES: list[Json] = [
    {"stop_sequences": ["a", "b"]},
    {"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "any"}},
    {"tools": [{"name": "f", "input_schema": {}}], "tool_choice": {"type": "tool", "name": "f"}},
]
ASKED = [*CORPUS, *(json.dumps({**json.loads(MINIMAL), **wish}).encode() for wish in WISHES)]


def encoded(body: bytes, target: Target) -> bytes | None:
    """The request on the wire; None where the target cannot be told it."""
    with contextlib.suppress(Unsupported, BadRequest):
        return dialects.load(CHAT).encode(messages.parse(body), body, target).wire.body
    return None


GOOD: Json = {
    "model": "gpt-4o",
    "stream": True,
    "stream_options": {"include_usage": True},
    "max_completion_tokens": 100,
    "stop": ["a"],
    "temperature": 1,
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "any": {"key": 1}}}}],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "response_format": {"type": "json_schema", "json_schema": {"name": "o", "schema": {"any": "key"}, "strict": True}},
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": "t"}, {"type": "image_url", "image_url": {"url": "u"}}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c", "content": "r"},
        {"role": "user", "content": [{"type": "file", "file": {"filename": "a.pdf", "file_data": "d"}}]},
    ],
}

# what is done to the good request, and the path of the one fault that must be told
WRONG: list[tuple[Callable[[Json], Any], str]] = [
    (lambda body: body.update(system="s"), "system"),
    (lambda body: body.pop("model"), "model"),
    (lambda body: body.pop("messages"), "messages"),
    (lambda body: body.update(temperature="1"), "temperature"),
    (lambda body: body.update(max_completion_tokens=1.5), "max_completion_tokens"),
    (lambda body: body.update(reasoning_effort="some"), "reasoning_effort"),
    (lambda body: body["stream_options"].update(usage=True), "stream_options.usage"),
    (lambda body: body["messages"][0].update(role="root"), "messages.0"),
    (lambda body: body["messages"][0].update(cache_control={}), "messages.0.system.cache_control"),
    (lambda body: body["messages"][1].pop("content"), "messages.1.user.content"),
    (lambda body: body["messages"][2].update(reasoning_content=""), "messages.2.assistant.reasoning_content"),
    (lambda body: body["messages"][2]["tool_calls"][0].pop("id"), "messages.2.assistant.tool_calls.0.function.id"),
    (lambda body: body["messages"][2]["tool_calls"][0].update(type="tool"), "messages.2.assistant.tool_calls.0"),
    (
        lambda body: body["messages"][2]["tool_calls"][0]["function"].update(arguments={}),
        "messages.2.assistant.tool_calls.0.function.function.arguments",
    ),
    (lambda body: body["messages"][3].update(is_error=True), "messages.3.tool.is_error"),
    (lambda body: body["messages"][3].update(tool_call_id=1), "messages.3.tool.tool_call_id"),
    (lambda body: body["tools"][0].update(defer_loading=True), "tools.0.function.defer_loading"),
    (lambda body: body["tools"][0].update(type="bash_20250124"), "tools.0"),
    (lambda body: body["tools"][0]["function"].update(input_schema={}), "tools.0.function.function.input_schema"),
    (lambda body: body["response_format"].update(type="json"), "response_format"),
    (
        lambda body: body["response_format"]["json_schema"].update(type="object"),
        "response_format.json_schema.json_schema.type",
    ),
]

# the same in parts of a message's content, which may also be a string: the end of a path that must be told
WRONG_PARTS: list[tuple[Callable[[list[Json]], Any], str]] = [
    (lambda parts: parts[0].update(type="document"), "0"),
    (lambda parts: parts[0].update(cache_control={}), "0.text.cache_control"),
    (lambda parts: parts[0].pop("text"), "0.text.text"),
    (lambda parts: parts[1].update(image_url="u"), "1.image_url.image_url"),
    (lambda parts: parts[1]["image_url"].update(media_type="m"), "1.image_url.image_url.media_type"),
    (lambda parts: parts.append({"type": "file", "file": {"data": "d"}}), "2.file.file.data"),
]


def good() -> Json:
    return json.loads(json.dumps(GOOD))  # type: ignore[no-any-return]  # what a dict becomes


def paths(body: Json, provider: str = "openai") -> list[str]:
    return [fault.split(": ")[0] for fault in violations(provider, json.dumps(body).encode())]


def test_a_good_request_has_no_fault_streamed_or_not() -> None:
    assert paths(good()) == []
    assert paths({"model": "m", "messages": []}) == []
    assert paths({"model": "m", "messages": [], "stream": False}) == []


@pytest.mark.parametrize(("spoil", "path"), WRONG, ids=[path for _, path in WRONG])
def test_what_openai_does_not_know_is_a_fault_at_every_depth(spoil: Callable[[Json], Any], path: str) -> None:
    body = good()
    spoil(body)
    assert paths(body) == [path]


@pytest.mark.parametrize(("spoil", "path"), WRONG_PARTS, ids=[path for _, path in WRONG_PARTS])
def test_a_part_of_content_that_openai_does_not_know_is_a_fault(spoil: Callable[[list[Json]], Any], path: str) -> None:
    body = good()
    spoil(body["messages"][1]["content"])
    told = paths(body)
    assert any(fault.startswith("messages.1.user.content.list") and fault.endswith(f".{path}") for fault in told), told


def test_a_part_that_the_role_may_not_say_is_a_fault() -> None:
    for index, role in ((0, "system"), (3, "tool")):
        body = good()
        body["messages"][index]["content"] = [{"type": "image_url", "image_url": {"url": "u"}}]
        assert any(fault.startswith(f"messages.{index}.{role}.content") for fault in paths(body))


def test_only_its_vendor_knows_a_vendors_field_and_only_in_its_shape() -> None:
    body = {"model": "m", "messages": [{"role": "assistant", "content": "a", "reasoning_content": "r"}]}
    assert paths({**body, "thinking": {"type": "enabled"}}, "deepseek") == []
    assert paths({**body, "thinking": {"type": "enabled"}}) == ["messages.0.assistant.reasoning_content", "thinking"]
    assert paths({**body, "thinking": {"type": "adaptive"}}, "deepseek") == ["thinking"]
    assert paths({**body, "thinking": {"type": "enabled", "budget_tokens": 1}}, "deepseek") == ["thinking"]
    body["messages"][0]["reasoning_content"] = None  # type: ignore[index]  # a message, not a model
    assert paths(body, "deepseek") == ["messages.0.assistant.reasoning_content"]


def test_only_its_vendor_knows_a_vendors_part_and_only_in_its_shape() -> None:
    own = {"type": "document_url", "document_url": "u", "document_name": "n"}
    body: Json = {"model": "m", "messages": [{"role": "user", "content": [own, {"type": "text", "text": "t"}, own]}]}
    assert paths(body, "mistral") == []
    assert paths(body)
    own["page"] = "1"
    assert paths(body, "mistral")


@pytest.mark.parametrize("story", [pytest.param(story, id=story.name) for story in STORIES])
def test_the_request_of_a_story_has_its_vendors_types(story: Any) -> None:
    assert violations(story.target.provider, story.encode().wire.body) == []


@pytest.mark.parametrize("target", [pytest.param(target, id=target.name) for target in TARGETS])
def test_the_real_clients_calls_have_the_types_of_every_vendor(target: Target) -> None:
    sent = [wire for body in ASKED if (wire := encoded(body, target)) is not None]
    assert len(sent) > len(ASKED) / 2
    assert [fault for wire in sent for fault in violations(target.provider, wire)] == []


@given(requests(), st.sampled_from(TARGETS))
def test_any_translated_request_has_its_vendors_types(body: Json, target: Target) -> None:
    if wire := encoded(json.dumps(body).encode(), target):
        assert violations(target.provider, wire) == []


def named(rows: tuple[Row, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", rows, ids=lambda row: f"{row.path} of {' and '.join(row.providers)}")


@named(ADDED)
def test_what_a_vendor_adds_is_sent_to_each_of_its_providers(row: Row) -> None:
    rest = [other for other in ADDED if other is not row]
    for provider in row.providers:
        sent = (encoded(body, target) for target in TARGETS if target.provider == provider for body in CORPUS)
        assert any(violations(provider, wire, rest) for wire in sent if wire), f"{provider} is never sent it"


@named(NARROWED)
def test_what_a_vendor_refuses_is_sent_to_others(row: Row) -> None:
    not_narrowed = [target for target in TARGETS if target.name in ("openai/model", "deepinfra/model")]
    sent = (encoded(body, target) for target in not_narrowed for body in ASKED)
    faults = (violations("x", wire, narrowed=[replace(row, providers=("x",))]) for wire in sent if wire)
    assert any(told and told[0].startswith(row.path) for told in faults), "no request of the tests would break the row"
