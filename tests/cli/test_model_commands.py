"""The commands about models hand their flags on."""

from typing import Any

import pytest
from typer.testing import CliRunner

from addon.cli import models
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
