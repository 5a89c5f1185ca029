"""Credentials that are made, in a mitmdump as users start it: by a machine of Google's, by a profile of Amazon's.

The log says all that anybody logs, at the level of debugging, and holds no secret.
"""

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from tests.credentials.clouds import Answer, Asked, TokenServer, token_server
from tests.end_to_end.client import ClaudeCode
from tests.end_to_end.fakes import FakeBackend
from tests.end_to_end.proxy import DIRECT, Proxy, end, running, wait_until
from tests.end_to_end.replies import answer

TOKENS = ("ya29.first-token-that-nobody-may-see", "ya29.second-token-that-nobody-may-see")
KEY_ID, AWS_SECRET, SESSION = "AKIDEXAMPLE", "aws-secret-that-nobody-may-see", "aws-session-that-nobody-may-see"
SETTINGS = """\
big: google/gemini-x
small: amazon/claude-x
backends:
  google: {{like: vllm, address: '{url}/google', credential: {{mint: google}}}}
  amazon: {{like: vllm, address: '{url}/amazon', credential: {{mint: aws, service: bedrock, profile: work}}}}
"""
CONFIG = "[profile work]\nregion = eu-west-1\ncredential_process = cat {home}/told.json\n"
PROCESS = {"Version": 1, "AccessKeyId": KEY_ID, "SecretAccessKey": AWS_SECRET, "SessionToken": SESSION}
HELLO = {
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 12, "completion_tokens": 2},
}
EXPIRED = {
    "error": {"code": 401, "message": "Request had invalid authentication credentials.", "status": "UNAUTHENTICATED"}
}


class Cloud:
    """Both of them: a machine's metadata, and models that take no credential twice that they have refused."""

    def __init__(self) -> None:
        self.made = self.answered = 0
        self.good: set[str] = {f"Bearer {TOKENS[0]}"}
        self.models: list[Asked] = []

    def answer(self, asked: Asked) -> Answer:
        path = asked.path.partition("?")[0]
        if path.endswith("/token"):
            self.made += 1
            return 200, {"access_token": TOKENS[min(self.made, 2) - 1], "expires_in": 3600, "token_type": "Bearer"}
        if asked.method == "GET":
            return 200, {"email": "robot@p", "scopes": [], "aliases": []} if "recursive" in asked.path else "p"
        self.models.append(asked)
        is_good = path.startswith("/amazon") or asked.headers["authorization"] in self.good
        self.answered += is_good
        return (200, HELLO) if is_good else (401, EXPIRED)


@pytest.fixture(scope="module", name="cloud")
def _cloud() -> Cloud:
    return Cloud()


@pytest.fixture(scope="module", name="server")
def _server(cloud: Cloud) -> Iterator[TokenServer]:
    with token_server(cloud.answer) as server:
        yield server


