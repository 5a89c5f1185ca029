"""Who answers which request under which configuration, and why: one table over YAML, settings, rules and the choice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from addon.protocol.errors import Blocked, DetourError
from addon.routing.call import COUNT_PATH, Call, Door
from addon.routing.changes import NOTHING, Changes
from addon.routing.config import Slot
from addon.routing.route import choose
from addon.routing.settings import Decider, Settings
from addon.settings import assembly, document_text
from addon.settings.switch import Switch

type Json = dict[str, Any]

AS_WRITTEN = Switch()
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
KEYS = {"OPENAI_API_KEY": "k"}
TIERS = "big: ollama/big\nsmall: ollama/small\n"
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
PAPER = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}
WORDS = {"type": "text", "text": "Hello"}
MON_8, FRI_23, SAT_1 = datetime(2026, 11, 16, 8), datetime(2026, 11, 20, 23, 30), datetime(2026, 11, 21, 1)


@dataclass(frozen=True, slots=True)
class Ask:
    """A sketch of a request."""

    model: str = OPUS
    fields: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = "/v1/messages"
    door: Door | None = None
    now: datetime | None = None
    lot: str = ""
    flow: str | None = None  # the one filter expression that the flow matches

    @property
    def call(self) -> Call:
        matches: Callable[[str], bool] | None = None if self.flow is None else self.flow.__eq__
        return Call(
            {"model": self.model, **self.fields},
            headers=self.headers,
            path=self.path,
            door=self.door,
            now=self.now,
            lot=self.lot,
            matches_filter=matches,
        )


def ask(
    model: str = OPUS,
    *content: Json,
    headers: Mapping[str, str] | None = None,
    path: str = "/v1/messages",
    door: Door | None = None,
    now: datetime | None = None,
    lot: str = "",
    flow: str | None = None,
    **fields: Any,
) -> Ask:
    """The content is the user's one turn."""
    body = {"messages": [{"role": "user", "content": list(content)}], **fields} if content else fields
    return Ask(model, body, headers or {}, path, door, now, lot, flow)


def headed(**headers: str) -> Ask:
    return ask(headers={name.replace("_", "-"): value for name, value in headers.items()})


def tools(*names: str) -> Ask:
    return ask(tools=[{"name": name} for name in names])


@dataclass(frozen=True, slots=True)
class Row:
    """``answers`` is who does, or the status of the refusal; ``reason`` stands in the reason, or in the refusal."""

    asked: Ask
    written: str
    answers: str | int
    reason: str
    values: Mapping[str, str] = field(default_factory=lambda: KEYS)
    switch: Switch = AS_WRITTEN
    changes: Changes = NOTHING
    decide: Callable[[Call], object] | None = None


def settings_of(row: Row) -> Settings:
    written, place, unused = document_text.parse(row.written, "detour.yaml")
    decider = Decider("mine.py:choose", row.decide) if row.decide else None
    return assembly.configure(written, row.values, place, decider=decider, unused=unused).settings(row.switch)


# -- each condition alone, where it holds and where it does not --------------------------------------------------------

