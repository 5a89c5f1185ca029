"""What people have already, unchanged: each request arrives at its vendor, for the right model, with its own key."""

import json
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from tests.end_to_end.proxy import Proxy, running, wait_until
from tests.end_to_end.world import TOKEN, World, is_free, turning
from tests.settings.env_outcomes import EXAMPLES, OUTCOMES

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
LIMIT_S = 20


def ask(proxy: Proxy, model: str) -> str:
    """Ask for a model through the second door; the reply names the host that gave it."""
    body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Who are you?"}]}
    request = urllib.request.Request(
        f"{proxy.reverse_url}/v1/messages",
        json.dumps(body).encode(),
        {"content-type": "application/json", "x-api-key": CLIENT_KEY},
    )
    with DIRECT.open(request, timeout=LIMIT_S) as reply:
        message: Any = json.load(reply)
    return str(message["content"][0]["text"])


def start(world: World, home: Path, environment: dict[str, str]) -> Any:
    """A mitmdump that leaves by way of the world."""
    surroundings = {**environment, "DETOUR_UPSTREAM": world.url}
    return running(home, surroundings, "--set", f"ssl_verify_upstream_trusted_ca={world.authority}", seal=False)


LOCAL_PORTS = (8000, 11434)  # of the servers that the examples find on this machine
CLIENT_KEY = "sk-ant-test-the-clients-own"
LOGIN = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r"}  # as gcloud keeps it
MODELS = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5")


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_documented_env_file_of_another_proxy_runs_unchanged(tmp_path: Path, name: str) -> None:
    home, text = tmp_path / "home", (EXAMPLES / f"{name}.env").read_bytes()
    home.mkdir()
    (home / ".env").write_bytes(text)
    login = tmp_path / "login.json"
    login.write_text(json.dumps(LOGIN))
    keys = {name: value or "" for name, value in dotenv_values(home / ".env").items()}
    local = [port for port in LOCAL_PORTS if f"localhost:{port}".encode() in text]
    try:  # another worker may be at an example with the same port
        wait_until(lambda: all(map(is_free, local)), LIMIT_S, lambda: "")
    except TimeoutError:
        pytest.skip(f"one of the ports {local}, which the example names, is in use on this machine")
    surroundings = {"GOOGLE_APPLICATION_CREDENTIALS": str(login)}
    with turning(tmp_path / "world", *local) as world, start(world, home, surroundings) as proxy:
        for model, expected in zip(MODELS, OUTCOMES[name], strict=True):
            ask(proxy, model)
            arrived = world.arrived[-1]
            if expected is None:  # to Anthropic, untouched
                assert (arrived.origin, arrived.model) == ("https://api.anthropic.com", model)
                assert arrived.credential == CLIENT_KEY
                continue
            sent = expected.model.partition("/")[2]
            address = f"{arrived.origin}{arrived.path}".replace("/v1beta1/", "/v1/")  # Gemini on Vertex has the one
            assert address.startswith(expected.address)
            assert arrived.model in (sent, f"google/{sent}")
            assert arrived.credential == (keys.get(expected.key) or TOKEN)
        proxy.verify()


LITELLM = """
model_list:
  - model_name: claude-opus-5-5
    litellm_params: {model: openai/gpt-5.5, api_key: os.environ/OPENAI_API_KEY}
  - model_name: claude-haiku-5-5
    litellm_params: {model: gemini/gemini-3.8-flash, api_key: os.environ/GEMINI_API_KEY}
  - model_name: coder
    litellm_params: {model: deepseek/deepseek-v4-pro, api_key: os.environ/DEEPSEEK_API_KEY}
  - model_name: my-azure
    litellm_params:
      model: azure/my-deployment
      api_base: https://mine.openai.azure.com
      api_key: os.environ/AZURE_API_KEY
      api_version: "2024-10-21"
  - model_name: router
    litellm_params: {model: openrouter/z-ai/glm-5.3, api_key: os.environ/OPENROUTER_API_KEY}
  - model_name: house
    litellm_params: {model: hosted_vllm/qwen3, api_base: "https://gpu.example/v1", api_key: os.environ/GPU_KEY}
litellm_settings: {drop_params: true}
router_settings: {num_retries: 2}
"""
KEYS = {
    name: f"sk-test-key-of-{name.lower().replace('_', '-')}"
    for name in (
        "OPENAI_API_KEY", "GEMINI_API_KEY", "DEEPSEEK_API_KEY", "AZURE_API_KEY", "OPENROUTER_API_KEY", "GPU_KEY",
    )
}  # fmt: skip
EXPECTED = [
    ("claude-opus-5-5", "https://api.openai.com", "gpt-5.5", "OPENAI_API_KEY"),
    ("claude-haiku-5-5", "https://generativelanguage.googleapis.com", "gemini-3.8-flash", "GEMINI_API_KEY"),
    ("coder", "https://api.deepseek.com", "deepseek-v4-pro", "DEEPSEEK_API_KEY"),
    ("claude-via-coder", "https://api.deepseek.com", "deepseek-v4-pro", "DEEPSEEK_API_KEY"),
    ("my-azure", "https://mine.openai.azure.com", "my-deployment", "AZURE_API_KEY"),
    ("router", "https://openrouter.ai", "z-ai/glm-5.3", "OPENROUTER_API_KEY"),
    ("house", "https://gpu.example", "qwen3", "GPU_KEY"),
]


@pytest.mark.parametrize("inside", [False, True], ids=["as the configuration", "inside detour.yaml"])
def test_a_litellm_configuration_runs_unchanged(tmp_path: Path, inside: bool) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ("detour.yaml" if inside else "litellm.yaml")).write_text(LITELLM)
    named = {} if inside else {"DETOUR_CONFIG": "litellm.yaml"}
    with turning(tmp_path / "world") as world, start(world, home, {**KEYS, **named}) as proxy:
        for model, origin, wire_model, key in EXPECTED:
            assert ask(proxy, model) == origin
            arrived = world.arrived[-1]
            assert (arrived.origin, arrived.model, arrived.credential) == (origin, wire_model, KEYS[key])
        proxy.verify()
        assert not [name for name, value in KEYS.items() if value in proxy.log]
        assert "drop_params" in proxy.log  # has no effect here, and that is said
