"""`detour diff`: what changed between two requests, and what became of the cache."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.cli import diff
from addon.prompts import difference
from addon.prompts.entry import Entry
from addon.prompts.words import Run, State, words
from tests.cli import logs
from tests.prompts.entries import SESSION, entry, stream

LONG = "\n".join(f"line {number}" for number in range(30))


def asked(number: int, system: str, *said: str, **facts: Any) -> Entry:
    messages = [{"role": ("user", "assistant")[place % 2], "content": text} for place, text in enumerate(said)]
    body = {"model": "m", "system": system, "messages": messages, **facts.pop("body", {})}
    return entry(body, number=number, given=stream(), **{"session": SESSION, "kind": "main", **facts})


@pytest.fixture
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = LONG.replace("line 9", "line nine").replace("line 20\n", "")
    logs.use(
        monkeypatch,
        tmp_path,
        [
            asked(1, LONG, "a"),
            asked(2, later, "a", "b", LONG + LONG),
            asked(3, later, "other", kind="main", session="other"),
        ],
    )


@pytest.mark.usefixtures("_log")
def test_a_turn_is_compared_with_the_one_before_it() -> None:
    text = logs.printed("diff", "00000000/2")
    head, first, second, third, end = (
        text.split("\n\n")[0:5] if not text.startswith("\n") else ["", *text[1:].split("\n\n")]
    )
    assert head == ""
    assert first.splitlines() == [
        "~ system prompt, block 1 (system.0)",
        "  …",
        "  line 7",
        "  line 8",
        "- line 9",
        "+ line nine",
        "  line 10",
        "  line 11",
        "  …",
        "  line 18",
        "  line 19",
        "- line 20",
        "  line 21",
        "  line 22",
        "  …",
    ]
    assert second.splitlines() == ["+ message 2, assistant (messages.1)", "+ b"]
    assert third.splitlines()[0] == "+ message 3, user (messages.2)"
    assert third.splitlines()[-1] == "  [19 lines more; --full shows them]"
    assert end.splitlines()[0] == "2 of 5 parts are the same"
    assert end.splitlines()[1].startswith("cache: ")


@pytest.mark.usefixtures("_log")
def test_all_of_it_is_shown_on_demand() -> None:
    text = logs.printed("diff", "1", "2", "--full")
    assert "lines more" not in text
    assert "\n+ line 29line 0\n" in text
    assert text.count("\n+ line 29\n") == 1


@pytest.mark.usefixtures("_log")
def test_two_sessions_have_no_cache_in_common() -> None:
    text = logs.printed("diff", "2", "other/1")
    assert "- b\n" in text
    assert "cache:" not in text


@pytest.mark.usefixtures("_log")
def test_programs_get_parts_and_words() -> None:
    found = logs.parsed("diff", "1", "2", "--json")
    assert (found["old"], found["new"], found["same"]) == (f"{1:024x}", f"{2:024x}", 2)
    system, *_ = found["parts"]
    assert (system["section"], system["state"], system["old"]) == ("system", "changed", LONG)
    assert ["added", "nine"] in system["words"]
    assert found["cache"]["told"]


@pytest.mark.usefixtures("_log")
def test_words_are_coloured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = logs.printed("diff", "1", "2")
    assert "line \x1b[9;31m9\x1b[0m" in text
    assert "\x1b[1;32mnine" in text
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in logs.printed("diff", "1", "2")


@pytest.mark.usefixtures("_log")
def test_the_first_turn_has_none_before_it() -> None:
    assert logs.fault("diff", "1") == "1 begins its conversation; name two exchanges"
    assert "no session 'nope'" in logs.fault("diff", "nope/1")


def test_metadata_alone_cannot_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    logs.use(monkeypatch, tmp_path, [asked(1, "a", "b"), replace(asked(2, "a", "b"), request=None)])
    assert logs.fault("diff", "1", "2") == "exchange 2: its request is not kept"
    assert logs.fault("diff", "2") == "exchange 2: its request is not kept"


def test_marks_and_notes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marked = {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}]}
    tools: list[dict[str, Any]] = [{"name": name, "input_schema": {}} for name in ("a", "b")]
    logs.use(
        monkeypatch,
        tmp_path,
        [asked(1, "s", "a", body={"tools": tools}), asked(2, "s", "a", body={**marked, "tools": tools[::-1]})],
    )
    text = logs.printed("diff", "1", "2")
    assert text.startswith("the tools stand in another order\n")
    assert "\n  system prompt, block 1 (system.0)  the cache mark came here\n" in text


def test_nothing_of_others_acts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.evil())
    for number in range(2, 29):
        for flags in ((), ("--full",), ("--json",)):
            assert not set("\x1b\x07\x9b\u202e\r") & set(logs.printed("diff", str(number - 1), str(number), *flags))


TEXTS = [
    ("a\nb\nc", "a\nB\nc", ["same", "changed", "same"]),
    ("a", "b", ["changed"]),
    ("", "a\nb", ["changed"]),
    ("a\nb", "a\nb\nc\nd", ["same", "same", "changed"]),
    ("a\n\nb", "a\n\nb", ["same", "same", "same"]),
    ("a\nb\nc", "a\nc", ["same", "changed", "same"]),
    ("b\na\nc", "a\nc", ["changed", "same", "same"]),
    ("a\n\nb", "a\nb", ["same", "changed", "same"]),
]


@pytest.mark.parametrize(("old", "new", "states"), TEXTS)
def test_lines_are_cut_where_both_end_one(old: str, new: str, states: list[str]) -> None:
    found = diff.lines(words(old, new))
    assert ["same" if line.is_same else "changed" for line in found] == states
    assert "\n".join(line.of("removed") for line in found if line.is_in("removed")) == old
    assert "\n".join(line.of("added") for line in found if line.is_in("added")) == new


@given(st.text("ab\n ", max_size=12), st.text("ab\n ", max_size=12))
def test_the_lines_of_each_text_are_its_own(old: str, new: str) -> None:
    found = diff.lines(words(old, new))
    sides: list[tuple[State, str]] = [("removed", old), ("added", new)]
    for state, text in sides:
        assert "\n".join(line.of(state) for line in found if line.is_in(state)) == text


def test_equal_requests_are_the_same() -> None:
    found = difference.between({"model": "m"}, {"model": "m"})
    assert [text.plain for text in diff.told(found, full=False, inline=True)] == ["\n1 of 1 parts are the same"]
    assert diff.lines([Run("same", "")])[0].is_same
