"""What the REST surface says and does; who may ask is in test_rest."""

from collections.abc import Callable
from typing import Any

import pytest

from addon import __version__
from addon.protocol.errors import BadRequest
from addon.protocol.errors import Kind as Failure
from addon.proxy.rest import answers
from addon.proxy.rest.answers import CONVERSATION, WRONG, Surroundings
from addon.proxy.rest.journal import Body, Entry, LogType
from addon.proxy.rest.models import BlockBody, SwitchBody, TargetBody, UnblockBody
from addon.routing.call import Kind
from addon.routing.config import Slot
from addon.routing.health import State
from addon.settings.switch import Switch
from tests.proxy.live import KEY
from tests.proxy.rest.rest_control import WRITTEN, HeldControl, surroundings, written


def test_the_configuration_is_told_with_origins_and_without_keys() -> None:
    told = answers.config(surroundings()).model_dump(mode="json")
    assert told["models"] == {"big": "openai/gpt-test", "middle": "openai/gpt-test", "small": "ollama/known"}
    assert (told["big_model"], told["middle_model"], told["small_model"]) == tuple(told["models"].values())
    assert told["routes"] == [
        {"name": "cheap", "when": "the kind is subagent", "then": "ollama/qwen3:4b", "where": "detour.yaml, routes.0"}
    ]
    assert {"name": "opus", "value": "openai/gpt-test", "origin": "BIG_MODEL, the environment"} in told["rows"]
    assert (told["file"], told["fault"], told["preset"], told["blocked"]) == ("/home/me/detour.yaml", None, None, [])
    assert KEY not in str(told)
    assert "$OPENAI_API_KEY" in str(told)


def test_without_models_and_file_everything_passes() -> None:
    control = HeldControl(written({}, BIG_MODEL="", SMALL_MODEL=""), file=None, fault="detour.yaml, line 3: wrong")
    told = answers.config(surroundings(control))
    assert (told.big_model, told.small_model, told.file) == ("anthropic", "anthropic", None)
    assert told.fault == "detour.yaml, line 3: wrong"


def test_the_list_of_models_tells_what_is_known_and_what_is_lacking() -> None:
    told = answers.model_list(surroundings())
    models = {model.name: model for model in told.models}
    assert list(models) == ["openai/gpt-test", "ollama/known", "ollama/qwen3:4b", "fast", "careful", "lost", "home"]
    known = models["openai/gpt-test"]
    assert (known.answers, known.window, known.output, known.lacks) == (["openai/gpt-test"], 400_000, 128_000, None)
    assert known.price is not None
    assert (known.price.input, known.price.output, known.price.cache_write) == (1.25, 10.0, None)
    own = models["ollama/known"]
    assert own.price is not None
    assert (own.window, own.output, own.price.input, own.price.output) == (8_192, 1_024, 0.0, None)
    fast = models["fast"]
    assert (fast.answers, fast.window, fast.price, fast.lacks) == (["ollama/qwen3:4b"], None, None, None)
    assert models["careful"].answers == ["deepseek/deepseek-chat", "openai/gpt-test"]
    assert models["careful"].lacks is None, "its second can be used"
    assert "DEEPSEEK_API_KEY" in (models["lost"].lacks or "")
    assert (models["home"].answers, models["home"].window, models["home"].lacks) == (["anthropic"], None, None)


def test_presets_are_told_with_what_they_lack() -> None:
    control = HeldControl()
    control.choose(detour_preset="mine")
    presets = {preset.name: preset for preset in answers.model_list(surroundings(control)).presets}
    assert (presets["mine"].about, presets["mine"].active, presets["mine"].lacks) == ("my own", True, None)
    assert (presets["plain"].active, presets["plain"].lacks) == (False, None)
    assert "ZAI_API_KEY" in (presets["glm"].lacks or "")


def test_without_a_configuration_there_is_no_preset() -> None:
    control = HeldControl()
    control.configuration = None
    assert answers.model_list(surroundings(control)).presets == []
    assert answers._lack(None, "glm") is None


# -- what happened -----------------------------------------------------------------------------------------------------

NOTED = [
    Entry(
        "1",
        "req_1",
        200,
        5,
        "s",
        "main",
        "opus",
        "openai/x",
        "BIG_MODEL answers opus",
        12,
        3,
        1,
        None,
        Body("ask"),
        Body("said", 4),
    ),
    Entry("2", "req_2", 500, 6, error="broke off", request_body=Body("again")),
]


def _with_entries(**values: str) -> Surroundings:
    around = surroundings(HeldControl(written({}, **values)))
    for entry in NOTED:
        around.journal.note(entry)
    return around


