"""How flows reach litellm's process: address, token, what goes along, and what the process finds around it.

The process is a small one of the test's own: it answers with the headers that it saw.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from addon.proxy import sidecar
from addon.proxy.greeting import Listener
from addon.proxy.inspection import NO_DOOR
from addon.proxy.litellm_process import LitellmProcess
from addon.proxy.sidecar import KEPT, Sidecar, environment
from addon.routing.config import Timeouts
from addon.routing.health import Health
from addon.settings import litellm_library
from tests.proxy.live import CLIENT_HEADERS, Proxy, ask, backend, everything, proxying, said, streaming, until

KEY = "sk-key-for-litellm-itself"
type Configure = Callable[..., None]

ECHO = """
import json, os, socket, sys, threading, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
told = json.loads(sys.stdin.readline())
if os.environ.get("DIES"):
    sys.exit("it is broken")
time.sleep(float(os.environ.get("WAIT", 0)))
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        ours = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith(("x-", "auth"))}
        is_ours = ours.pop("authorization", "") == "Bearer " + told["token"]
        seen = json.dumps({"pid": os.getpid(), "model": asked["model"], "path": self.path, "is_ours": is_ours,
            "word": os.environ.get("WORD"), **ours})
        chunk = {"choices": [{"index": 0, "delta": {"content": seen}, "finish_reason": "stop"}]}
        body = b"data: %s\\n\\ndata: [DONE]\\n\\n" % json.dumps(chunk).encode()
        self.send_response(200); self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=told["listener"])
threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Configure:
    """Set what is configured, and let the small process stand for litellm's."""
    monkeypatch.setattr(sidecar, "LitellmProcess", lambda: LitellmProcess((sys.executable, "-c", ECHO)))
    monkeypatch.setenv("DETOUR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def configured(written: dict[str, Any] | None = None, **values: str) -> None:
        for name, value in {"BIG_MODEL": "litellm/watsonx/llama", **values}.items():
            monkeypatch.setenv(name, value)
        if written is not None:
            (tmp_path / "detour.yaml").write_text(json.dumps(written))

    return configured


async def told(proxy: Proxy, **more: Any) -> dict[str, Any]:
    """What the process saw of a request."""
    async with proxy.client() as client:
        reply = await client.post("/v1/messages", json=ask(**more), headers=CLIENT_HEADERS)
    assert reply.status_code == 200, reply.text
    seen: dict[str, Any] = json.loads(said(reply.content))
    return seen


async def test_a_request_bears_the_token_and_nothing_of_the_clients(confdir: Path, configure: Configure) -> None:
    configure()
    async with proxying(confdir) as proxy:
        seen = await told(proxy)
        await proxy.settled()
        [flow] = proxy.flows
        process: LitellmProcess = vars(proxy.master)[KEPT]
        shown = everything(flow)
        assert flow.request.headers["authorization"] == sidecar.MASK
        assert seen.pop("pid") == process.pid
    assert seen == {"is_ours": True, "model": "watsonx/llama", "path": "/v1/chat/completions", "word": None}
    assert process.token not in shown + proxy.log.text
    assert process.pid is None, "it has ended with the proxy"


async def test_a_key_and_an_address_of_the_users_go_along(confdir: Path, configure: Configure) -> None:
    mine = {"like": "litellm", "address": "https://eu.example/v1", "credential": KEY, "headers": {"x-project": "p"}}
    configure({"backends": {"mine": mine}}, BIG_MODEL="mine/watsonx/llama")
    async with proxying(confdir) as proxy:
        seen = await told(proxy)
        await proxy.settled()
        shown = everything(proxy.flows[0])
    own = {name: seen[name] for name in ("x-detour-api-key", "x-detour-api-base", "x-project")}
    assert own == {"x-detour-api-key": KEY, "x-detour-api-base": "https://eu.example/v1", "x-project": "p"}
    assert KEY not in shown


async def test_without_our_layer_the_token_is_masked_once_it_is_sent(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("addon.proxy.takeover.works_here", lambda: "something")
    configure()
    async with proxying(confdir) as proxy:
        assert (await told(proxy))["is_ours"]
        await proxy.settled()
        assert proxy.flows[0].request.headers["authorization"] == sidecar.MASK


async def test_a_process_that_starts_has_more_time_than_its_provider(confdir: Path, configure: Configure) -> None:
    configure({"timeouts": {"first_byte": "300ms", "total": "400ms"}, "retry": {"attempts": 0}}, WAIT="1")
    async with proxying(confdir) as proxy:
        assert (await told(proxy))["is_ours"]
        own = proxy.detour.attempts.sidecar
        await until(lambda: vars(proxy.master)[KEPT].is_ready)
        assert proxy.detour.settings is not None
        endpoint, limits = proxy.detour.settings.endpoints["litellm"], Timeouts(first_byte_s=1.0)
        assert own.allowed(limits, endpoint) is limits, "one that runs has no more than others"
        assert own.allowed(limits, proxy.detour.settings.endpoints["openai"]) is limits


async def test_a_reload_keeps_the_process(confdir: Path, configure: Configure) -> None:
    configure()
    async with proxying(confdir) as proxy:
        before = await told(proxy)
        proxy.detour.attempts.sidecar.done()  # as a reload does
        again = proxy.detour.attempts.sidecar = Sidecar(proxy.detour.control)
        again.running()
        after = await told(proxy)
        assert (after["pid"], after["is_ours"]) == (before["pid"], True)


async def test_what_env_files_say_reaches_the_process_also_when_it_changes(
    confdir: Path, configure: Configure, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("WORD=old\n")
    configure()
    async with proxying(confdir) as proxy:
        first = await told(proxy)
        (tmp_path / ".env").write_text("WORD=new\n")
        await until(lambda: "read anew" in proxy.log.text)
        second = await told(proxy)
    assert (first["word"], second["word"]) == ("old", "new")
    assert first["pid"] != second["pid"]


async def test_a_killed_process_is_followed_by_another(confdir: Path, configure: Configure) -> None:
    configure()
    async with proxying(confdir) as proxy:
        first = await told(proxy)
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: vars(proxy.master)[KEPT].pid not in (None, first["pid"]))
        assert (await told(proxy))["pid"] != first["pid"]


@pytest.mark.parametrize("attempts", [0, 2])
async def test_one_that_is_given_up_is_told_to_who_waits_and_who_comes(
    confdir: Path, configure: Configure, attempts: int
) -> None:
    configure({"retry": {"attempts": attempts}}, DIES="yes")
    async with proxying(confdir) as proxy, proxy.client() as client:
        for _ in range(2):
            reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
            assert reply.status_code == 503
            assert "litellm's process ended with 1 (it is broken), 3 times in a row" in reply.json()["error"]["message"]


async def test_where_it_is_given_up_the_next_of_the_list_answers(confdir: Path, configure: Configure) -> None:
    async with backend(streaming()) as there:
        configure(
            {"big": ["litellm/watsonx/llama", "vllm/q"]}, DIES="yes", BIG_MODEL="", VLLM_API_BASE=f"{there.url}/v1"
        )
        async with proxying(confdir) as proxy, proxy.client() as client:
            for _ in range(2):  # while it is tried, and once it is given up
                reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
                assert said(reply.content) == "Hello"
            await proxy.settled()
            assert "litellm's process ended with 1" in proxy.log.text
            proxy.detour.control.health = Health()
            reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
            assert said(reply.content) == "Hello"


async def test_whoever_listens_where_it_did_gets_no_key(confdir: Path, configure: Configure) -> None:
    mine = {"like": "litellm", "credential": KEY}
    configure({"backends": {"mine": mine}}, BIG_MODEL="mine/watsonx/llama")
    async with proxying(confdir) as proxy:
        await told(proxy)
        assert proxy.detour.settings is not None
        own, endpoint = proxy.detour.attempts.sidecar, proxy.detour.settings.endpoints["mine"]
        assert not own.is_gone(endpoint)
        vars(proxy.master)[KEPT].end()
        assert own.is_gone(endpoint)
        assert not own.is_gone(proxy.detour.settings.endpoints["openai"])


@pytest.mark.parametrize("version", [None, "1.82.7", "1.82.8"])
async def test_a_litellm_that_must_not_run_is_told_at_the_start_and_never_started(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch, version: str | None
) -> None:
    monkeypatch.setattr(litellm_library, "installed", lambda: version)
    configure()
    async with proxying(confdir) as proxy, proxy.client() as client:
        proxy.errors_expected = True
        found = litellm_library.unfit(version)
        assert found is not None
        why = f"{found[0]}: {found[1]}."
        assert proxy.log.at(logging.ERROR) == [f"Detour: {why}"]
        reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
        assert why in reply.json()["error"]["message"]
        assert not vars(proxy.master)[KEPT].runs


async def test_windows_is_told_the_way_out(
    confdir: Path, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure()
    async with proxying(confdir) as proxy, proxy.client() as client:
        monkeypatch.setattr(sidecar, "PLATFORM", "nt")
        reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
    assert "litellm-proxy/MODEL" in reply.json()["error"]["message"]


async def test_inspection_without_a_door_for_proxies_is_told_at_the_start(confdir: Path, configure: Configure) -> None:
    configure()
    async with (
        proxying(confdir, modes=["reverse:https://api.anthropic.com"], detour_litellm_inspect=True) as proxy,
        proxy.client() as client,
    ):
        proxy.errors_expected = True
        await until(lambda: proxy.log.at(logging.ERROR) == [f"Detour: {NO_DOOR}"])
        reply = await client.post("/v1/messages", json=ask(), headers=CLIENT_HEADERS)
        assert NO_DOOR in reply.json()["error"]["message"]


AROUND = {"HOME": "/home/me", "WATSONX_APIKEY": "k", "AWS_PROFILE": "p", "PATH": "/bin"}
ENVIRONMENTS: list[tuple[dict[str, str], dict[str, Any], dict[str, str]]] = [
    (AROUND, {}, AROUND),
    # a proxy that is named may be this one
    ({**AROUND, "HTTPS_PROXY": "http://127.0.0.1:8080", "no_proxy": "*", "ALL_PROXY": "socks://x"}, {}, AROUND),
    (
        {"DETOUR_UPSTREAM": "http://corp:3128", "NO_PROXY": "intern"},
        {},
        {
            "DETOUR_UPSTREAM": "http://corp:3128",
            "HTTP_PROXY": "http://corp:3128",
            "HTTPS_PROXY": "http://corp:3128",
            "NO_PROXY": "intern,localhost,127.0.0.1,::1",
        },
    ),
    # nor does it ask us what it was asked
    (
        {"ANTHROPIC_BASE_URL": "http://127.0.0.1:8082", "OPENAI_BASE_URL": "http://localhost:8080/v1"},
        {"own": [Listener(True, "127.0.0.1", 8082)]},
        {"OPENAI_BASE_URL": "http://localhost:8080/v1"},
    ),
    ({"A": "http://[::1", "B": "http://x:y"}, {}, {"A": "http://[::1", "B": "http://x:y"}),
    ({}, {"trusted": "/corp.pem"}, {"SSL_CERT_FILE": "/corp.pem"}),
]


@pytest.mark.parametrize(("values", "more", "expected"), ENVIRONMENTS)
def test_the_process_has_the_environment_but_for_the_way_out(
    values: dict[str, str], more: dict[str, Any], expected: dict[str, str]
) -> None:
    assert environment(values, **more) == expected
