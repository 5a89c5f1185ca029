"""What becomes of a request, decided without any of mitmproxy. More of it, through real doors, is in test_hooks."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_network
from types import MappingProxyType

import pytest

from addon.dialects.losses import Lost
from addon.protocol import signature
from addon.protocol.errors import BadRequest, Blocked, DetourError, Reply
from addon.proxy.intake import Incoming, Pass, Send, decide, offered
from addon.proxy.told import Told
from addon.routing.call import Call, Door
from addon.routing.config import LIMITS, Limits
from addon.routing.facts import ModelFacts
from addon.routing.forced import Forced
from addon.routing.settings import Decider, Settings
from addon.settings import document_text
from addon.settings.assembly import configure, parse
from tests import searches
from tests.proxy.live import ask


def written(text: str, **values: str) -> Settings:
    document, place, _ = document_text.parse(text, "detour.yaml")
    return configure(document, values, place).settings()


NOTHING = parse({})
BLOCKING = written("routes: [{when: {kind: title}, block: No titles.}]")
CHANGING = written("routes: [{when: {tier: haiku}, max_tokens: 7}]")
HOMING = written("routes: [{when: {tier: haiku}, to: anthropic, max_tokens: 7}]")
SMALL = replace(BLOCKING, limits=Limits(request_bytes=1_000))
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
    # rules that answer nothing elsewhere let pass what they do not speak of
    (_incoming(), BLOCKING, "anthropic"),
    (_incoming(content_type="text/plain", origin="https://elsewhere.example"), BLOCKING, "anthropic"),
    (_incoming(body=OPUS), CHANGING, "anthropic"),
    (_incoming(body=OPUS, content_type="text/plain"), HOMING, "anthropic"),
    (_incoming("/api/hello", method="HEAD"), BLOCKING, None),
    (_incoming("/v1/models", method="GET"), BLOCKING, None),
    # Anthropic's own count of what goes to Anthropic
    (_incoming("/v1/messages/count_tokens"), CHANGING, None),
    (_incoming("/v1/messages/count_tokens"), HOMING, None),
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


# what cannot be read passes where nothing is done to any call, and else might be what a rule is for
UNREADABLE = [_incoming(body=b"{"), _incoming(body=b"{}"), _incoming(body=b""), _incoming(body=b'{"model":""}')]


@pytest.mark.parametrize("incoming", UNREADABLE)
@pytest.mark.parametrize("settings", [BLOCKING, CHANGING, HOMING, ROUTED])
def test_what_cannot_be_read_does_not_slip_past_a_rule(incoming: Incoming, settings: Settings) -> None:
    with pytest.raises(BadRequest) as caught:
        decide(incoming, settings)
    assert caught.value.status == 400
    assert isinstance(decide(incoming, NOTHING), Pass)


def test_a_block_needs_nothing_else() -> None:
    title = json.dumps(ask(output_config={"format": {"schema": {"properties": {"title": {}}}}})).encode()
    with pytest.raises(Blocked, match="No titles") as caught:
        decide(_incoming(body=title, origin="https://elsewhere.example"), BLOCKING)
    assert caught.value.status == 451
    assert isinstance(decide(_incoming("/v1/messages/count_tokens", title), BLOCKING), Pass)  # a count is a count


def test_the_limit_is_the_users() -> None:
    large = json.dumps(ask("x" * 1_000)).encode()
    with pytest.raises(BadRequest, match=r"has 1,\d\d\d bytes, more than 1,000") as caught:
        decide(_incoming(body=large), SMALL)
    assert (caught.value.status, caught.value.type) == (413, "request_too_large")
    assert isinstance(decide(_incoming(body=large), replace(NOTHING, limits=SMALL.limits)), Pass)
    kept = decide(_incoming(), replace(ROUTED, limits=Limits(reply_bytes=5)))
    assert isinstance(kept, Send)
    assert kept.kept_bytes == 5


def test_what_passes_with_changes_is_judged_and_changed() -> None:
    for settings in (CHANGING, HOMING):
        send = decide(_incoming(), settings)
        assert isinstance(send, Send)
        assert send.destination.is_home
        assert json.loads(send.encoded.wire.body) == ask(model="claude-haiku-5-5", max_tokens=7)
        assert [change.path for change in send.changes] == ["max_tokens"]
        with pytest.raises(BadRequest):
            decide(_incoming(content_type="text/plain"), settings)
        far = replace(_incoming(origin="https://elsewhere.example"), client_host="10.1.2.3")  # its key is its own
        assert isinstance(decide(far, settings), Send)


def _after(sealed: str) -> bytes:
    """A request for Anthropic in a session in which somebody else has thought."""
    thought = {"type": "thinking", "thinking": "Hm.", "signature": sealed}
    answer = {"role": "assistant", "content": [thought, {"type": "text", "text": "Yes."}]}
    return json.dumps(ask(messages=[{"role": "user", "content": "Go."}, answer])).encode()


@pytest.mark.parametrize("settings", [NOTHING, ROUTED, BLOCKING])
def test_what_passes_to_anthropic_goes_without_the_thinking_of_others(settings: Settings) -> None:
    send = decide(_incoming(body=_after(signature.seal("openai/o3"))), settings)
    assert isinstance(send, Send)
    assert send.destination.is_home
    assert send.route.name == "anthropic"
    assert json.loads(send.encoded.wire.body)["messages"][1]["content"] == [{"type": "text", "text": "Yes."}]
    assert [each.sort for each in send.losses] == [Lost.FOREIGN_THINKING]


def test_what_passes_to_anthropic_goes_without_the_citations_of_others() -> None:
    cited = {"type": "text", "text": "Yes.", "citations": [{"encrypted_index": signature.seal("perplexity/sonar")}]}
    turns = [{"role": "user", "content": "Go."}, {"role": "assistant", "content": [cited]}]
    send = decide(_incoming(body=json.dumps(ask(messages=turns)).encode()), NOTHING)
    assert isinstance(send, Send)
    assert json.loads(send.encoded.wire.body)["messages"][1]["content"] == [{"type": "text", "text": "Yes."}]


@pytest.mark.parametrize("body", [_after("ErUB"), b'{"model":"m","x":"detour1."}'])
def test_all_else_passes_byte_for_byte(body: bytes) -> None:
    assert isinstance(decide(_incoming(body=body), NOTHING), Pass)


@pytest.mark.parametrize(
    ("thinking", "shown"),
    [
        ({"type": "adaptive", "display": "omitted"}, False),
        ({"type": "adaptive", "display": "updates"}, True),
        (None, True),
        ({"type": "disabled"}, True),
    ],
)
def test_thinking_is_shown_unless_the_client_wants_its_signature_alone(thinking: object, shown: bool) -> None:
    body = json.dumps(ask(model="claude-haiku-5-5", thinking=thinking)).encode()
    send = decide(_incoming(body=body), ROUTED)
    assert isinstance(send, Send)
    assert send.shows_thinking is shown


def test_what_a_route_adds_to_the_backends_request_lies_over_what_the_backend_has() -> None:
    settings = written(
        "backends: {ollama: {body: {keep_alive: 5, options: {num_ctx: 1, seed: 2}}}}\n"
        "routes: [{to: ollama/x, body: {options: {num_ctx: 3}}, temperature: 0.5}]"
    )
    send = decide(_incoming(), settings)
    assert isinstance(send, Send)
    sent = json.loads(send.encoded.wire.body)
    assert (sent["keep_alive"], sent["options"]) == (5, {"num_ctx": 3, "seed": 2})
    assert [change.path for change in send.changes] == ["temperature", "body.options.num_ctx"]
    assert settings.endpoints["ollama"].extra_body["options"] == {"num_ctx": 1, "seed": 2}


def test_rules_see_everything_of_the_request() -> None:
    seen: list[Call] = []
    incoming = Incoming(
        "POST", "/v1/messages", {"content-type": "application/json"}, HAIKU, "::1", Door.REVERSE,
        datetime(2026, 11, 21), "lot", "~all".__eq__,
    )  # fmt: skip
    decide(incoming, replace(NOTHING, decider=Decider("mine.py:choose", seen.append)))
    (call,) = seen
    assert (call.path, call.door, call.now, call.lot) == ("/v1/messages", "reverse", datetime(2026, 11, 21), "lot")
    assert (call.raw, call.headers, call.matches_filter("~all")) == (HAIKU, incoming.headers, True)


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


def test_a_count_is_of_what_is_sent() -> None:
    plain = decide(_incoming("/v1/messages/count_tokens"), ROUTED)
    longer = decide(
        _incoming("/v1/messages/count_tokens"),
        written(f"routes: [{{to: ollama/x, system: {{append: '{'x' * 3_600}'}}}}]"),
    )
    assert isinstance(plain, Reply)
    assert isinstance(longer, Reply)
    assert json.loads(longer.body)["input_tokens"] - json.loads(plain.body)["input_tokens"] == 1_000


def test_everything_that_is_configured_is_offered_once() -> None:
    settings = written(
        "big: [ollama/a, ollama/b]\nsmall: anthropic\n"
        "models: {fast: ollama/a, ollama/c: {window: 5}}\n"
        "routes: [{when: {model: 'x-*'}, to: 'ollama/*'}, {to: [ollama/d, anthropic]}, {block: No.}]"
    )
    assert offered(settings) == ("ollama/a", "ollama/b", "ollama/d", "fast", "ollama/c")
    verdict = decide(_incoming("/v1/models", b"", "GET"), settings)
    assert isinstance(verdict, Reply)
    assert [entry["display_name"] for entry in json.loads(verdict.body)["data"]] == list(offered(settings))
    assert offered(BLOCKING) == ()


def test_search_endpoints_are_no_models_and_not_offered() -> None:
    settings = written(
        "big: [ollama/a, searxng/web]\nsearch: searxng\nmodels: {find: searxng/web, both: [searxng/web, ollama/b]}\n"
        "routes: {web_search: searxng/web}",
        SEARXNG_API_BASE="http://find.example",
    )
    assert offered(settings) == ("ollama/a", "both")


SEARCHING = written("small: vllm/q", SEARXNG_API_BASE="http://find.example")


def _search(words: str = searches.ASK) -> Incoming:
    asked = {**searches.body(words), "model": "claude-haiku-5-5"}
    return replace(_incoming(body=json.dumps(asked).encode()), lot="0f6e1d2c-3b4a-5968-7786-95a4b3c2d1e0")


def test_a_search_goes_to_the_search_endpoint_where_the_model_has_none() -> None:
    verdict = decide(_search(), SEARCHING)
    assert isinstance(verdict, Send)
    assert (verdict.route.name, verdict.encoded.wire.method) == ("searxng/web", "GET")
    assert verdict.encoded.wire.url == "http://find.example/search?format=json&q=rain+in+spain"
    assert "vllm/q does not search" in verdict.route.reason


@pytest.mark.parametrize(
    ("incoming", "settings", "words"),
    [
        (_search(), ROUTED, b"No search was made: vllm/q has no web search of its own"),
        (_search(" "), SEARCHING, b"invalid_tool_input"),
        (_search("x" * 3_000), SEARCHING, b"query_too_long"),
    ],
)
def test_a_search_that_nobody_can_make_is_answered_here(incoming: Incoming, settings: Settings, words: bytes) -> None:
    verdict = decide(incoming, settings)
    assert isinstance(verdict, Told)
    assert (verdict.reply.status, words in verdict.reply.body) == (200, True)
    assert verdict.why.startswith("small" if settings is SEARCHING else "SMALL_MODEL")
    assert verdict.route.kind == "websearch"


def test_who_may_not_spend_the_users_keys_may_not_search_either() -> None:
    with pytest.raises(BadRequest, match="detour_clients"):
        decide(replace(_search(), client_host="10.1.2.3"), SEARCHING)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_a_hello_is_answered_where_anthropic_may_be_out_of_reach(method: str) -> None:
    assert decide(_incoming("/api/hello", b"", method), ROUTED) == Reply(200, (), b"")


FAR = [("10.1.2.3", True), ("10.2.2.3", False), ("::ffff:10.1.2.3", True), ("fe80::1%eth0", False), ("odd", False)]


@pytest.mark.parametrize(("host", "served"), FAR)
def test_a_listed_network_is_served(host: str, served: bool) -> None:
    incoming = Incoming("POST", "/v1/messages", {"content-type": "application/json"}, HAIKU, host)
    with nullcontext() if served else pytest.raises(BadRequest, match="detour_clients"):
        assert isinstance(decide(incoming, ROUTED, (ip_network("10.1.0.0/16"),)), Send)


def test_routes_are_listed_under_names_that_lead_back_to_them() -> None:
    verdict = decide(_incoming("/v1/models", b"", "GET"), ROUTED)
    assert isinstance(verdict, Reply)
    listed = json.loads(verdict.body)
    assert listed["data"][0]["id"] == listed["first_id"] == listed["last_id"] == "claude-via-vllm/q"
    again = decide(_incoming(body=json.dumps(ask(model=listed["first_id"])).encode()), ROUTED)
    assert isinstance(again, Send)
    assert again.route.name == "vllm/q"


def test_a_count_is_told_for_the_window_that_is_reported() -> None:
    counts = []
    for report in (None, 100_000):
        facts = ModelFacts(max_input_tokens=10_000, report_window=report)
        verdict = decide(
            _incoming("/v1/messages/count_tokens"), replace(ROUTED, facts=MappingProxyType({"vllm/q": facts}))
        )
        assert isinstance(verdict, Reply)
        counts.append(json.loads(verdict.body)["input_tokens"])
    assert counts[1] == counts[0] * 10 > 0


# -- copies ------------------------------------------------------------------------------------------------------------


def test_a_copy_goes_to_whom_it_names_past_what_blocks() -> None:
    forced = replace(_incoming(), forced=Forced("vllm/named", of="1"))
    verdict = decide(forced, written("routes: [{block: Nothing passes.}]"))
    assert isinstance(verdict, Send)
    assert (verdict.route.name, verdict.route.copy) == ("vllm/named", "replay of req_1")
    counted = decide(replace(forced, path="/v1/messages/count_tokens"), NOTHING)
    assert isinstance(counted, Reply)


@pytest.mark.parametrize("path", ["/v1/models", "/api/hello", "/v1/anything"])
def test_what_is_no_call_to_a_model_has_no_target(path: str) -> None:
    with pytest.raises(BadRequest, match="no call to a model"):
        decide(replace(_incoming(path), forced=Forced("vllm/named")), NOTHING)


@pytest.mark.parametrize("body", [b"{}", b"x"])
def test_a_copy_that_cannot_be_read_does_not_pass(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decide(replace(_incoming(body=body), forced=Forced("vllm/named")), NOTHING)


def test_a_copy_spends_keys_too() -> None:
    far = replace(_incoming(), client_host="10.0.0.1", forced=Forced("vllm/named"))
    with pytest.raises(BadRequest, match="this machine only"):
        decide(far, NOTHING)
