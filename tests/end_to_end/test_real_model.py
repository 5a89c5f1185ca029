"""A real model behind the proxy: llama.cpp's own bytes through both doors and all its formats.

It makes no tool calls (too small); those are the scripted backend's part.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest

from addon.cli.embedded_model import MODEL_NAME, WINDOW_TOKENS
from tests.end_to_end.client import API_KEY, DOORS, ClaudeCode, Door
from tests.end_to_end.embedded import KEY, EmbeddedModel
from tests.end_to_end.embedded import running as running_model
from tests.end_to_end.proxy import Proxy, running
from tests.end_to_end.sdk import official_client
from tests.stories import FOLDER

pytestmark = pytest.mark.model

ROUTES = {
    "chat": f"llamacpp/{MODEL_NAME}",
    "native": f"llamacpp-anthropic/{MODEL_NAME}",
    "responses": f"mine/{MODEL_NAME}",
}
MINE = {"like": "llamacpp", "dialect": "openai_responses", "credential": "${LLAMACPP_API_KEY}"}
GREETING: list[anthropic.types.MessageParam] = [{"role": "user", "content": "Say hello in a few words."}]
TOO_LONG: list[anthropic.types.MessageParam] = [{"role": "user", "content": "word " * (WINDOW_TOKENS + 500)}]
SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string", "maxLength": 20}},
    "required": ["title"],
    "additionalProperties": False,
}
STEADY = {"temperature": 0}  # the SDK's newest models know no temperature; llama.cpp does


def environment(model: EmbeddedModel, key: str, home: Path) -> dict[str, str]:
    (home / "detour.yaml").write_text(json.dumps({"backends": {"mine": {**MINE, "address": f"{model.url}/v1"}}}))
    return {
        "DETOUR_CONFIG": str(home / "detour.yaml"),
        "BIG_MODEL": ROUTES["chat"],
        "LLAMACPP_API_BASE": f"{model.url}/v1",
        "LLAMACPP_API_KEY": key,
        "LLAMACPP_ANTHROPIC_API_BASE": model.url,
        "LLAMACPP_ANTHROPIC_API_KEY": key,
    }


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedModel]:
    with running_model(tmp_path_factory.mktemp("model")) as model:
        yield model


@pytest.fixture(scope="module")
def proxy(model: EmbeddedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    home = tmp_path_factory.mktemp("proxy")
    with running(home, environment(model, KEY, home)) as proxy:
        yield proxy
        proxy.verify()
    proxy.verify_secrets(KEY, API_KEY)


@pytest.fixture(scope="module")
def locked_out(model: EmbeddedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy whose key the model does not know."""
    home = tmp_path_factory.mktemp("locked_out")
    with running(home, environment(model, "sk-wrong-key", home)) as proxy:
        yield proxy
        proxy.verify()


@pytest.fixture(params=DOORS)
def client(request: pytest.FixtureRequest, proxy: Proxy) -> Iterator[anthropic.Anthropic]:
    with official_client(request.param, proxy) as client:
        yield client


@pytest.mark.parametrize("route", ROUTES)
def test_streamed_and_whole_replies(client: anthropic.Anthropic, route: str) -> None:
    with client.messages.stream(model=ROUTES[route], max_tokens=12, messages=GREETING, extra_body=STEADY) as stream:
        deltas = list(stream.text_stream)
        streamed = stream.get_final_message()
    whole = client.messages.create(model=ROUTES[route], max_tokens=12, messages=GREETING, extra_body=STEADY)
    assert len(deltas) > 3, "the reply did not come bit by bit"
    texts = []
    for message in (streamed, whole):
        [block] = message.content
        assert block.type == "text"
        texts.append(block.text)
        assert message.stop_reason in {"max_tokens", "end_turn"}
        assert 1 <= message.usage.output_tokens <= (16 if route == "responses" else 12)  # the least that OpenAI takes
        assert message.usage.input_tokens + (message.usage.cache_read_input_tokens or 0) > 10
    assert all(texts)
    assert "".join(deltas) == texts[0]


def test_json_schema(client: anthropic.Anthropic) -> None:
    with client.messages.stream(
        model=ROUTES["chat"],  # llama.cpp's Responses API passes over `text.format`
        max_tokens=100,
        messages=[{"role": "user", "content": "A title for a note about rain."}],
        extra_body={**STEADY, "output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    ) as stream:
        text = "".join(stream.text_stream)
    assert set(json.loads(text)) == {"title"}


SESSION = json.loads((FOLDER / "sessions" / "first_door.json").read_text())


def small(value: Any) -> Any:
    """What the client says, with every text cut so that all of it fits into the window."""
    if isinstance(value, str):
        return value[:60]
    if isinstance(value, list):
        return [small(each) for each in value]
    if isinstance(value, dict):
        return {name: each if name in ("id", "tool_use_id", "name") else small(each) for name, each in value.items()}
    return value


@pytest.mark.parametrize("number", [0, 6, len(SESSION) - 1])
def test_the_native_endpoint_takes_a_session_of_the_real_client(client: anthropic.Anthropic, number: int) -> None:
    """Turns of the system's, tools that are loaded later, thinking of its own kind: as the client sends them."""
    body = {**small(SESSION[number]), "model": ROUTES["native"], "max_tokens": 12, "stream": False}
    reply = client.post("/v1/messages", body=body, cast_to=anthropic.types.Message)
    assert reply.stop_reason in {"max_tokens", "end_turn"}
    assert 1 <= reply.usage.output_tokens <= 12


@pytest.mark.parametrize("streamed", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("route", ROUTES)
def test_overflow_is_said_before_the_stream(client: anthropic.Anthropic, route: str, streamed: bool) -> None:
    with pytest.raises(anthropic.BadRequestError) as raised:
        client.messages.create(model=ROUTES[route], max_tokens=12, messages=TOO_LONG, stream=streamed)
    match raised.value.body:
        case {"type": "error", "error": {"type": "invalid_request_error", "message": str(message)}}:
            said = message
        case other:
            pytest.fail(f"not Anthropic's envelope: {other}")
    text, numbers = said.split(": ")
    tokens, window = numbers.removesuffix(" maximum").split(" tokens > ")
    assert text == "prompt is too long"
    assert int(tokens) > int(window) == WINDOW_TOKENS


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("door", DOORS)
def test_wrong_key(locked_out: Proxy, door: Door, route: str) -> None:
    with official_client(door, locked_out) as client, pytest.raises(anthropic.PermissionDeniedError) as raised:
        client.messages.create(model=ROUTES[route], max_tokens=12, messages=GREETING)
    assert raised.value.type == "permission_error"
    assert "sk-wrong-key" not in str(raised.value)


@pytest.mark.client
@pytest.mark.parametrize("door", DOORS)
def test_claude_code_says_that_its_prompt_is_too_long(proxy: Proxy, door: Door, tmp_path: Path) -> None:
    before = proxy.log.count("POST ")
    run = ClaudeCode(door, proxy, tmp_path / "home").run("Say hello.")
    assert run.exit_code == 1
    assert run.text.startswith("Prompt is too long")
    assert run.notices("api_retry") == []
    assert proxy.log.count("POST ") == before + 1, "a retry storm"
