"""What people name is found in the log, and what is not there is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from addon.cli import prompt_log
from addon.prompts.log.reading import Log
from addon.prompts.log.statements import FILE
from addon.protocol.errors import ConfigError
from tests.cli import logs
from tests.prompts.entries import SESSION, entry, stream


@pytest.fixture
def _log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything())


NAMES = [
    ("00000000", SESSION, None),
    (SESSION, SESSION, None),
    ("last", "", None),
    ("none", "", None),
    ("00000000/3", SESSION, 3),
    ("00000000/-1", SESSION, 14),
    ("00000000/last", SESSION, 14),
    ("last/1", "", 16),
    ("none/1", "", 16),
    ("15", logs.ROUTED, 15),
    ("req_00000000000000000000000e", SESSION, 14),
]


@pytest.mark.usefixtures("_log")
@pytest.mark.parametrize(("text", "session", "number"), NAMES)
def test_a_session_a_turn_or_an_exchange_is_found(text: str, session: str, number: int | None) -> None:
    with prompt_log.opened() as log:
        chosen = prompt_log.choose(log, text)
        assert chosen.session == session
        assert (chosen.turn.number if chosen.turn else None) == number
        assert [summary.number for summary in chosen.summaries] == sorted(chosen.places)


@pytest.mark.usefixtures("_log")
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("nope", "There is no session 'nope' in the log"),
        ("nope/1", "There is no session 'nope' in the log"),
        ("00000000/99", "There is no turn '99' in session 00000000: write a number from 1 to 14"),
        ("99", "There is no exchange '99' in the log"),
    ],
)
def test_what_is_not_there_is_told(text: str, told: str) -> None:
    with prompt_log.opened() as log, pytest.raises(ConfigError, match=told):
        prompt_log.choose(log, text)


@pytest.mark.usefixtures("_log")
def test_an_exchange_alone_is_wanted() -> None:
    with prompt_log.opened() as log:
        assert [prompt_log.exchange(log, text).turn.number for text in ("last", "3", "none/1")] == [16, 3, 16]  # type: ignore[union-attr]  # each has one
        with pytest.raises(ConfigError, match="Several exchanges begin with '0000000000'"):
            prompt_log.exchange(log, "0000000000")


def test_no_exchange_without_a_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything()[:2])
    with prompt_log.opened() as log, pytest.raises(ConfigError, match="No exchange without a session"):
        prompt_log.choose(log, "none")


def test_without_a_log_it_says_how_to_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "away"))
    with pytest.raises(ConfigError, match="There is no prompt log at"):
        prompt_log.opened()


def test_places_are_those_of_the_log_and_reading_is_by_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "a"}]}
    kinds = [("subagent", 3.0, "x"), ("main", 1.0, None), ("title", 2.0, None), ("main", 9.0, None)]
    made = [
        entry(body, number=number, session=SESSION, kind=kind, given=stream(), at=at, agent=agent)
        for number, (kind, at, agent) in enumerate(kinds, start=1)
    ]
    replayed = replace(
        made[1], summary=replace(made[1].summary, id="r", origin="replay", of=made[1].summary.id, at=10.0)
    )
    logs.use(monkeypatch, tmp_path, [*made, replayed])
    with prompt_log.opened() as log:
        chosen = prompt_log.choose(log, "00000000")
        assert [summary.number for summary in chosen.summaries] == [2, 3, 1, 4, 5]
        assert [chosen.place(summary) for summary in chosen.summaries] == [2, 3, 1, 4, 5]
        assert [summary.number for summary in chosen.own] == [2, 3, 1, 4]
        first, title, agent, later, _ = chosen.summaries
        assert [chosen.before(each) for each in (first, title, agent, later)] == [None, first, None, first]


def test_an_exchange_whose_bodies_are_gone_is_its_metadata(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    logs.use(monkeypatch, tmp_path, logs.everything())
    log = Log(tmp_path / FILE)
    summary = log.resolve("1")
    [found] = prompt_log.entries(log, [replace(summary, number=99)])
    assert (found.request, found.summary.number) == (None, 99)
    log.close()
