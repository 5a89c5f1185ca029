"""Recorded sessions of the real client: what a backend was told stands at the beginning of what it is told next.

So a backend's prompt cache holds, whatever the client varies from request to request: its attribution, the place of
its cache marks, texts as strings or as blocks, the effort of a turn, the place of the tools that it loads on the way.
"""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest

from addon import dialects
from addon.dialects import Target
from addon.dialects.openai_chat.echo import CALLS, DETAILS
from addon.dialects.profiles import Profile
from addon.protocol import messages, signature
from addon.routing.backend import CHAT, NATIVE
from addon.routing.backends import BACKENDS
from tests import stories
from tests.stories import FOLDER

type Said = list[bytes]

RECORDED_SIGNATURE = re.compile(r'"REAL\d"')
STATE = {
    DETAILS: [{"type": "reasoning.text", "text": "A."}],
    CALLS: {"toolu_1": {"google": {"thought_signature": "B"}}},
}
SESSIONS = sorted(path.stem for path in (FOLDER / "sessions").glob("*.json"))


def profiles() -> Iterator[tuple[str, Profile]]:
    """Every row of the provider table that speaks chat-completions, and what the names of models change of it."""
    for row in BACKENDS.values():
        if row.dialect == CHAT:
            yield row.name, row.profile
            yield from ((f"{row.name}/{name.pattern}", replace(row.profile, **fields)) for name, fields in row.by_model)


PROFILES = dict(profiles())


@functools.cache
def recorded(session: str) -> list[str]:
    """The bodies of the session's requests, in order."""
    return [json.dumps(body) for body in json.loads((FOLDER / "sessions" / f"{session}.json").read_text())]


def told(body: str, name: str) -> tuple[Said, Said]:
    """The messages, of which the system prompt is the first, and the tools; what was thought is the backend's own."""
    target = Target(name.partition("/")[0], "model", "https://backend.invalid/v1", PROFILES[name])
    own = RECORDED_SIGNATURE.sub(f'"{signature.seal(target.name, STATE)}"', body)
    wire = orjson.loads(dialects.load(CHAT).encode(messages.parse(own.encode()), None, target).wire.body)
    return [orjson.dumps(message) for message in wire["messages"]], [orjson.dumps(tool) for tool in wire["tools"]]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("session", SESSIONS)
def test_what_was_said_stands_at_the_beginning_of_what_is_said_next(session: str, name: str) -> None:
    for earlier, later in pairwise(told(body, name) for body in recorded(session)):
        for before, after in zip(earlier, later, strict=True):
            assert after[: len(before)] == before


@pytest.mark.parametrize("name", [name for name, profile in PROFILES.items() if profile.reasoning_echo])
def test_what_was_thought_is_said_again(name: str) -> None:
    said, _ = told(recorded(SESSIONS[0])[1], name)
    unthought, _ = told(re.sub(r'{"type": "thinking".*?"}, ', "", recorded(SESSIONS[0])[1]), name)
    assert len(said) == len(unthought)
    assert said != unthought


@pytest.mark.parametrize("session", SESSIONS)
def test_the_system_prompt_of_a_native_backend_stays_the_same(session: str) -> None:
    there = stories.target("deepseek-anthropic", "deepseek-v4-pro")
    bodies = [body.encode() for body in recorded(session)]
    sent = [dialects.load(NATIVE).encode(messages.parse(body), body, there).wire.body for body in bodies]
    assert len({orjson.dumps(orjson.loads(body)["system"]) for body in sent}) == 1


NATIVES = sorted(
    {row.profile.takes: row.name for row in reversed(list(BACKENDS.values())) if row.dialect == NATIVE}.values()
)


def shown(body: str, name: str) -> tuple[Said, Said]:
    """What each turn says, and the tools; where the client wants a cache is its own affair, and moves."""
    there = stories.target(name, "model")
    own = RECORDED_SIGNATURE.sub(f'"{signature.seal(there.name, {"native": "c"})}"', body).encode()
    wire = orjson.loads(dialects.load(NATIVE).encode(messages.parse(own), own, there).wire.body)
    turns = [(turn["role"], block) for turn in wire["messages"] for block in turn_blocks(turn)]
    return [orjson.dumps(said) for said in turns], [orjson.dumps(tool) for tool in wire["tools"]]


def turn_blocks(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a turn without their marks."""
    content = turn["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return [{key: value for key, value in block.items() if key != "cache_control"} for block in blocks]


@pytest.mark.parametrize("name", [name for name in NATIVES if not BACKENDS[name].profile.claude])
@pytest.mark.parametrize("session", SESSIONS)
def test_what_was_said_to_a_native_backend_stands_at_the_beginning_of_what_is_said_next(
    session: str, name: str
) -> None:
    for earlier, later in pairwise(shown(body, name) for body in recorded(session)):
        for before, after in zip(earlier, later, strict=True):
            assert after[: len(before)] == before


@pytest.mark.parametrize("session", SESSIONS)
def test_the_client_itself_rewrites_what_it_said(session: str) -> None:
    bodies = [json.loads(body) for body in recorded(session)]
    for field in ("messages", "tools"):
        kept = [later[field][: len(earlier[field])] == earlier[field] for earlier, later in pairwise(bodies)]
        assert not all(kept), f"this session proves nothing about {field}"
