"""`detour read`: where it leads, who serves it, and when a browser is opened."""

import socket
import threading
import webbrowser
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from typer.testing import CliRunner
from werkzeug.serving import BaseWSGIServer

from addon.cli import asking, read, wiring
from addon.cli.app import app
from addon.prompts.log.reading import NoLog, NotKept
from addon.prompts.log.statements import FILE
from addon.prompts.reader import gate
from addon.prompts.reader.shelf import Shelf
from addon.protocol.errors import ConfigError
from addon.settings import instance_file, state_file
from addon.settings.instance_file import Instance
from tests.cli.door import Said, opened
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION

TOKEN = "a-token-that-only-tests-know-0123456789"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    return tmp_path / "home"


@pytest.fixture
def shelf(home: Path) -> Iterator[Shelf]:
    library.write(home / FILE, entries.recorded_session())
    made = Shelf(home / FILE)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("place", "page"),
    [
        (SESSION, f"/_detour/read/session/{SESSION}"),
        (SESSION[:6], f"/_detour/read/session/{SESSION}"),
        ("last", f"/_detour/read/session/{SESSION}"),
        (f"{SESSION[:6]}/5", "/_detour/read/turn/5"),
        ("3", "/_detour/read/turn/3"),
        (f"req_{7:024x}", "/_detour/read/turn/7"),
    ],
)
def test_a_place_is_a_page(shelf: Shelf, place: str, page: str) -> None:
    assert read.page_of(place, shelf.open) == page


def test_the_calls_of_no_session_have_a_page(home: Path) -> None:
    library.write(home / FILE, [entries.entry({"model": "m", "messages": []}, session=None)], session=None)
    shelf = Shelf(home / FILE)
    assert read.page_of("last", shelf.open) == "/_detour/read/loose"
    shelf.close()


def test_a_place_that_there_is_not_is_told(shelf: Shelf, home: Path) -> None:
    with pytest.raises(NotKept, match="There is no session 'nowhere'"):
        read.page_of("nowhere", shelf.open)
    with pytest.raises(NotKept, match="no turn '99'"):
        read.page_of(f"{SESSION}/99", shelf.open)
    with pytest.raises(NoLog):
        read.page_of("last", Shelf(home / "none").open)


def test_an_address_lets_in_for_minutes_and_leads_on() -> None:
    url = urlsplit(read.address("http://127.0.0.1:1", "/_detour/read/turn/5", TOKEN, 1_000.0))
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert (url.path, asked["to"]) == ("/_detour/read/login", "/_detour/read/turn/5")
    assert gate.opens(TOKEN, gate.CODE, asked["code"], 1_000.0 + gate.CODE_S)
    assert not gate.opens(TOKEN, gate.CODE, asked["code"], 1_001.0 + gate.CODE_S)
    assert TOKEN not in url.query
    assert "to=" not in read.address("http://127.0.0.1:1", "/_detour/", TOKEN, 1_000.0)


def test_a_running_detour_shows_its_own_pages(monkeypatch: pytest.MonkeyPatch, shelf: Shelf, home: Path) -> None:
    doors = Instance(1, "", {"proxy": "http://127.0.0.1:1", "reverse": "http://127.0.0.1:2"}, "", "")
    monkeypatch.setattr(instance_file, "running", lambda home: [doors])
    result = CliRunner().invoke(app, ["read", "--no-open", f"{SESSION[:6]}/2"], catch_exceptions=False)
    assert result.exit_code == 0
    assert result.stdout.startswith("http://127.0.0.1:1/_detour/read/login?code=")
    assert "turn%2F2" in result.stdout
    assert "within ten minutes" in result.stderr
    assert state_file.token(home) not in result.output


def test_only_the_reverse_door_will_do() -> None:
    assert read.door_of([]) is None
    assert read.door_of([Instance(1, "", {}, "", ""), Instance(2, "", {"reverse": "http://x"}, "", "")]) == "http://x"


