"""Who may ask what at which door, what is refused and in which words. What the answers say is in test_rest_answers."""

import json
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.protocol.errors import Reply
from addon.proxy.intake import Incoming
from addon.proxy.rest import surface
from addon.proxy.rest.answers import Ask, Surroundings
from addon.proxy.rest.journal import Body, Entry
from addon.proxy.rest.openapi import MOST_BODY, OPERATIONS
from addon.proxy.rest.surface import RestRequest
from addon.routing.call import Door
from tests.proxy.live import KEY
from tests.proxy.rest.rest_control import TOKEN, TOKEN_FILE, HeldControl, HeldConversations, surroundings

REVERSE, PROXY = Door.REVERSE, Door.PROXY
JSON = {"content-type": "application/json"}
GOOD = {**JSON, "x-detour-token": TOKEN}
BROUGHT = b'{"messages": [{"role": "user", "content": "a"}]}'
SWITCH = b'{"small_model": "fast"}'


def _asked(
    method: str,
    path: str,
    door: Door = REVERSE,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    host: str = "127.0.0.1",
) -> RestRequest:
    bare, _, query = path.partition("?")
    return RestRequest(Incoming(method, bare, headers or {}, body, host, door), query)


def _answer(request: RestRequest, around: Surroundings | None = None) -> tuple[Reply, Any]:
    reply = surface.answer(request, around or surroundings())
    assert isinstance(reply, Reply)
    assert ("content-type", "application/json") in reply.headers
    assert ("cache-control", "no-store") in reply.headers
    return reply, json.loads(reply.body)


