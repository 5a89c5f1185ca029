"""A session that moves from one backend to another and back to Anthropic: nobody is shown another's thinking.

Anthropic refuses thinking that it did not sign itself; a backend that wants its own reasoning back gets that, and not
what another thought. Nothing that was said is lost on the way.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door, Turn
from tests.end_to_end.fakes import FakeBackend, Received, serving
from tests.end_to_end.forms import gemini, responses
from tests.end_to_end.messages_server import Message, MessagesServer, sign
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.replies import Call, answer, call
from tests.end_to_end.trio import Trio

pytestmark = pytest.mark.client

TOOLS = ["--allowedTools", "Bash"]
SETTINGS = """\
backends:
  wants: {{like: deepseek, address: '{wants}', credential: '${{WANTS_KEY}}'}}
  plain: {{address: '{plain}', credential: '${{PLAIN_KEY}}'}}
  claude: {{like: anthropic, address: '{claude}', credential: '${{CLAUDE_KEY}}'}}
  oai: {{like: openai-responses, address: '{oai}', credential: '${{OAI_KEY}}'}}
  goo: {{like: gemini, address: '{goo}', credential: '${{GOO_KEY}}'}}
presets:
  wants: {{big: wants/deepseek-v4-pro}}
  plain: {{big: plain/second-model}}
  claude: {{big: claude/claude-opus-5-5}}
  oai: {{big: oai/gpt-5.5}}
  goo: {{big: goo/gemini-3.1-pro-preview}}
  home: {{big: anthropic}}
preset: home
"""


BACKENDS = ("wants", "plain", "oai", "goo")
STAND_IN = "skip_thought_signature_validator"
WANTING = """\
big: one/deepseek-v4-pro
models:
  one/deepseek-v4-pro: {profile: {reasoning_echo: reasoning_content}}
"""


@dataclass(frozen=True, slots=True)
class Party:
    """Who may answer: two chat backends, OpenAI, Google, Claude at another address, and Anthropic itself."""

    wants: FakeBackend
    plain: FakeBackend
    oai: FakeBackend
    goo: FakeBackend
    claude: MessagesServer
    home: MessagesServer
    proxy: Proxy

    @property
    def all(self) -> tuple[FakeBackend, ...]:
        """Each of them."""
        return self.wants, self.plain, self.oai, self.goo, self.claude, self.home


@pytest.fixture(scope="module")
def _party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    folder = tmp_path_factory.mktemp("returns")
    with ExitStack() as stack:
        chat = {name: stack.enter_context(serving(FakeBackend(key=f"sk-{name}"))) for name in BACKENDS}
        claude, home = MessagesServer(key="sk-claude"), MessagesServer(key=API_KEY)
        stack.enter_context(serving(claude))
        stack.enter_context(serving(home))
        addresses = {**{name: each.base_url for name, each in chat.items()}, "claude": claude.base_url}
        (folder / "detour.yaml").write_text(SETTINGS.format(**addresses), encoding="utf-8")
        keys = {**{f"{name.upper()}_KEY": each.key for name, each in chat.items()}, "CLAUDE_KEY": claude.key}
        environment = {**keys, "DETOUR_TEST_ANTHROPIC": str(home.port)}
        proxy = stack.enter_context(running(folder, environment, tool="mitmweb"))
        yield Party(**chat, claude=claude, home=home, proxy=proxy)
        proxy.verify()


@pytest.fixture
def party(_party: Party) -> Iterator[Party]:
    for each in _party.all:
        each.script(vendor="deepseek" if each is _party.wants else "openai")
    yield _party
    for each in _party.all:
        each.verify()


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, party: Party, tmp_path: Path) -> Iterator[ClaudeCode]:
    door: Door = request.param
    yield ClaudeCode(door, party.proxy, tmp_path / "home")
    party.proxy.web("/options", {"detour_preset": ""}, "PUT")


def reasoning(request: Received) -> list[str]:
    """The thinking that a chat backend gets back; a blank may stand where there is none."""
    said = [message.get("reasoning_content") or "" for message in request.messages]
    return [text for text in said if text.strip()]


def to(party: Party, preset: str) -> Turn:
    return lambda: party.proxy.web("/options", {"detour_preset": preset}, "PUT")


def shell(name: str) -> Call:
    return call("Bash", f"call_{name}", command=f"echo said by {name}", description="Say it")


def thinking(request: Received) -> list[tuple[str, str]]:
    """The thinking that a server of Anthropic's format is shown, with its signatures."""
    return [
        (block["thinking"], block["signature"])
        for message in request.messages
        for block in message["content"]
        if isinstance(block, dict) and block["type"] == "thinking"
    ]


