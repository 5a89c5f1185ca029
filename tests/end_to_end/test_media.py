"""Pictures and PDFs through a real mitmdump, to models that see, that do not, and of which it is not known.

What the real client does with a picture that nobody sees is in test_client_pictures.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.end_to_end.client import DOORS, ClaudeCode, Door
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.replies import answer, call, failure
from tests.end_to_end.trio import Trio
from tests.pdfs import encoded, pdf

type Json = dict[str, Any]

SETTINGS = """\
big: one/blind
middle: two/seeing
small: three/unknown
models:
  one/blind: {vision: false}
  two/seeing: {vision: true}
"""
ROUTE = """\
routes:
  image: two/seeing
"""
LIMIT_S = 20
OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
IMAGE: Json = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
URL = "data:image/png;base64,iVBORw0KGgo="
SECRET = "The launch code is 4711"
PDF: Json = {
    "type": "document",
    "source": {"type": "base64", "media_type": "application/pdf", "data": encoded(pdf(SECRET, "And the end"))},
}


def user(*blocks: Json | str) -> Json:
    return {
        "role": "user",
        "content": [{"type": "text", "text": each} if isinstance(each, str) else each for each in blocks],
    }


READ: Json = {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "Read", "input": {}}]}
PASTED = [user("What is it?", IMAGE)]
IN_A_RESULT = [
    user("Look."),
    READ,
    user({"type": "tool_result", "tool_use_id": "call_1", "content": [IMAGE]}),
]
LONG_AGO = [*IN_A_RESULT, {"role": "assistant", "content": "It is red."}, user("And now to something else.")]
PLACES = {"pasted": PASTED, "in a result": IN_A_RESULT, "long ago": LONG_AGO}
WHERE = {"pasted": "messages.0.content.1", "in a result": "messages.2.content.0.content.0"}
WHERE["long ago"] = WHERE["in a result"]


def started(home: Path, trio: Trio, settings: str) -> Iterator[Proxy]:
    home.mkdir()
    (home / "detour.yaml").write_text(trio.settings + settings, encoding="utf-8")
    with running(home, trio.environment) as proxy:
        yield proxy
        proxy.verify()
    assert SECRET not in proxy.log


@pytest.fixture(scope="module")
def plain(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    yield from started(tmp_path_factory.mktemp("plain") / "home", _trio, SETTINGS)


@pytest.fixture(scope="module")
def with_eyes(_trio: Trio, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    yield from started(tmp_path_factory.mktemp("eyes") / "home", _trio, SETTINGS + ROUTE)


def ask(proxy: Proxy, messages: list[Json], model: str = OPUS) -> httpx.Response:
    body = {"model": model, "max_tokens": 1000, "messages": messages}
    url = f"{proxy.reverse_url}/v1/messages"
    return httpx.post(url, json=body, timeout=LIMIT_S, trust_env=False)


@pytest.mark.parametrize("place", PLACES)
def test_a_model_without_eyes_is_not_asked_about_a_picture(place: str, plain: Proxy, trio: Trio) -> None:
    reply = ask(plain, PLACES[place])
    assert reply.status_code == 424
    told = reply.json()["error"]["message"]
    assert told.startswith(f"Detour: {WHERE[place]}: one/blind sees no pictures. Name a model that does")
    assert trio.asked == [[], [], []]


@pytest.mark.parametrize("place", PLACES)
def test_a_route_for_pictures_answers_wherever_the_picture_is(place: str, with_eyes: Proxy, trio: Trio) -> None:
    trio.two.script(answer("It is red."))
    assert ask(with_eyes, PLACES[place]).json()["content"] == [{"type": "text", "text": "It is red."}]
    assert trio.asked == [[], ["seeing"], []]
    assert URL in trio.two.received[0].text


def test_without_a_picture_the_route_for_pictures_is_not_taken(with_eyes: Proxy, trio: Trio) -> None:
    trio.one.script(answer("Yes."))
    assert ask(with_eyes, [user("A picture?")]).status_code == 200
    assert trio.asked == [["blind"], [], []]


def test_a_model_that_sees_is_shown_it(plain: Proxy, trio: Trio) -> None:
    trio.two.script(answer("It is red."))
    assert ask(plain, IN_A_RESULT, SONNET).status_code == 200
    assert URL in trio.two.received[0].text


def test_a_server_that_fails_over_a_picture_is_asked_once(plain: Proxy, trio: Trio) -> None:
    trio.three.script(failure(500, "image input is not supported - hint: provide the mmproj", kind="server_error"))
    reply = ask(plain, PASTED, HAIKU)
    assert reply.status_code == 424
    assert "three/unknown sees no pictures, it says: image input is not supported" in reply.text
    assert trio.asked == [[], [], ["unknown"]]


def test_a_pdf_is_told_as_its_text(plain: Proxy, trio: Trio) -> None:
    trio.one.script(answer("4711"), answer("4711"))
    for _ in range(2):
        assert ask(plain, [user(PDF, "Which code?")]).status_code == 200
    first, again = trio.one.received
    assert f"[page 1]\\n{SECRET}\\n\\n[page 2]\\nAnd the end" in first.text
    assert "taken out of the PDF" in first.text
    assert first.body == again.body


@pytest.mark.client
@pytest.mark.parametrize("door", DOORS)
def test_the_real_client_reads_a_pdf(door: Door, plain: Proxy, trio: Trio, tmp_path: Path) -> None:
    client = ClaudeCode(door, plain, tmp_path / "home")
    path = client.workspace / "paper.pdf"
    path.parent.mkdir(parents=True)
    path.write_bytes(pdf(SECRET))
    trio.one.script(answer("", call("Read", file_path=str(path))), answer("It is 4711."))
    run = client.run("Which code?", options=["--allowedTools", "Read"])
    assert run.text == "It is 4711."
    assert SECRET in trio.one.received[1].last("tool")["content"]