CASES = [
    # method, path, door, headers, body -> status, words
    ("GET", "/_detour/health", REVERSE, {}, b"", 200, '"ok"'),
    ("GET", "/_detour/health", PROXY, {}, b"", 200, '"ok"'),
    ("HEAD", "/_detour/health", PROXY, {}, b"", 200, '"ok"'),
    ("GET", "/health", REVERSE, {}, b"", 200, '"ok"'),
    ("GET", "/config", REVERSE, {}, b"", 200, '"big_model":"openai/gpt-test"'),
    ("GET", "/models", REVERSE, {}, b"", 200, '"fast"'),
    ("GET", "/debug_logs", REVERSE, {}, b"", 200, '"entries":[]'),
    ("GET", "/debug_logs?log_type=error&limit=1000", REVERSE, {}, b"", 200, '"log_type":"error"'),
    ("GET", "/debug_logs?limit=1&limit=2&other=3", REVERSE, {}, b"", 200, "entries"),
    ("GET", "/_detour/losses", PROXY, {}, b"", 200, '"losses":[]'),
    ("GET", "/_detour/openapi.json", PROXY, {}, b"", 200, '"3.1.0"'),
    ("POST", "/_detour/switch_model", PROXY, GOOD, SWITCH, 200, '"small_model":"ollama/qwen3:4b"'),
    ("POST", "/switch_model", REVERSE, GOOD, SWITCH, 200, '"small_model":"ollama/qwen3:4b"'),
    ("POST", "/_detour/block", REVERSE, GOOD, b'{"kind": "title"}', 200, '"blocked":["title"]'),
    ("POST", "/_detour/unblock", REVERSE, GOOD, b'{"kind": "all"}', 200, '"blocked":[]'),
    ("GET", "/_detour/targets", PROXY, {}, b"", 200, '{"name":"openai/gpt-test","state":"up","failures":0,'),
    ("POST", "/_detour/disable", PROXY, GOOD, b'{"target": "fast"}', 200, '"ollama/qwen3:4b","state":"down"'),
    ("POST", "/_detour/enable", REVERSE, GOOD, b'{"target": "openai/gpt-test"}', 200, '"state":"up"'),
    ("POST", "/_detour/reload", REVERSE, {"x-detour-token": TOKEN}, b"", 202, "being read"),
    # conversations
    ("GET", "/conversation", REVERSE, GOOD, b"", 200, '"total_count":2'),
    ("HEAD", "/conversation", REVERSE, GOOD, b"", 200, "Hello"),
    ("GET", "/_detour/conversation?limit=1&session=s", PROXY, GOOD, b"", 200, '"session":"s"'),
    ("GET", "/conversation", REVERSE, {}, b"", 401, "token"),
    ("GET", "/conversation?limit=0", REVERSE, GOOD, b"", 400, "from 1 to 1000"),
    ("GET", "/conversation?session=", REVERSE, GOOD, b"", 400, "session"),
    ("DELETE", "/conversation", REVERSE, GOOD, b"", 200, "Deleted."),
    ("DELETE", "/conversation", REVERSE, {}, b"", 401, "token"),
    ("GET", "/conversation/status", REVERSE, {}, b"", 200, '"recording_enabled":true'),
    ("DELETE", "/conversation/status", REVERSE, GOOD, b"", 405, "use GET, HEAD"),
    ("POST", "/conversation/enable", REVERSE, GOOD, b'{"enabled": false}', 200, '"recording_enabled":false'),
    ("POST", "/conversation/enable?file_path=a", REVERSE, {"x-detour-token": TOKEN}, b"", 200, "switched"),
    ("POST", "/conversation/enable", REVERSE, {"x-detour-token": TOKEN}, b"", 200, '"recording_enabled":true'),
    ("POST", "/conversation/enable", REVERSE, GOOD, b'{"file_path": ""}', 400, "file_path"),
    ("POST", "/conversation/enable?file_path=", REVERSE, GOOD, b"{}", 400, "file_path"),
    ("POST", "/conversation/enable", REVERSE, {}, b"", 401, "token"),
    ("POST", "/conversation/disable", REVERSE, {"x-detour-token": TOKEN}, b"", 200, '"recording_enabled":false'),
    ("POST", "/conversation/continue", REVERSE, GOOD, b"{}", 400, "give message, a text, or messages"),
    ("POST", "/conversation/continue", REVERSE, GOOD, b'{"message": "a", "messages": [{}]}', 400, "give message"),
    ("POST", "/conversation/continue", REVERSE, GOOD, b'{"message": "a", "session": "nobody"}', 404, "no session"),
    ("POST", "/conversation/continue", REVERSE, JSON, b'{"message": "a"}', 401, "token"),
    ("GET", "/conversation/continue", REVERSE, GOOD, b"", 405, "use POST"),
    ("GET", "/conversation/export", REVERSE, GOOD, b"", 200, '"detour-conversation"'),
    ("GET", "/conversation/export", REVERSE, {}, b"", 401, "token"),
    ("POST", "/conversation/import", REVERSE, GOOD, BROUGHT, 200, "brought"),
    ("POST", "/conversation/import", REVERSE, GOOD, b'{"messages": []}', 400, "messages"),
    ("POST", "/conversation/import", REVERSE, GOOD, b'{"messages": [{"role": "me", "content": ""}]}', 400, "role"),
    ("POST", "/conversation/import", REVERSE, JSON, b"{}", 401, "token"),
    ("DELETE", "/debug_logs", REVERSE, GOOD, b"", 200, "0 entries are forgotten"),
    ("DELETE", "/debug_logs", REVERSE, {}, b"", 401, "token"),
    # paths and methods
    ("GET", "/_detour/none", PROXY, {}, b"", 404, "there are /_detour/, /_detour/config"),
    ("GET", "/_detour/health/", PROXY, {}, b"", 404, "/_detour/health/"),
    ("POST", "/_detour/nothing", PROXY, GOOD, b"{}", 404, "There is no /_detour/nothing"),
    ("POST", "/_detour/health", REVERSE, GOOD, b"{}", 405, "POST is not allowed, use GET, HEAD"),
    ("GET", "/switch_model", REVERSE, GOOD, b"", 405, "use POST"),
    ("HEAD", "/_detour/block", REVERSE, GOOD, b"", 405, "use POST"),
    ("OPTIONS", "/_detour/switch_model", REVERSE, {}, b"", 405, "use POST"),
    # queries
    ("GET", "/debug_logs?log_type=everything", REVERSE, {}, b"", 400, "all, request, response, error, route"),
    ("GET", "/debug_logs?log_type=", REVERSE, {}, b"", 400, "log_type"),
    ("GET", "/debug_logs?limit=0", REVERSE, {}, b"", 400, "from 1 to 1000"),
    ("GET", "/debug_logs?limit=1001", REVERSE, {}, b"", 400, "from 1 to 1000"),
    ("GET", "/debug_logs?limit=99999999999", REVERSE, {}, b"", 400, "from 1 to 1000"),
    ("GET", "/debug_logs?limit=-1", REVERSE, {}, b"", 400, "from 1 to 1000"),
    ("GET", "/debug_logs?limit=%C2%B2", REVERSE, {}, b"", 400, "from 1 to 1000"),
    ("GET", "/debug_logs?limit=", REVERSE, {}, b"", 400, "from 1 to 1000"),
    ("GET", "/debug_logs?" + "&".join("abcdefghijklmnopq"), REVERSE, {}, b"", 400, "16 fields"),
    # bodies
    ("POST", "/switch_model", REVERSE, GOOD, b"", 400, "body: Invalid JSON"),
    ("POST", "/switch_model", REVERSE, GOOD, b"{}", 400, "give preset, or one of"),
    ("POST", "/switch_model", REVERSE, GOOD, b"[1]", 400, "body"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"preserve_conversation": true}', 400, "give preset"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"big_model": ""}', 400, "big_model"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"big_model": " "}', 400, "big_model"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"big_model": null}', 400, "big_model"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"big_modle": "x"}', 400, "big_modle"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"preset": "x", "preserve_conversation": "yes"}', 400, "boolean"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"preset": "opnrouter"}', 400, "openrouter"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"preset": "openrouter"}', 400, "OPENROUTER_API_KEY"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"big_model": "nobody/x"}', 400, "no provider 'nobody'"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"big_model": "groq/x"}', 400, "GROQ_API_KEY"),
    ("POST", "/switch_model", REVERSE, GOOD, b'{"preset": "' + b"x" * MOST_BODY + b'"}', 413, "more than 65536"),
    ("POST", "/_detour/block", REVERSE, GOOD, b'{"kind": "everything"}', 400, "kind"),
    ("POST", "/_detour/block", REVERSE, GOOD, b'{"kind": "all"}', 400, "kind"),
    ("POST", "/_detour/unblock", REVERSE, GOOD, b"{}", 400, "kind"),
    ("POST", "/_detour/disable", REVERSE, GOOD, b'{"target": "careful"}', 400, "name one of them"),
    ("POST", "/_detour/disable", REVERSE, GOOD, b'{"target": "ollama/nobody"}', 400, "there is no target"),
    ("POST", "/_detour/enable", REVERSE, GOOD, b'{"target": " "}', 400, "target"),
    ("POST", "/_detour/enable", REVERSE, JSON, b'{"target": "fast"}', 401, "token"),
    ("GET", "/_detour/enable", REVERSE, GOOD, b"", 405, "use POST"),
    ("POST", "/switch_model", REVERSE, {"x-detour-token": TOKEN}, SWITCH, 415, "application/json"),
    ("POST", "/switch_model", REVERSE, {**GOOD, "content-type": "text/plain"}, SWITCH, 415, "text/plain"),
]