@pytest.mark.parametrize("last", ["claude", "home"])
def test_a_session_that_returns_to_anthropic(user: ClaudeCode, party: Party, last: str) -> None:
    anthropic = party.claude if last == "claude" else party.home
    anthropic.script(
        Message("", "Claude thinks first.", (shell("claude"),)),
        Message("I am Claude.", "Claude thinks again."),
        Message("", "Claude thinks at last.", (shell("claude"),)),
        Message("I am Claude still."),
    )
    party.wants.script(
        answer("", shell("wants"), reasoning="Deep thoughts."),
        answer("I am deep.", reasoning="Deeper thoughts."),
        answer("I am deep still."),
        vendor="deepseek",
    )
    party.plain.script(answer("", shell("plain"), reasoning="Plain thoughts."), answer("I am plain."))
    way = (last, "One?"), ("wants", "Two?"), ("plain", "Three?"), ("wants", "Four?"), (last, "Five?")
    run = user.run(*(turn for preset, question in way for turn in (to(party, preset), question)), options=TOOLS)
    assert run.results == ["I am Claude.", "I am deep.", "I am plain.", "I am deep still.", "I am Claude still."]
    own = [(text, sign(text)) for text in ("Claude thinks first.", "Claude thinks again.", "Claude thinks at last.")]
    assert [thinking(request) for request in anthropic.received] == [[], own[:1], own[:2], own]
    assert "I am plain." in anthropic.received[-1].text
    assert "said by plain" in anthropic.received[-1].text
    assert "thoughts" not in anthropic.received[-1].text
    assert "hinks" not in party.wants.received[-1].text
    assert "thoughts" not in party.plain.received[-1].text
    assert reasoning(party.wants.received[-1]) == ["Deep thoughts.", "Deeper thoughts."]


def test_a_session_through_every_format_shows_nobody_anothers_thinking(user: ClaudeCode, party: Party) -> None:
    party.oai.script(
        answer("", shell("oai"), reasoning="Encrypted thoughts."), answer("I am o."), answer("I am o still.")
    )
    party.goo.script(answer("", shell("goo"), reasoning="Signed thoughts."), answer("I am g."), answer("I am g still."))
    party.wants.script(answer("", shell("wants"), reasoning="Deep thoughts."), answer("I am deep."), vendor="deepseek")
    party.home.script(Message("I am Claude.", "Claude thinks."))
    way = [(name, f"{name}?") for name in ("oai", "goo", "wants", "home", "oai", "goo")]
    run = user.run(*(turn for preset, question in way for turn in (to(party, preset), question)), options=TOOLS)
    assert run.results == ["I am o.", "I am g.", "I am deep.", "I am Claude.", "I am o still.", "I am g still."]
    sealed = {name: [seal for turn in last(party, name).turns for seal in turn.sealed] for name in ("oai", "goo")}
    seals = {name: [seal for seal in each if seal != STAND_IN] for name, each in sealed.items()}
    assert sealed["goo"].count(STAND_IN) == 2  # for the calls that others made
    assert seals == {"oai": [responses.sealed("Encrypted thoughts.")], "goo": [gemini.sealed("Signed thoughts.")]}
    for name in ("oai", "goo"):
        told = json.dumps(last(party, name).body)
        others = {"Encrypted": "oai", "Signed": "goo", "Deep": "wants"}
        assert [word for word, whose in others.items() if whose != name and f"{word} thoughts" in told] == []
        assert "Claude thinks" not in told
        assert all(f"said by {each}" in told for each in ("oai", "goo", "wants"))
    assert "thoughts" not in party.home.received[-1].text


def last(party: Party, name: str) -> Received:
    """The newest request that one backend got."""
    backend: FakeBackend = getattr(party, name)
    return backend.received[-1]


def test_thinking_outlives_the_proxy_and_the_client(trio: Trio, tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text(trio.settings + WANTING, encoding="utf-8")
    trio.one.script(
        answer("", shell("one"), reasoning="Deep thoughts."), answer("I am deep."), answer("Still."), vendor="deepseek"
    )
    results: list[str] = []
    for turn, options in ("One?", TOOLS), ("Two?", [*TOOLS, "--continue"]):
        with running(tmp_path, trio.environment) as proxy:
            results += ClaudeCode("reverse", proxy, tmp_path / "home").run(turn, options=options).results
    assert results == ["I am deep.", "Still."]
    assert reasoning(trio.one.received[-1]) == ["Deep thoughts."]
