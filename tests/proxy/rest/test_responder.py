"""The REST surface in a running proxy: both doors, the token, the flow list, and what the journal is told."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.proxy import mode_specs
from mitmproxy.test import taddons, tflow

from addon.proxy.rest import journal, responder, surface
from addon.proxy.rest.responder import MARK, Rest
from addon.routing import catalog
from addon.routing.facts import ModelFacts
from tests.proxy.conftest import Configure
from tests.proxy.live import (
    ANTHROPIC_URL,
    KEY,
    LIMIT_S,
    NATIVE_HELLO,
    Proxy,
    ask,
    backend,
    everything,
    proxying,
    streaming,
    until,
    whole,
)
from tests.proxy.test_hooks import _exchange


def _direct(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, trust_env=False, timeout=LIMIT_S)


async def _token(home: Path) -> str:
    """The doors are open a moment before mitmproxy says that it runs, at which the token is made."""
    await until((home / "token").exists)
    return (home / "token").read_text(encoding="ascii").strip()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "detour-home"


def _doors(proxy: Proxy) -> list[str]:
    return [proxy.door_one, proxy.door_two]


# -- where it is -------------------------------------------------------------------------------------------------------


async def test_both_doors_tell_that_all_is_well(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy:
        for door in _doors(proxy):
            async with _direct(door) as client:
                reply = await client.get("/_detour/health")
                told = reply.json()
                assert (reply.status_code, told["status"], told["layer"]) == (200, "ok", True)
                assert told["doors"] == {"proxy": proxy.door_one, "reverse": proxy.door_two}
                assert reply.headers["request-id"].startswith("req_")
                head = await client.head("/_detour/health")
                assert (head.status_code, head.content) == (200, b"")
                again = await client.get("/_detour/config")
                assert again.json()["big_model"] == "openai/gpt-test", "on the same connection"


async def test_bare_paths_are_served_at_the_reverse_door(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        for path in ("/health", "/config", "/models", "/debug_logs?log_type=error&limit=3"):
            assert (await client.get(path)).status_code == 200, path
        assert "/health" in (await client.get("/_detour/openapi.json")).json()["paths"]


ADDRESSES = ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://LOCALHOST:{port}"]


@pytest.mark.parametrize("address", ADDRESSES)
async def test_door_one_answers_by_every_name_of_this_machine_and_through_itself(
    confdir: Path, configure: Configure, address: str
) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir, modes=("regular",)) as proxy:
        url = address.format(port=proxy.port(mode_specs.RegularMode)) + "/_detour/health"
        async with _direct(proxy.door_one) as client:
            host = url.split("/")[2]
            assert (await client.get("/_detour/health", headers={"host": host})).status_code == 200
        async with httpx.AsyncClient(proxy=proxy.door_one, trust_env=False) as client:
            assert (await client.get(url)).status_code == 200


async def test_a_strangers_path_passes(confdir: Path, configure: Configure) -> None:
    async with backend(whole(b'"a stranger"')) as there:
        configure("http://127.0.0.1:9")
        async with (
            proxying(confdir, modes=("regular",)) as proxy,
            httpx.AsyncClient(proxy=proxy.door_one, trust_env=False) as client,
        ):
            for path in ("/_detour/health", "/_detour/switch_model", "/health", "/config"):
                assert (await client.get(there.url + path)).json() == "a stranger"
        assert [received.path for received in there.received][-1] == "/config"


async def test_a_page_that_rebinds_its_name_does_not_get_in_at_door_one(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir, modes=("regular",)) as proxy:
        request = b"GET /_detour/config HTTP/1.1\r\nHost: evil.invalid:%d\r\n\r\n" % proxy.port(mode_specs.RegularMode)
        answer = await _exchange(proxy.door_one, request)
        assert answer.startswith(b"HTTP/1.1 502")
        assert b"big_model" not in answer


async def test_a_web_page_and_another_machine_get_nothing(confdir: Path, configure: Configure) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy:
        for door in _doors(proxy):
            async with _direct(door) as client:
                reply = await client.get("/_detour/config", headers={"origin": "https://evil.example"})
                assert (reply.status_code, "access-control-allow-origin" in reply.headers) == (403, False)
                preflight = await client.options("/_detour/switch_model", headers={"origin": "https://evil.example"})
                assert preflight.status_code == 403


# -- switching ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1])
async def test_the_next_request_goes_where_it_was_switched_to(
    confdir: Path, configure: Configure, home: Path, number: int
) -> None:
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, _direct(_doors(proxy)[number]) as rest_client, proxy.client() as client:
            wanted = {"big_model": "openai/gpt-other"}
            refused = await rest_client.post("/_detour/switch_model", json=wanted)
            assert refused.status_code == 401
            assert str(home / "token") in refused.json()["error"]["message"]
            await client.post("/v1/messages", json=ask())
            reply = await rest_client.post(
                "/_detour/switch_model", json=wanted, headers={"authorization": f"Bearer {await _token(home)}"}
            )
            assert (reply.status_code, reply.json()["big_model"]) == (200, "openai/gpt-other")
            await client.post("/v1/messages", json=ask())
            await proxy.settled()
        assert [received.json["model"] for received in there.received] == ["gpt-test", "gpt-other"]


async def test_a_switch_that_cannot_be_leaves_all_as_it_was(confdir: Path, configure: Configure, home: Path) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        headers = {"x-detour-token": await _token(home)}
        reply = await client.post("/switch_model", json={"preset": "groq", "small_model": "x/y"}, headers=headers)
        assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
        assert (await client.get("/config")).json()["small_model"] == "openai/gpt-small"


async def test_a_blocked_kind_is_refused_until_it_is_let_pass(confdir: Path, configure: Configure, home: Path) -> None:
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            headers = {"x-detour-token": await _token(home)}
            assert (await client.post("/_detour/block", json={"kind": "other"}, headers=headers)).json()["blocked"]
            assert (await client.post("/v1/messages", json=ask())).status_code == 451
            logged = (await client.get("/debug_logs?log_type=error")).json()["entries"]
            assert [(entry["status"], entry["reason"] is not None) for entry in logged] == [(451, True)]
            await client.post("/_detour/unblock", json={"kind": "all"}, headers=headers)
            assert (await client.post("/v1/messages", json=ask())).status_code == 200
            await proxy.settled()


async def test_a_fault_in_the_files_is_told_and_a_reload_mends_it(
    confdir: Path, configure: Configure, home: Path, tmp_path: Path
) -> None:
    configure("http://127.0.0.1:9")
    file = tmp_path / "detour.yaml"
    file.write_text("small: openai/gpt-first\n")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        proxy.errors_expected = True
        headers = {"x-detour-token": await _token(home)}

        async def reload() -> int:
            return (await client.post("/_detour/reload", headers=headers)).status_code

        file.write_text("smal: openai/gpt-first\n")
        assert await reload() == 202
        await until(lambda: proxy.detour.control.fault)
        told = (await client.get("/health")).json()
        assert (told["status"], "smal" in told["fault"]) == ("degraded", True)
        assert "smal" in (await client.get("/config")).json()["fault"]
        file.write_text("small: openai/gpt-first\n")
        assert await reload() == 202
        await until(lambda: proxy.detour.control.fault is None)
        assert (await client.get("/health")).json()["status"] == "ok"


# -- the token ---------------------------------------------------------------------------------------------------------


async def test_the_token_is_the_users_alone_and_never_on_a_flow(
    confdir: Path, configure: Configure, home: Path
) -> None:
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        token = await _token(home)
        assert (home / "token").stat().st_mode & 0o777 == 0o600
        for headers in ({"x-detour-token": token}, {"authorization": f"Bearer {token}"}):
            reply = await client.post("/switch_model", json={"preset": "none"}, headers=headers)
            assert reply.status_code == 200
        await until(lambda: not any(flow.live for flow in proxy.flows))
        assert len(proxy.flows) == 2
        assert not [moment for moment, seen in proxy_seen(proxy) if token in seen]
        assert token not in proxy.log.text


def proxy_seen(proxy: Proxy) -> list[tuple[str, str]]:
    return [("end", everything(flow)) for flow in proxy.flows]


async def test_a_token_that_cannot_be_kept_is_told_once(confdir: Path, configure: Configure, home: Path) -> None:
    configure("http://127.0.0.1:9")
    (home / "token" / "in the way").mkdir(parents=True)
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        assert (await client.get("/health")).status_code == 200
        for _ in range(2):
            assert (await client.post("/_detour/reload", headers={"x-detour-token": ""})).status_code == 503
        assert proxy.log.text.count("their token cannot be kept") == 1


async def test_wrong_settings_make_no_token(confdir: Path, configure: Configure, home: Path) -> None:
    configure(BIG_MODEL="nobody/x")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        proxy.errors_expected = True
        assert not (home / "token").exists()
        assert (await client.get("/health")).json()["status"] == "degraded"


# -- the flow list -----------------------------------------------------------------------------------------------------


async def test_calls_do_not_fill_the_flow_list(confdir: Path, configure: Configure) -> None:
    view = View()
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir, view) as proxy, proxy.client() as client:
            for _ in range(3):
                assert (await client.get("/health")).status_code == 200
                assert (await client.get("/_detour/nothing")).status_code == 404
            await client.post("/v1/messages", json=ask())
            await proxy.settled()
            await until(lambda: len(view._store) == 1)
            (left,) = view._store.values()
            assert isinstance(left, http.HTTPFlow)
            assert left.request.path == "/v1/chat/completions"
        assert len({flow.client_conn.id for flow in proxy.flows}) == 1, "a flow that is removed while live is killed"


async def test_a_flow_is_removed_after_its_end() -> None:
    view = View()
    with taddons.context(view):
        flow = tflow.tflow(resp=True)
        flow.live = True
        view.add([flow])
        responder._hide(flow)
        assert flow.id in view._store
        flow.live = False
        await until(lambda: flow.id not in view._store)
        assert flow.error is None


async def test_where_there_is_no_list_any_more_nothing_is_removed() -> None:
    flow = tflow.tflow(resp=True)
    flow.live = False
    with taddons.context():
        responder._hide(flow)


@pytest.mark.parametrize("kind", ["answered", "failed", "not live"])
async def test_what_is_decided_already_is_left_alone(kind: str) -> None:
    flow = tflow.tflow(resp=kind == "answered", err=kind == "failed")
    flow.live = kind != "not live"
    flow.request.path = "/_detour/health"
    with taddons.context():
        assert not await Rest(None, None, None).request(flow)  # type: ignore[arg-type]  # none is asked
    assert MARK not in flow.metadata


@pytest.mark.parametrize(
    ("mode", "sockname"),
    [
        ("regular", None),
        ("transparent", ("127.0.0.1", 22)),
        ("socks5", ("127.0.0.1", 22)),
        ("regular", ("10.1.2.3", 22)),
    ],
)
def test_what_is_addressed_elsewhere_is_not_for_us(mode: str, sockname: tuple[str, int] | None) -> None:
    flow = tflow.tflow()
    flow.request.host, flow.request.port = "127.0.0.1", 22
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    flow.client_conn.sockname = sockname  # type: ignore[assignment]  # mitmproxy says it may be None, elsewhere
    assert not responder._is_for_us(flow)


def test_an_address_of_this_machine_in_its_network_is_for_us() -> None:
    flow = tflow.tflow()
    flow.request.host, flow.request.port = "10.1.2.3", 8080
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse("upstream:http://there")
    flow.client_conn.sockname = ("10.1.2.3", 8080)
    assert responder._is_for_us(flow)


# -- the journal -------------------------------------------------------------------------------------------------------


async def _logged(client: httpx.AsyncClient, **headers: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await client.get("/_detour/debug_logs", headers=headers)).json()["entries"]
    return found


async def test_every_exchange_is_told(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as there, backend(streaming(NATIVE_HELLO)) as native:
        configure(there.url, ANTHROPIC_API_KEY="", VLLM_ANTHROPIC_API_BASE=native.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            session = {"x-claude-code-session-id": "a-session", "x-claude-code-request-class": "main"}
            await client.post("/v1/messages", json=ask(), headers=session)
            await client.post("/v1/messages", json=ask(model="vllm-anthropic/q"))
            await client.post("/v1/messages", json=ask(model="groq/x"))
            await proxy.settled()
            first, second, third = await _logged(client)
    assert (first["answered_by"], first["session"], first["kind"], first["status"]) == (
        "openai/gpt-test", "a-session", "main", 200,
    )  # fmt: skip
    assert (first["input_tokens"], first["output_tokens"], first["error"]) == (12, 2, None)
    assert (second["answered_by"], second["input_tokens"]) == ("vllm-anthropic/q", 7)
    assert (third["status"], "GROQ_API_KEY" in third["error"]) == (403, True)
    assert [entry["request_body"] for entry in (first, second, third)] == [None] * 3
    assert first["time"] < second["time"] < third["time"]


async def test_bodies_are_kept_where_the_user_wants_them_and_without_keys(
    confdir: Path, configure: Configure, home: Path
) -> None:
    quoting = whole(json.dumps({"error": {"message": f"the key {KEY} is unknown"}}).encode(), status="401 Unauthorized")
    async with backend(streaming(), quoting) as there:
        configure(there.url, LOG_REQUEST_BODY="true", LOG_RESPONSE_BODY="true")
        async with proxying(confdir) as proxy, proxy.client() as client:
            await client.post("/v1/messages", json=ask("What is it?"))
            await client.post("/v1/messages", json=ask("And now?"))
            await client.post("/v1/messages", json=ask("No key", model="groq/x"))
            await proxy.settled()
            assert [entry["request_body"] for entry in await _logged(client)] == [None] * 3
            told = await _logged(client, **{"x-detour-token": await _token(home)})
    asked = [json.loads(entry["request_body"]["text"])["messages"][0]["content"] for entry in told]
    assert asked == ["What is it?", "And now?", "No key"]
    assert "message_start" in told[0]["response_body"]["text"]
    assert "$OPENAI_API_KEY" in told[1]["response_body"]["text"]
    assert "GROQ_API_KEY" in told[2]["error"]
    assert KEY not in json.dumps(told)


async def test_a_client_that_leaves_is_told(confdir: Path, configure: Configure) -> None:
    gate = asyncio.Event()
    async with backend(streaming(gate=gate)) as there:
        configure(there.url, LOG_RESPONSE_BODY="true")
        async with proxying(confdir) as proxy:
            async with proxy.client() as client, client.stream("POST", "/v1/messages", json=ask()) as reply:
                await anext(reply.aiter_raw())
            await proxy.settled()
            async with _direct(proxy.door_two) as client:
                (entry,) = await _logged(client)
        gate.set()
    assert "left" in entry["error"]


async def test_a_journal_that_fails_costs_nothing(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of paper")

    monkeypatch.setattr(journal, "of_exchange", fail)
    monkeypatch.setattr(journal, "of_refusal", fail)
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, proxy.client() as client:
            proxy.errors_expected = True
            assert (await client.post("/v1/messages", json=ask())).status_code == 200
            assert (await client.post("/v1/messages", json=ask(model="groq/x"))).status_code == 403
            await proxy.settled()
            assert proxy.log.text.count("is not in the journal") == 2


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def test_a_bug_is_an_incident(confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(surface, "answer", fail)
    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        proxy.errors_expected = True
        for path in ("/health", "/models"):
            reply = await client.get(path)
            assert (reply.status_code, reply.json()["error"]["type"]) == (424, "api_error")
            assert "a bug" not in reply.text
        assert "a bug" in proxy.log.text


async def test_models_are_looked_up_beside_the_event_loop(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []

    def lookup(provider: str, model: str) -> ModelFacts:
        threads.append((provider, model, asyncio._get_running_loop()))
        return ModelFacts(1_000)

    configure("http://127.0.0.1:9")
    async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
        monkeypatch.setattr(catalog, "lookup", lookup)
        told = (await client.get("/models")).json()["models"]
        monkeypatch.undo()
    assert ("openai", "gpt-test", None) in threads
    assert told[0]["window"] == 1_000


def test_the_reverse_door_is_known_by_its_mode() -> None:
    flow = tflow.tflow()
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(f"reverse:{ANTHROPIC_URL}")
    assert responder._is_for_us(flow)


# -- conversations -----------------------------------------------------------------------------------------------------

TURN = {"role": "user", "content": "And?"}


async def _recorded(client: httpx.AsyncClient, count: int) -> dict[str, Any]:
    """What the log says once it holds so many exchanges."""
    told: dict[str, Any] = {"exchanges": -1}
    async with asyncio.timeout(LIMIT_S):
        while told["exchanges"] < count:
            told = (await client.get("/_detour/conversation/status")).json()
    return told


@pytest.mark.parametrize("number", [0, 1])
async def test_a_conversation_goes_on_with_the_model_in_force(
    confdir: Path, configure: Configure, home: Path, number: int
) -> None:
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, _direct(_doors(proxy)[number]) as client, proxy.client() as claude:
            token = await _token(home)
            session = {"x-claude-code-session-id": "s1"}
            tools = [{"name": "Bash", "input_schema": {"type": "object"}}]
            await claude.post("/v1/messages", json=ask("Hello", stream=True, tools=tools), headers=session)
            await _recorded(client, 1)
            reply = await client.post(
                "/_detour/conversation/continue", json={"message": "And?"}, headers={"x-detour-token": token}
            )
            said = reply.json()
            assert (reply.status_code, said["type"], said["role"]) == (200, "message", "assistant")
            await proxy.settled()
            stream = await client.post(
                "/_detour/conversation/continue",
                json={"messages": [TURN], "stream": True, "model": "claude-haiku-4-5"},
                headers={"authorization": f"Bearer {token}"},
            )
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert (await _recorded(client, 3))["messages"] == 6
            flows = "".join(map(everything, proxy.flows))
            assert token not in flows
        first, second, third = (received.json for received in there.received)
        assert [message["role"] for message in second["messages"]] == ["user", "assistant", "user"]
        assert second["messages"][0] == first["messages"][0]
        assert (second["model"], third["model"]) == ("gpt-test", "gpt-small")
        assert len(third["messages"]) == 5  # it went on from the second


async def test_what_passes_goes_on_with_the_clients_own_credential(
    confdir: Path, configure: Configure, home: Path
) -> None:
    configure()
    own = {"authorization": "Bearer sk-ant-oat-own", "anthropic-beta": "a"}
    async with backend(streaming(NATIVE_HELLO)) as native:
        modes = ("regular", f"reverse:{native.url}")
        async with proxying(confdir, modes=modes) as proxy, _direct(proxy.door_two) as client:
            await client.post("/v1/messages?beta=true", json=ask("Hello"), headers=own)
            await _recorded(client, 1)
            headers = {"authorization": own["authorization"], "x-detour-token": await _token(home)}
            reply = await client.post("/conversation/continue", json={"message": "And?"}, headers=headers)
            assert reply.status_code == 200
        first, second = native.received
        assert second.header("authorization") == "Bearer sk-ant-oat-own"
        assert second.header("anthropic-beta") == "a"
        assert "x-detour-token" not in second.names
        assert second.path == "/v1/messages?beta=true"
        assert second.json["messages"][0] == first.json["messages"][0]
        assert second.json["messages"][1:] == [
            {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]},
            {"role": "user", "content": "And?"},
        ]


async def test_what_cannot_go_on_is_refused_and_asks_nobody(confdir: Path, configure: Configure, home: Path) -> None:
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
            headers = {"x-detour-token": await _token(home)}
            assert (await client.post("/conversation/continue", json={"message": "a"})).status_code == 401
            reply = await client.post("/conversation/continue", json={"message": "a"}, headers=headers)
            assert reply.status_code == 404
        assert there.received == []


async def test_recording_stops_and_begins_again(confdir: Path, configure: Configure, home: Path) -> None:
    async with backend(streaming()) as there:
        configure(there.url)
        async with proxying(confdir) as proxy, _direct(proxy.door_two) as client:
            headers = {"x-detour-token": await _token(home)}
            await client.post("/v1/messages", json=ask())
            await _recorded(client, 1)
            assert not (await client.post("/conversation/disable", headers=headers)).json()["recording_enabled"]
            await client.post("/v1/messages", json=ask())
            await proxy.settled()
            told = (await client.post("/conversation/enable?file_path=other", headers=headers)).json()
            assert (told["recording_enabled"], told["file_path"]) == (True, str(home / "other"))
            await client.post("/v1/messages", json=ask())
            assert (await _recorded(client, 1))["exchanges"] == 1
            assert (await client.delete("/conversation", headers=headers)).json()["exchanges"] == 1


def test_what_reads_the_log_is_imported_when_somebody_asks() -> None:
    program = "import sys; import addon.proxy.hooks; assert 'sqlalchemy' not in sys.modules, 'imported'"
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, cwd=root)