@pytest.mark.parametrize(("method", "path", "door", "headers", "body", "status", "words"), CASES)
def test_each_call_has_its_answer(
    method: str, path: str, door: Door, headers: dict[str, str], body: bytes, status: int, words: str
) -> None:
    reply, said = _answer(_asked(method, path, door, headers, body))
    assert reply.status == status
    assert words in reply.body.decode()
    assert (said.get("type") == "error") is (status >= 400)
    assert KEY not in reply.body.decode()


NOT_OURS = [
    ("/v1/messages", REVERSE),
    ("/", REVERSE),
    ("", REVERSE),
    ("/healthy", REVERSE),
    ("//health", REVERSE),
    ("/health/", REVERSE),
    ("/block", REVERSE),
    ("/openapi.json", REVERSE),
    ("/_detours", REVERSE),
    ("/x/_detour/health", REVERSE),
    ("/health", PROXY),
    ("/switch_model", PROXY),
    ("/config", PROXY),
    ("/conversation", PROXY),
    ("/conversations", REVERSE),
    ("/conversation/", REVERSE),
]


@pytest.mark.parametrize(("path", "door"), NOT_OURS)
def test_other_paths_are_left_alone(path: str, door: Door) -> None:
    request = _asked("GET", path, door)
    assert surface.operation_of(request) is None
    assert surface.answer(request, surroundings()) is None