def test_an_entry_is_told_in_full() -> None:
    told = answers.debug_logs(LogType.ALL, 10, _with_entries(), authorized=True)
    assert told.entries[0].model_dump() == {
        "time": "1",
        "id": "req_1",
        "session": "s",
        "kind": "main",
        "asked": "opus",
        "answered_by": "openai/x",
        "reason": "BIG_MODEL answers opus",
        "status": 200,
        "elapsed_ms": 5,
        "input_tokens": 12,
        "output_tokens": 3,
        "losses": 1,
        "error": None,
        "request_body": {"text": "ask", "left_out": 0},
        "response_body": {"text": "said", "left_out": 4},
    }


@pytest.mark.parametrize(
    ("log_type", "authorized", "bodies"),
    [
        (LogType.ALL, True, [("ask", "said"), ("again", None)]),
        (LogType.REQUEST, True, [("ask", None), ("again", None)]),
        (LogType.RESPONSE, True, [(None, "said"), (None, None)]),
        (LogType.ERROR, True, [("again", None)]),
        (LogType.ROUTE, True, [(None, None), (None, None)]),
        (LogType.ALL, False, [(None, None), (None, None)]),
        (LogType.ERROR, False, [(None, None)]),
    ],
)
def test_each_type_shows_its_bodies(
    log_type: LogType, authorized: bool, bodies: list[tuple[str | None, str | None]]
) -> None:
    told = answers.debug_logs(log_type, 10, _with_entries(), authorized=authorized).entries
    shown = [(entry.request_body, entry.response_body) for entry in told]
    assert [tuple(body.text if body else None for body in pair) for pair in shown] == bodies


BOTH = {"LOG_REQUEST_BODY": "true", "LOG_RESPONSE_BODY": "true"}


@pytest.mark.parametrize(
    ("log_type", "authorized", "values", "words"),
    [
        (LogType.ALL, True, {}, None),
        (LogType.ALL, False, BOTH, "token"),
        (LogType.ROUTE, False, {}, None),
        (LogType.REQUEST, True, {}, "LOG_REQUEST_BODY"),
        (LogType.REQUEST, True, BOTH, None),
        (LogType.RESPONSE, True, {}, "LOG_RESPONSE_BODY"),
        (LogType.RESPONSE, True, BOTH, None),
    ],
)
def test_what_is_not_shown_is_explained(
    log_type: LogType, authorized: bool, values: dict[str, str], words: str | None
) -> None:
    note = answers.debug_logs(log_type, 10, _with_entries(**values), authorized=authorized).note
    assert (note is None) is (words is None)
    assert (words or "") in (note or "")


def test_the_limit_counts_the_newest() -> None:
    told = answers.debug_logs(LogType.ALL, 1, _with_entries(), authorized=False)
    assert [entry.id for entry in told.entries] == ["req_2"]


# -- health ------------------------------------------------------------------------------------------------------------


def test_health_tells_what_runs_where() -> None:
    told = answers.health(surroundings()).model_dump()
    assert told == {
        "status": "ok",
        "version": __version__,
        "uptime_s": 7,
        "preset": None,
        "summary": "opus → openai/gpt-test | sonnet → openai/gpt-test | haiku → ollama/known",
        "fault": None,
        "log_fault": None,
        "layer": True,
        "targets": {},
        "doors": {"reverse": "http://127.0.0.1:8082"},
    }


def test_a_fault_degrades_and_what_was_right_stays() -> None:
    told = answers.health(surroundings(HeldControl(fault="detour.yaml, line 3: wrong")))
    assert (told.status, told.fault, told.summary[:4]) == ("degraded", "detour.yaml, line 3: wrong", "opus")


def test_a_log_that_cannot_be_written_degrades() -> None:
    told = answers.health(surroundings(log_fault="disk full"))
    assert (told.status, told.fault, told.log_fault) == ("degraded", None, "disk full")


def test_settings_that_were_never_right_degrade() -> None:
    told = answers.health(surroundings(HeldControl(configuration=None)))
    assert (told.status, told.fault, told.summary, told.preset) == ("degraded", WRONG, WRONG, None)


