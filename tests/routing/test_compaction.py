"""When the client compacts, and what makes it do so in time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.routing.call import Call
from addon.routing.compaction import OWN_PROMPT, SHARE, WINDOW, fires_at, leading, needed, plan
from addon.routing.settings import Decider, Settings
from addon.settings.assembly import configure
from addon.settings.document import Document

# environment -> the tokens of the last reply from which on it compacts; bisected to 200 tokens with Claude Code 2.1.329
MEASURED: list[tuple[dict[str, str], int]] = [
    ({}, 967_000),
    ({WINDOW: "100000"}, 67_000),
    ({WINDOW: "131072"}, 98_072),
    ({WINDOW: "200000"}, 167_000),
    ({WINDOW: "50000"}, 67_000),
    ({WINDOW: "100000", SHARE: "50"}, 40_000),
    ({WINDOW: "100000", SHARE: "32"}, 25_600),
    ({WINDOW: "100000", SHARE: "25"}, 20_000),
    ({WINDOW: "100000", SHARE: "90"}, 67_000),
    ({SHARE: "3"}, 29_400),
]


@pytest.mark.parametrize(("environment", "tokens"), MEASURED)
def test_the_client_compacts_where_it_was_seen_to(environment: dict[str, str], tokens: int) -> None:
    assert fires_at(environment) == tokens


@pytest.mark.parametrize("text", ["", "many", "-5", "0", "\u0665", "1e5"])
def test_what_is_no_number_has_no_effect(text: str) -> None:
    assert fires_at({WINDOW: text, SHARE: text}) == 967_000


def test_more_than_all_is_no_share_and_more_than_a_million_no_window() -> None:
    assert fires_at({WINDOW: "2000000", SHARE: "101"}) == 967_000


PLANS = [
    (2_000_000, 967_000, ""),
    (1_000_000, 967_000, ""),
    (999_999, 966_999, f"{WINDOW}=999999"),
    (262_144, 229_144, f"{WINDOW}=262144"),
    (131_072, 98_072, f"{WINDOW}=131072"),
    (100_000, 67_000, f"{WINDOW}=100000"),
    (99_999, 66_400, f"{WINDOW}=100000 {SHARE}=83"),
    (65_536, 43_200, f"{WINDOW}=100000 {SHARE}=54"),
    (32_768, 21_600, f"{WINDOW}=100000 {SHARE}=27"),
    (24_000, 16_000, f"{WINDOW}=100000 {SHARE}=20"),
    (23_999, 15_200, ""),
    (2_048, 800, ""),
    (1, 800, ""),
]


@pytest.mark.parametrize(("window", "at", "assignments"), PLANS)
def test_a_window_is_told_in_the_clients_words(window: int, at: int, assignments: str) -> None:
    made = plan("a/b", window)
    assert (made.at, made.assignments) == (at, assignments)
    assert made.is_too_small is (window < 24_000)


@given(st.integers(24_000, 2_000_000))
def test_the_client_compacts_before_any_window_is_full_and_not_long_before(window: int) -> None:
    made = plan("a/b", window)
    assert fires_at(made.variables) == made.at
    assert OWN_PROMPT <= made.at <= window - min(33_000, window // 3)
    assert made.at >= min(967_000, window - 33_000 - 800, window * 2 // 3 - 800)


def settings(**written: Any) -> Settings:
    values = {"OPENAI_API_KEY": "k", "GROQ_API_KEY": "k", "GEMINI_API_KEY": "k"}
    return configure(Document.model_validate(written), values, lambda path: "detour.yaml").settings()


MODELS = {
    "ollama/a": {"window": 65_536},
    "ollama/b": {"window": 131_072},
    "ollama/c": {"window": 200_000},
    "ollama/large": {"window": 2_000_000},
    "ollama/told": {"window": 32_768, "report_window": 120_000},
}
LONG = {"tokens_at_least": 60_000}
NEEDED: dict[str, tuple[dict[str, Any], tuple[str, int] | None]] = {
    "nothing is configured": ({}, None),
    "all is Anthropic's": ({"big": "anthropic"}, None),
    "one for all": ({"big": "ollama/b"}, ("ollama/b", 131_072)),
    "the smaller of two": ({"big": "ollama/b", "middle": "ollama/a"}, ("ollama/a", 65_536)),
    "what is short has no say": ({"big": "ollama/b", "small": "ollama/a"}, ("ollama/b", 131_072)),
    "the large have none either": ({"big": "ollama/large", "middle": "anthropic"}, None),
    "an unknown window": ({"big": "ollama/unknown"}, None),
    "an unknown window beside a known one": ({"big": "ollama/unknown", "middle": "ollama/b"}, ("ollama/b", 131_072)),
    "as it is reported": ({"big": "ollama/told", "middle": "ollama/b"}, ("ollama/told", 120_000)),
    "a rule for what is long": (
        {"big": "ollama/a", "routes": [{"when": LONG, "to": "ollama/c"}]},
        ("ollama/c", 200_000),
    ),
    "a rule for what is too long anyway": (
        {"big": "ollama/a", "routes": [{"when": {"tokens_at_least": 70_000}, "to": "ollama/c"}]},
        ("ollama/a", 65_536),
    ),
    "a rule for main calls": (
        {"big": "ollama/c", "routes": [{"when": {"kind": "main"}, "to": "ollama/b"}]},
        ("ollama/b", 131_072),
    ),
    "a rule for others": (
        {"big": "ollama/c", "routes": [{"when": {"kind": "subagent"}, "to": "ollama/a"}]},
        ("ollama/c", 200_000),
    ),
    "what is long goes to Anthropic": (
        {"big": "ollama/a", "routes": [{"when": LONG, "to": "anthropic"}]},
        None,
    ),
    "what goes round in circles": (
        {
            "big": "ollama/a",
            "routes": [
                {"when": {"tokens_at_least": 150_000}, "to": "ollama/a"},
                {"when": LONG, "to": "ollama/b"},
            ],
        },
        ("ollama/b", 131_072),
    ),
    "a block": ({"big": "ollama/a", "routes": [{"when": {"tier": "opus"}, "block": "No."}]}, ("ollama/a", 65_536)),
}


@pytest.mark.parametrize(("written", "expected"), NEEDED.values(), ids=NEEDED)
def test_the_smallest_window_that_leads_a_conversation_decides(
    written: dict[str, Any], expected: tuple[str, int] | None
) -> None:
    found = needed(settings(models=MODELS, **written))
    assert (found and (found.model, found.window)) == expected


def test_a_window_that_nobody_knows_is_told_as_that() -> None:
    found = leading(settings(models=MODELS, big="ollama/unknown", middle="ollama/b"))
    assert {name: each and each.window for name, each in found.items()} == {"ollama/unknown": None, "ollama/b": 131_072}


def test_the_users_function_is_not_asked() -> None:
    def decide(call: Call) -> str:
        raise AssertionError

    asked = replace(settings(models=MODELS, big="ollama/b"), decider=Decider("f.py:decide", decide))
    assert [*leading(asked)] == ["ollama/b"]
