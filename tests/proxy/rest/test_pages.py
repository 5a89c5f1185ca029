"""The reader at the doors of a running proxy: who gets in, what stays on the flows, and what is imported when."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from addon.prompts.log.statements import FILE
from addon.prompts.reader import gate
from addon.proxy.intake import Incoming
from addon.proxy.rest.pages import Around, Pages
from addon.proxy.rest.surface import RestRequest
from addon.routing.call import Door
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import TOKEN
from tests.proxy.conftest import Configure
from tests.proxy.live import LIMIT_S, Proxy, backend, proxying, streaming, until

HOST = "127.0.0.1:8080"
FAR = 10_000_000_000.0  # seconds since 1970
INSIDE = {"cookie": f"{gate.COOKIE}={gate.seal(TOKEN, gate.TICKET, FAR)}"}


def _asked(
    path: str, headers: dict[str, str] = INSIDE, query: str = "", method: str = "GET", body: bytes = b""
) -> RestRequest:
    return RestRequest(Incoming(method, path, headers, body, "127.0.0.1", Door.PROXY), query)


@pytest.fixture
def pages() -> Iterator[Pages]:
    made = Pages()
    yield made
    made.done()


@pytest.fixture
def around(tmp_path: Path) -> Around:
    library.write(tmp_path / FILE, entries.recorded_session()[:2])
    return Around(tmp_path / FILE, lambda: TOKEN, "/home/me/token")


# -- the application ---------------------------------------------------------------------------------------------------


def test_a_page_is_the_application_s(pages: Pages, around: Around) -> None:
    reply = pages.answer(_asked("/_detour/"), HOST, around)
    assert reply.status == 200
    assert b"Read notes.txt." in reply.body
    headers = {name.lower(): value for name, value in reply.headers}
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["cache-control"] == "no-store"


def test_what_is_asked_arrives_whole(pages: Pages, around: Around) -> None:
    for asked, status in (
        (_asked("/_detour/read/turn/2", query="until=0"), 200),
        (_asked("/_detour/read/at/last%20one"), 404),
        (_asked("/_detour/", {**INSIDE, "accept-encoding": "gzip", "content-length": "7"}), 200),
        (_asked("/_detour/", {}), 401),
        (_asked("/_detour/", method="HEAD"), 200),
        (_asked("/_detour/", method="PUT", body=b"x"), 405),
    ):
        assert pages.answer(asked, HOST, around).status == status, asked
    form = {"content-type": "application/x-www-form-urlencoded", "origin": f"http://{HOST}"}
    reply = pages.answer(
        _asked("/_detour/read/login", form, method="POST", body=f"token={TOKEN}".encode()), HOST, around
    )
    assert (reply.status, dict(reply.headers)["Location"]) == (303, "/_detour/")


def test_another_name_is_refused(pages: Pages, around: Around) -> None:
    assert pages.answer(_asked("/_detour/"), "evil.example:8080", around).status == 421


def test_another_file_is_another_log(pages: Pages, around: Around, tmp_path: Path) -> None:
    assert b"Read notes" in pages.answer(_asked("/_detour/"), HOST, around).body
    other = Around(tmp_path / "other" / FILE, lambda: TOKEN, "")
    assert b"Nothing recorded yet" in pages.answer(_asked("/_detour/"), HOST, other).body
    pages.done()
    pages.done()


def test_nothing_of_the_reader_is_imported_before_a_page_is_asked_for() -> None:
    code = (
        "import sys, addon.proxy.hooks; "
        "print([name for name in sys.modules if name.startswith(('sqlalchemy', 'addon.prompts.reader', 'rich'))])"
    )
    told = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# -- at the doors ------------------------------------------------------------------------------------------------------


async def _code(home: Path) -> str:
    await until((home / "token").exists)
    return gate.seal((home / "token").read_text(encoding="ascii").strip(), gate.CODE, FAR)


def _browser(door: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=door, trust_env=False, timeout=LIMIT_S)


@pytest.mark.parametrize("number", [0, 1])
async def test_a_browser_gets_in_at_either_door(
    confdir: Path, configure: Configure, tmp_path: Path, number: int
) -> None:
    home = tmp_path / "detour-home"
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy, _browser((proxy.door_one, proxy.door_two)[number]) as browser:
        assert (await browser.get("/_detour/")).status_code == 401
        code = await _code(home)
        library.write(home / FILE, entries.recorded_session()[:2])
        led = await browser.get(f"/_detour/read/login?code={code}")
        assert (led.status_code, led.headers["location"]) == (303, "/_detour/")
        for path in ("/_detour/", "/_detour/read/turn/2", "/_detour/read/static/reader.css"):
            reply = await browser.get(path)
            assert reply.status_code == 200, path
            assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert "Read notes.txt." in (await browser.get("/_detour/")).text
        assert (await browser.get("/_detour")).headers["location"] == "/_detour/"
        assert (await browser.get("/_detour/health")).json()["status"] == "ok", "an operation is none of the pages"
        origin = str(browser.base_url).rstrip("/")
        assert (await browser.post("/_detour/read/logout", headers={"origin": origin})).status_code == 303
        _check_flows(proxy, code)


def _check_flows(proxy: Proxy, code: str) -> None:
    for flow in proxy.flows:
        kept = repr(flow.request.get_state())
        assert code not in kept
        assert gate.COOKIE not in kept
    said = [record.getMessage() for record in proxy.log.records if not record.name.startswith("httpx")]
    assert not [line for line in said if code in line]


async def test_a_page_of_another_site_gets_nothing(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy:
        for door in (proxy.door_one, proxy.door_two):
            async with _browser(door) as browser:
                reply = await browser.get("/_detour/", headers={"origin": "https://evil.example"})
                assert (reply.status_code, "detour read" in reply.text) == (403, False)


async def test_another_model_is_asked_from_a_page(confdir: Path, configure: Configure, tmp_path: Path) -> None:
    home = tmp_path / "detour-home"
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, _browser(proxy.door_two) as browser:
            code = await _code(home)
            library.write(home / FILE, entries.recorded_session()[:2])
            await browser.get(f"/_detour/read/login?code={code}")
            form = {"origin": proxy.door_two, "sec-fetch-site": "same-origin"}
            assert "openai/gpt-test" in (await browser.get("/_detour/read/turn/2")).text
            for model, status in (("nobody/x", 400), ("openai/gpt-test", 303)):
                asked = await browser.post("/_detour/read/turn/2/again", data={"model": model}, headers=form)
                assert asked.status_code == status
            await until(lambda: bool(there.received))
            await proxy.settled()
            assert b"gpt-test" in there.received[0].body
