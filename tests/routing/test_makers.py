"""Whose a model's name is."""

import pytest

from addon.routing.backends import BACKENDS
from addon.routing.makers import MAKERS, home_of, homes_of

NAMES = {
    "claude-opus-5-5": "anthropic",
    "gemini-2.5-pro": "gemini",
    "gpt-5.5": "openai",
    "chatgpt-4o-latest": "openai",
    "o4-mini": "openai",
    "o3": "openai",
    "deepseek-flash": "deepseek",
    "glm-5.3": "zai",
    "GLM-4.7": "zai",
    "kimi-k3": "moonshot",
    "moonshot-v1-auto": "moonshot",
    "qwen3-max": "dashscope",
    "qwq-plus": "dashscope",
    "grok-4.7": "xai",
    "mistral-large-latest": "mistral",
    "open-mixtral-8x22b": "mistral",
    "devstral-medium-latest": "mistral",
    "codestral-latest": "mistral",
    "magistral-medium-latest": "mistral",
    "MiniMax-M3": "minimax",
    "command-a-03-2025": "cohere",
    "sonar-pro": "perplexity",
    "muse-spark-1.3": "meta",
    "mimo-v2.6-pro": "xiaomi",
    "doubao-seed-1.8": "volcengine",
    "hunyuan-t1": "tencent",
    "swe-1.7": "cognition",
    "x-ai/grok-4.7": "xai",
    "accounts/fireworks/models/glm-5.3": "zai",
    # whose weights are everybody's is nobody's name
    "gpt-oss-120b": None,
    "openai/gpt-oss-20b": None,
    "llama-3.3-70b": None,
    "olmo-3": None,
    "o": None,
    "opus": None,
    "": None,
}


@pytest.mark.parametrize(("model", "home"), NAMES.items())
def test_a_name_tells_its_maker(model: str, home: str | None) -> None:
    assert home_of(model) == home


def test_every_home_is_a_provider_and_every_family_is_met_here() -> None:
    assert {name for _, homes in MAKERS for name in homes} <= set(BACKENDS)
    assert {homes[0] for _, homes in MAKERS} - set(NAMES.values()) == set()
    assert homes_of("glm-5.3") == ("zai", "bigmodel")