# what is written, a call for which it holds, one for which it does not, the reason
CONDITIONS: list[tuple[str, Ask, Ask, str]] = [
    ("model: claude-opus-5-5", ask(), ask(SONNET), "the model is claude-opus-5-5"),
    ("model: CLAUDE-*-5-?", ask(), ask("claude-3"), "the model is CLAUDE-*-5-?"),
    ("model: [gpt-*, '*opus*']", ask(), ask(SONNET), "the model is gpt-* or *opus*"),
    ("model: claude-via-*", ask("claude-via-ollama/y"), ask("ollama/y"), "the model is claude-via-*"),
    ("tier: opus", ask(), ask(SONNET), "the tier is opus"),
    ("tier: [sonnet, opus]", ask(SONNET), ask(HAIKU), "the tier is sonnet or opus"),
    ("kind: subagent", headed(x_claude_code_request_class="subagent"), ask(), "the kind is subagent"),
    ("kind: [title, count]", ask(path=COUNT_PATH), ask(), "the kind is title or count"),
    ("agent: explore", headed(x_claude_code_agent_type="Explore"), ask(), "the agent type is explore"),
    (
        "agent: [a*, b*]",
        headed(x_claude_code_agent_type="beta"),
        headed(x_claude_code_agent_type="gamma"),
        "the agent type is a* or b*",
    ),
    ("door: proxy", ask(door=Door.PROXY), ask(door=Door.REVERSE), "the door is proxy"),
    ("door: [reverse]", ask(door=Door.REVERSE), ask(), "the door is reverse"),
    (
        "session: 0a*",
        headed(x_claude_code_session_id="0A1B"),
        headed(x_claude_code_session_id="1B"),
        "the session is 0a*",
    ),
    ("session: '*'", ask(metadata={"user_id": '{"session_id":"s"}'}), ask(), "the session is *"),
    ("thinking: true", ask(thinking={"type": "adaptive"}), ask(thinking={"type": "disabled"}), "thinking is on"),
    ("thinking: false", ask(), ask(thinking={"type": "enabled"}), "thinking is off"),
    (
        "effort_at_least: high",
        ask(output_config={"effort": "xhigh"}),
        ask(output_config={"effort": "medium"}),
        "the effort is at least high",
    ),
    ("effort_at_least: low", ask(output_config={"effort": "low"}), ask(), "the effort is at least low"),
    ("tokens_at_least: 1000", ask(system="x" * 3_600), ask(system="x" * 3_590), "it has 1,000 input tokens or more"),
    ("image: true", ask(OPUS, PICTURE), ask(OPUS, WORDS), "it has an image"),
    ("image: false", ask(OPUS, PAPER), ask(OPUS, PICTURE), "it has no image"),
    ("document: true", ask(OPUS, PAPER), ask(OPUS, PICTURE), "it has a document"),
    ("document: false", ask(), ask(OPUS, PAPER), "it has no document"),
    ("tool: web_search", tools("Bash", "web_search"), tools("Bash"), "it offers the tool web_search"),
    ("tool: [mcp__*, Write]", tools("mcp__a__b"), ask(), "it offers the tool mcp__* or Write"),
    ("header: {X-Team: blue*}", headed(x_team="Blue-1"), headed(x_team="red"), "the header x-team is blue*"),
    ("header: {x-a: ['1', '2'], x-b: '*'}", headed(x_a="2", x_b=""), headed(x_a="2"), "x-a is 1 or 2 and the header x"),
    (
        "header: {Authorization: 'Bearer sk-ant-team-a*'}",
        headed(authorization="Bearer sk-ant-team-a1"),
        ask(),
        "the header authorization is the one it asks for",
    ),
    ("filter: '~u beta'", ask(flow="~u beta"), ask(flow="~u alpha"), "the flow matches ~u beta"),
    ("filter: '~all'", ask(flow="~all"), ask(), "the flow matches ~all"),
    ("time: 07:30-09:00", ask(now=MON_8), ask(now=SAT_1), "it is 07:30-09:00"),
    ("time: 22:00-06:00", ask(now=SAT_1), ask(now=MON_8), "it is 22:00-06:00"),
    ("time: fri 22:00-06:00", ask(now=SAT_1), ask(now=datetime(2026, 11, 21, 23)), "it is fri"),
    ("time: mon-fri", ask(now=FRI_23), ask(now=SAT_1), "it is mon-fri"),
    ("time: Sat-Mon 8:00-24:00", ask(now=MON_8), ask(), "it is Sat-Mon"),
    ("probability: 1", ask(lot="1"), ask("ollama/y"), "the draw fell into the share of 1"),
    # by blake2b of the rule's name and the session
    ("probability: 0.5", ask(lot="3"), ask(lot="1"), "the draw fell into the share of 0.5"),
    # several: all of them
    ("{tier: opus, thinking: true}", ask(thinking={"type": "enabled"}), ask(), "the tier is opus, thinking is on"),
    ("{image: true, document: false}", ask(OPUS, PICTURE), ask(OPUS, PICTURE, PAPER), "an image, it has no document"),
    (
        "{door: proxy, kind: main, tool: Bash, time: mon}",
        ask(tools=[{"name": "Bash"}], door=Door.PROXY, now=MON_8),
        ask(tools=[{"name": "Bash"}], door=Door.PROXY, now=SAT_1),
        "the door is proxy, the kind is main, it is mon, it offers the tool Bash",
    ),
]


