"""Where the installed litellm goes: to its providers' own addresses, and nowhere else, neither at its start nor later.

Its process runs with an ear on whatever it connects to or looks up, and with a proxy before it that only writes down
who is asked for. No name is looked up and nothing leaves this machine.
"""

import http.server
import json
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import override
from urllib.error import HTTPError

import pytest

from addon.proxy.litellm_process import START, LitellmProcess
from addon.routing.litellm_providers import PROVIDERS
from addon.sidecar import API_KEY, PATH
from tests.end_to_end.proxy import DIRECT

KEY = "sk-a-key-for-nobody-else"
LIMIT_S = 60
# before anything is imported: what is connected to or looked up, and is not this machine, is written down
EAR = """
import sys
def hear(event, told):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"):
        said = str(told[1] if event in ("socket.connect", "socket.sendto") else told[0])
        if not any(here in said for here in ("127.0.0.1", "localhost", "::1", "None")):
            open(__import__("os").environ["HEARD"], "a").write(f"{event} {said}\\n")
sys.addaudithook(hear)
"""


@dataclass
class Asked:
    """A proxy that lets nobody through."""

    hosts: list[str] = field(default_factory=list)
    port: int = 0


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    found = Asked()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            found.hosts.append(self.path.removesuffix(":443"))
            self.send_error(403)

        @override
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield found
    server.shutdown()
    server.server_close()


@dataclass(frozen=True)
class Process:
    """litellm's process, and where it is written down what it touches besides this machine."""

    process: LitellmProcess
    address: tuple[str, int]
    heard: Path

    def ask(self, model: str, **more: object) -> tuple[int, bytes]:
        host, port = self.address
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **more}
        headers = {"authorization": f"Bearer {self.process.token}", API_KEY: KEY}
        request = urllib.request.Request(f"http://{host}:{port}{PATH}", json.dumps(body).encode(), headers)
        try:
            with DIRECT.open(request, timeout=LIMIT_S) as reply:
                return reply.status, reply.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()


@pytest.fixture(scope="module")
def litellm(asked: Asked, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    home = tmp_path_factory.mktemp("litellm")
    heard = home / "heard"
    heard.touch()
    way_out = f"http://127.0.0.1:{asked.port}"
    environment = {
        "PATH": "/usr/bin:/bin", "HOME": str(home), "HEARD": str(heard), "HTTPS_PROXY": way_out, "HTTP_PROXY": way_out,
        "NO_PROXY": "127.0.0.1,localhost", "AWS_REGION_NAME": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIAFAKE",
        "AWS_SECRET_ACCESS_KEY": "s", "AWS_EC2_METADATA_DISABLED": "true", "WATSONX_PROJECT_ID": "p",
        "WATSONX_URL": "https://eu-de.ml.cloud.ibm.com",
        "DATABRICKS_API_BASE": "https://me.cloud.databricks.com/serving-endpoints",
    }  # fmt: skip
    process = LitellmProcess((sys.executable, "-I", "-c", f"{EAR}\n{START}"))
    try:
        yield Process(process, process.reach(lambda: environment), heard)
    finally:
        process.end()


def test_a_call_that_asks_nobody_touches_nothing(litellm: Process, asked: Asked) -> None:
    status, said = litellm.ask("openai/x", mock_response="Hello.")
    assert (status, b"Hello." in said) == (200, True)
    status, said = litellm.ask("watsonx/x", mock_response="Hello.", stream=True)
    assert (status, said.endswith(b"data: [DONE]\n\n")) == (200, True)
    assert (litellm.heard.read_text(), asked.hosts) == ("", [])


HOSTS = [
    ("openai/gpt-4.1", "api.openai.com"),
    ("openrouter/meta/llama", "openrouter.ai"),
    ("deepseek/deepseek-chat", "api.deepseek.com"),
    ("moonshot/kimi-k2", "api.moonshot.ai"),
    ("anthropic/claude-sonnet-4-5", "api.anthropic.com"),
    ("gemini/gemini-3-flash", "generativelanguage.googleapis.com"),
    ("bedrock/anthropic.claude-sonnet-4-5-v1:0", "bedrock-runtime.eu-west-1.amazonaws.com"),
    ("sagemaker_chat/endpoint", "runtime.sagemaker.eu-west-1.amazonaws.com"),
    ("watsonx/meta/llama", "iam.cloud.ibm.com"),  # for a token
    ("databricks/dbrx", "me.cloud.databricks.com"),
    ("ai21_chat/jamba", "api.ai21.com"),
    ("cohere/command", "api.cohere.com"),
    ("nebius/llama", "api.studio.nebius.ai"),
    ("github/gpt", "models.inference.ai.azure.com"),
]


@pytest.mark.parametrize(("model", "host"), HOSTS)
def test_a_provider_is_asked_at_its_own_address(litellm: Process, asked: Asked, model: str, host: str) -> None:
    asked.hosts.clear()
    status, _ = litellm.ask(model)
    assert status >= 400
    assert set(asked.hosts) == {host}
    assert litellm.heard.read_text() == ""


def test_no_key_of_anothers_goes_to_openai(litellm: Process, asked: Asked) -> None:
    """All of litellm's providers, without an address: where one is missing it would take OpenAI's."""
    asked.hosts.clear()
    others = sorted(PROVIDERS - {"openai", "text-completion-openai"})
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda provider: litellm.ask(f"{provider}/some-model")[0], others))
    assert all(status >= 400 for status in statuses)
    assert len(set(asked.hosts)) > 50
    assert "api.openai.com" not in asked.hosts
    assert litellm.heard.read_text() == ""
