"""Who is asked next, and what the client hears when nobody is left: rows without a network."""

import pytest

from addon.protocol.errors import BackendError, DetourError, InternalError, Kind, Unsupported
from addon.proxy.intake import Incoming
from addon.proxy.journey import Again, Journey, Trouble
from addon.routing.call import Call
from addon.routing.health import Health, State
from addon.routing.route import choose
from addon.settings.assembly import configure, parse
from addon.settings.document import Document

pytestmark = pytest.mark.usefixtures("retrying")

NOW = 1_000.0
TARGETS = ["vllm/one", "vllm/two", "ollama/three"]


def journey(targets: list[str] = TARGETS, **written: object) -> Journey:
    document = Document.model_validate({"big": targets, **written})
    values = {"VLLM_API_BASE": "http://a.test/v1", "OLLAMA_API_BASE": "http://b.test"}
    settings = configure(document, values, lambda path: "detour.yaml").settings()
    made = Journey(
        Incoming("POST", "/v1/messages", {}, b"x" * 4_000, None),
        settings,
        choose(Call({"model": "opus"}), settings),
        Health(),
        NOW,
    )
    made.start(NOW)
    return made


def failing(kind: Kind, retry_after_s: int | None = None) -> BackendError:
    return BackendError(kind, f"it says {kind}.", retry_after_s)


def asked(made: Journey, *errors: DetourError, trouble: Trouble | None = None) -> list[tuple[str, float | None]]:
    """Who is asked after each of the failures, and after what wait; None: nobody."""
    plans: list[tuple[str, float | None]] = []
    for error in errors:
        again = made.plan(error, NOW + 1, 0.0, trouble)
        plans.append((made.route.name, again.delay_s if again else None))
        made.start(NOW + 1)
    return plans


BUSY, NO = failing(Kind.RATE_LIMIT), failing(Kind.CREDENTIAL)
PLANS: list[tuple[list[DetourError], list[tuple[str, float | None]]]] = [
    ([BUSY] * 4, [("vllm/one", 0.5), ("vllm/one", 1.0), ("vllm/two", 0.0), ("vllm/two", 0.5)]),
    ([NO] * 3, [("vllm/two", 0.0), ("ollama/three", 0.0), ("ollama/three", None)]),
    ([failing(Kind.RATE_LIMIT, 3)], [("vllm/one", 3.0)]),
    ([failing(Kind.RATE_LIMIT, 6)], [("vllm/two", 0.0)]),
    ([failing(Kind.REPAIRABLE)], [("vllm/one", None)]),
    ([failing(Kind.OUTPUT_CAP)], [("vllm/one", None)]),
    ([InternalError("1")], [("vllm/one", None)]),
    ([Unsupported("messages", "no", "way")], [("vllm/two", 0.0)]),
    ([failing(Kind.OVERFLOW)], [("vllm/one", None)]),
    ([BUSY, NO, BUSY], [("vllm/one", 0.5), ("vllm/two", 0.0), ("vllm/two", 0.5)]),
]


@pytest.mark.parametrize(("errors", "plans"), PLANS)
def test_who_is_asked_next(errors: list[DetourError], plans: list[tuple[str, float | None]]) -> None:
    assert asked(journey(), *errors) == plans


def test_what_is_too_long_goes_where_it_fits() -> None:
    made = journey(models={"vllm/one": {"window": 500}, "ollama/three": {"window": 5_000}})
    assert asked(made, failing(Kind.OVERFLOW)) == [("ollama/three", 0.0)]


def test_where_a_window_is_not_known_the_prompt_is_measured() -> None:
    made = journey(models={"vllm/two": {"window": 500}, "ollama/three": {"window": 5_000}})
    assert asked(made, failing(Kind.OVERFLOW)) == [("ollama/three", 0.0)]


LATE, LAST = Trouble("late", timed_out=True), Trouble("late", timed_out=True, final=True)


