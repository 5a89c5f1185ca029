"""Facts from rows that are right, silent and wrong, and facts over other facts."""

from datetime import date
from typing import Any

import pytest

from addon.routing import facts
from addon.routing.facts import UNKNOWN, ModelFacts, Price

READ: list[tuple[dict[str, Any], ModelFacts]] = [
    ({}, UNKNOWN),
    ({"max_input_tokens": 400, "max_output_tokens": 40}, ModelFacts(400, 40)),
    ({"max_input_tokens": "many", "max_output_tokens": 0}, UNKNOWN),
    ({"mode": "responses"}, ModelFacts(mode="responses")),
    ({"mode": "embedding"}, UNKNOWN),
    ({"supports_function_calling": False, "supports_reasoning": True}, ModelFacts(tools=False, reasoning=True)),
    ({"supports_function_calling": "yes", "supports_web_search": None}, UNKNOWN),
    ({"supports_pdf_input": True, "supports_web_search": True}, ModelFacts(documents=True, search=True)),
    (
        {"thinking_always_on": True, "supports_forced_tool_use": False},
        ModelFacts(always_thinks=True, forced_call=False),
    ),
    ({"supported_endpoints": ["/v1/responses", 7]}, ModelFacts(endpoints=("/v1/responses",))),
    ({"supported_endpoints": []}, UNKNOWN),
    ({"deprecation_date": "2026-07-24"}, ModelFacts(ends=date(2026, 7, 24))),
    ({"deprecation_date": "soon"}, UNKNOWN),
    ({"deprecation_date": 2026}, UNKNOWN),
    ({"reasoning_effort_levels": ["max", "low", "odd"]}, ModelFacts(efforts=("low", "max"))),
    ({"reasoning_effort_levels": []}, ModelFacts(efforts=())),
    (
        {"supports_none_reasoning_effort": True, "supports_minimal_reasoning_effort": False},
        ModelFacts(efforts=("none", "low", "medium", "high")),
    ),
    ({"supports_low_reasoning_effort": False}, ModelFacts(efforts=("medium", "high"))),
    (
        {"output_cost_per_token": 1e-6, "output_cost_per_reasoning_token": 4e-6},
        ModelFacts(price=Price(None, 1.0, reasoning=4.0)),
    ),
    ({"input_cost_per_token": 0}, ModelFacts(price=Price(0.0))),
    ({"input_cost_per_token": "much", "output_cost_per_token": True, "cache_read_input_token_cost": -1}, UNKNOWN),
    (
        {"input_cost_per_token": 1e-6, "input_cost_per_token_above_200k_tokens": 2e-6},
        ModelFacts(price=Price(1.0, above=200_000, long=Price(2.0))),
    ),
    # who sees: some makers say it of each of their models that does
    ({"supports_vision": True}, ModelFacts(vision=True)),
    ({"supports_vision": "yes"}, UNKNOWN),
    ({"mode": "chat", "litellm_provider": "zai"}, ModelFacts(vision=False, mode="chat")),
    ({"mode": "chat", "litellm_provider": "perplexity"}, ModelFacts(mode="chat")),
    ({"mode": "audio_speech", "litellm_provider": "zai"}, UNKNOWN),
]  # fmt: skip


@pytest.mark.parametrize(("row", "known"), READ)
def test_a_row_tells_what_it_says_and_nothing_else(row: dict[str, Any], known: ModelFacts) -> None:
    assert facts.read(row) == known


def test_a_model_has_ended_on_the_day_that_it_ends() -> None:
    known = ModelFacts(ends=date(2026, 11, 27))
    assert [known.has_ended(date(2026, 11, day)) for day in (26, 27, 28)] == [False, True, True]
    assert not UNKNOWN.has_ended(date(2026, 11, 27))


OVER = [
    (UNKNOWN, UNKNOWN, UNKNOWN),
    (ModelFacts(1), ModelFacts(5, 6, Price(7.0)), ModelFacts(1, 6, Price(7.0))),
    (ModelFacts(1, 2, Price(3.0)), UNKNOWN, ModelFacts(1, 2, Price(3.0))),
    (ModelFacts(tools=False), ModelFacts(tools=True, reasoning=True), ModelFacts(tools=False, reasoning=True)),
    (
        ModelFacts(price=Price(0.0, cache_read=1.0)),
        ModelFacts(5, price=Price(7.0, 8.0)),
        ModelFacts(5, None, Price(0.0, 8.0, 1.0)),
    ),
    (  # what the user says holds for a long prompt too
        ModelFacts(price=Price(1.0)),
        ModelFacts(price=Price(2.0, 3.0, above=200, long=Price(4.0, 5.0, 6.0))),
        ModelFacts(price=Price(1.0, 3.0, above=200, long=Price(1.0, 5.0, 6.0))),
    ),
]


@pytest.mark.parametrize(("known", "other", "expected"), OVER)
def test_facts_lie_over_others(known: ModelFacts, other: ModelFacts, expected: ModelFacts) -> None:
    assert known.over(other) == expected