@pytest.fixture(scope="module", name="proxy")
def _proxy(server: TokenServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("minted")
    (home / "detour.yaml").write_text(SETTINGS.format(url=server.url))
    (home / "told.json").write_text(json.dumps({**PROCESS, "Expiration": "2099-01-01T00:00:00Z"}))
    (home / "aws").write_text(CONFIG.format(home=home))
    (home / ".env").write_text(f"AWS_CONFIG_FILE={home}/aws\n")
    metadata = f"127.0.0.1:{server.port}"
    environment = {"GCE_METADATA_HOST": metadata, "GCE_METADATA_IP": metadata}
    with running(home, environment, "--set", "termlog_verbosity=debug", "--set", "flow_detail=4") as proxy:
        yield proxy


def ask(proxy: Proxy, model: str) -> Any:
    body = {"model": model, "max_tokens": 10, "messages": [{"role": "user", "content": "Hi"}]}
    headers = {"content-type": "application/json", "x-api-key": "sk-ant-client"}
    request = urllib.request.Request(f"{proxy.reverse_url}/v1/messages", json.dumps(body).encode(), headers)
    with DIRECT.open(request, timeout=30) as reply:
        return json.loads(reply.read())["content"][0]["text"]


def test_a_token_of_the_machine_is_used_until_it_is_refused_and_then_another(proxy: Proxy, cloud: Cloud) -> None:
    wait_until(lambda: cloud.made == 1, 20, lambda: proxy.log)  # before anybody asks
    assert ask(proxy, "claude-opus-5-5") == "Hello"
    cloud.good = {f"Bearer {TOKENS[1]}"}
    assert [ask(proxy, "claude-opus-5-5") for _ in range(2)] == ["Hello"] * 2
    sent = [asked.headers["authorization"] for asked in cloud.models if "google" in asked.path]
    assert sent == [f"Bearer {TOKENS[number]}" for number in (0, 0, 1, 1)]
    assert cloud.made == 2


def test_a_request_to_amazon_is_signed_as_its_own_client_signs_it(
    proxy: Proxy, cloud: Cloud, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(proxy, "claude-haiku-4-5") == "Hello"
    sent = next(asked for asked in cloud.models if asked.path.startswith("/amazon"))
    when = datetime.strptime(sent.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: when)
    headers = {name: sent.headers[name] for name in ("host", "content-type")}
    theirs = AWSRequest("POST", f"{server.url}{sent.path}", headers, sent.body.encode())
    SigV4Auth(ReadOnlyCredentials(KEY_ID, AWS_SECRET, SESSION), "bedrock", "eu-west-1").add_auth(theirs)
    assert sent.headers["authorization"] == theirs.headers["Authorization"]
    assert sent.headers["x-amz-security-token"] == SESSION


def test_no_secret_is_in_the_log_or_in_anything_that_is_kept(proxy: Proxy, cloud: Cloud) -> None:
    proxy.verify()
    for model in ("claude-opus-5-5", "claude-haiku-4-5"):
        assert ask(proxy, model) == "Hello"
    signatures = [asked.headers["authorization"].rpartition("=")[2] for asked in cloud.models if "amazon" in asked.path]
    wait_until(lambda: len(proxy.saved()) == cloud.answered, 10, lambda: repr(proxy.saved()))
    end(proxy.process)  # all is written
    kept = [each for each in (proxy.home / "detour").rglob("*") if each.is_file()]
    texts = [proxy.log, repr(proxy.saved()), *(each.read_bytes().decode("latin-1") for each in kept)]
    assert len(kept) > 1
    assert "claude-x" in texts[1]
    for secret in (*TOKENS, AWS_SECRET, SESSION, *signatures):
        assert [text for text in texts if secret in text] == []


# -- the real client ---------------------------------------------------------------------------------------------------

COMMANDED = """\
big: box/model
small: box/model
streaming: {{grace: 1s, ping: 1s}}
backends: {{box: {{address: '{url}', credential: {{command: '{command}'}}}}}}
"""


@contextmanager
def commanded(home: Path, fake: FakeBackend, command: str) -> Iterator[ClaudeCode]:
    """The real client before a backend whose key a command prints."""
    home.mkdir()
    (home / "key").write_text(fake.key)
    (home / "detour.yaml").write_text(COMMANDED.format(url=fake.base_url, command=command))
    with running(home, {}) as proxy:
        yield ClaudeCode("reverse", proxy, home / "client")
        proxy.verify()
    assert fake.key not in proxy.log + repr(proxy.saved())


@pytest.mark.client
def test_the_client_waits_for_a_credential_that_takes_its_time(backend: FakeBackend, tmp_path: Path) -> None:
    backend.script(answer("Hello."), answer("Hello again."))
    with commanded(tmp_path / "slow", backend, "sleep 12; cat key") as user:
        run = user.run("Say hello.", "And again.")
    assert (run.exit_code, run.results) == (0, ["Hello.", "Hello again."])
    assert run.notices("api_retry") == []


@pytest.mark.client
def test_the_client_is_told_once_why_there_is_no_credential(backend: FakeBackend, tmp_path: Path) -> None:
    with commanded(tmp_path / "none", backend, "echo locked >&2; exit 3") as user:
        run = user.run("Say hello.")
    assert run.notices("api_retry") == []
    assert "box/model has no credential from (echo locked >&2; exit 3): " in run.results[0]
    assert "ended with 3 and said: locked" in run.results[0]
