"""The real client reads a picture, and the model has no eyes: nobody is asked about what he did not see."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.client import DOORS, ClaudeCode, Door, Run, Turn
from tests.end_to_end.fakes import Received
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.replies import answer, call
from tests.end_to_end.test_claude_code import png
from tests.end_to_end.trio import Trio

pytestmark = pytest.mark.client

SETTINGS = """\
big: one/blind-model
middle: one/blind-model
presets:
  seeing: {big: two/seeing-model}
models:
  one/blind-model: {profile: {images: false}}
routes:
  - {name: eyes, when: {image: true, tier: sonnet}, to: three/eyes-model}
"""
TOLD = "one/blind-model sees no pictures"


@pytest.fixture(scope="module")
def mitmweb(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("pictures")
    (home / "detour.yaml").write_text(_trio.settings + SETTINGS, encoding="utf-8")
    with running(home, _trio.environment, tool="mitmweb") as proxy:
        yield proxy
        proxy.verify()


@pytest.fixture(params=DOORS)
def user(request: pytest.FixtureRequest, mitmweb: Proxy, tmp_path: Path) -> Iterator[ClaudeCode]:
    door: Door = request.param
    yield ClaudeCode(door, mitmweb, tmp_path / "home")
    mitmweb.web("/options", {"detour_preset": ""}, "PUT")


def look(user: ClaudeCode, trio: Trio, *turns: Turn, model: str = "opus") -> Run:
    """A first turn in which the model reads a picture, and the turns after it."""
    path = user.workspace / "pixel.png"
    path.parent.mkdir(parents=True)
    path.write_bytes(png())
    trio.one.script(answer("", call("Read", file_path=str(path))))
    return user.run("Look at it.", *turns, options=["--allowedTools", "Read", "--model", model])


def sees(request: Received) -> bool:
    parts = [part for message in request.messages if message["role"] == "user" for part in message["content"]]
    return "image_url" in [part["type"] for part in parts if isinstance(part, dict)]


def test_it_is_said_once(user: ClaudeCode, trio: Trio) -> None:
    run = look(user, trio)
    assert run.exit_code == 1
    assert "424" in run.text
    assert TOLD in run.text
    assert run.notices("api_retry") == []
    assert trio.asked == [["blind-model"], [], []]


def test_a_model_that_sees_takes_over(user: ClaudeCode, trio: Trio) -> None:
    trio.two.script(answer("It is red."))
    run = look(user, trio, lambda: user.proxy.web("/options", {"detour_preset": "seeing"}, "PUT"), "And now?")
    assert TOLD in run.results[0]
    assert run.text == "It is red."
    assert sees(trio.two.received[0])


def test_a_route_for_pictures_has_eyes(user: ClaudeCode, trio: Trio) -> None:
    trio.three.script(answer("It is red."), answer("It is small."))
    run = look(user, trio, "How large is it?", model="sonnet")
    assert run.results == ["It is red.", "It is small."]
    assert trio.asked == [["blind-model"], [], ["eyes-model", "eyes-model"]]
    assert all(map(sees, trio.three.received))
