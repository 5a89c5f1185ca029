"""Chat-completions on Vertex AI: the path, and the names of its models."""

from dataclasses import replace

import orjson
import pytest

from addon.dialects.openai_chat.vertex import DIALECT
from addon.protocol import messages
from tests.translating import ASKED, PLAIN

PROJECT = "https://aiplatform.googleapis.com/v1/projects/p/locations/global"
REQUEST = messages.check({"model": "m", "messages": [ASKED]})


@pytest.mark.parametrize("base", [PROJECT, f"{PROJECT}/endpoints/openapi"])
def test_the_path_stands_below_the_project_once(base: str) -> None:
    wire = DIALECT.encode(REQUEST, None, replace(PLAIN, base_url=base)).wire
    assert wire.url == f"{PROJECT}/endpoints/openapi/chat/completions"


@pytest.mark.parametrize(("model", "told"), [("gemini-3", "google/gemini-3"), ("meta/llama-4", "meta/llama-4")])
def test_a_model_has_a_vendor(model: str, told: str) -> None:
    wire = DIALECT.encode(REQUEST, None, replace(PLAIN, base_url=PROJECT, model=model)).wire
    assert orjson.loads(wire.body)["model"] == told
