"""litellm's own connections: known by their password, passed as they are, seen without their credentials."""

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest
from mitmproxy import exceptions
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.test import taddons, tflow

from addon.proxy.greeting import CA_FILE, Listener
from addon.proxy.inspection import GUARDED, HEADER, MARK, MASK, NO_DOOR, OPTION, USER, Inspection

WORD = f"Basic {b64encode(f'{USER}:secret'.encode()).decode()}"
ONE, TWO = Listener(False, "127.0.0.1", 8080), Listener(True, "127.0.0.1", 8082)


@pytest.fixture
def inspection(tmp_path: Path) -> Iterator[Inspection]:
    made = Inspection()
    with taddons.context(made) as context:
        (tmp_path / CA_FILE).write_text("OUR OWN CA")
        context.configure(made, confdir=str(tmp_path), **{OPTION: True})
        made.password = "secret"
        yield made


def asked(word: str | None = WORD) -> HTTPFlow:
    flow = tflow.tflow()
    if word is not None:
        flow.request.headers[HEADER] = word
    flow.request.headers["authorization"] = "Bearer sk-true-key"
    return flow


@pytest.mark.parametrize("word", [None, "Basic x", WORD[:-1], f"{WORD} "])
def test_who_has_not_the_password_is_nobody_we_know(inspection: Inspection, word: str | None) -> None:
    flow = asked(word)
    inspection.recognise(flow)
    assert not inspection.knows(flow.client_conn)
    assert not inspection.request(flow)
    assert not inspection.responseheaders(flow)
    assert flow.request.headers["authorization"] == "Bearer sk-true-key"


def test_nobody_is_known_before_there_is_a_password() -> None:
    flow = asked(f"Basic {b64encode(f'{USER}:'.encode()).decode()}")
    made = Inspection()
    made.recognise(flow)
    assert not made.knows(flow.client_conn)


def test_a_connection_is_known_from_its_first_request_to_its_end(inspection: Inspection) -> None:
    first, second = asked(), asked(None)
    second.client_conn = first.client_conn
    inspection.recognise(first)
    assert HEADER not in first.request.headers, "the password goes no further"
    assert [inspection.request(first), inspection.request(second)] == [True, True]
    inspection.client_disconnected(first.client_conn)
    assert not inspection.knows(first.client_conn)


def test_a_credential_is_on_the_wire_and_not_on_the_flow(inspection: Inspection) -> None:
    flow = asked()
    inspection.recognise(flow)
    inspection.request(flow)
    assert flow.request.headers["authorization"] == MASK
    assert inspection.credentials(flow) == {"authorization": "Bearer sk-true-key"}
    inspection.ended(flow)
    assert inspection.credentials(flow) == {}
    assert inspection.credentials(asked()) == {}


def test_what_is_played_again_is_still_not_routed(inspection: Inspection) -> None:
    flow = asked(None)
    flow.metadata[MARK] = True
    assert inspection.request(flow)


@pytest.mark.parametrize(("content_type", "flows"), [("text/event-stream; charset=utf-8", True), ("text/html", False)])
def test_a_stream_is_passed_on_piece_by_piece_and_shown_at_its_end(
    inspection: Inspection, content_type: str, flows: bool
) -> None:
    flow = asked()
    inspection.recognise(flow)
    inspection.request(flow)
    flow.response = Response.make(200, b"", {"content-type": content_type})
    assert inspection.responseheaders(flow)
    assert callable(flow.response.stream) == flows
    if callable(flow.response.stream):
        assert [flow.response.stream(piece) for piece in (b"a", b"b", b"")] == [b"a", b"b", b""]
        inspection.ended(flow)
        assert flow.response.content == b"ab"
    assert not flow.response.stream


def test_the_process_is_led_to_the_door_for_proxies_and_trusts_it(inspection: Inspection, tmp_path: Path) -> None:
    found = inspection.variables({TWO, ONE}, tmp_path / "home", None)
    assert found["HTTPS_PROXY"] == found["HTTP_PROXY"] == f"http://{USER}:secret@127.0.0.1:8080"
    trusted = Path(found["SSL_CERT_FILE"]).read_text()
    assert "OUR OWN CA" in trusted
    assert Path(certifi.where()).read_text() in trusted


@pytest.mark.parametrize(
    ("door", "where"),
    [(Listener(False, "::1", 80), "[::1]:80"), (Listener(False, "0.0.0.0", 80), "127.0.0.1:80")],
)
def test_the_door_may_be_any(inspection: Inspection, tmp_path: Path, door: Listener, where: str) -> None:
    assert inspection.variables({door}, tmp_path, None)["HTTPS_PROXY"].endswith(f"@{where}")


def test_a_file_of_certificates_of_the_users_is_trusted_in_place_of_the_usual(
    inspection: Inspection, tmp_path: Path
) -> None:
    (tmp_path / "corporate.pem").write_text("CORPORATE")
    found = inspection.variables({ONE}, tmp_path, str(tmp_path / "corporate.pem"))
    assert Path(found["SSL_CERT_FILE"]).read_text() == "CORPORATE\nOUR OWN CA"


def test_without_a_door_for_proxies_there_is_no_way_back(inspection: Inspection, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="needs a door for proxies") as caught:
        inspection.variables({TWO}, tmp_path, None)
    assert str(caught.value) == NO_DOOR


def test_a_proxy_with_passwords_of_its_own_is_refused() -> None:
    made = Inspection()
    with taddons.context(made, loadcore=False) as context:
        context.options.add_option("proxyauth", str | None, None, "")
        context.configure(made, **{OPTION: True})
        with pytest.raises(exceptions.OptionsError) as caught:
            context.configure(made, proxyauth="me:word")
    assert str(caught.value) == GUARDED
