"""What was chosen while running: kept whole, read with care, and given up when it is configured anew."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.routing.call import Kind
from addon.routing.config import Slot
from addon.settings.switch import Switch, dump, lasting, load, merged, still

BIG, MIDDLE, SMALL = Slot
FULL = Switch("glm", {BIG: "a/b", SMALL: "c/d"}, (Kind.TITLE,))
OVER = {"preset": "kimi", "big": "x/y"}

CHOICES = [
    (Switch(), "a/b", (BIG,), {BIG: "a/b"}),
    (Switch(), "a/b", (BIG, MIDDLE, SMALL), {BIG: "a/b", MIDDLE: "a/b", SMALL: "a/b"}),
    (FULL, "e/f", (BIG,), {BIG: "e/f", SMALL: "c/d"}),
    (FULL, "", (BIG,), {SMALL: "c/d"}),
    (FULL, "", (BIG, MIDDLE, SMALL), {}),
    (Switch(), "", (BIG,), {}),
]


@pytest.mark.parametrize(("switch", "model", "slots", "models"), CHOICES)
def test_a_model_is_chosen_for_slots_and_given_back(
    switch: Switch, model: str, slots: tuple[Slot, ...], models: dict[Slot, str]
) -> None:
    before = dict(switch.models)
    made = switch.choose(model, slots)
    assert made.models == models
    assert (made.preset, made.blocked) == (switch.preset, switch.blocked)
    assert switch.models == before


@pytest.mark.parametrize(
    ("switch", "empty"),
    [
        (Switch(), True),
        (Switch("glm"), False),
        (Switch(models={BIG: "x"}), False),
        (Switch(blocked=(Kind.MAIN,)), False),
    ],
)
def test_it_is_empty_when_everything_is_as_configured(switch: Switch, empty: bool) -> None:
    assert switch.is_empty == empty


# what it was chosen over, what is configured now -> the preset and the models that stay, and what is dropped
LAST_WORDS: list[tuple[dict[str, str], dict[str, str], str, dict[Slot, str], tuple[str, ...]]] = [
    (OVER, OVER, "glm", {BIG: "a/b", SMALL: "c/d"}, ()),
    (OVER, OVER | {"small": "new"}, "glm", {BIG: "a/b", SMALL: "c/d"}, ()),  # it was not chosen over anything
    (OVER, OVER | {"preset": "qwen"}, "", {BIG: "a/b", SMALL: "c/d"}, ("preset",)),
    (OVER, OVER | {"big": "new"}, "glm", {SMALL: "c/d"}, ("big",)),
    (OVER, {"preset": "kimi"}, "glm", {SMALL: "c/d"}, ("big",)),  # taken out
    (OVER, {}, "", {SMALL: "c/d"}, ("preset", "big")),
    ({"small": ""}, {"small": "new"}, "glm", {BIG: "a/b"}, ("small",)),  # put in
    ({"small": ""}, {}, "glm", {BIG: "a/b", SMALL: "c/d"}, ()),
    ({}, {"big": "new"}, "glm", {BIG: "a/b", SMALL: "c/d"}, ()),
]


@pytest.mark.parametrize(("over", "now", "preset", "models", "dropped"), LAST_WORDS)
def test_the_last_word_wins(
    over: dict[str, str], now: dict[str, str], preset: str, models: dict[Slot, str], dropped: tuple[str, ...]
) -> None:
    switch, told = still(FULL, over, now)
    assert (switch.preset, switch.models, told) == (preset, models, dropped)
    assert switch.blocked == FULL.blocked


def test_nothing_is_told_of_what_was_not_chosen() -> None:
    assert still(Switch(), {"preset": "a", "big": "b"}, {}) == (Switch(), ())


SWITCHES = st.builds(
    Switch,
    st.text(),
    st.dictionaries(st.sampled_from(Slot), st.text(min_size=1)),
    st.lists(st.sampled_from(Kind), unique=True).map(lambda kinds: tuple(kind for kind in Kind if kind in kinds)),
)


@given(SWITCHES, st.dictionaries(st.text(), st.text()))
def test_it_is_kept_whole(switch: Switch, over: dict[str, str]) -> None:
    assert load(dump(switch, over)) == (switch, over)


WRONG: list[Any] = [
    None,
    [],
    "x",
    {"preset": 5, "models": [], "blocked": "title", "over": "x"},
    {"models": {"big": 5, "huge": "x", "small": ""}, "blocked": ["party", 5, None, {}], "over": {"big": 5}},
]


@pytest.mark.parametrize("kept", WRONG)
def test_what_is_not_of_its_shape_is_left_out(kept: Any) -> None:
    assert load(kept) == (Switch(), {})


def test_what_is_right_beside_is_read() -> None:
    kept = {
        "preset": "glm",
        "models": {"big": "a", "huge": "b"},
        "blocked": ["title", "party"],
        "over": {"big": "", "x": 1},
    }
    assert load(kept) == (Switch("glm", {BIG: "a"}, (Kind.TITLE,)), {"big": ""})


KEPT = Switch("kept", {Slot.BIG: "kept/big", Slot.SMALL: "kept/small"}, (Kind.TITLE,))
LASTING = [
    (Switch("now"), Switch(), KEPT, Switch("now")),
    (Switch("given"), Switch("given"), KEPT, Switch("kept")),
    (Switch("now"), Switch("given"), KEPT, Switch("now")),
    (Switch(), Switch("given"), KEPT, Switch()),
    (
        Switch(models={Slot.BIG: "given/big", Slot.SMALL: "now/small"}),
        Switch(models={Slot.BIG: "given/big"}),
        KEPT,
        Switch(models={Slot.BIG: "kept/big", Slot.SMALL: "now/small"}),
    ),
    (Switch(models={Slot.BIG: "given/big"}), Switch(models={Slot.BIG: "given/big"}), Switch(), Switch()),
    (Switch(blocked=(Kind.COUNT,)), Switch(blocked=(Kind.COUNT,)), KEPT, Switch(blocked=(Kind.TITLE,))),
    (Switch(blocked=()), Switch(blocked=(Kind.COUNT,)), KEPT, Switch()),
]


@pytest.mark.parametrize(("switch", "given", "kept", "expected"), LASTING)
def test_what_is_given_for_one_run_is_not_kept(switch: Switch, given: Switch, kept: Switch, expected: Switch) -> None:
    assert lasting(switch, given, kept) == expected


MERGED = [
    (Switch("a"), Switch("b"), Switch("b", blocked=(Kind.TITLE,)), Switch("a", blocked=(Kind.TITLE,))),
    (Switch("a"), Switch("b"), Switch("c"), Switch("c")),
    (
        Switch(models={BIG: "there/big"}, blocked=(Kind.COUNT,)),
        Switch(models={SMALL: "before/small"}),
        Switch(),
        Switch(models={BIG: "there/big"}, blocked=(Kind.COUNT,)),
    ),
    (Switch(models={BIG: "there/big"}), Switch(), Switch(models={BIG: "now/big"}), Switch(models={BIG: "now/big"})),
]


@pytest.mark.parametrize(("there", "before", "now", "expected"), MERGED)
def test_what_another_detour_keeps_stays(there: Switch, before: Switch, now: Switch, expected: Switch) -> None:
    assert merged(there, before, now) == expected
