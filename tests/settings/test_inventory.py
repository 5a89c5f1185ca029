"""What is in force, as rows for people: each with its origin, none with a key."""

from collections.abc import Mapping
from typing import Any

import pytest

from addon.routing.call import Kind
from addon.routing.config import Slot
from addon.routing.settings import Decider
from addon.settings import inventory
from addon.settings.assembly import configure
from addon.settings.document import Document
from addon.settings.inventory import Row
from addon.settings.switch import Switch

KEY = "sk-never-shown-0123456789"
PASSING = [Row(tier, "anthropic", "no model is set") for tier in ("opus", "sonnet", "haiku")]


def place(path: tuple[str | int, ...]) -> str:
    return f"at {'.'.join(map(str, path))}"


def rows(
    written: Mapping[str, Any],
    values: Mapping[str, str] | None = None,
    switch: Switch | None = None,
    decider: Decider | None = None,
) -> list[Row]:
    values = values or {}
    origins = dict.fromkeys(values, ".env")
    made = configure(
        Document.model_validate(written),
        values,
        place,
        lambda credential: KEY,
        decider,
        lambda name: origins.get(name, ""),
    )
    found = list(inventory.rows(made, made.settings(switch), switch))
    assert KEY not in repr(found)
    return found


def test_with_nothing_written_everything_passes() -> None:
    assert rows({}) == PASSING


