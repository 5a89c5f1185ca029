"""The REST surface of a real mitmdump: all that its OpenAPI document allows and forbids, and a switch that is seen.

schemathesis makes the calls: each operation with good and bad parameters, bodies, methods, media types and tokens, and
checks every answer against the document.
"""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.end_to_end.client import DOORS, Door
from tests.end_to_end.fakes import KEY, FakeBackend, serving
from tests.end_to_end.proxy import Proxy, running, wait_until
from tests.end_to_end.replies import answer

ASKS_A_MODEL = "conversation/continue$"  # what comes of that is a model's: test_conversations
EXAMPLES = (
    15  # of each operation, beside those that cover its schema one by one: some 400 calls at door one, 650 at two
)
LIMIT_S = 60  # it needs 5; a loaded machine may be slow
READY_S = 10
# a body of the right shape may still name a model, and a query a session, that there is not; of targets there is one,
# which is not guessed
CONFIGURATION = """
warnings = ["missing_auth", "missing_test_data", "missing_deserializer", "unused_openapi_auth", "unsupported_regex"]
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "400", "404"]
[auth.openapi.header]
api_key = "{token}"
[auth.openapi.bearer]
bearer = "{token}"
"""


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeBackend]:
    with serving(FakeBackend()) as fake:
        yield fake


@pytest.fixture(scope="module")
def proxy(fake: FakeBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    environment = {
        "BIG_MODEL": "openai/gpt-5.5",
        "OPENAI_API_BASE": fake.base_url,
        "OPENAI_API_KEY": KEY,
        "FILE_LOG_LEVEL": "info",
        "CONSOLE_LOG_LEVEL": "debug",
    }
    with running(tmp_path_factory.mktemp("rest"), environment) as proxy:
        wait_until(_token_file(proxy).exists, READY_S, lambda: proxy.log)
        yield proxy
        proxy.verify()
    token = _token(proxy)
    assert token not in proxy.log
    assert token.encode() not in (proxy.home / "flows").read_bytes()


def _token_file(proxy: Proxy) -> Path:
    return proxy.home / "detour" / "token"


def _token(proxy: Proxy) -> str:
    return _token_file(proxy).read_text(encoding="ascii").strip()


def _url(proxy: Proxy, door: Door) -> str:
    return {"proxy": proxy.proxy_url, "reverse": proxy.reverse_url}[door]


def _client(proxy: Proxy, door: Door) -> httpx.Client:
    return httpx.Client(base_url=_url(proxy, door), trust_env=False, timeout=READY_S)


@pytest.mark.parametrize("door", DOORS)
def test_it_does_what_its_document_says_and_nothing_else(proxy: Proxy, door: Door, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIGURATION.format(token=_token(proxy)), encoding="utf-8")
    document = f"{_url(proxy, door)}/_detour/openapi.json"
    run = subprocess.run(
        [
            Path(sys.executable).with_name("schemathesis"), "--config-file", "schemathesis.toml", "run", document,
            "--max-examples", str(EXAMPLES), "--seed", "1", "--no-color", "--exclude-path-regex", ASKS_A_MODEL,
        ],
        cwd=tmp_path, env={"PATH": "", "HOME": str(tmp_path), "COLUMNS": "200"}, capture_output=True, text=True,
        timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "No issues found" in run.stdout


@pytest.mark.parametrize("door", DOORS)
def test_the_next_request_goes_to_the_model_that_was_chosen(proxy: Proxy, fake: FakeBackend, door: Door) -> None:
    fake.script(answer("one"), answer("two"))
    ask = {"model": "claude-opus-4-8", "max_tokens": 9, "messages": [{"role": "user", "content": "Say it."}]}
    token = {"x-detour-token": _token(proxy)}
    with _client(proxy, door) as rest, _client(proxy, "reverse") as client:
        for model in ("gpt-5.5", "gpt-5.5-mini"):
            told = rest.post("/_detour/switch_model", json={"big_model": f"openai/{model}"}, headers=token).json()
            assert told["models"]["big"] == f"openai/{model}"
            assert client.post("/v1/messages", json=ask).status_code == 200
        newest = rest.get("/_detour/debug_logs?log_type=route&limit=2").json()["entries"]
    assert [received.body["model"] for received in fake.received] == ["gpt-5.5", "gpt-5.5-mini"]
    assert [entry["answered_by"] for entry in newest] == ["openai/gpt-5.5", "openai/gpt-5.5-mini"]
    fake.verify()


@pytest.mark.parametrize("door", DOORS)
def test_a_web_page_changes_and_reads_nothing(proxy: Proxy, door: Door) -> None:
    page = {"origin": "https://evil.example"}
    with _client(proxy, door) as client:
        before = client.get("/_detour/config").json()
        replies = [
            client.post("/_detour/switch_model", json={"big_model": "anthropic"}, headers=page),
            client.post("/_detour/switch_model", json={"big_model": "anthropic"}),
            client.post(
                "/_detour/switch_model", content='{"big_model": "anthropic"}', headers={"content-type": "text/plain"}
            ),
            client.options("/_detour/switch_model", headers={**page, "access-control-request-method": "POST"}),
            client.get("/_detour/config", headers=page),
        ]
        assert [reply.status_code for reply in replies] == [403, 401, 401, 403, 403]
        assert not [reply for reply in replies if "access-control-allow-origin" in reply.headers]
        assert client.get("/_detour/config").json() == before


def test_no_reply_holds_a_key(proxy: Proxy) -> None:
    with _client(proxy, "reverse") as client:
        client.headers["x-detour-token"] = _token(proxy)
        document = client.get("/_detour/openapi.json").json()
        told = [client.get(path).text for path, methods in document["paths"].items() if "get" in methods]
    assert len(told) == 17
    assert KEY not in json.dumps(told)
    assert _token(proxy) not in json.dumps(told)


def test_the_log_is_where_it_is_asked_for(proxy: Proxy) -> None:
    file = proxy.home / "detour" / "logs" / "detour.log"
    assert "Door one" in file.read_text(encoding="utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with _client(proxy, "reverse") as client:
        assert {"name": "FILE_LOG_LEVEL", "value": "info", "origin": "the environment"} in client.get("/config").json()[
            "rows"
        ]
