"""Which target serves a model's name, and why. With real documents: test_table."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NoReturn, override

import orjson
import pytest

from addon.dialects.profiles import ReasoningStyle
from addon.protocol.errors import BackendError, BadRequest, Blocked, DetourError
from addon.routing import config, rules
from addon.routing import route as routes
from addon.routing.call import Call
from addon.routing.changes import Changes
from addon.routing.config import PASS, Answer, Choice, Timeouts, tier_of
from addon.routing.facts import ModelFacts
from addon.routing.health import State
from addon.routing.route import Route, choose, fall_back, larger
from addon.routing.rules import Rule
from addon.routing.settings import Decider, Settings
from addon.settings.assembly import parse

KEYS = {"OPENAI_API_KEY": "k"}
BOTH = parse({**KEYS, "BIG_MODEL": "gpt-5.5", "SMALL_MODEL": "vllm/q"})
SMALL = parse({"SMALL_MODEL": "vllm/q"})
NOTHING = parse({})

ROUTES = [
    (BOTH, "claude-opus-4-8", "openai/gpt-5.5", "BIG_MODEL answers opus"),
    (BOTH, "claude-sonnet-5", "openai/gpt-5.5", "BIG_MODEL answers sonnet"),
    (BOTH, "claude-haiku-5-5", "vllm/q", "SMALL_MODEL answers haiku"),
    (BOTH, "Claude-3-HAIKU", "vllm/q", "SMALL_MODEL answers haiku"),
    (BOTH, "claude-of-tomorrow", "openai/gpt-5.5", "BIG_MODEL answers every other name"),
    (BOTH, "groups-sonnet", "openai/gpt-5.5", "BIG_MODEL answers sonnet"),
    (BOTH, "ollama/llama3:8b", "ollama/llama3:8b", "the client named it"),
    (BOTH, "LM_Studio/a/b", "lmstudio/a/b", "the client named it"),
    (BOTH, "claude-via-vllm/q", "vllm/q", "the client named it"),
    (SMALL, "claude-opus-4-8", "anthropic", "no model is set for opus: passed through"),
    (SMALL, "claude-of-tomorrow", "anthropic", "no model is set for other names: passed through"),
    (NOTHING, "claude-haiku-5-5", "anthropic", "no model is set for haiku: passed through"),
    (NOTHING, "vllm/q", "vllm/q", "the client named it"),
    (NOTHING, "anthropic/claude-x", "anthropic/claude-x", "the client named it"),
]


@pytest.mark.parametrize(("settings", "asked", "name", "reason"), ROUTES)
@pytest.mark.parametrize("suffix", ["", "[1m]", "[1M]"])
def test_a_name_leads_to_its_route(settings: Settings, asked: str, name: str, reason: str, suffix: str) -> None:
    route = choose(Call({"model": asked + suffix}), settings)
    assert (route.name, route.reason) == (name, reason)
    assert (route.asked, route.long_window) == (asked, bool(suffix))


REFUSED = [
    ("nobody/x", BadRequest, 404, "there is no provider 'nobody'"),
    ("opnai/x", BadRequest, 404, "Did you mean openai"),
    ("openai/", BadRequest, 404, "the model is missing"),
    ("/x", BadRequest, 404, "provider/model"),
    ("openai/x", BackendError, 403, "set OPENAI_API_KEY"),
    ("azure/x", BackendError, 403, "set AZURE_RESOURCE_NAME"),
]


@pytest.mark.parametrize(("asked", "error", "status", "words"), REFUSED)
def test_a_name_that_leads_nowhere_says_why(asked: str, error: type[DetourError], status: int, words: str) -> None:
    with pytest.raises(error) as caught:
        choose(Call({"model": asked}), parse({"SMALL_MODEL": "vllm/q"}))
    assert caught.value.status == status
    assert words in caught.value.message


def test_with_no_model_set_a_name_of_no_provider_passes() -> None:
    assert choose(Call({"model": "eu/claude-opus"}), NOTHING).destination is None


def test_a_destination_bears_address_dialect_limits_and_credential() -> None:
    destination = choose(Call({"model": "claude-opus-4-8"}), BOTH).destination
    assert destination
    assert destination.target.base_url == "https://api.openai.com/v1"
    assert destination.target.profile.system_role == "developer"
    assert destination.credential.variable == "OPENAI_API_KEY"
    assert destination.dialect.translates
    native = choose(Call({"model": "vllm-anthropic/q"}), BOTH).destination
    assert native
    assert not native.dialect.translates


def test_what_the_user_says_of_a_model_lies_over_what_is_known() -> None:
    known = parse({"OPENAI_API_KEY": "k"})
    own = replace(known, facts=MappingProxyType({"openai/gpt-4.1": ModelFacts(max_output_tokens=7)}))
    targets = []
    for settings in (known, own):
        destination = choose(Call({"model": "openai/gpt-4.1"}), settings).destination
        assert destination is not None
        targets.append(destination.target)
    assert targets[1].max_input_tokens == targets[0].max_input_tokens
    assert targets[0].max_input_tokens is not None
    assert (targets[0].max_output_tokens == 7, targets[1].max_output_tokens) == (False, 7)


@pytest.mark.parametrize(
    ("facts", "style"),
    [
        (ModelFacts(), ReasoningStyle.EFFORT),
        (ModelFacts(reasoning=True), ReasoningStyle.EFFORT),
        (ModelFacts(reasoning=False), ReasoningStyle.NONE),
        (ModelFacts(reasoning=False, profile={"reasoning": ReasoningStyle.TOGGLE}), ReasoningStyle.TOGGLE),
    ],
)
def test_a_model_that_does_not_think_is_not_told_how_much(facts: ModelFacts, style: ReasoningStyle) -> None:
    settings = replace(parse({}), facts=MappingProxyType({"ollama/m": facts}))
    destination = choose(Call({"model": "ollama/m"}), settings).destination
    assert destination
    assert destination.target.profile.reasoning is style


@pytest.mark.parametrize(
    ("facts", "is_set"), [(ModelFacts(max_input_tokens=9), True), (ModelFacts(vision=True), False)]
)
def test_a_window_is_the_users_word_or_what_is_known(facts: ModelFacts, is_set: bool) -> None:
    settings = replace(parse({"OPENAI_API_KEY": "k"}), facts=MappingProxyType({"openai/gpt-4.1": facts}))
    destination = choose(Call({"model": "openai/gpt-4.1"}), settings).destination
    assert destination
    assert (destination.target.window_is_set, destination.target.max_input_tokens == 9) == (is_set, is_set)


@pytest.mark.parametrize(("model", "tier"), [("claude-opus", "opus"), ("x-SONNET-y", "sonnet"), ("gpt", None)])
def test_a_tier_is_read_from_the_name(model: str, tier: str | None) -> None:
    assert tier_of(model) == tier


# -- lists -------------------------------------------------------------------------------------------------------------

OPUS = {"model": "claude-opus-5-5"}
X, Y, GROQ, AZURE = Choice("ollama", "x"), Choice("vllm", "y"), Choice("groq", "g"), Choice("azure", "a")

LISTS: list[tuple[tuple[Choice, ...], str, tuple[Choice, ...], str]] = [
    ((X, Y, PASS), "ollama/x", (Y, PASS), "an alias"),
    ((GROQ, X), "ollama/x", (), "an alias; not groq/g, there is no key for groq: set GROQ_API_KEY"),
    ((X, GROQ, Y), "ollama/x", (Y,), "an alias"),
    (
        (GROQ, AZURE, PASS, X),
        "anthropic",
        (X,),
        "there is no key for groq: set GROQ_API_KEY; not azure/a, azure has no address: set AZURE_RESOURCE_NAME",
    ),
]


@pytest.mark.parametrize(("choices", "name", "others", "told"), LISTS)
def test_the_first_that_can_be_used_answers_and_the_rest_that_can_stands_by(
    choices: tuple[Choice, ...], name: str, others: tuple[Choice, ...], told: str
) -> None:
    route = choose(Call({"model": "list"}), replace(NOTHING, aliases={"list": choices}))
    assert (route.name, route.others) == (name, others)
    assert route.reason.endswith(told)


def test_where_none_can_the_first_one_says_why() -> None:
    with pytest.raises(BackendError, match="there is no key for groq") as caught:
        choose(Call({"model": "list"}), replace(NOTHING, aliases={"list": (GROQ, AZURE)}))
    assert caught.value.status == 403


def test_an_alias_of_one_of_claudes_names_answers_it_after_the_rules() -> None:
    settings = replace(BOTH, aliases={"claude-opus-5-5": (X,)})
    assert (choose(Call(OPUS), settings).name, choose(Call(OPUS), settings).reason) == (
        "ollama/x", "an alias of that name"
    )  # fmt: skip
    assert choose(Call(OPUS), ruled(Rule("r", "", answer=Answer((Y,), "r")), settings)).name == "vllm/y"


def test_a_client_that_names_any_number_of_models_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MOST_REMEMBERED", 2)
    settings = parse({})
    for name in ("a", "b", "a", "c"):
        choose(Call({"model": f"ollama/{name}"}), settings)
    assert list(settings.remembered) == [Choice("ollama", "c")]


@pytest.mark.parametrize("name", ["n" * 1_000_000 + "/x", "n/" * 1_000_000, "n" * 1_000_000 + "/"])
def test_of_a_long_name_little_is_compared_and_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(word: str, *_: object, **__: object) -> list[str]:
        compared.append(word)
        return []

    monkeypatch.setattr(config, "get_close_matches", compare)
    with pytest.raises(BadRequest) as caught:
        choose(Call({"model": name}), BOTH)
    assert len(caught.value.message) < 1_500
    assert all(len(word) <= config.LONGEST_NAME for word in compared)  # comparing takes the square of the length


# -- rules -------------------------------------------------------------------------------------------------------------

LESS = Changes(effort="low")


def ruled(rule: Rule, settings: Settings = BOTH) -> Settings:
    return replace(settings, rules=(rule,))


def test_a_rule_blocks_answers_or_only_changes() -> None:
    held = rules.conditions({"tier": "opus"}, "")
    blocking = ruled(Rule("r", "line 1", held, block="No."))
    with pytest.raises(Blocked) as caught:
        choose(Call(OPUS), blocking)
    assert (caught.value.message, caught.value.why) == ("No.", "r (line 1): the tier is opus")
    answered = choose(Call(OPUS), ruled(Rule("r", "line 1", held, Answer((X, Y), "r"), changes=LESS)))
    assert (answered.name, answered.others, answered.changes) == ("ollama/x", (Y,), LESS)
    assert answered.reason == "r (line 1): the tier is opus"
    changed = choose(Call(OPUS), ruled(Rule("r", "line 1", held, changes=LESS)))
    assert (changed.name, changed.changes) == ("openai/gpt-5.5", LESS)
    assert changed.reason == "BIG_MODEL answers opus; r (line 1): the tier is opus"
    assert choose(Call({"model": "claude-haiku-5"}), blocking).name == "vllm/q"


def test_a_star_that_leaves_no_model_is_refused() -> None:
    answer, star = Answer((Choice("ollama", "*"),), "r"), rules.star_of("gpt-*")
    ruled_by = ruled(Rule("r", "", rules.conditions({"model": "gpt-*"}, ""), answer, star=star))
    assert choose(Call({"model": "gpt-5"}), ruled_by).name == "ollama/5"
    with pytest.raises(BadRequest, match="'gpt-': nothing is left of it for ollama") as caught:
        choose(Call({"model": "gpt-"}), ruled_by)
    assert caught.value.status == 404


CONFIGURED = pytest.mark.parametrize("values", [{}, {"ANTHROPIC_API_KEY": "sk-ours", "ANTHROPIC_API_BASE": "http://x"}])


@CONFIGURED
def test_what_passes_with_changes_is_the_clients_own_affair(values: dict[str, str]) -> None:
    route = choose(Call(OPUS), ruled(Rule("r", "", changes=LESS, answer=Answer((PASS,), "r")), parse(values)))
    assert route.name == "anthropic"
    destination = route.destination
    assert destination
    assert destination.is_home
    assert not destination.dialect.translates
    assert (destination.credential.key, destination.target.model) == (None, "claude-opus-5-5")
    assert (destination.target.headers, destination.endpoint.proxy) == ((), None)


def test_a_destination_has_what_the_user_set_for_its_provider() -> None:
    mine = replace(NOTHING.endpoints["ollama"], profile=MappingProxyType({"images": False}), headers=(("x-a", "1"),))
    settings = replace(NOTHING, endpoints={"ollama": mine})
    destination = choose(Call({"model": "ollama/x"}), settings).destination
    assert destination
    assert (destination.target.profile.images, destination.target.headers) == (False, (("x-a", "1"),))
    assert destination.endpoint is mine


# -- what a flow says of it --------------------------------------------------------------------------------------------

TITLES = [
    (None, "claude-x → anthropic"),
    ("main", "claude-x → anthropic"),
    ("other", "claude-x → anthropic"),
    ("subagent", "claude-x → anthropic (subagent)"),
]


@pytest.mark.parametrize(("kind", "title"), TITLES)
def test_a_route_tells_what_a_call_is_for_where_that_is_not_plain(kind: str | None, title: str) -> None:
    assert Route("claude-x", False, "", kind=kind).title == title


def test_a_route_knows_kind_and_session() -> None:
    asked = Call({**OPUS, "tools": [{"name": "Bash"}]}, headers={"x-claude-code-session-id": "s"})
    assert (choose(asked, BOTH).kind, choose(asked, BOTH).session) == ("main", "s")


@pytest.mark.parametrize("name", ["claude-\ud83d", "ollama/\ud83d", "claude-é"])
def test_a_name_that_cannot_be_written_is_asked_for_as_it_can(name: str) -> None:
    asked = choose(Call({"model": name}), BOTH).asked
    assert orjson.loads(orjson.dumps(asked)) == name.replace("\ud83d", "?")


# -- the user's own function -------------------------------------------------------------------------------------------


def decided(decide: Callable[[Call], object], settings: Settings = BOTH, call: Call | None = None) -> Route:
    return choose(call or Call(OPUS), replace(settings, decider=Decider("mine.py:choose", decide)))


def test_a_function_decides_before_the_rules() -> None:
    blocking = ruled(Rule("r", "", block="No."))
    assert decided(lambda call: "ollama/f", blocking).reason == "mine.py:choose says so"
    assert decided(lambda call: ["groq/g", "ollama/f", "anthropic"]).others == (PASS,)
    assert decided(lambda call: ("ollama/f",)).name == "ollama/f"
    with pytest.raises(Blocked):
        decided(lambda call: None, blocking)


class Shouting(str):
    """A text that does what no text does."""

    __slots__ = ()

    @override
    def lower(self) -> str:
        raise RuntimeError

    @override
    def __hash__(self) -> int:
        raise RuntimeError

    @override
    def __eq__(self, other: object) -> bool:
        raise RuntimeError


def test_a_text_of_a_class_of_the_users_is_a_text() -> None:
    route = decided(lambda call: Shouting("ollama/f"))
    assert route.destination
    assert (route.name, type(route.destination.target.model)) == ("ollama/f", str)


class Endless:
    @override
    def __repr__(self) -> str:
        raise RuntimeError


ODD: list[Any] = [
    7, True, b"ollama/x", "", [], ["ollama/x", 7], {"model": "ollama/x"}, {"ollama/x"}, Endless(), [Endless()],
    "x" * 10_000_000 + "/y", ["nobody/x"], object(), lambda call: None, "/", "ollama/", iter(["ollama/x"]),
]  # fmt: skip


@pytest.mark.parametrize("answer", ODD, ids=lambda answer: type(answer).__name__)
def test_an_odd_answer_is_refused_in_words(answer: Any) -> None:
    with pytest.raises(BackendError) as caught:
        decided(lambda call: answer)
    assert caught.value.status in (403, 424)


@pytest.mark.parametrize(("answer", "told"), [(7, "it returned 7; it may"), ([1] * 10_000, "it returned [1, 1, 1, ")])
def test_what_it_returned_is_shown_in_short(answer: Any, told: str) -> None:
    with pytest.raises(BackendError) as caught:
        decided(lambda call: answer)
    assert told in caught.value.message
    assert len(caught.value.message) < 200


class Silent(Exception):
    @override
    def __str__(self) -> str:
        raise RuntimeError


def _raising(error: BaseException) -> Callable[[Call], NoReturn]:
    def decide(call: Call) -> NoReturn:
        raise error

    return decide


FAILURES: list[tuple[BaseException, str]] = [
    (ValueError("odd"), "mine.py:choose failed: ValueError: odd"),
    (SystemExit(3), "mine.py:choose failed: SystemExit: 3"),
    (asyncio.CancelledError(), "mine.py:choose failed: CancelledError: "),
    (GeneratorExit(), "mine.py:choose failed: GeneratorExit: "),
    (RecursionError("deep"), "mine.py:choose failed: RecursionError: deep"),
    (BaseExceptionGroup("both", [SystemExit()]), "mine.py:choose failed: BaseExceptionGroup: both"),
    (Silent(), "mine.py:choose failed: Silent: it cannot say why"),
    (BadRequest("not ours"), "mine.py:choose failed: BadRequest: not ours"),
]


@pytest.mark.parametrize(("error", "told"), FAILURES)
def test_a_function_that_fails_fails_one_request_only(error: BaseException, told: str) -> None:
    with pytest.raises(BackendError) as caught:
        decided(_raising(error))
    assert told in caught.value.message
    assert caught.value.status == 424


def test_a_function_that_never_returns_from_itself_ends() -> None:
    def decide(call: Call) -> object:
        return decide(call)

    with pytest.raises(BackendError, match="RecursionError"):
        decided(decide)


def test_the_users_interruption_is_one() -> None:
    with pytest.raises(KeyboardInterrupt):
        decided(_raising(KeyboardInterrupt()))


@pytest.mark.parametrize("raw", [None, b'{"model":"claude-opus-5-5","messages":[{"role":"user","content":"x"}]}'])
def test_nothing_that_a_function_does_to_a_call_changes_the_request(raw: bytes | None) -> None:
    def decide(call: Call) -> None:
        call.body["messages"][0]["content"] = "changed"
        call.body.clear()
        call.model = call.named = "ollama/changed"
        call.headers = {}

    body = {**OPUS, "messages": [{"role": "user", "content": "x"}]}
    asked = Call(body, raw=raw, headers={"x-claude-code-session-id": "s"})
    route = decided(decide, call=asked)
    assert (route.name, route.asked, route.session) == ("openai/gpt-5.5", "claude-opus-5-5", "s")
    assert body == {**OPUS, "messages": [{"role": "user", "content": "x"}]}


# -- timeouts ----------------------------------------------------------------------------------------------------------

SLOW = Timeouts(connect_s=3.0, idle_s=60.0)
OWN = replace(BOTH, timeouts=Timeouts(total_s=9.0))
OWN = replace(OWN, endpoints={**OWN.endpoints, "openai": replace(OWN.endpoints["openai"], timeouts=SLOW)})
WANTED = {"idle_s": None, "first_byte_s": 30.0}
TIMED: list[tuple[Settings, str, Timeouts]] = [
    (OWN, "openai/x", SLOW),
    (OWN, "claude-opus-5-5", SLOW),
    (replace(OWN, tiers={}), "claude-opus-5-5", OWN.timeouts),  # to Anthropic, untouched
    (replace(OWN, rules=(Rule("r", "", timeouts=WANTED),)), "claude-opus-5-5", SLOW.changed(WANTED)),
    (replace(OWN, rules=(Rule("r", "", timeouts=WANTED),), tiers={}), "claude-opus-5-5", OWN.timeouts.changed(WANTED)),
    (
        replace(OWN, rules=(Rule("r", "", answer=Answer((PASS,), "r"), changes=LESS, timeouts=WANTED),)),
        "claude-opus-5-5",
        OWN.timeouts.changed(WANTED),  # to Anthropic, changed
    ),
]


@pytest.mark.parametrize(("settings", "asked", "timeouts"), TIMED)
def test_timeouts_are_the_rules_over_those_of_whoever_answers(
    settings: Settings, asked: str, timeouts: Timeouts
) -> None:
    assert choose(Call({"model": asked}), settings).timeouts == timeouts


# -- health ------------------------------------------------------------------------------------------------------------

NO_GROQ = "not groq/g, there is no key for groq: set GROQ_API_KEY"
COOL, PROBE, OFF = State.COOLING, State.PROBING, State.DOWN
HEALTHS: list[tuple[tuple[Choice, ...], dict[str, State], str, tuple[Choice, ...], str]] = [
    ((X, Y, PASS), {}, "ollama/x", (Y, PASS), "an alias"),
    ((X, Y, PASS), {"ollama/x": COOL}, "vllm/y", (PASS, X), "an alias; not ollama/x, it cools down"),
    ((X, Y, PASS), {"vllm/y": COOL}, "ollama/x", (PASS, Y), "an alias"),
    (
        (X, Y, PASS),
        {"ollama/x": PROBE, "vllm/y": OFF},
        "anthropic",
        (X,),
        "an alias; not ollama/x, another request tries it; not vllm/y, it is switched off",
    ),
    ((X, GROQ, Y), {"ollama/x": COOL}, "vllm/y", (X,), f"an alias; not ollama/x, it cools down; {NO_GROQ}"),
    # where none is up, the order holds
    ((X, Y), {"ollama/x": COOL, "vllm/y": PROBE}, "ollama/x", (Y,), "an alias"),
    ((GROQ, X), {"ollama/x": COOL}, "ollama/x", (), f"an alias; {NO_GROQ}"),
    # those that are switched off come last
    ((X, Y), {"ollama/x": OFF, "vllm/y": COOL}, "vllm/y", (), "an alias; not ollama/x, it is switched off"),
    ((X, Y), {"ollama/x": OFF, "vllm/y": OFF}, "ollama/x", (Y,), "an alias"),
    ((X,), {"ollama/x": OFF}, "ollama/x", (), "an alias"),
    # what cannot be used is no other
    ((X, GROQ), {"ollama/x": OFF}, "ollama/x", (), "an alias"),
    ((PASS, X), {"anthropic": COOL}, "ollama/x", (PASS,), "an alias; not anthropic, it cools down"),
]  # fmt: skip


@pytest.mark.parametrize(("choices", "avoided", "name", "others", "told"), HEALTHS)
def test_a_target_that_is_not_up_is_passed_over_while_another_is(
    choices: tuple[Choice, ...], avoided: dict[str, State], name: str, others: tuple[Choice, ...], told: str
) -> None:
    route = choose(Call({"model": "list"}), replace(NOTHING, aliases={"list": choices}), avoided)
    assert (route.name, route.choice.name, route.others) == (name, name, others)
    assert route.reason == f"the client named it, {told}"


ASKERS: list[tuple[Settings, str]] = [
    (replace(NOTHING, rules=(Rule("r", "", answer=Answer((X, Y), "r")),)), "claude-opus-5-5"),
    (replace(NOTHING, tiers={config.Tier.OPUS: Answer((X, Y), "big")}), "claude-opus-5-5"),
    (replace(NOTHING, tiers={config.Tier.OPUS: Answer((X, Y), "big")}, rules=(Rule("r", "", changes=LESS),)), "other"),
    (replace(NOTHING, aliases={"claude-opus-5-5": (X, Y)}), "claude-opus-5-5"),
    (replace(NOTHING, decider=Decider("f", lambda call: ["ollama/x", "vllm/y"])), "claude-opus-5-5"),
]


@pytest.mark.parametrize(("settings", "asked"), ASKERS)
def test_health_counts_whoever_decides(settings: Settings, asked: str) -> None:
    assert choose(Call({"model": asked}), settings, {"ollama/x": COOL}).name == "vllm/y"


def test_a_model_that_the_client_names_has_no_other() -> None:
    assert choose(Call({"model": "vllm/q"}), NOTHING, {"vllm/q": OFF}).name == "vllm/q"


# -- falling back ------------------------------------------------------------------------------------------------------


def test_when_one_fails_the_next_of_the_others_answers_until_none_is_left() -> None:
    settings = replace(OWN, rules=(Rule("r", "", answer=Answer((X, BIG, PASS), "r"), timeouts=WANTED),))
    first = choose(Call(OPUS), settings)
    second = fall_back(first, settings)
    assert second is not None
    assert (second.name, second.choice, second.others) == ("openai/gpt-4.1", BIG, (PASS,))
    assert second.reason == f"{first.reason}; then openai/gpt-4.1"
    assert (first.timeouts, second.timeouts) == (Timeouts().changed(WANTED), SLOW.changed(WANTED))
    third = fall_back(second, settings)
    assert third is not None
    assert (third.name, third.destination, third.others) == ("anthropic", None, ())
    assert third.timeouts == OWN.timeouts.changed(WANTED)
    assert fall_back(third, settings) is None
    kept = ("asked", "long_window", "changes", "kind", "session")
    assert [getattr(third, name) for name in kept] == [getattr(first, name) for name in kept]


def test_what_is_changed_is_changed_for_anthropic_too() -> None:
    settings = replace(NOTHING, rules=(Rule("r", "", answer=Answer((X, PASS), "r"), changes=LESS),))
    route = fall_back(choose(Call(OPUS), settings), settings)
    assert route is not None
    assert route.destination is not None
    assert (route.destination.is_home, route.destination.target.model) == (True, "claude-opus-5-5")


BIG, SMALLER, UNKNOWN = Choice("openai", "gpt-4.1"), Choice("openai", "gpt-4o"), Choice("vllm", "unknown")
SIZES: list[tuple[tuple[Choice, ...], int | None, Choice | None, tuple[Choice, ...]]] = [
    ((SMALLER, UNKNOWN, BIG, PASS), 200_000, BIG, (PASS,)),
    ((SMALLER, BIG), 100_000, SMALLER, (BIG,)),
    ((SMALLER, UNKNOWN), 128_000, None, ()),
    ((UNKNOWN, PASS), 128_000, PASS, ()),  # Claude's own is known by its name
    ((BIG,), None, None, ()),
    ((), 100_000, None, ()),
]


@pytest.mark.parametrize(("others", "than", "choice", "left"), SIZES)
def test_a_prompt_that_is_too_long_goes_to_the_first_window_that_is_known_to_be_larger(
    others: tuple[Choice, ...], than: int | None, choice: Choice | None, left: tuple[Choice, ...]
) -> None:
    settings = replace(BOTH, aliases={"claude-sonnet-4-5": (X, *others)})
    first = choose(Call({"model": "claude-sonnet-4-5"}), settings)
    route = larger(first, settings, than)
    if choice is None:
        assert route is None
        return
    assert route is not None
    assert (route.choice, route.others) == (choice, left)
    assert route.reason == f"{first.reason}; then {choice.name}, whose window is larger"
