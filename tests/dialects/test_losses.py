"""Every loss and every refusal is a row, told in the row's words."""

import re
import string
from pathlib import Path

import pytest

import addon
from addon.dialects import losses
from addon.dialects.losses import LOSSES, REFUSALS, Lost, Refused, loss, refusal

ADDON = Path(addon.__file__).parent


def test_every_sort_has_a_row() -> None:
    assert set(LOSSES) == set(Lost)
    assert set(REFUSALS) == set(Refused)


def places(text: str) -> int:
    """How many details a text has room for."""
    return sum(name is not None for _, name, _, _ in string.Formatter().parse(text))


@pytest.mark.parametrize("sort", Lost)
def test_a_loss_is_told_in_the_words_of_its_row(sort: Lost) -> None:
    details = [f"detail {number}" for number in range(places(LOSSES[sort].says))]
    made = loss(sort, "messages.0", *details)
    assert (made.path, made.sort, made.routine) == ("messages.0", sort, LOSSES[sort].routine)
    assert all(detail in made.what for detail in details)
    assert "{" not in made.what


@pytest.mark.parametrize("sort", Refused)
def test_a_refusal_says_what_and_names_the_way_out(sort: Refused) -> None:
    details = [f"detail {number}" for number in range(places(REFUSALS[sort].says))]
    made = refusal(sort, "messages.0", *details)
    assert made.message == f"Detour: messages.0: {REFUSALS[sort].says.format(*details)}. {REFUSALS[sort].way_out}"
    assert (made.path, made.status, made.sort) == ("messages.0", 424, sort)


def test_a_detail_is_shown_as_a_log_may_show_it() -> None:
    title = "A\nletter \x1b[31m" + "x" * 500
    shown = "A letter  [31m" + "x" * (losses.MOST_SHOWN - 14) + "\u2026"
    assert loss(Lost.MISSING_RESULT, "messages.0", title).what.startswith(f"the call {shown} has")
    assert loss(Lost.REPLY_PART, f"reply.{title}").path == f"reply.{shown[:-7]}\u2026"
    assert f": {shown}" in refusal(Refused.BLOCK, "messages.0", "a/b", title).message
    assert loss(Lost.OUTPUT_LIMIT, "max_tokens", 5, 4, "größer").what == "5 became 4, größer"


def test_every_row_says_why() -> None:
    assert all(sort.because for sort in LOSSES.values())
    assert all(refused.because for refused in REFUSALS.values())


@pytest.mark.parametrize("sort", [*Lost, *Refused], ids=repr)
def test_every_row_is_used_somewhere(sort: Lost | Refused) -> None:
    name = f"{type(sort).__name__}.{sort.name}"
    modules = [path for path in ADDON.rglob("*.py") if path.name != "losses.py"]
    assert any(re.search(rf"\b{re.escape(name)}\b", path.read_text(encoding="utf-8")) for path in modules)
