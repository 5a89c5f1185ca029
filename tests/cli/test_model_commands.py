"""The commands about models hand their flags on."""

from typing import Any

import pytest
from typer.testing import CliRunner

from addon.cli import check, models
from addon.cli.app import app
from addon.cli.offers import Wish


@pytest.mark.parametrize(
    ("arguments", "wish", "whole"),
    [
        ([], Wish(), False),
        (["a", "b", "--all"], Wish(("a", "b")), True),
        (["--provider", "x", "--vision", "--tools", "--reasoning"], Wish((), "x", True, True, True), False),
        (["--max-price", "1.5", "--usable"], Wish(max_price=1.5, usable=True), False),
        (["--min-window", "200k"], Wish(min_window=200_000), False),
        (["--min-window", "1.05M"], Wish(min_window=1_050_000), False),
        (["--min-window", "131072"], Wish(min_window=131_072), False),
    ],
)
def test_flags_are_a_wish(arguments: list[str], wish: Wish, whole: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Any] = []
    monkeypatch.setattr(models, "run", lambda wish, **flags: given.append((wish, flags)))
    assert CliRunner().invoke(app, ["models", *arguments]).exit_code == 0
    assert given == [(wish, {"whole": whole, "as_json": False})]


@pytest.mark.parametrize(
    ("arguments", "named", "timeout_s", "as_json"),
    [([], [], 120.0, False), (["a/b", "c", "--timeout", "5", "--json"], ["a/b", "c"], 5.0, True)],
)
def test_a_check_is_handed_on_and_its_code_is_the_programs(
    arguments: list[str], named: list[str], timeout_s: float, as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def run(named: list[str], timeout_s: float, *, as_json: bool) -> int:
        given.append((list(named), timeout_s, as_json))
        return 1

    monkeypatch.setattr(check, "run", run)
    assert CliRunner().invoke(app, ["check", *arguments]).exit_code == 1
    assert given == [(named, timeout_s, as_json)]