@pytest.mark.parametrize("path", ["/_detour/health", "/_detour/nothing", "/health"])
def test_what_is_for_another_host_is_left_alone(path: str) -> None:
    request = RestRequest(Incoming("GET", path, {}, b"", "127.0.0.1", PROXY), is_for_us=False)
    assert surface.answer(request, surroundings()) is None


def test_the_list_of_models_and_the_log_are_slow() -> None:
    slow = {name for name in OPERATIONS if surface.is_slow(_asked("GET", f"/_detour/{name}"))}
    assert slow == {"models", *(name for name in OPERATIONS if name.startswith("conversation"))}
    assert surface.is_slow(_asked("GET", "/models"))
    assert not surface.is_slow(_asked("GET", "/v1/models"))


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert ("allow", "GET, HEAD") in _answer(_asked("PUT", "/_detour/config"))[0].headers
    assert ("allow", "POST") in _answer(_asked("GET", "/_detour/reload"))[0].headers


# -- the token ---------------------------------------------------------------------------------------------------------

TOKENS = [
    ({"x-detour-token": TOKEN}, 202),
    ({"x-detour-token": f" {TOKEN} "}, 202),
    ({"authorization": f"Bearer {TOKEN}"}, 202),
    ({"authorization": f"bearer {TOKEN}"}, 202),
    ({"authorization": f"Bearer {TOKEN}", "x-detour-token": "wrong"}, 202),
    ({"authorization": "Bearer of-the-client", "x-detour-token": TOKEN}, 202),
    ({}, 401),
    ({"x-detour-token": ""}, 401),
    ({"x-detour-token": "wrong"}, 401),
    ({"x-detour-token": TOKEN[:-1]}, 401),
    ({"x-detour-token": TOKEN + "x"}, 401),
    ({"x-detour-token": TOKEN.upper()}, 401),
    ({"x-detour-token": "tökén"}, 401),
    ({"x-detour-token": "\udcff"}, 401),
    ({"authorization": TOKEN}, 401),
    ({"authorization": f"Basic {TOKEN}"}, 401),
    ({"authorization": "Bearer "}, 401),
    ({"authorization": "Bearer"}, 401),
]


@pytest.mark.parametrize("door", Door)
@pytest.mark.parametrize(("headers", "status"), TOKENS)
def test_a_change_needs_the_token(headers: dict[str, str], status: int, door: Door) -> None:
    control = HeldControl()
    reply, said = _answer(_asked("POST", "/_detour/reload", door, headers), surroundings(control))
    assert reply.status == status
    assert control.readings == (status == 202)
    if status == 401:
        assert TOKEN_FILE in said["error"]["message"]
        assert said["error"]["type"] == "authentication_error"
        assert ("www-authenticate", "Bearer") in reply.headers
        assert TOKEN not in reply.body.decode()


PRIVATE = [
    (name, method)
    for name, operation in OPERATIONS.items()
    for method in operation.methods
    if (found := operation.by(method)) is not None and found.needs_token
]


@pytest.mark.parametrize(("name", "method"), PRIVATE)
def test_nothing_is_changed_and_no_prompt_is_shown_without_the_token(name: str, method: str) -> None:
    control, held = HeldControl(), HeldConversations()
    around = surroundings(control, conversations=lambda: held)
    before = control.settings
    for body in (SWITCH, b'{"kind": "title"}', b'{"message": "a"}', b"{}", b""):
        assert _answer(_asked(method, f"/_detour/{name}", headers=JSON, body=body), around)[0].status == 401
    assert (control.settings, control.readings, held.asked) == (before, 0, [])


