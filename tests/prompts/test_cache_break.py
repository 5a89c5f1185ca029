"""Where a cache broke: found to the byte, and never where it holds."""

from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import cache_break, cache_prefix
from addon.prompts.cache_break import Break
from addon.prompts.difference import SUMMARY_OPENING
from addon.prompts.entry import Summary
from tests import stories
from tests.prompts.test_render import ANYTHING

SESSIONS = sorted((stories.FOLDER / "sessions").glob("*.json"))
MARK = {"cache_control": {"type": "ephemeral"}}
ATTRIBUTION = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=b2cb0;"}
OTHER_ATTRIBUTION = {"type": "text", "text": "x-anthropic-billing-header: cc_version=2; cch=61ba3;"}
OLD: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "thinking": {"type": "adaptive", "display": "updates"},
    "system": [ATTRIBUTION, {"type": "text", "text": "You are careful. Today is Monday. " + "x" * 3600, **MARK}],
    "tools": [{"name": "Bash", "description": "Runs it."}, {"name": "Read", "description": "Reads it."}],
    "messages": [
        {"role": "user", "content": "What is here?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Files."}]},
        {"role": "user", "content": [{"type": "text", "text": "Which?", **MARK}]},
    ],
}
GROWN = {
    **OLD,
    "messages": [
        *OLD["messages"][:2],
        {"role": "user", "content": "Which?"},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": [{"type": "text", "text": "Name them.", **MARK}]},
    ],
}


def grown(section: str, number: int, value: object = None) -> dict[str, Any]:
    """The next turn, with one part another, or gone, or put in behind the last."""
    request = deepcopy(GROWN)
    parts: list[Any] = request[section]
    if value is None:
        del parts[number]
    elif number == len(parts):
        parts.append(value)
    else:
        parts[number] = value
    return request


def found(new: object, old: object = OLD) -> Break:
    broken = cache_break.find(old, new)
    assert broken is not None
    return broken


def test_a_turn_that_only_adds_breaks_nothing() -> None:
    assert cache_break.find(OLD, GROWN) is None
    assert cache_break.find({}, OLD | {"tools": [], "system": [], "model": None, "thinking": None}) is None


def test_one_byte_of_the_system_prompt_is_found() -> None:
    tuesday = {"type": "text", "text": OLD["system"][1]["text"].replace("Monday", "Tuesday"), **MARK}
    assert found(grown("system", 1, tuesday)) == Break(
        path="system.1.text",
        title="system prompt, block 2",
        what="changed",
        offset=len('Bash\nRuns it.\n{}Read\nReads it.\n{}' + ATTRIBUTION["text"] + "You are careful. Today is "),
        context='You are careful. Today is ',
        old="Monday. " + "x" * 112,
        new="Tuesday. " + "x" * 111,
        tokens_kept=53,
        tokens_lost=1021,
    )  # fmt: skip


PARTS: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    (grown("tools", 0, {"name": "Bash", "description": "Runs."}), ("tools.0", "tool Bash", "changed")),
    (grown("tools", 0), ("tools.0", "tool Bash", "removed")),
    (grown("tools", 1), ("tools.1", "tool Read", "removed")),
    (grown("tools", 2, {"name": "Write"}), ("tools.2", "tool Write", "added")),
    (grown("tools", 0, {"name": "Ask"}), ("tools.0", "tool Ask", "added")),
    ({**GROWN, "tools": GROWN["tools"][::-1]}, ("tools.0", "tool Bash", "moved")),
    (grown("system", 1), ("system.1.text", "system prompt, block 2", "removed")),
    (grown("system", 2, {"type": "text", "text": "New."}), ("system.2.text", "system prompt, block 3", "added")),
    (grown("messages", 1, {"role": "user", "content": "Files."}), ("messages.1", "message 2, assistant", "changed")),
    (
        grown("messages", 0, {"role": "user", "content": "So?"}),
        ("messages.0.content.0", "message 1, user: text", "changed"),
    ),
    ({**OLD, "messages": OLD["messages"][:1]}, ("messages.1", "message 2, assistant", "removed")),
    ({**GROWN, "model": "claude-sonnet-5-5"}, ("model", "the parameter model", "changed")),
    ({**GROWN, "thinking": None}, ("thinking", "the parameter thinking", "changed")),
    ({**GROWN, "speed": "fast", "tool_choice": {"type": "any"}}, ("speed", "the parameter speed", "changed")),
]  # fmt: skip