def test_without_one_the_pages_are_served_here(shelf: Shelf, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    server = read.serving(home, shelf, TOKEN, None)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    url = read.address(f"http://127.0.0.1:{server.server_port}", "/_detour/", TOKEN, 10_000_000_000.0)
    try:
        with httpx.Client(trust_env=False, follow_redirects=True) as browser:
            page = browser.get(url)
            assert page.status_code == 200
            assert "Read notes.txt." in page.text
            assert browser.get(url.partition("read/")[0], headers={"host": "evil.example"}).status_code == 421
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "code=" not in "".join(capfd.readouterr())


def test_it_is_served_until_it_is_interrupted(monkeypatch: pytest.MonkeyPatch, shelf: Shelf) -> None:
    monkeypatch.setattr(instance_file, "running", lambda home: [])

    def interrupt(self: BaseWSGIServer, poll_interval: float = 0.5) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(BaseWSGIServer, "serve_forever", interrupt)
    result = CliRunner().invoke(app, ["read", "--no-open"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "Ctrl-C" in result.stderr


def test_a_port_that_is_taken_is_told_and_another_found_where_none_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"--port {port} is taken"):
            read.free_port(port)
        monkeypatch.setattr(read, "PORT", port)
        assert read.free_port(None) != port


def test_a_token_that_cannot_be_kept_is_told(home: Path) -> None:
    home.mkdir()
    (home / state_file.TOKEN).mkdir()
    with pytest.raises(ConfigError, match="neither read nor written"):
        read.token_of(home)


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_a_browser_is_opened_where_there_is_a_screen(
    environment: dict[str, str], platform: str, expected: bool
) -> None:
    assert read.has_screen(environment, platform) is expected


def test_the_browser_gets_the_address(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    opened: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", opened.append)
    read.show("http://127.0.0.1:1/", may_open=True)
    assert opened == ["http://127.0.0.1:1/"]
    assert capsys.readouterr().out == "http://127.0.0.1:1/\n"


# -- another model -----------------------------------------------------------------------------------------------------


def test_another_model_is_asked_at_the_door_of_a_running_detour(
    monkeypatch: pytest.MonkeyPatch, shelf: Shelf, home: Path
) -> None:
    entry = shelf.open().entry(5)
    with opened({"vllm/one": Said((entries.stream({"type": "text", "text": "Yes"}),))}) as door:
        monkeypatch.setattr(wiring, "find_instance", lambda home, name: Instance(1, "", {"reverse": door.url}, "", ""))
        read.again(home, TOKEN)(entry, "vllm/one")
    ((_, headers, body),) = door.asked
    assert (headers["x-detour-target"], headers["x-detour-token"]) == ("vllm/one", TOKEN)
    assert entry.request is not None
    assert body == entry.request.body


def test_a_refusal_is_told_and_so_is_that_nobody_runs(
    monkeypatch: pytest.MonkeyPatch, shelf: Shelf, home: Path
) -> None:
    entry = shelf.open().entry(5)
    with pytest.raises(ConfigError, match="no Detour runs"):
        read.again(home, TOKEN)(entry, "vllm/one")
    refused = b'{"type": "error", "error": {"type": "x", "message": "there is no provider"}}'
    with opened({"vllm/one": Said((refused,), status=400, content_type="application/json")}) as door:
        monkeypatch.setattr(wiring, "find_instance", lambda home, name: Instance(1, "", {"reverse": door.url}, "", ""))
        with pytest.raises(ConfigError, match="there is no provider"):
            read.again(home, TOKEN)(entry, "vllm/one")


def test_nobody_waits_for_a_long_answer(monkeypatch: pytest.MonkeyPatch, shelf: Shelf, home: Path) -> None:
    released = threading.Event()
    monkeypatch.setattr(wiring, "find_instance", lambda home, name: Instance(1, "", {"reverse": "http://x"}, "", ""))
    monkeypatch.setattr(asking, "ask", lambda *_: released.wait(10))
    monkeypatch.setattr(read, "REFUSED_S", 0.01)
    read.again(home, TOKEN)(shelf.open().entry(5), "vllm/one")
    released.set()
