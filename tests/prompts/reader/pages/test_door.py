from urllib.parse import quote

import pytest

from addon.prompts.reader import gate
from tests.prompts.reader.library import BASE, NOW, TOKEN, Reader

OWN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


def _code(until: float = NOW + 60) -> str:
    return gate.seal(TOKEN, gate.CODE, until)


def test_a_code_lets_a_browser_in_once(reader: Reader) -> None:
    stranger, address = reader.stranger(), f"/_detour/read/login?code={_code()}&to={quote('/_detour/read/turn/3')}"
    reply = stranger.get(address, base_url=BASE)
    assert (reply.status_code, reply.headers["Location"]) == (303, "/_detour/read/turn/3")
    cookie = reply.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/_detour/", "Max-Age="))
    assert TOKEN not in cookie
    assert stranger.get("/_detour/read/turn/3", base_url=BASE).status_code == 200
    second = reader.stranger().get(address, base_url=BASE)
    assert second.status_code == 401
    assert "was opened before" in second.text
    assert stranger.get(address, base_url=BASE).status_code == 303, "who is in already goes on"


def test_an_old_code_and_a_wrong_one_let_nobody_in(reader: Reader) -> None:
    for code in (_code(NOW - 1), "", "1.2", gate.seal("x" * 40, gate.CODE, NOW + 9)):
        reply = reader.stranger().get(f"/_detour/read/login?code={code}", base_url=BASE)
        assert reply.status_code == 401
        assert "too old" in reply.text


def test_the_token_in_the_form_lets_a_browser_in(reader: Reader) -> None:
    stranger = reader.stranger()
    wrong = stranger.post("/_detour/read/login", base_url=BASE, data={"token": "x"}, headers=OWN)
    assert wrong.status_code == 401
    assert "not the token" in wrong.text
    right = stranger.post("/_detour/read/login", base_url=BASE, data={"token": f"{TOKEN}\n"}, headers=OWN)
    assert (right.status_code, right.headers["Location"]) == (303, "/_detour/")
    assert stranger.get("/_detour/", base_url=BASE).status_code == 200


def test_the_page_that_was_asked_for_is_remembered(reader: Reader) -> None:
    page = reader.stranger().get("/_detour/read/turn/3?until=2", base_url=BASE).text
    assert 'value="/_detour/read/turn/3?until=2"' in page


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/",
        "//evil.example/_detour/",
        "/_detour//evil.example",
        "javascript:alert(1)",
        "/elsewhere",
        "/_detour/read/login",
        "/_detour/read/logout",
        "",
    ],
)
def test_nobody_is_led_out_of_the_reader(reader: Reader, to: str) -> None:
    reply = reader.stranger().get(f"/_detour/read/login?code={_code()}&to={quote(to)}", base_url=BASE)
    assert reply.headers["Location"] == "/_detour/"


def test_a_browser_can_be_locked_again(reader: Reader) -> None:
    reply = reader.browser.post("/_detour/read/logout", base_url=BASE, headers=OWN)
    assert reply.status_code == 303
    assert reader.ask("").status_code == 401
    assert reader.ask("read/locked").status_code == 401


def test_what_is_no_address_leads_to_the_sessions(reader: Reader) -> None:
    reply = reader.ask("read/login?to=//%5B")
    assert (reply.status_code, reply.headers["location"]) == (303, "/_detour/")
