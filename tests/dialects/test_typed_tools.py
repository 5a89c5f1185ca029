"""Anthropic's typed tools, each by its row; the types are those of Anthropic's own package."""

import re
import typing
from typing import Any

import pytest
from anthropic.types import beta

from addon.dialects.losses import Loss
from addon.dialects.typed_tools import TYPED_TOOLS, Fate, demanded, is_typed, row_of, settle
from addon.dialects.web.search import wanted
from addon.protocol import messages
from addon.protocol.errors import Unsupported
from tests.searches import ASK, tool

type Json = dict[str, Any]

FATES = {
    "web_search_20250305": Fate.SEARCH,
    "web_search_20260318": Fate.SEARCH,
    "web_fetch_20260309": Fate.DROPPED,
    "code_execution_20260521": Fate.DROPPED,
    "tool_search_tool_regex_20251119": Fate.DROPPED,
    "tool_search_tool_bm25": Fate.DROPPED,
    "advisor_20260301": Fate.DROPPED,
    "mcp_toolset": Fate.REFUSED,
    "bash_20250124": Fate.REFUSED,
    "text_editor_20250728": Fate.REFUSED,
    "computer_20251124": Fate.REFUSED,
    "computer_toolset_20260801": Fate.REFUSED,
    "browser_toolset_20260801": Fate.REFUSED,
    "memory_20250818": Fate.REFUSED,
    "telepathy_20300101": Fate.REFUSED,
}


@pytest.mark.parametrize(("kind", "fate"), FATES.items())
def test_a_type_is_judged_by_how_it_begins(kind: str, fate: Fate) -> None:
    assert row_of(kind).fate is fate


def published() -> set[str]:
    """Every type that a tool may have, says Anthropic's own package, but for the one that is described in full."""
    types: set[str] = set()
    for shape in typing.get_args(beta.BetaToolUnionParam):
        kind = typing.get_type_hints(shape)["type"]
        types |= set(re.findall(r"'([a-z0-9_]+)'", str(kind)))
    return types - {"custom"}


def test_every_type_that_anthropic_publishes_has_a_row() -> None:
    assert len(published()) > 20
    assert [kind for kind in published() if not any(kind.startswith(start) for start in TYPED_TOOLS)] == []


def test_every_row_says_why() -> None:
    assert all(row.because for row in TYPED_TOOLS.values())


@pytest.mark.parametrize(
    ("described", "typed"), [({}, False), ({"type": None}, False), ({"type": "custom"}, False), ({"type": "x"}, True)]
)
def test_a_tool_that_is_described_in_full_is_not_typed(described: Json, typed: bool) -> None:
    assert is_typed({"name": "a", **described}) is typed


def test_a_tool_that_only_claude_can_call_is_refused() -> None:
    with pytest.raises(Unsupported) as caught:
        settle({"type": "bash_20250124", "name": "bash"}, 1, None, [])
    assert caught.value.path == "tools.1"
    assert 'the tool "bash_20250124" is known to Claude models alone' in caught.value.message


def test_a_tool_of_anthropics_servers_is_dropped_and_told() -> None:
    losses: list[Loss] = []
    settle({"type": "web_fetch_20260309", "name": "web_fetch"}, 2, None, losses)
    assert [(each.path, each.what) for each in losses] == [
        ("tools.2", 'the tool "web_fetch_20260309" runs on Anthropic\'s servers; the model is not told of it')
    ]


def asking(choice: Json | None, *tools: Json) -> messages.Request:
    turn = {"role": "user", "content": ASK}
    return messages.check({"model": "m", "messages": [turn], "tools": [*tools], "tool_choice": choice})


FETCH = {"type": "web_fetch_20260309", "name": "web_fetch"}
BY_NAME = {"type": "tool", "name": "web_search"}


def test_a_search_that_the_backend_makes_is_not_dropped() -> None:
    request = asking(None, FETCH, tool(), tool())
    losses: list[Loss] = []
    for index, each in enumerate(request.tools):
        settle(each, index, wanted(request), losses)
    assert [each.path for each in losses] == ["tools.0", "tools.2"]


@pytest.mark.parametrize(
    ("choice", "is_demanded"),
    [(None, False), ({"type": "auto"}, False), ({"type": "tool", "name": "Bash"}, False), (BY_NAME, True)],
)
def test_a_call_of_the_search_may_be_demanded(choice: Json | None, is_demanded: bool) -> None:
    request = asking(choice, {"name": "Bash"}, tool())
    assert demanded(request, wanted(request)) is is_demanded


@pytest.mark.parametrize("choice", [BY_NAME, {"type": "tool", "name": "web_fetch"}])
def test_a_demand_for_a_tool_that_the_model_is_not_told_of_is_refused(choice: Json) -> None:
    request = asking(choice, FETCH, tool())
    with pytest.raises(Unsupported) as caught:
        demanded(request, wanted(request) if choice["name"] == "web_fetch" else None)
    assert caught.value.path == "tool_choice"