def test_what_shows_prompts_is_private() -> None:
    assert {name for name, method in PRIVATE if method == "GET"} == {"conversation", "conversation/export"}


# -- conversations -----------------------------------------------------------------------------------------------------

WANTED: list[tuple[str, str, bytes, list[object]]] = [
    ("GET", "/conversation", b"", ["newest", None, 50]),
    ("GET", "/conversation?limit=3&session=abc", b"", ["newest", "abc", 3]),
    ("GET", "/conversation/export?session=abc", b"", ["exported", "abc"]),
    ("POST", "/conversation/enable", b"{}", ["switch", True, ""]),
    ("POST", "/conversation/enable?file_path=a.sqlite", b"", ["switch", True, "a.sqlite"]),
    ("POST", "/conversation/enable?file_path=a", b'{"file_path": "b"}', ["switch", True, "b"]),
    ("POST", "/conversation/disable", b"", ["switch", False, ""]),
    ("DELETE", "/conversation", b"", ["empty"]),
    ("POST", "/conversation/import", b'{"session": "s", "messages": [{"role": "user", "content": "a"}]}',
     ["bring", "s", 1]),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "asked"), WANTED)
def test_what_is_asked_of_the_log(method: str, path: str, body: bytes, asked: list[object]) -> None:
    held = HeldConversations()
    reply, _ = _answer(_asked(method, path, headers=GOOD, body=body), surroundings(conversations=lambda: held))
    assert (reply.status, held.asked) == (200, asked)


def test_the_next_turn_is_a_call_to_a_model() -> None:
    held = HeldConversations()
    body = b'{"messages": [{"role": "user", "content": "a"}], "model": null, "top_k": 3, "session": "s"}'
    found = surface.answer(
        _asked("POST", "/conversation/continue", headers=GOOD, body=body), surroundings(conversations=lambda: held)
    )
    assert isinstance(found, Ask)
    given = {"messages": [{"role": "user", "content": "a"}], "model": None, "top_k": 3}
    assert held.asked == ["next", given, "s"]


def test_a_conversation_may_be_large() -> None:
    large = json.dumps({"messages": [{"role": "user", "content": "x" * MOST_BODY}]}).encode()
    assert _answer(_asked("POST", "/conversation/import", headers=GOOD, body=large))[0].status == 200
    assert _answer(_asked("POST", "/conversation/enable", headers=GOOD, body=large))[0].status == 413


def test_the_token_is_told_from_the_clients_own_credential() -> None:
    assert surface.is_token(f"Bearer {TOKEN}", TOKEN)
    assert surface.is_token(f"bearer {TOKEN} ", TOKEN)
    assert not surface.is_token("Bearer sk-ant-oat-1", TOKEN)
    assert not surface.is_token(TOKEN, TOKEN)
    assert not surface.is_token(f"Bearer {TOKEN}", None)


def test_where_no_token_can_be_kept_nobody_has_it() -> None:
    around = surroundings(token=None)
    for headers in ({}, {"x-detour-token": ""}, {"x-detour-token": "None"}):
        reply, said = _answer(_asked("POST", "/_detour/reload", headers=headers), around)
        assert (reply.status, TOKEN_FILE in said["error"]["message"]) == (503, True)
    assert _answer(_asked("GET", "/_detour/config"), around)[0].status == 200


def test_bodies_are_for_those_who_have_the_token() -> None:
    around = surroundings()
    around.journal.note(Entry("now", "req_1", 200, 1, request_body=Body("a secret")))
    plain, said = _answer(_asked("GET", "/debug_logs"), around)
    assert (plain.status, said["entries"][0]["request_body"]) == (200, None)
    assert TOKEN_FILE in said["note"]
    _, said = _answer(_asked("GET", "/debug_logs", headers={"x-detour-token": TOKEN}), around)
    assert (said["entries"][0]["request_body"], said["note"]) == ({"text": "a secret", "left_out": 0}, None)
    wrong, said = _answer(_asked("GET", "/debug_logs", headers={"x-detour-token": "wrong"}), around)
    assert (wrong.status, said["error"]["type"]) == (401, "authentication_error")