def _alone(when: str) -> str:
    braced = when if when.startswith("{") else f"{{{when}}}"
    return f"{TIERS}routes:\n  - name: r\n    when: {braced}\n    to: ollama/x\n"


@pytest.mark.parametrize(("when", "asked", "told"), [(row[0], row[1], row[3]) for row in CONDITIONS])
def test_a_rule_answers_where_its_conditions_hold(when: str, asked: Ask, told: str) -> None:
    route = choose(asked.call, settings_of(Row(asked, _alone(when), "", "")))
    assert route.name == "ollama/x"
    assert route.reason.startswith("r (detour.yaml, line 4): ")
    assert told in route.reason


@pytest.mark.parametrize(("when", "asked"), [(row[0], row[2]) for row in CONDITIONS])
def test_a_rule_is_passed_over_where_one_does_not(when: str, asked: Ask) -> None:
    without = choose(asked.call, settings_of(Row(asked, TIERS, "", "")))
    assert choose(asked.call, settings_of(Row(asked, _alone(when), "", ""))).reason == without.reason


# -- everything else ---------------------------------------------------------------------------------------------------

TWO = """
routes:
  - {name: first, when: {tier: opus}, to: ollama/1}
  - {name: second, when: {model: '*'}, to: ollama/2}
"""
BLOCK = "routes: [{name: no titles, when: {kind: title}, block: No titles today.}]"
TITLE: Json = {"output_config": {"format": {"schema": {"properties": {"title": {}}}}}}
CHANGE = "routes: [{name: less, when: {tier: opus}, effort: low}]"
LESS = Changes(effort="low")
SCENARIOS = """
routes:
  default: ollama/default
  think: ollama/think
  background: ollama/background
  long_context: {to: ollama/long, tokens: 1000}
  web_search: ollama/search
  image: ollama/image
"""
LISTED = """
routes:
  - think: ollama/think
  - {name: long, long_context: [openai/o, ollama/long]}
  - default: ollama/default
"""
ALIASES = f"{TIERS}models: {{fast: ollama/fast, my-opus: [groq/g, ollama/mine], {OPUS}: ollama/as-opus}}"
THINKING: Json = {"thinking": {"type": "adaptive"}}
LONG: Json = {"system": "x" * 4_000}
ALL_AT_ONCE: Json = {**THINKING, **LONG, "tools": [{"name": "web_search"}]}
PRESETS = f"preset: mine\n{TIERS}presets: {{mine: {{big: ollama/p, routes: [{{when: {{kind: main}}, to: ollama/q}}]}}}}"
SOME_RULES = """
routes:
  - {name: general, when: {tier: [opus, haiku]}, to: ollama/general}
  - {name: special, when: {thinking: true}, to: ollama/special}
  - {name: less, when: {tier: opus}, effort: low}
"""


def switch(preset: str = "", **models: str) -> Switch:
    return Switch(preset, {Slot(slot): model for slot, model in models.items()})


