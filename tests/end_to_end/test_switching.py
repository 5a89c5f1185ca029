"""Another model in the middle of a session: by mitmproxy's options, its commands, Detour's REST surface, the client.

The next request goes elsewhere, with the whole conversation; the client notices nothing.
"""

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.client import DOORS, ClaudeCode, Door, Turn
from tests.end_to_end.fakes import Received, when
from tests.end_to_end.proxy import DIRECT, Proxy, running, wait_until
from tests.end_to_end.replies import answer
from tests.end_to_end.terminal import ENTER
from tests.end_to_end.trio import Trio

pytestmark = pytest.mark.client

CHOICES = """\
big: one/first-model
presets:
  second: {big: two/second-model}
models:
  quick: three/quick-model
"""
AS_CONFIGURED = {
    "detour_preset": "",
    "detour_big_model": "",
    "detour_middle_model": "",
    "detour_small_model": "",
    "detour_block": [],
}
LIMIT_S = 10

type Way = Callable[[ClaudeCode], object]


def options(**values: object) -> Way:
    """What mitmweb's options dialog does."""
    return lambda user: user.proxy.web("/options", values, "PUT")


def command(name: str, *arguments: str) -> Way:
    """What mitmweb's command bar does."""
    return lambda user: user.proxy.web(f"/commands/{name}", {"arguments": arguments})


def rest(**chosen: str) -> Way:
    """What a script does, at the same door as the client."""

    def switch(user: ClaudeCode) -> None:
        door = {"proxy": user.proxy.proxy_url, "reverse": user.proxy.reverse_url}[user.door]
        token = (user.proxy.home / "detour" / "token").read_text(encoding="utf-8").strip()
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        request = urllib.request.Request(f"{door}/_detour/switch_model", json.dumps(chosen).encode(), headers)
        with DIRECT.open(request, timeout=LIMIT_S) as response:
            assert response.status == 200

    return switch


WAYS = {
    "preset_by_option": options(detour_preset="second"),
    "model_by_option": options(detour_big_model="two/second-model"),
    "preset_by_command": command("detour.preset", "second"),
    "model_by_command": command("detour.switch", "two/second-model"),
    "preset_by_rest": rest(preset="second"),
    "model_by_rest": rest(big_model="two/second-model"),
}
# how the client itself is told, which of the backends answers then, and the model it is asked for
TOLD: dict[str, tuple[Turn, int, str]] = {
    "in_its_prompt": ("/model two/second-model", 1, "second-model"),
    "by_an_alias": ("/model quick", 2, "quick-model"),
    "by_a_name_that_is_offered": ("/model claude-via-quick", 2, "quick-model"),
    "by_the_program_around_it": ({"subtype": "set_model", "model": "two/second-model"}, 1, "second-model"),
}


def is_trial(request: Received) -> bool:
    """The client tries a model that it does not know, before it takes it."""
    return request.body["max_tokens"] == 1 and request.messages[-1] == {"role": "user", "content": "Hi"}


@pytest.fixture(scope="module")
def mitmweb(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("switched")
    (home / "detour.yaml").write_text(_trio.settings + CHOICES, encoding="utf-8")
    with running(home, _trio.environment, tool="mitmweb") as proxy:
        yield proxy
        proxy.verify()


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, mitmweb: Proxy, tmp_path: Path) -> Iterator[ClaudeCode]:
    door: Door = request.param
    yield ClaudeCode(door, mitmweb, tmp_path / "home")
    mitmweb.web("/options", AS_CONFIGURED, "PUT")


def goes_on(request: Received) -> bool:
    """Whether it is the second turn of the session below, with all that was said in the first."""
    said = request.text
    return "Who is there?" in said and "I am the first." in said and "And now?" in said


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_next_turn_is_answered_by_another(user: ClaudeCode, trio: Trio, way: Way) -> None:
    trio.one.script(answer("I am the first."))
    trio.two.script(answer("I am another."))
    run = user.run("Who is there?", lambda: way(user), "And now?")
    assert (run.exit_code, run.results) == (0, ["I am the first.", "I am another."])
    assert trio.asked == [["first-model"], ["second-model"], []]
    assert goes_on(trio.two.received[0])