BOX = {"address": "http://box/v1"}
PRICE = {"input": 0.1, "output": 2, "cache_read": 0, "cache_write": 1, "cache_write_hour": 3, "reasoning": 4}
LITERAL = "${detour.yaml: credential}"
ROWS: list[tuple[dict[str, Any], dict[str, str], Switch, list[Row]]] = [
    # who answers
    ({"big": "vllm/a"}, {}, Switch(), [Row("opus", "vllm/a", "big (at big)"), Row("sonnet", "vllm/a", "big (at big)")]),
    ({}, {"SMALL_MODEL": "vllm/a"}, Switch(), [Row("haiku", "vllm/a", "SMALL_MODEL, .env")]),
    ({"provider": "vllm"}, {}, Switch(), [Row("provider", "vllm", "at provider")]),
    ({}, {"PREFERRED_PROVIDER": "kimi"}, Switch(), [Row("provider", "moonshot", "PREFERRED_PROVIDER, .env")]),
    ({}, {}, Switch(models={Slot.SMALL: "vllm/a"}), [Row("haiku", "vllm/a", "small (chosen while running)")]),
    ({"small": ["vllm/a", "anthropic"]}, {}, Switch(), [Row("haiku", "vllm/a, then anthropic", "small (at small)")]),
    ({"preset": "anthropic_pure"}, {}, Switch(), [Row("preset", "anthropic_pure", "at preset")]),
    ({"preset": "glm"}, {}, Switch("anthropic_pure"), [Row("preset", "anthropic_pure", "chosen while running")]),
    ({}, {}, Switch("anthropic_pure"), [Row("haiku", "anthropic", "small (preset anthropic_pure)")]),
    # rules
    (
        {"routes": [{"name": "n", "to": "vllm/a"}, {"when": {"kind": "title"}, "block": "no"}]},
        {},
        Switch(blocked=(Kind.COUNT,)),
        [
            Row("rule 2", "n: it asks for nothing → vllm/a", "at routes.0"),
            Row("rule 3", "route 2: the kind is title → blocked: no", "at routes.1"),
        ],
    ),
    ({"record_folders": ["/a", "/b"]}, {}, Switch(), [Row("record_folders", "/a, /b", "at record_folders")]),
    # models
    ({"models": {"m": ["vllm/a", "vllm/b"]}}, {}, Switch(), [Row("models.m", "vllm/a, then vllm/b", "at models.m")]),
    (
        {"models": {"vllm/a": {"window": 131072, "report_window": 400000, "price": PRICE}}},
        {},
        Switch(),
        [
            Row(
                "models.vllm/a",
                "window 131,072, reported as 400,000, price of input 0.1, of output 2.0, of cache reads 0.0, "
                "of cache writes 1.0, of cache writes for an hour 3.0, of reasoning 4.0",
                "at models.vllm/a",
            )
        ],
    ),
    ({"models": {"vllm/a": {"output": 5}}}, {}, Switch(), [Row("models.vllm/a", "output 5", "at models.vllm/a")]),
    ({"models": {"vllm/a": {}}}, {}, Switch(), [Row("models.vllm/a", "nothing is known", "at models.vllm/a")]),
    (
        {
            "models": {
                "vllm/a": {"output": 5, "vision": True, "profile": {"think_tags": True}},
                "vllm/b": {"vision": False, "tools": True, "reasoning": False},
            }
        },
        {},
        Switch(),
        [
            Row("models.vllm/a", "output 5, sees pictures, think_tags True", "at models.vllm/a"),
            Row("models.vllm/b", "sees no pictures, calls tools, does not think", "at models.vllm/b"),
        ],
    ),
    # providers
    ({}, {"GROQ_API_KEY": KEY}, Switch(), [Row("backends.groq.credential", "$GROQ_API_KEY", "GROQ_API_KEY, .env")]),
    (
        {},
        {"OPENAI_API_BASE": "http://box/v1"},
        Switch(),
        [Row("backends.openai.address", "http://box/v1", "OPENAI_API_BASE, .env")],
    ),
    (
        {},
        {"VERTEX_PROJECT_ID": "p"},
        Switch(),
        [
            Row(
                "backends.vertex.address",
                "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
                "VERTEX_PROJECT_ID, .env",
            ),
        ],
    ),
    (
        {},
        {"BIG_MODEL_NAME": "m", "BIG_MODEL_API_KEY": KEY, "BIG_MODEL_API_BASE": "http://box/v1"},
        Switch(),
        [
            Row("backends.openai-big.address", "http://box/v1", "BIG_MODEL_API_BASE, .env"),
            Row("backends.openai-big.credential", "$BIG_MODEL_API_KEY", "BIG_MODEL_API_KEY, .env"),
        ],
    ),
    (
        {
            "backends": {
                "b": {
                    "dialect": "anthropic",
                    "address": "http://${HOST}/v1",
                    "credential": {"command": "print it"},
                    "proxy": "http://proxy",
                    "headers": {"X-B": "b", "X-A": "a"},
                    "body": {"top_k": 5},
                    "profile": {"images": False},
                    "timeouts": {"first_byte": "5m", "idle": "none"},
                }
            }
        },
        {"HOST": "box"},
        Switch(),
        [
            Row("backends.b.address", "http://box/v1", "at backends.b.address"),
            Row("backends.b.credential", "$(print it)", "at backends.b.credential"),
            Row("backends.b.dialect", "anthropic", "at backends.b.dialect"),
            Row("backends.b.proxy", "http://proxy:80", "at backends.b.proxy"),
            Row("backends.b.headers", "x-a, x-b", "at backends.b.headers"),
            Row("backends.b.body", "{'top_k': 5}", "at backends.b.body"),
            Row("backends.b.profile", "images False", "at backends.b.profile"),
            Row("backends.b.timeouts", "connect 10 s, first_byte 300 s", "at backends.b.timeouts"),
        ],
    ),
    (
        {},
        {"VERTEX_PROJECT_ID": "p", "AWS_PROFILE": "work"},
        Switch(),
        [
            Row(
                "backends.vertex.address",
                "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
                "VERTEX_PROJECT_ID, .env",
            ),
            Row(
                "backends.vertex.credential",
                "$(gcloud auth application-default print-access-token)",
                "made, as no key is set",
            ),
        ],
    ),
    (
        {"backends": {"google": {"headers": {"x": "y"}}}},
        {"GEMINI_API_KEY": KEY},
        Switch(),
        [
            Row("backends.gemini.credential", "$GEMINI_API_KEY", "at backends.google.credential"),
            Row("backends.gemini.headers", "x", "at backends.google.headers"),
        ],
    ),
    (
        {"backends": {"b": BOX | {"credential": KEY}}},
        {},
        Switch(),
        [Row("backends.b.credential", LITERAL, "at backends.b.credential")],
    ),
    # who searches
    (
        {},
        {"BRAVE_API_KEY": KEY},
        Switch(),
        [
            Row("search", "brave/web", "BRAVE_API_KEY, .env"),
            Row("backends.brave.credential", "$BRAVE_API_KEY", "BRAVE_API_KEY, .env"),
        ],
    ),
    ({"search": "off"}, {}, Switch(), [Row("search", "off", "at search")]),
    (
        {
            "shadow": {"requests_per_day": 5, "dollars_per_day": 1},
            "routes": [{"name": "r", "to": "vllm/a", "shadow": {"to": "vllm/b", "share": 0.1}}],
        },
        {},
        Switch(),
        [
            Row("shadow", "5 requests and $1.00 a day", "at shadow"),
            Row(
                "rule 1", "r: it asks for nothing → vllm/a, with 0.1 of them also to vllm/b, unseen", "at routes.0"
            ),
        ],
    ),
    ({"redact": {"staff": r"EMP-\d+"}}, {}, Switch(), [Row("redact.staff", "7 characters", "at redact.staff")]),
    # the rest
    ({}, {"DETOUR_HOME": "/x"}, Switch(), [Row("DETOUR_HOME", "/x", ".env")]),
    (
        {"timeouts": {"first_byte": "90s"}, "backends": {"b": BOX | {"timeouts": {"idle": "5s"}}, "c": BOX}},
        {},
        Switch(),
        [
            Row("backends.b.timeouts", "connect 10 s, first_byte 90 s, idle 5 s", "at backends.b.timeouts"),
            Row("timeouts", "connect 10 s, first_byte 90 s, idle 300 s", "at timeouts"),
        ],
    ),
    (
        {"retry": {"attempts": 2, "longest_wait": 3}, "streaming": {"grace": "2s", "ping": "1m"}},
        {},
        Switch(),
        [
            Row("retry.attempts", "2", "at retry.attempts"),
            Row("retry.longest_wait", "3 s", "at retry.longest_wait"),
            Row("streaming.grace", "2 s", "at streaming.grace"),
            Row("streaming.ping", "60 s", "at streaming.ping"),
        ],
    ),
    ({"limits": {"reply_bytes": 5_000}}, {}, Switch(), [Row("limits.reply_bytes", "5,000", "at limits.reply_bytes")]),
    (
        {},
        {"CONSOLE_LOG_LEVEL": "WARNING", "FILE_LOG_LEVEL": "debug", "LOG_REQUEST_BODY": "1", "LOG_RESPONSE_BODY": "on"},
        Switch(),
        [
            Row("CONSOLE_LOG_LEVEL", "warn", ".env"),
            Row("FILE_LOG_LEVEL", "debug", ".env"),
            Row("LOG_REQUEST_BODY", "true", ".env"),
            Row("LOG_RESPONSE_BODY", "true", ".env"),
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("written", "values", "switch", "expected"), ROWS)
def test_each_setting_is_a_row_with_its_origin(
    written: dict[str, Any], values: dict[str, str], switch: Switch, expected: list[Row]
) -> None:
    found = rows(written, {**values, "GLM": "x"}, switch)
    names = {row.name for row in expected}
    assert [row for row in found if row.name in names] == expected


def test_the_function_is_a_row() -> None:
    decider = Decider("a.py:f", lambda call: None)
    assert Row("function", "a.py:f", "at function") in rows({"function": "a.py:f"}, decider=decider)


def test_what_is_not_set_has_no_row() -> None:
    quiet = {"backends": {"b": BOX}}
    assert [row.name for row in rows(quiet)] == ["opus", "sonnet", "haiku", "backends.b.address"]


OLD = [Row("a", "1", "x"), Row("b", "2", "x"), Row("c", "3", "x")]
DIFFERENCES = [
    (OLD, ""),
    ([Row("a", "1", "elsewhere"), *OLD[1:]], ""),
    ([Row("a", "9", "x"), *OLD[1:]], "a 1 → 9"),
    ([*OLD, Row("d", "4", "x")], "d 4"),
    (OLD[:1], "no b; no c"),
    ([Row("a", "9", "x"), Row("d", "4", "x")], "a 1 → 9; d 4; no b; no c"),
]


@pytest.mark.parametrize(("new", "told"), DIFFERENCES)
def test_a_difference_is_one_line(new: list[Row], told: str) -> None:
    assert inventory.difference(OLD, new) == told


def a_rule(number: int, name: str, told: str) -> Row:
    return Row(f"rule {number}", f"{name}: {told}", "detour.yaml", f"rule {name}:")


RULES = [
    ([a_rule(1, "x", "→ a"), a_rule(2, "y", "b")], [a_rule(1, "x", "c"), a_rule(2, "y", "b")], "rule x: c (was → a)"),
    ([a_rule(1, "x", "→ a")], [a_rule(1, "new", "→ n"), a_rule(2, "x", "→ a")], "rule new: → n"),
    ([a_rule(1, "x", "→ a"), a_rule(2, "y", "→ b")], [a_rule(1, "y", "→ b")], "no rule x"),
    (
        [a_rule(1, "x", "→ a"), a_rule(2, "y", "→ b")],
        [a_rule(1, "y", "→ b"), a_rule(2, "x", "→ a")],
        "the order of the rules",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "told"), RULES)
def test_a_rule_is_known_by_its_name_wherever_it_stands(old: list[Row], new: list[Row], told: str) -> None:
    assert inventory.difference(old, new) == told