ROWS = [
    # names, tiers, and no rule
    Row(ask(), "", "anthropic", "no model is set for opus: passed through"),
    Row(ask("claude-next"), "small: ollama/s", "anthropic", "no model is set for other names: passed through"),
    Row(ask(), TIERS, "ollama/big", "big (detour.yaml, line 1) answers opus"),
    Row(ask(SONNET), TIERS, "ollama/big", "big (detour.yaml, line 1) answers sonnet"),
    Row(ask(SONNET), f"{TIERS}middle: ollama/m", "ollama/m", "middle (detour.yaml, line 3) answers sonnet"),
    Row(ask("Claude-HAIKU"), TIERS, "ollama/small", "small (detour.yaml, line 2) answers haiku"),
    Row(ask("claude-next"), TIERS, "ollama/big", "answers every other name"),
    Row(ask(), TIERS, "openai/gpt-5", "BIG_MODEL answers opus", {**KEYS, "BIG_MODEL": "gpt-5"}),
    Row(ask(HAIKU), "small: anthropic", "anthropic", "small (detour.yaml, line 1) answers haiku"),
    Row(ask(f"{OPUS}[1m]"), TIERS, "ollama/big", "answers opus"),
    Row(ask("ollama/y[1M]"), TIERS, "ollama/y", "the client named it"),
    Row(ask("claude-via-ollama/y"), TIERS, "ollama/y", "the client named it"),
    Row(ask("LM_Studio/a/b"), TIERS, "lmstudio/a/b", "the client named it"),
    Row(ask("anthropic/claude-x"), TIERS, "anthropic/claude-x", "the client named it"),
    Row(ask(path=COUNT_PATH), TIERS, "ollama/big", "answers opus"),
    # what cannot be
    Row(ask("nobody/x"), TIERS, 404, "there is no provider 'nobody'"),
    Row(ask("olama/x"), TIERS, 404, "Did you mean ollama"),
    Row(ask("ollama/"), TIERS, 404, "the model is missing"),
    Row(ask("claude-via-ollama/"), TIERS, 404, "the model is missing"),
    Row(ask("nobody/x"), "", "anthropic", "there is no provider 'nobody', and no model is set: passed through"),
    Row(ask("nobody/x"), BLOCK, "anthropic", "there is no provider 'nobody', and no model is set: passed through"),
    Row(ask("groq/x"), TIERS, 403, "there is no key for groq: set GROQ_API_KEY"),
    Row(ask("azure/x"), TIERS, 403, "azure has no address: set AZURE_RESOURCE_NAME"),
    # order, and models that the client names itself
    Row(ask(), TWO, "ollama/1", "first (detour.yaml, line 3): the tier is opus"),
    Row(ask(SONNET), TWO, "ollama/2", "second (detour.yaml, line 4): the model is *"),
    Row(ask("ollama/y"), TWO, "ollama/2", "second (detour.yaml, line 4): the model is *"),
    Row(ask("ollama/y"), "routes: [{to: ollama/x}]", "ollama/y", "the client named it"),
    Row(ask(), "routes: [{to: ollama/x}]", "ollama/x", "route 1 (detour.yaml, line 1): it asks for nothing"),
    Row(ask("ollama/y"), "routes: [{when: {model: 'ollama/*', tier: opus}, to: ollama/x}]", "ollama/y", "named it"),
    Row(ask("ollama/opus"), "routes: [{when: {tier: opus}, to: ollama/x}]", "ollama/opus", "the client named it"),
    # stars
    Row(ask("gpt-5.5"), "routes: [{when: {model: 'gpt-*'}, to: 'openai/gpt-*'}]", "openai/gpt-5.5", "model is gpt-*"),
    Row(ask("ollama/a/b"), "routes: [{when: {model: 'ollama/*'}, to: 'vllm/*'}]", "vllm/a/b", "the model is ollama/*"),
    Row(ask("claude-via-x"), "routes: [{when: {model: 'claude-via-*'}, to: 'vllm/v-*'}]", "vllm/v-x", "claude-via-*"),
    Row(ask("GPT-4"), "routes: [{when: {model: 'g?[pt]-*'}, to: ['vllm/*', 'ollama/*']}]", "vllm/4", "g?[pt]-*"),
    Row(ask("gpt-"), "routes: [{when: {model: 'gpt-*'}, to: 'vllm/x-*'}]", "vllm/x-", "the model is gpt-*"),
    Row(ask("gpt-"), "routes: [{when: {model: 'gpt-*'}, to: 'vllm/*'}]", 404, "nothing is left of it for vllm"),
    # lists
    Row(ask(), "big: [groq/g, ollama/x]", "ollama/x", "big (detour.yaml, line 1) answers opus"),
    Row(ask(), "big: [ollama/x, anthropic]", "ollama/x", "answers opus"),
    Row(ask(), "routes: [{to: [azure/a, anthropic]}]", "anthropic", "it asks for nothing"),
    # aliases
    Row(ask("fast"), ALIASES, "ollama/fast", "the client named it, an alias"),
    Row(ask("claude-via-fast"), ALIASES, "ollama/fast", "the client named it, an alias"),
    Row(ask("my-opus"), ALIASES, "ollama/mine", "an alias; not groq/g, there is no key for groq: set GROQ_API_KEY"),
    Row(ask("claude-via-my-opus"), ALIASES, "ollama/mine", "the client named it, an alias"),
    Row(ask(), ALIASES, "ollama/as-opus", "an alias of that name"),
    Row(ask(), f"{ALIASES}\nroutes: [{{to: fast}}]", "ollama/fast", "route 1"),
    Row(ask(f"claude-via-{OPUS}"), f"{ALIASES}\nroutes: [{{to: fast}}]", "ollama/as-opus", "the client named it"),
    Row(ask("my-opus"), f"{ALIASES}\nroutes: [{{when: {{tier: opus}}, to: fast}}]", "ollama/mine", "named it"),
    Row(ask("Fast"), ALIASES, "ollama/big", "answers every other name"),
    Row(ask("a"), "models: {a: [groq/g, azure/z]}", 403, "there is no key for groq"),
    # blocks
    Row(ask(**TITLE), BLOCK, 451, "No titles today."),
    Row(ask("ollama/y", **TITLE), BLOCK, 451, "No titles today."),
    Row(ask(), BLOCK, "anthropic", "no model is set for opus: passed through"),
    Row(ask("nobody/x"), "routes: [{block: No.}]", 451, "No."),
    # changes
    Row(ask(), f"{TIERS}{CHANGE}", "ollama/big", "answers opus; less (detour.yaml, line 3): the tier", changes=LESS),
    Row(ask(), CHANGE, "anthropic", "passed through; less (detour.yaml, line 1): the tier is opus", changes=LESS),
    Row(ask(SONNET), CHANGE, "anthropic", "no model is set for sonnet"),
    Row(ask("ollama/y"), "routes: [{effort: low}]", "ollama/y", "the client named it"),
    Row(
        ask("ollama/y"),
        "routes: [{when: {model: 'ollama/*'}, effort: low}]",
        "ollama/y",
        "the client named it; route 1 (detour.yaml, line 1): the model is ollama/*",
        changes=LESS,
    ),
    Row(ask(), f"{TIERS}{CHANGE[:-1]}, {{to: ollama/x}}]", "ollama/big", "answers opus; less", changes=LESS),
    Row(ask(), "routes: [{to: anthropic}]", "anthropic", "route 1 (detour.yaml, line 1): it asks for nothing"),
    Row(ask(), "routes: [{to: anthropic, effort: low}]", "anthropic", "it asks for nothing", changes=LESS),
    Row(ask(), f"{TIERS}routes: [{{to: ollama/x, max_tokens: 9}}]", "ollama/x", "nothing", changes=Changes(None, 9)),
    # scenarios: the most special first, however they are written
    Row(ask(), SCENARIOS, "ollama/default", "default (detour.yaml, line 3): it asks for nothing"),
    Row(ask(**THINKING), SCENARIOS, "ollama/think", "think (detour.yaml, line 4): thinking is on"),
    Row(ask(HAIKU, **THINKING), SCENARIOS, "ollama/background", "background (detour.yaml, line 5): the tier is haiku"),
    Row(ask(HAIKU, **LONG), SCENARIOS, "ollama/long", "long_context (detour.yaml, line 6): it has 1,000 input tokens"),
    Row(ask(OPUS, PICTURE, **LONG), SCENARIOS, "ollama/image", "image (detour.yaml, line 8): it has an image"),
    Row(ask(OPUS, PICTURE, **ALL_AT_ONCE), SCENARIOS, "ollama/search", "web_search (detour.yaml, line 7): it offers"),
    Row(ask("ollama/y", PICTURE), SCENARIOS, "ollama/y", "the client named it"),
    Row(ask(**THINKING, **LONG), LISTED, "ollama/think", "think (detour.yaml, line 3): thinking is on"),
    Row(ask(**LONG), LISTED, "ollama/default", "default (detour.yaml, line 5)"),
    Row(ask(system="x" * 216_000), LISTED, "openai/o", "long (detour.yaml, line 4): it has 60,000 input tokens"),
    Row(ask(system="x" * 216_000), LISTED, "ollama/long", "long (detour.yaml, line 4)", {}),
    # presets
    Row(ask(), PRESETS, "ollama/big", "big (detour.yaml, line 2) answers opus"),
    Row(ask(tools=[{"name": "Bash"}]), PRESETS, "ollama/q", "route 1 (detour.yaml, line 4): the kind is main"),
    Row(ask(), "preset: local_ollama", "ollama/qwen3-coder:30b", "big (preset local_ollama) answers opus"),
    Row(ask(), "preset: local_ollama", "openai/gpt-5", "BIG_MODEL answers opus", {**KEYS, "BIG_MODEL": "gpt-5"}),
    Row(ask(), "preset: anthropic_pure", "anthropic", "big (preset anthropic_pure) answers opus"),
    Row(
        ask(**THINKING),
        "preset: openai_reasoning",
        "openai/gpt-6.1-sol",
        "think hard (preset openai_reasoning): thinking is on",
        changes=Changes(effort="high"),
    ),
    # chosen while running
    Row(ask(), TIERS, "ollama/now", "big (chosen while running) answers opus", switch=switch(big="ollama/now")),
    Row(ask("x"), TIERS, "ollama/now", "running) answers every other", switch=switch(big="ollama/now")),
    Row(ask("ollama/y"), TIERS, "ollama/y", "the client named it", switch=switch(big="ollama/now")),
    Row(ask(), TIERS, "anthropic", "big (chosen while running) answers opus", switch=switch(big="anthropic")),
    Row(ask(), SOME_RULES, "ollama/general", "general (detour.yaml, line 3)"),
    Row(
        ask(),
        SOME_RULES,
        "ollama/now",
        "running) answers opus; less",
        switch=switch(big="ollama/now"),
        changes=LESS,
    ),
    Row(ask(HAIKU), SOME_RULES, "ollama/general", "general (detour.yaml", switch=switch(big="ollama/now")),
    Row(ask(**THINKING), SOME_RULES, "ollama/special", "thinking is on", switch=switch(big="ollama/now")),
    Row(ask("ollama/y"), TWO, "ollama/2", "second (detour.yaml, line 4)", switch=switch(big="ollama/now")),
    Row(ask(), ALIASES, "ollama/now", "big (chosen while running) answers opus", switch=switch(big="ollama/now")),
    Row(ask(), ALIASES, "ollama/as-opus", "an alias of that name", switch=switch(small="ollama/now")),
    Row(ask(), ALIASES, "ollama/qwen3-coder:30b", "preset local_ollama", switch=switch("local_ollama")),
    Row(ask("my-opus"), ALIASES, "ollama/mine", "named it, an alias", switch=switch("local_ollama", big="ollama/now")),
    Row(ask(), SOME_RULES, "ollama/qwen3-coder:30b", "; less", switch=switch("local_ollama"), changes=LESS),
    Row(ask(**THINKING), SOME_RULES, "ollama/special", "thinking is on", switch=switch("local_ollama")),
    Row(ask(), PRESETS, "ollama/big", "big (detour.yaml, line 2)", switch=switch("none")),
    Row(ask(), PRESETS, "ollama/p", "big (detour.yaml, line 4) answers opus", switch=switch("mine")),
    # a model that the client names alone
    Row(ask("gpt-5"), TIERS, "openai/gpt-5", "the client named it", KEYS),
    Row(ask("gpt-5"), "{}", "openai/gpt-5", "the client named it", KEYS),
    Row(ask("gpt-5"), TIERS, "ollama/big", "answers every other name", {}),  # there is no key for it
    Row(ask("gpt-99"), TIERS, "ollama/big", "answers every other name", KEYS),  # nobody is known to have it
    Row(ask("claude-fable-5"), TIERS, "ollama/big", "answers every other name", KEYS),
    Row(ask("gpt-oss-120b"), TIERS, "groq/openai/gpt-oss-120b", "the client named it", {"GROQ_API_KEY": "k"}),
    Row(ask("gpt-5"), SOME_RULES, "openai/gpt-5", "the client named it", KEYS),
    Row(ask("gpt-5"), "models: {gpt-5: ollama/mine}", "ollama/mine", "an alias", KEYS),
    # the user's own function
    Row(ask(), TIERS, "ollama/f", "mine.py:choose says so", decide=lambda call: "ollama/f"),
    Row(ask(), TIERS, "ollama/big", "big (detour.yaml, line 1) answers opus", decide=lambda call: None),
    Row(ask(), TIERS, "anthropic", "mine.py:choose says so", decide=lambda call: "anthropic"),
    Row(ask(), TIERS, "ollama/f", "says so; not groq/g, there is no key", decide=lambda call: ["groq/g", "ollama/f"]),
    Row(ask(), ALIASES, "ollama/fast", "mine.py:choose says so", decide=lambda call: "fast"),
    Row(ask("ollama/y"), TIERS, "openai/gpt-5", "mine.py:choose says so", decide=lambda call: "gpt-5"),
    Row(ask(**TITLE), BLOCK, "ollama/f", "mine.py:choose says so", decide=lambda call: "ollama/f"),
    Row(ask(), TIERS, 424, "mine.py:choose: there is no provider 'nobody'", decide=lambda call: "nobody/x"),
    Row(ask(), TIERS, 424, "mine.py:choose failed: KeyError: 'x'", decide=lambda call: call.body["x"]),
    Row(ask("nobody/x"), "", 404, "there is no provider 'nobody'", decide=lambda call: None),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.asked.model} under {row.written.strip()[:40]!r}")
def test_a_request_leads_where_the_configuration_says(row: Row) -> None:
    settings = settings_of(row)
    if isinstance(row.answers, int):
        with pytest.raises(DetourError) as caught:
            choose(row.asked.call, settings)
        assert (caught.value.status, row.reason in caught.value.message) == (row.answers, True), caught.value.message
        return
    route = choose(row.asked.call, settings)
    assert route.name == row.answers, route.reason
    assert row.reason in route.reason
    assert route.changes == row.changes
    assert (route.kind, route.session) == (row.asked.call.kind, row.asked.call.session)


def test_a_block_says_which_rule_it_was_and_why() -> None:
    row = Row(ask(**TITLE), BLOCK, 451, "")
    with pytest.raises(Blocked) as caught:
        choose(row.asked.call, settings_of(row))
    assert caught.value.why == "no titles (detour.yaml, line 1): the kind is title"


def test_there_are_enough_rows() -> None:
    assert 2 * len(CONDITIONS) + len(ROWS) >= 160