@pytest.mark.parametrize(("new", "told"), PARTS, ids=range(len(PARTS)))
def test_the_first_part_that_differs_is_named(new: dict[str, Any], told: tuple[str, str, str]) -> None:
    broken = found(new)
    assert (broken.path, broken.title, broken.what) == told
    assert not broken.harmless
    assert not broken.attribution


def test_the_parameters_of_what_is_shown_do_not_matter() -> None:
    assert cache_break.find(OLD, {**GROWN, "thinking": {"type": "adaptive", "display": "omitted"}}) is None


def test_a_parameter_breaks_behind_a_change_further_in_front() -> None:
    new = {**grown("tools", 1), "tool_choice": {"type": "any"}}
    assert found(new).path == "tools.1"
    deep: Any = []
    for _ in range(400):
        deep = [deep]
    choice = found({**GROWN, "tool_choice": deep})
    assert (choice.old, choice.new, choice.tokens_kept) == ("not set", "(nested too deeply)", 1055)
    assert choice.offset == sum(len(each.text) for each in cache_prefix.segments(OLD) if each.section != "messages")


def test_what_stands_behind_the_last_mark_is_harmless() -> None:
    old = {**OLD, "messages": [{"role": "user", "content": "Which?"}]}
    broken = found({**old, "messages": [{"role": "user", "content": "What?"}]}, old)
    assert (broken.harmless, broken.tokens_lost, broken.why) == (True, 0, cache_break.BEHIND_MARK)
    choice = found({**old, "tool_choice": {"type": "any"}}, old)
    assert (choice.harmless, choice.tokens_lost, choice.why) == (True, 0, cache_break.BEHIND_MARK)


def test_without_marks_all_may_be_cached() -> None:
    old = {"messages": [{"role": "user", "content": "a" * 3600}]}
    assert found({"messages": []}, old).tokens_lost == 1004


def test_a_character_is_not_torn() -> None:
    broken = found(
        {"system": "a\N{LATIN SMALL LETTER O WITH DIAERESIS}"}, {"system": "a\N{LATIN SMALL LETTER A WITH DIAERESIS}"}
    )
    assert (broken.context, broken.old, broken.offset) == ("a", "\N{LATIN SMALL LETTER A WITH DIAERESIS}", 1)


# -- the attribution ---------------------------------------------------------------------------------------------------


def test_the_attribution_alone_is_told_as_harmless() -> None:
    broken = found(grown("system", 0, OTHER_ATTRIBUTION))
    assert (broken.path, broken.title, broken.what) == ("system.0.text", "attribution", "changed")
    assert (broken.old, broken.new, broken.harmless) == ("b2cb0;", "61ba3;", True)
    assert broken.offset == len("Bash\nRuns it.\n{}Read\nReads it.\n{}x-anthropic-billing-header: cc_version=2; cch=")
    assert found(grown("system", 0)).what == "removed"
    assert found(OLD, {**OLD, "system": OLD["system"][1:]}).what == "added"


def test_another_break_is_told_before_the_attribution() -> None:
    new = grown("system", 0, OTHER_ATTRIBUTION)
    new["messages"][0] = {"role": "user", "content": "So?"}
    broken = found(new)
    assert (broken.path, broken.attribution) == ("messages.0.content.0", True)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_recorded_session_breaks_no_cache(session: Any) -> None:
    """Deferred tools that were loaded in between, and marks that moved, do not count."""
    for old, new in pairwise(orjson.loads(session.read_bytes())):
        broken = cache_break.find(old, new)
        assert broken is None or (broken.title, broken.harmless) == ("attribution", True)


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("number", [1, 2])
def test_a_byte_changed_on_purpose_in_a_recorded_session_is_found(session: Any, number: int) -> None:
    old, new = orjson.loads(session.read_bytes())[4:6]
    text = new["system"][number]["text"]
    new["system"][number]["text"] = text[:20] + "\u2603" + text[21:]
    broken = found(new, old)
    assert (broken.path, broken.harmless) == (f"system.{number}.text", False)
    assert (broken.context, broken.new[0]) == (text[:20], "\u2603")
    assert broken.tokens_lost > 500


# -- the price ---------------------------------------------------------------------------------------------------------

BEFORE = Summary(id="a", at=1000.0, total_ms=1000, route="anthropic", cache_read_tokens=900, cache_write_tokens=100)
READ_ALL = Summary(id="b", at=1010.0, route="anthropic", cache_read_tokens=1000)
READ_SOME = replace(READ_ALL, cache_read_tokens=300)
CHANGED = grown("tools", 1)
NOTED = grown("system", 0, OTHER_ATTRIBUTION)

