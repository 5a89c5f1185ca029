"""Keys of litellm's file and targets of ours, from one to the other."""

import pytest

from addon.routing import catalog_names
from addon.routing.backends import BACKENDS

KNOWN = {*BACKENDS, "bedrock", "litellm"}
KEYS = [
    ("openai", "gpt-5.5", None, ["openai/gpt-5.5", "gpt-5.5"]),
    ("vllm", "Q", None, ["hosted_vllm/Q", "Q", "q"]),
    ("zai-anthropic", "glm-5.3", "zai", ["zai/glm-5.3", "glm-5.3"]),
    (
        "openrouter",
        "z-ai/glm-5.3:free",
        "zai",
        ["openrouter/z-ai/glm-5.3:free", "openrouter/z-ai/glm-5.3", "glm-5.3", "zai/glm-5.3"],
    ),
    ("bedrock", "us.anthropic.claude-x-v1:0", None, ["us.anthropic.claude-x-v1:0", "anthropic.claude-x-v1:0"]),
    ("bedrock", "moonshot.kimi-k3", None, ["moonshot.kimi-k3", "bedrock/moonshot.kimi-k3"]),
    ("vertex", "claude-x@20251001", None, ["vertex_ai/claude-x@20251001", "vertex_ai/claude-x"]),
    (
        "bedrock",
        "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-x",
        None,
        ["us.anthropic.claude-x", "anthropic.claude-x"],
    ),
    ("openrouter", "anthropic/claude-x-4.6", None, ["openrouter/anthropic/claude-x-4.6", "claude-x-4-6"]),
    ("azure-foundry", "x", None, ["azure_ai/x", "azure-foundry/x"]),
    ("gemini", "gemini-x-preview", None, ["gemini/gemini-x-preview", "gemini/gemini-x"]),
    ("xai", "grok-x-0309", None, ["xai/grok-x-0309", "xai/grok-x"]),
    ("fireworks", "glm-x", "zai", ["fireworks_ai/glm-x", "fireworks_ai/accounts/fireworks/models/glm-x", "zai/glm-x"]),
]


@pytest.mark.parametrize(("provider", "model", "home", "expected"), KEYS)
def test_a_model_is_looked_for_under_its_surest_names_first(
    provider: str, model: str, home: str | None, expected: list[str]
) -> None:
    found = list(catalog_names.keys(provider, model, home))
    assert [key for key in found if key in expected] == expected
    assert found[0] == expected[0]
    assert len(found) == len(set(found))


def test_a_version_is_no_date() -> None:
    assert "deepseek/deepseek" not in set(catalog_names.keys("deepseek", "deepseek-v3", "deepseek"))
    assert "" not in set(catalog_names.keys("vertex", "-preview"))


TARGETS = [
    ("gpt-5.5", "openai", ("openai", "gpt-5.5")),
    ("azure/gpt-5.5", "azure", ("azure", "gpt-5.5")),
    ("gemini/gemini-x", "gemini", ("gemini", "gemini-x")),
    ("gemini-x", "vertex_ai-language-models", ("vertex", "gemini-x")),
    ("vertex_ai/claude-x@20251001", "vertex_ai-anthropic_models", ("vertex", "claude-x@20251001")),
    ("vertex_ai/zai-org/glm-x-maas", "vertex_ai-zai_models", ("vertex", "zai-org/glm-x-maas")),
    ("us.anthropic.claude-x", "bedrock_converse", ("bedrock", "us.anthropic.claude-x")),
    ("groq/openai/gpt-oss-120b", "groq", ("groq", "openai/gpt-oss-120b")),
    ("together_ai/zai-org/GLM-x", "together_ai", ("together", "zai-org/GLM-x")),
    ("fireworks_ai/accounts/fireworks/models/x", "fireworks_ai", ("fireworks", "accounts/fireworks/models/x")),
    ("command-x", "cohere_chat", ("cohere", "command-x")),
    ("databricks/databricks-x", "databricks", ("litellm", "databricks/databricks-x")),
    ("jamba-x", "ai21", ("litellm", "ai21/jamba-x")),
    ("ft:gpt-4o", "openai", None),
    ("together-ai-4.1b-8b", "together_ai", None),
    ("azure/eu/gpt-5.5", "azure", None),
    ("bedrock/us-east-1/anthropic.claude-x", "bedrock", None),
]


@pytest.mark.parametrize(("key", "theirs", "target"), TARGETS)
def test_a_key_is_a_target_of_ours(key: str, theirs: str, target: tuple[str, str] | None) -> None:
    assert catalog_names.target_of(key, theirs, KNOWN) == target


def test_what_nobody_has_is_no_target() -> None:
    assert catalog_names.target_of("databricks/databricks-x", "databricks", {"openai"}) is None
