"""Every request that we build is one that OpenAI's own types take, and that its endpoint takes; and prompt caches hold.

The types are those of the `openai` package, closed at every level (`vendor_types`); the rules between items, which no
type says, are those of the scripted backend (`strict_responses`).
"""

import contextlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses.response_create_params import (
    ResponseCreateParamsNonStreaming,
    ResponseCreateParamsStreaming,
)
from pydantic_core import ValidationError

from addon import dialects
from addon.dialects import Target
from addon.protocol import messages, signature
from addon.protocol.errors import BadRequest, Unsupported
from addon.routing.backend import RESPONSES
from addon.routing.backends import BACKENDS
from tests import searches
from tests.dialects.test_prefix import RECORDED_SIGNATURE, SESSIONS, recorded
from tests.dialects.test_vendor_types import DOCUMENT, MINIMAL, RECORDED, WISHES
from tests.dialects.vendor_types import validator
from tests.end_to_end import strict_responses
from tests.properties.conversations import requests
from tests.stories import Story, every_story, target

type Json = dict[str, Any]

DIALECT = dialects.load(RESPONSES)
HEADERS = {"authorization": "Bearer key", "content-type": "application/json", "accept-encoding": "identity"}
SEALED = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAA"}
STATE = {"output": [{"item": SEALED}, {"phase": "commentary"}]}


def every_target() -> list[Target]:
    """Each row that speaks it, as each family of its models changes the row."""
    names = {row.name: [row.profile, *(replace(row.profile, **fields) for _, fields in row.by_model)]
             for row in BACKENDS.values() if row.dialect == RESPONSES}  # fmt: skip
    search = {name: BACKENDS[name].by_dialect[RESPONSES] for name in names}
    reasons = {True: "gpt-5.5", False: "gpt-4.1"}
    return [
        Target(
            name, reasons[profile.reasoning != "none"], "https://api.openai.com/v1", replace(profile, **search[name])
        )
        for name, profiles in names.items()
        for profile in profiles
    ]


TARGETS = every_target()
REASONER = target("openai", "gpt-5.5")


def violations(body: bytes) -> list[str]:
    """Every fault of one request."""
    request = orjson.loads(body)
    types = ResponseCreateParamsStreaming if request.get("stream") else ResponseCreateParamsNonStreaming
    faults = strict_responses.violations(HEADERS, request, key="key")
    try:
        validator(types).validate_python(request, strict=True)
    except ValidationError as error:
        faults += [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False)]
    return faults


def encoded(body: bytes, there: Target) -> bytes | None:
    """The request on the wire; None where the target cannot be told it."""
    with contextlib.suppress(Unsupported, BadRequest):
        return DIALECT.encode(messages.parse(body), body, there).wire.body
    return None


GOOD: Json = {
    "model": "gpt-5.5",
    "stream": True,
    "store": False,
    "include": ["reasoning.encrypted_content"],
    "instructions": "s",
    "reasoning": {"effort": "high", "summary": "auto"},
    "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": False}],
    "input": [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "t"}]},
        SEALED,
        {"type": "message", "role": "assistant", "content": "a", "phase": "commentary"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "r"},
    ],
}
WRONG: list[Callable[[Json], Any]] = [
    lambda body: body.update(system="s"),
    lambda body: body.update(max_output_tokens=1.5),
    lambda body: body["reasoning"].update(effort="some"),
    lambda body: body["tools"][0].update(input_schema={}),
    lambda body: body["tools"][0].pop("strict"),
    lambda body: body["input"][0].update(cache_control={}),
    lambda body: body["input"][0]["content"][0].update(cache_control={}),
    lambda body: body["input"][0]["content"][0].update(type="text"),
    lambda body: body["input"][1].update(signature="x"),
    lambda body: body["input"][2].update(phase="of the moon"),
    lambda body: body["input"][3].update(arguments={}),
    lambda body: body["input"][4].update(is_error=True),
    lambda body: body["input"][4].pop("output"),
    lambda body: body["input"].pop(2) and body["input"].pop(2),
]


@pytest.mark.parametrize("spoil", WRONG)
def test_what_openai_does_not_take_is_a_fault_at_every_depth(spoil: Callable[[Json], Any]) -> None:
    body = json.loads(json.dumps(GOOD))
    assert violations(orjson.dumps(body)) == []
    spoil(body)
    assert violations(orjson.dumps(body))


OWN = ("openai", "azure")
STORIES = [
    pytest.param(story, id=story.name)
    for story in every_story("openai_responses")
    if story.target.provider.startswith(OWN)
]


@pytest.mark.parametrize("story", STORIES)
def test_the_request_of_a_story_is_taken(story: Story) -> None:
    assert violations(story.encode().wire.body) == []


SEARCH = searches.body(user_location={"type": "approximate", "country": "DE"}, allowed_domains=["a.example"])
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": signature.seal(REASONER.name, STATE)}
CALLED = {"type": "tool_use", "id": "call_1", "name": "Bash", "input": {}}
THINKING = {
    "model": "m",
    "messages": [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": [THOUGHT, CALLED]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "a"}]},
    ],
}
MADE = [json.dumps(made).encode() for made in (DOCUMENT, SEARCH, THINKING)]
ASKED = sorted({*RECORDED, *MADE, *(json.dumps({**json.loads(MINIMAL), **wish}).encode() for wish in WISHES)})


@pytest.mark.parametrize("there", [pytest.param(there, id=f"{there.provider}-{n}") for n, there in enumerate(TARGETS)])
def test_the_real_clients_calls_are_taken(there: Target) -> None:
    sent = [wire for body in ASKED if (wire := encoded(body, there)) is not None]
    assert len(sent) > len(ASKED) / 2
    assert [fault for wire in sent for fault in violations(wire)] == []


@given(requests(), st.sampled_from([*TARGETS, REASONER]))
def test_any_translated_request_is_taken(body: Json, there: Target) -> None:
    if wire := encoded(json.dumps(body).encode(), there):
        assert violations(wire) == []


def told(body: str) -> Json:
    own = RECORDED_SIGNATURE.sub(f'"{signature.seal(REASONER.name, STATE)}"', body).encode()
    sent = DIALECT.encode(messages.parse(own), None, REASONER).wire.body
    assert violations(sent) == []
    wire: Json = orjson.loads(sent)
    return wire


@pytest.mark.parametrize("session", SESSIONS)
def test_what_was_said_stands_at_the_beginning_of_what_is_said_next(session: str) -> None:
    for earlier, later in pairwise(told(body) for body in recorded(session)):
        assert later["instructions"] == earlier["instructions"]
        for name in ("input", "tools"):
            assert later[name][: len(earlier[name])] == earlier[name]


def test_what_was_thought_is_said_again() -> None:
    thinking, silent = (
        told(body)
        for body in (recorded(SESSIONS[0])[1], re.sub(r'{"type": "thinking".*?"}, ', "", recorded(SESSIONS[0])[1]))
    )
    assert SEALED in thinking["input"]
    assert SEALED not in silent["input"]