TOLD: list[tuple[dict[str, Any], Summary, Summary, int | None, str]] = [
    (GROWN, BEFORE, READ_ALL, 0, "The cache holds."),
    (GROWN, BEFORE, Summary(id="b", at=1010.0, route="anthropic"), None, "The cache holds."),
    (
        CHANGED, BEFORE, READ_SOME, 700,
        "Tool Read is gone, and about 1,051 tokens of the prefix stand behind it: "
        "700 cached tokens were not read back.",
    ),
    (
        CHANGED, BEFORE, READ_ALL, 0,
        "Tool Read is gone, and about 1,051 tokens of the prefix stand behind it, "
        "yet all that was cached was read back.",
    ),
    (
        CHANGED, Summary(id="a", at=1.0), READ_ALL, None,
        "Tool Read is gone, and about 1,051 tokens of the prefix stand behind it.",
    ),
    (NOTED, BEFORE, READ_ALL, 0, f"Attribution changed, harmless: {cache_break.ATTRIBUTION_READ}."),
    (
        NOTED, BEFORE, READ_SOME, 700,
        "Attribution changed, and about 1,043 tokens of the prefix stand behind it: "
        "700 cached tokens were not read back. "
        f"{cache_break.ATTRIBUTION_LOST}.",
    ),
    (
        GROWN, BEFORE, replace(READ_SOME, at=1602.0), 700,
        "The prefix is the same, yet 700 cached tokens were not read back: "
        "10 minutes had passed, and a cache is forgotten after 5.",
    ),
    (
        GROWN, BEFORE, replace(READ_SOME, route="openai/x"), 700,
        "The prefix is the same, yet 700 cached tokens were not read back: "
        "openai/x answered, before it was anthropic, and caches are not shared.",
    ),
    (
        GROWN, BEFORE, READ_SOME, 700,
        "The prefix is the same, yet 700 cached tokens were not read back, "
        "for a reason that does not show in the requests.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("new", "before", "now", "cost", "told"), TOLD, ids=range(len(TOLD)))
def test_what_it_cost_is_told(new: dict[str, Any], before: Summary, now: Summary, cost: int | None, told: str) -> None:
    finding = cache_break.look(OLD, new, before, now)
    assert (finding.cost, finding.told) == (cost, told)


def test_a_compaction_is_told_as_the_reason() -> None:
    summary = {"role": "user", "content": f"{SUMMARY_OPENING} that ran out of context."}
    finding = cache_break.look(OLD, {**OLD, "messages": [summary]}, BEFORE, READ_SOME)
    assert finding.told.endswith(": 700 cached tokens were not read back. The conversation was compacted in between.")


def test_a_cache_for_an_hour_is_not_forgotten_after_five_minutes() -> None:
    hour = {"type": "text", "text": "Be.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    old = {"system": [hour], "messages": ["odd"], "tools": 3}
    told = [
        cache_break.look(old, old, BEFORE, replace(READ_SOME, at=at)).told.rpartition(", ")[2]
        for at in (1602.0, 5000.0)
    ]
    assert told == ["for a reason that does not show in the requests.", "and a cache is forgotten after 60."]


# -- any request -------------------------------------------------------------------------------------------------------


@given(ANYTHING, ANYTHING)
def test_any_two_requests_are_compared(old: Any, new: Any) -> None:
    cache_break.look(old, new, BEFORE, READ_SOME)


@given(ANYTHING)
def test_a_request_breaks_nothing_of_itself(request_body: Any) -> None:
    old, new = (orjson.loads(orjson.dumps(request_body)) for _ in range(2))
    assert cache_break.find(old, new) is None


TEXTS = st.lists(st.text(alphabet="ab\u00e4\u00f6\U0001f600", min_size=1, max_size=4), max_size=4)


@given(TEXTS, TEXTS)
def test_the_offset_is_the_first_byte_that_differs(old: list[str], new: list[str]) -> None:
    one, other = ({"system": [{"type": "text", "text": text} for text in texts]} for texts in (old, new))
    broken = cache_break.find(one, {**other, "messages": [{"role": "user", "content": "q"}]})
    if broken is None:
        assert old == new
        return
    before, now = ("".join(texts).encode() for texts in (old, new))
    assert before[: broken.offset] == now[: broken.offset]
    assert broken.context == before[: broken.offset].decode()[-len(broken.context) or len(before) :]
