"""What becomes of a request, decided without any of mitmproxy. More of it, through real doors, is in test_hooks."""

import json

import pytest

from addon.protocol.errors import BadRequest, DetourError, Reply
from addon.proxy.intake import Incoming, Pass, Send, decide
from addon.routing.config import LIMITS
from addon.routing.settings import Settings
from addon.settings.assembly import parse
from tests.proxy.live import ask

NOTHING = parse({})
ROUTED = parse({"SMALL_MODEL": "vllm/q"})
HAIKU = json.dumps(ask(model="claude-haiku-5-5")).encode()
OPUS = json.dumps(ask()).encode()


def _incoming(path: str = "/v1/messages", body: bytes = HAIKU, method: str = "POST", **headers: str) -> Incoming:
    told = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return Incoming(method, path, told, body, "127.0.0.1")


PASSES: list[tuple[Incoming, Settings, str | None]] = [
    (_incoming("/"), ROUTED, None),
    (_incoming("/v1/messages/batches"), ROUTED, None),
    (_incoming("/v1/messages/"), ROUTED, None),
    (_incoming("/v1/models", method="POST"), ROUTED, None),
    (_incoming("/v1/models", method="GET"), NOTHING, None),
    (_incoming("/api/hello", method="POST"), ROUTED, None),
    (_incoming("/api/hello", method="HEAD"), NOTHING, None),
    (_incoming(body=b"x"), NOTHING, None),
    (_incoming(body=b"{}"), NOTHING, None),
    (_incoming(body=b" " * (LIMITS.request_bytes + 1)), NOTHING, None),
    (_incoming(method="GET", body=b""), NOTHING, None),
    (_incoming(), NOTHING, "anthropic"),
    (_incoming(body=OPUS), ROUTED, "anthropic"),
    (_incoming(body=OPUS, content_type="text/plain"), ROUTED, "anthropic"),
    (_incoming("/v1/messages/count_tokens", OPUS), ROUTED, None),
]


@pytest.mark.parametrize(("incoming", "settings", "route"), PASSES)
def test_what_is_not_routed_passes_unjudged(incoming: Incoming, settings: Settings, route: str | None) -> None:
    verdict = decide(incoming, settings)
    assert isinstance(verdict, Pass)
    assert (verdict.route.name if verdict.route else None) == route


TYPES = ["application/json", "application/json; charset=utf-8", "Application/JSON", "text/json", "application/x+json"]


@pytest.mark.parametrize("content_type", TYPES)
def test_every_usual_content_type_is_taken(content_type: str) -> None:
    verdict = decide(_incoming(content_type=content_type), ROUTED)
    assert isinstance(verdict, Send)
    assert verdict.stream
    assert (verdict.route.name, verdict.encoded.wire.url) == ("vllm/q", "http://localhost:8000/v1/chat/completions")
    assert verdict.losses == verdict.encoded.losses


REFUSED = [
    (_incoming(body=b" " * (LIMITS.request_bytes + 1)), 413, "request_too_large"),
    (_incoming(body=HAIKU, content_type="text/html"), 415, "invalid_request_error"),
    (_incoming(body=HAIKU, content_type=""), 415, "invalid_request_error"),
    (_incoming(body=HAIKU, origin="https://elsewhere.example"), 403, "permission_error"),
    (_incoming(body=HAIKU, origin="null"), 403, "permission_error"),
    (_incoming(body=HAIKU, origin="http://["), 403, "permission_error"),
    (_incoming(method="PATCH"), 405, "invalid_request_error"),
    (_incoming(body=b"{"), 400, "invalid_request_error"),
    (_incoming(body=b"\xff"), 400, "invalid_request_error"),
    (_incoming(body=b"{}"), 400, "invalid_request_error"),
    (_incoming(body=b'{"model":7,"messages":[]}'), 400, "invalid_request_error"),
]


@pytest.mark.parametrize(("incoming", "status", "kind"), REFUSED)
def test_what_is_wrong_is_refused_as_anthropic_does(incoming: Incoming, status: int, kind: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decide(incoming, ROUTED)
    assert (caught.value.status, caught.value.type) == (status, kind)


def test_a_client_of_unknown_address_is_far_away() -> None:
    incoming = Incoming("POST", "/v1/messages", {"content-type": "application/json"}, HAIKU, None)
    with pytest.raises(DetourError, match="an unknown address") as caught:
        decide(incoming, ROUTED)
    assert caught.value.status == 403


@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080"])
def test_a_page_of_this_machine_is_served(origin: str) -> None:
    assert isinstance(decide(_incoming(origin=origin), ROUTED), Send)


def test_tokens_are_counted_here() -> None:
    verdict = decide(_incoming("/v1/messages/count_tokens"), ROUTED)
    assert isinstance(verdict, Reply)
    assert json.loads(verdict.body)["input_tokens"] > 0


def test_routes_are_listed_under_names_that_lead_back_to_them() -> None:
    verdict = decide(_incoming("/v1/models", b"", "GET"), ROUTED)
    assert isinstance(verdict, Reply)
    listed = json.loads(verdict.body)
    assert listed["data"][0]["id"] == listed["first_id"] == listed["last_id"] == "claude-via-vllm/q"
    again = decide(_incoming(body=json.dumps(ask(model=listed["first_id"])).encode()), ROUTED)
    assert isinstance(again, Send)
    assert again.route.name == "vllm/q"