@pytest.mark.parametrize(("turn", "backend", "model"), TOLD.values(), ids=TOLD)
def test_the_client_chooses_another(user: ClaudeCode, trio: Trio, turn: Turn, backend: int, model: str) -> None:
    other = trio.all[backend]
    trio.one.script(answer("I am the first."))
    other.script(when(is_trial, answer("Hi.")), answer("I am another."))
    run = user.run("Who is there?", turn, "And now?")
    assert (run.exit_code, run.results[0], run.text) == (0, "I am the first.", "I am another.")
    assert [request.body["model"] for request in other.received] == [model, model]
    assert goes_on(other.received[1])


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("two/second-model", [[], ["second-model"], []]),
        ("claude-via-two/second-model", [[], ["second-model"], []]),
        ("quick", [[], [], ["quick-model"]]),
    ],
)
def test_the_client_is_started_with_another(user: ClaudeCode, trio: Trio, name: str, asked: list[list[str]]) -> None:
    for fake, models in zip(trio.all, asked, strict=True):
        fake.script(*[answer("Hello.")] * len(models))
    run = user.run("Who is there?", options=["--model", name])
    assert (run.exit_code, run.text, trio.asked) == (0, "Hello.", asked)


def test_a_model_that_is_nowhere_is_refused_and_the_session_goes_on(user: ClaudeCode, trio: Trio) -> None:
    trio.one.script(answer("I am the first."), answer("Still the first."))
    run = user.run("Who is there?", "/model nowhere/model", "And now?")
    assert run.results == ["I am the first.", "Model 'nowhere/model' not found", "Still the first."]


def test_what_is_blocked_is_said_once_and_passes_again(user: ClaudeCode, trio: Trio) -> None:
    block, unblock = command("detour.block", "main"), command("detour.unblock", "main")
    trio.one.script(answer("I am the first."), answer("I am back."))
    run = user.run("Who is there?", lambda: block(user), "And now?", lambda: unblock(user), "And at last?")
    assert (run.results[0], run.results[2]) == ("I am the first.", "I am back.")
    assert "Detour blocks calls of the kind main" in run.results[1]
    assert run.notices("api_retry") == []


def test_a_file_that_is_saved_is_in_force_for_the_next_turn(user: ClaudeCode, trio: Trio) -> None:
    def save(text: str) -> None:
        said = user.proxy.log.count("Detour: in force:")
        (user.proxy.home / "detour.yaml").write_text(text, encoding="utf-8")
        wait_until(lambda: user.proxy.log.count("Detour: in force:") > said, LIMIT_S, lambda: user.proxy.log)

    trio.one.script(answer("I am the first."))
    trio.two.script(answer("I am another."))
    before = trio.settings + CHOICES
    after = before.replace("one/first-model", "two/second-model")
    run = user.run("Who is there?", lambda: save(after), "And now?")
    save(before)
    assert run.results == ["I am the first.", "I am another."]


@pytest.mark.parametrize("setting", ["detour_preset=second", "detour_big_model=two/second-model"])
def test_another_is_chosen_at_the_start(trio: Trio, tmp_path: Path, setting: str) -> None:
    trio.two.script(answer("I am another."))
    (tmp_path / "detour.yaml").write_text(trio.settings + CHOICES, encoding="utf-8")
    with running(tmp_path, trio.environment, "--set", setting) as proxy:
        run = ClaudeCode("reverse", proxy, tmp_path / "home").run("Who is there?")
        assert (run.exit_code, run.text) == (0, "I am another.")
        proxy.verify()


def test_the_picker_offers_what_is_configured(mitmweb: Proxy, trio: Trio, tmp_path: Path) -> None:
    user = ClaudeCode("reverse", mitmweb, tmp_path / "home")
    trio.three.script(answer("I am quick."))
    trio.two.script(when(is_trial, answer("Hi.")), answer("I am another."))
    with user.shown({"CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1"}) as client:
        client.wait_until((user.home / ".claude/cache/gateway-models.json").exists)
        client.enter("/model")
        client.wait_for("Select model")
        offered = [line for line in client.lines if line.endswith("From gateway")]
        assert [line.split()[1] for line in offered] == ["one/first-model", "quick"]
        client.press(offered[1].split(".")[0].strip())
        client.wait_for("Set model to quick")
        client.enter("Who is there?")
        client.wait_for("I am quick.")
        client.enter("/model two/second-model")
        client.wait_for("Switch model?", "1. Yes, switch to two/second-model")
        client.press(ENTER)
        client.wait_for("Set model to two/second-model")
        client.enter("And now?")
        client.wait_for("I am another.")
    assert trio.asked == [[], ["second-model"] * 2, ["quick-model"]]
    assert "I am quick." in trio.two.received[1].text