def test_targets_are_told_as_they_are() -> None:
    control = HeldControl()
    control.health.fail(control.health.begin("ollama/known", 0.0), Failure.SERVER, None, "it broke", 0.0)
    around = surroundings(control)
    told = answers.target_list(around).model_dump(mode="json")["targets"]
    assert [(row["name"], row["state"]) for row in told[:3]] == [
        ("openai/gpt-test", "up"),
        ("ollama/known", "cooling"),
        ("ollama/qwen3:4b", "up"),
    ]
    assert told[1] == {
        "name": "ollama/known", "state": "cooling", "failures": 1, "left_s": 5, "why": "it broke"
    }  # fmt: skip
    answers.switch_target(TargetBody(target="fast"), around, on=False)
    assert answers.health(around).targets == {"ollama/known": State.COOLING, "ollama/qwen3:4b": State.DOWN}
    assert answers.health(around).status == "ok"
    for name in ("fast", "ollama/known"):
        answers.switch_target(TargetBody(target=name), around, on=True)
    assert answers.health(around).targets == {}


# -- what is changed ---------------------------------------------------------------------------------------------------

SWITCHES: list[tuple[dict[str, Any], Switch]] = [
    ({"preset": "mine"}, Switch("mine")),
    ({"preset": "none"}, Switch("none")),
    ({"preset": "configured"}, Switch()),
    ({"preset": "mine", "small_model": "fast"}, Switch("mine", {Slot.SMALL: "fast"})),
    ({"big_model": "fast"}, Switch("plain", {Slot.BIG: "fast", Slot.SMALL: "fast"})),
    ({"small_model": "configured"}, Switch("plain")),
    ({"small_model": " configured "}, Switch("plain")),
    ({"middle_model": "anthropic"}, Switch("plain", {Slot.MIDDLE: "anthropic", Slot.SMALL: "fast"})),
]


@pytest.mark.parametrize(("asked", "switch"), SWITCHES)
def test_a_switch_is_in_force_at_once(asked: dict[str, Any], switch: Switch) -> None:
    control = HeldControl()
    control.choose(detour_preset="plain", detour_small_model="fast")
    told = answers.switch(SwitchBody(**asked), surroundings(control))
    assert control.switch == switch
    assert control.settings is not None
    assert told.preset == control.settings.preset
    assert told.note is None


def test_the_conversation_goes_on_either_way() -> None:
    around = surroundings()
    assert answers.switch(SwitchBody(preset="mine", preserve_conversation=False), around).note == CONVERSATION
    assert answers.switch(SwitchBody(preset="mine", preserve_conversation=True), around).note is None


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"preset": "mien"}, "there is no preset 'mien'; there is mine"),
        ({"preset": "glm"}, "ZAI_API_KEY"),
        ({"big_model": "groq/x"}, "GROQ_API_KEY"),
        ({"big_model": "fast", "small_model": "nobody/x"}, "there is no provider 'nobody'"),
    ],
)
def test_a_switch_that_cannot_be_is_refused_whole(asked: dict[str, Any], words: str) -> None:
    control = HeldControl()
    before = control.settings
    with pytest.raises(BadRequest, match=words) as caught:
        answers.switch(SwitchBody(**asked), surroundings(control))
    assert caught.value.status == 400
    assert (control.switch, control.settings) == (Switch(), before)


def test_kinds_are_blocked_and_let_pass_again() -> None:
    around = surroundings()
    assert answers.block(BlockBody(kind=Kind.TITLE), around).blocked == [Kind.TITLE]
    assert answers.block(BlockBody(kind=Kind.TITLE), around).blocked == [Kind.TITLE]
    assert answers.block(BlockBody(kind=Kind.COUNT), around).blocked == [Kind.COUNT, Kind.TITLE]
    assert answers.unblock(UnblockBody(kind=Kind.MAIN), around).blocked == [Kind.COUNT, Kind.TITLE]
    assert answers.unblock(UnblockBody(kind=Kind.COUNT), around).blocked == [Kind.TITLE]
    assert answers.unblock(UnblockBody(kind="all"), around).blocked == []


def test_a_reload_is_begun() -> None:
    control = HeldControl()
    assert "/_detour/health" in answers.reload(surroundings(control)).note
    assert control.readings == 1


ASKS: list[Callable[[Surroundings], object]] = [
    answers.in_force,
    answers.config,
    answers.model_list,
    answers.reload,
    lambda around: answers.debug_logs(LogType.ALL, 1, around, authorized=True),
    lambda around: answers.switch(SwitchBody(preset="mine"), around),
]


@pytest.mark.parametrize("ask", ASKS)
def test_settings_that_were_never_right_are_no_answer(ask: Callable[[Surroundings], object]) -> None:
    with pytest.raises(BadRequest) as caught:
        ask(surroundings(HeldControl(configuration=None)))
    assert (caught.value.status, caught.value.message) == (503, WRONG)


def test_what_is_written_has_each_kind_of_model() -> None:
    assert {"fast", "careful", "lost", "home"} <= set(WRITTEN["models"]), "or the tests above say nothing"
