from dataclasses import replace
from typing import Any

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log.reading import NotKept
from addon.protocol.errors import ConfigError
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import BASE, Reader

OWN = {"Origin": BASE, "Sec-Fetch-Site": "same-origin"}


def _copy(of: Entry, said: str, route: str, origin: str = "replay") -> Entry:
    given = entries.stream({"type": "text", "text": said})
    made = replace(of, given=replace(of.given, body=given) if of.given else None)
    summary = replace(of.summary, id=f"{said}", origin=origin, of=of.summary.id, route=route, session=None)
    return replace(made, summary=summary)


@pytest.fixture
def copied(reader: Reader) -> Reader:
    first = entries.recorded_session()[4]
    copies = [_copy(first, "From the sun.", "openai/sol"), _copy(first, "From the shade.", "ollama/dark", "shadow")]
    library.write(reader.file, copies, session=None)
    return reader


def _asking(reader: Reader, fault: str = "") -> tuple[Reader, list[tuple[int, str]]]:
    asked: list[tuple[int, str]] = []

    def again(entry: Entry, model: str) -> None:
        if fault:
            raise ConfigError(fault)
        asked.append((entry.summary.number, model))

    return Reader(reader.file, {"again": again, "models": lambda: ("openai/sol", "fast")}), asked


@pytest.mark.parametrize("number", [5, 15, 16])
def test_an_answer_stands_beside_those_of_its_copies(copied: Reader, number: int) -> None:
    page = copied.text(f"read/turn/{number}/beside")
    for word in ("ToolSearch", "openai/sol", "From the sun.", "ollama/dark", "From the shade.", "as a shadow"):
        assert word in page
    assert page.count('<article class="column"') == 3


def test_a_turn_that_nobody_else_was_asked_stands_alone(reader: Reader) -> None:
    page = reader.text("read/turn/5/beside")
    assert "Nobody else has been asked this" in page
    assert "detour replay 5 MODEL" in page


def test_a_copy_whose_first_is_gone_stands_alone(reader: Reader) -> None:
    lone = _copy(entries.recorded_session()[0], "Lone.", "openai/sol")
    library.write(reader.file, [replace(lone, summary=replace(lone.summary, of="gone-from-the-log"))], session=None)
    assert reader.text("read/turn/15/beside").count('<article class="column"') == 1


def test_another_model_is_asked(reader: Reader) -> None:
    with_proxy, asked = _asking(reader)
    page = with_proxy.text("read/turn/5")
    assert 'action="/_detour/read/turn/5/again"' in page
    assert '<option value="openai/sol">' in page
    reply = with_proxy.browser.post(
        "/_detour/read/turn/5/again", base_url=BASE, data={"model": " openai/sol "}, headers=OWN
    )
    assert (reply.status_code, asked) == (303, [(5, "openai/sol")])
    waiting = with_proxy.text(reply.headers["Location"].removeprefix("/_detour/"))
    assert "Its answer appears here" in waiting
    assert 'action="/_detour/read/turn/5/again"' in waiting
    library.write(reader.file, [_copy(entries.recorded_session()[4], "At once.", "openai/sol")], session=None)
    answered = with_proxy.text(reply.headers["Location"].removeprefix("/_detour/"))
    assert ("At once." in answered, "Its answer appears here" in answered) == (True, False)
    with_proxy.shelf.close()


def test_a_model_that_cannot_be_asked_is_told(reader: Reader) -> None:
    with_proxy, _ = _asking(reader, "no provider 'nobody'")
    reply = with_proxy.browser.post("/_detour/read/turn/5/again", base_url=BASE, data={"model": "x"}, headers=OWN)
    assert (reply.status_code, "no provider &#39;nobody&#39;" in reply.text) == (400, True)
    with_proxy.shelf.close()


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://127.0.0.1:3000"}, {"Origin": "https://evil.example"}])
def test_another_page_s_form_asks_nobody(reader: Reader, headers: dict[str, Any]) -> None:
    with_proxy, asked = _asking(reader)
    reply = with_proxy.browser.post("/_detour/read/turn/5/again", base_url=BASE, data={"model": "x"}, headers=headers)
    assert (reply.status_code, asked) == (403, [])
    stranger = with_proxy.stranger().post("/_detour/read/turn/5/again", base_url=BASE, data={"model": "x"}, headers=OWN)
    assert (stranger.status_code, asked) == (401, [])


def test_without_a_proxy_nobody_can_be_asked(reader: Reader) -> None:
    assert '<form class="again"' not in reader.text("read/turn/5")
    reply = reader.browser.post("/_detour/read/turn/5/again", base_url=BASE, data={"model": "x"}, headers=OWN)
    assert reply.status_code == 409


def test_a_new_answer_comes_without_a_reload(copied: Reader) -> None:
    assert copied.ask("read/live/turn/5/beside?after=16").status_code == 204
    assert copied.ask("read/live/turn/4/beside?after=14").status_code == 204
    reply = copied.ask("read/live/turn/5/beside?after=15")
    assert (reply.status_code, reply.headers["X-Newest"]) == (200, "16")
    assert "From the shade." in reply.text


def test_a_copy_that_is_not_kept_any_more_is_left_out(copied: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    log = copied.shelf.open()
    kept = log.entry

    def entry(number: int) -> Entry:
        if number == 16:
            raise NotKept("gone")
        return kept(number)

    monkeypatch.setattr(log, "entry", entry)
    assert copied.text("read/turn/5/beside").count('<article class="column"') == 2
