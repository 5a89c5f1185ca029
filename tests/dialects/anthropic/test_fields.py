"""The table of what servers take of the Messages API."""

import pytest

from addon.dialects.anthropic import betas
from addon.dialects.anthropic.fields import BY_BUDGET, NO_EFFORT, ROWS, Fields, fields_of, needed
from addon.dialects.profiles import Takes


def test_every_sort_of_server_has_a_row() -> None:
    assert set(ROWS) == set(Takes)


def test_a_cloud_takes_the_fields_of_the_betas_that_it_knows_and_no_others() -> None:
    taken = {takes: ROWS[takes].body or frozenset() for takes in (Takes.FOUNDRY, Takes.VERTEX, Takes.BEDROCK)}
    assert all({"context_management", "safeguards", "metadata"} <= fields for fields in taken.values())
    assert not any({"diagnostics", "speed", "fallbacks"} & fields for fields in taken.values())
    assert {takes for takes, fields in taken.items() if "container" in fields} == {Takes.FOUNDRY}
    assert {takes for takes in taken if ROWS[takes].turn_config} == {Takes.FOUNDRY, Takes.VERTEX}
    assert {takes for takes in taken if ROWS[takes].tool_changes} == {Takes.BEDROCK}


OLDER = [
    ("claude-opus-5-5", {}),
    ("claude-opus-4-8", {}),
    ("claude-sonnet-4-6", {"system_turns": False}),
    ("anthropic/claude-opus-4.7", {"system_turns": False}),
    (
        "claude-sonnet-4@20250514",
        {"system_turns": False, "turn_config": False, "thinking": BY_BUDGET, "efforts": NO_EFFORT},
    ),
    ("claude-opus-4-5@20251101", {"system_turns": False, "turn_config": False, "thinking": BY_BUDGET}),
    (
        "us.anthropic.claude-haiku-4-5-20251001-v1:0",
        {"system_turns": False, "turn_config": False, "thinking": BY_BUDGET, "efforts": NO_EFFORT},
    ),
    ("claude-3-5-haiku", {"system_turns": False, "turn_config": False, "thinking": {}, "efforts": NO_EFFORT}),
]


@pytest.mark.parametrize(("model", "lacks"), OLDER)
def test_an_older_claude_lacks_what_came_after_it(model: str, lacks: dict[str, object]) -> None:
    row = fields_of(Takes.ALL, model, "claude-opus-5-5")
    differs = {
        name: getattr(row, name) for name in Fields.__slots__ if getattr(row, name) != getattr(ROWS[Takes.ALL], name)
    }
    assert differs == lacks


def test_what_the_client_says_to_the_model_that_it_asked_for_is_right() -> None:
    assert fields_of(Takes.ALL, "claude-haiku-4-5@20251001", "claude-haiku-4-5").is_everything


def test_the_betas_that_a_body_needs_are_told_by_its_fields() -> None:
    ask = {"role": "user", "content": "a"}
    assert needed({"messages": [ask], "thinking": {"type": "adaptive"}, "context_management": None}) == ()
    body = {
        "messages": [ask, {"role": "system", "content": [], "output_config": {"effort": "low"}}],
        "thinking": {"type": "adaptive", "display": "updates"},
        "context_management": {},
        "safeguards": [],
        "tools": [{"name": "a"}, {"name": "b", "defer_loading": True}],
    }
    assert needed(body) == (
        betas.CONTEXT_MANAGEMENT,
        betas.SAFEGUARDS,
        betas.SHOWN_UPDATES,
        betas.ADVANCED_TOOLS,
        betas.PER_TURN_CONTROL,
    )