def test_one_whose_time_is_out_is_asked_again_only_where_there_is_no_other() -> None:
    assert asked(journey(), failing(Kind.TIMEOUT), trouble=LATE) == [("vllm/two", 0.0)]
    assert asked(journey(["vllm/one"]), failing(Kind.TIMEOUT), trouble=LATE) == [("vllm/one", 0.5)]


def test_when_all_of_its_time_is_out_nobody_is_asked() -> None:
    assert asked(journey(), failing(Kind.TIMEOUT), trouble=LAST) == [("vllm/one", None)]


def test_a_kept_connection_that_closed_says_nothing_of_the_target() -> None:
    gone = failing(Kind.UNREACHABLE)
    assert asked(journey(), gone, gone, trouble=Trouble("closed", reused=True)) == [
        ("vllm/one", 0.0),
        ("vllm/one", 1.0),
    ]


def test_another_target_is_told_apart_from_the_same_one() -> None:
    made = journey()
    made.plan(BUSY, NOW, 0.0)
    assert not made.is_other
    made.plan(NO, NOW, 0.0)
    assert made.is_other


WORDS = [
    ([failing(Kind.OVERFLOW)], "it says overflow."),
    ([BUSY, BUSY, BUSY, NO, NO], "it says rate_limit. (tried vllm/one 429 429 429, vllm/two 403, ollama/three 403)"),
    ([NO, NO, NO], "it says credential. (tried vllm/one 403, vllm/two 403, ollama/three 403)"),
    ([BUSY, failing(Kind.REPAIRABLE)], "it says rate_limit. (tried vllm/one 429 400)"),
]


@pytest.mark.parametrize(("errors", "words"), WORDS)
def test_the_client_hears_what_its_own_retry_may_mend(errors: list[DetourError], words: str) -> None:
    made = journey()
    fresh = [BackendError(error.kind, error.message) if isinstance(error, BackendError) else error for error in errors]
    asked(made, *fresh)
    assert made.last_word().message == words


def test_attempts_are_told_and_the_last_only_where_the_exchange_went_on() -> None:
    made = journey()
    assert made.told() == ""
    asked(made, NO, BUSY)
    assert made.told() == "tried vllm/one 403, vllm/two 429"
    assert made.told(ended_well=False) == "tried vllm/one 403"
    assert [(each.target, each.status, each.elapsed_ms, each.why) for each in made.attempts] == [
        ("vllm/one", 403, 1_000, "it says credential."),
        ("vllm/two", 429, 0, "it says rate_limit."),
    ]


def test_a_target_that_is_left_cools_down_and_one_that_answers_is_up() -> None:
    made = journey()
    assert made.plan(NO, NOW, 0.0) == Again()
    assert made.cooled is not None
    assert (made.cooled.name, made.cooled.state) == ("vllm/one", State.COOLING)
    made.start(NOW)
    assert made.answered(NOW) is None, "it was up before"
    assert made.health.avoided(NOW) == {"vllm/one": State.COOLING}


def test_one_that_is_asked_again_does_not_cool_down_yet() -> None:
    made = journey()
    made.plan(BUSY, NOW, 0.0)
    assert made.cooled is None
    assert made.health.avoided(NOW) == {}


def test_a_probe_of_which_nothing_is_heard_is_let_go() -> None:
    health = Health()
    known = journey()
    known.health = health
    known.attempt = None
    known.start(NOW)
    known.plan(NO, NOW, 0.0)
    probe = journey()
    probe.health, probe.attempt = health, None
    probe.start(NOW + 6)
    assert health.avoided(NOW + 6) == {"vllm/one": State.PROBING}
    probe.end(NOW + 7)
    assert health.avoided(NOW + 7) == {}


def test_settings_are_those_of_the_request() -> None:
    assert parse({}).retry.attempts == 2
    assert asked(journey(retry={"attempts": 0}), BUSY) == [("vllm/two", 0.0)]