# -- who may come in ---------------------------------------------------------------------------------------------------

PEOPLE = [
    ("127.0.0.1", {}, 200),
    ("::1", {}, 200),
    ("127.0.0.1", {"origin": "http://localhost:3000"}, 200),
    ("127.0.0.1", {"origin": "https://evil.example"}, 403),
    ("127.0.0.1", {"origin": "null"}, 403),
    ("127.0.0.1", {"origin": "http://\udcff"}, 403),
    ("10.1.2.3", {}, 200),
    ("192.168.1.2", {}, 403),
    ("", {}, 403),
]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(("host", "headers", "status"), PEOPLE)
def test_only_this_machine_and_listed_networks_are_served_and_no_page(
    name: str, host: str, headers: dict[str, str], status: int
) -> None:
    around = surroundings(networks=(ip_network("10.0.0.0/8"),))
    method, body = OPERATIONS[name].methods[0], b'{"kind": "title", "x": 1}'
    reply, _ = _answer(_asked(method, f"/_detour/{name}", headers={**GOOD, **headers}, body=body, host=host), around)
    assert (reply.status == 403) is (status == 403)


# -- when the settings are wrong ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OPERATIONS)
def test_without_settings_only_health_and_the_document_are_told(name: str) -> None:
    around = surroundings(HeldControl(configuration=None))
    target = b'{"target": "fast"}'
    body = {"switch_model": SWITCH, "disable": target, "enable": target}.get(name, b'{"kind": "title"}')
    reply, said = _answer(_asked(OPERATIONS[name].methods[0], f"/_detour/{name}", headers=GOOD, body=body), around)
    assert reply.status == (200 if name in ("health", "openapi.json") else 503)
    assert name != "health" or said["status"] == "degraded"


# -- anything at all ---------------------------------------------------------------------------------------------------

JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    ["preset", "big_model", "middle_model", "small_model", "preserve_conversation", "kind", "message", "messages"]
)


@settings(max_examples=150, deadline=None)
@given(
    call=st.sampled_from(PRIVATE),
    body=st.binary()
    | (JSONS | st.dictionaries(FIELDS, JSONS | st.just("fast"))).map(lambda value: json.dumps(value).encode()),
)
def test_whatever_is_sent_is_answered_and_a_refusal_changes_nothing(call: tuple[str, str], body: bytes) -> None:
    control, (name, method) = HeldControl(), call
    before = control.switch
    reply = surface.answer(_asked(method, f"/_detour/{name}", headers=GOOD, body=body), surroundings(control))
    if isinstance(reply, Ask):
        return
    assert reply is not None
    said = json.loads(reply.body)
    assert reply.status in (200, 202, 400)
    if reply.status == 400:
        assert said["error"]["message"]
        assert control.switch == before


@settings(max_examples=100, deadline=None)
@given(query=st.text() | st.from_regex(r"(log_type|limit|session)=[a-z0-9%&=]*", fullmatch=True))
def test_whatever_is_asked_of_the_logs_is_answered(query: str) -> None:
    for name in ("debug_logs", "conversation"):
        reply, _ = _answer(_asked("GET", f"/_detour/{name}?{query}", headers=GOOD))
        assert reply.status in (200, 400)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/_detour", True),
        ("/_detour/", True),
        ("/_detour/read", True),
        ("/_detour/read/turn/3", True),
        ("/_detour/reader", False),
        ("/_detour/config", False),
        ("/_detour/config/read", False),
        ("/read", False),
        ("/", False),
    ],
)
def test_the_reader_s_pages_are_told_from_operations(path: str, expected: bool) -> None:
    for door in (PROXY, REVERSE):
        assert surface.is_page(_asked("GET", path, door)) is expected


def test_a_page_is_refused_to_another_machine_and_to_another_page() -> None:
    around = surroundings()
    assert surface.refusal(_asked("GET", "/_detour/", PROXY), around) is None
    refused = surface.refusal(_asked("GET", "/_detour/", PROXY, {"origin": "https://evil.example"}), around)
    assert refused is not None
    assert refused.status == 403
