"""The provider table. A row's name is the first part of ``provider/model``.

Sources: vendors' documentation and SDKs, collected in docs/backends.md with dates. ``NAME-anthropic`` rows are the same
provider's native ``/v1/messages``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from addon.routing.backend import Backend
from addon.routing.rows import (
    amazon,
    claude,
    compatible,
    gateways,
    google,
    hosted,
    inference,
    local,
    openai,
    search,
)

ROOMS = (claude, amazon, openai, google, hosted, gateways, inference, compatible, local, search)

BACKENDS: Mapping[str, Backend] = MappingProxyType({row.name: row for room in ROOMS for row in room.ROWS})

# those that most people mean: named where somebody has to be told what there is, and first in docs/backends.md
POPULAR = (
    "anthropic",
    "openai",
    "gemini",
    "openrouter",
    "deepseek",
    "zai",
    "moonshot",
    "dashscope",
    "minimax",
    "xai",
    "mistral",
    "groq",
    "azure",
    "vertex",
    "ollama",
    "vllm",
    "llamacpp",
    "lmstudio",
)

# other names that users know a provider by
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "google": "gemini",
        "amazon-bedrock": "bedrock",
        "aws": "bedrock",
        "bedrock_converse": "bedrock",
        "vertex_ai": "vertex",
        "glm": "zai",
        "zhipu": "bigmodel",
        "kimi": "moonshot",
        "qwen": "dashscope",
        "grok": "xai",
        "hosted_vllm": "vllm",
        "lm_studio": "lmstudio",
        "llama.cpp": "llamacpp",
        "nvidia_nim": "nvidia",
        "cohere_chat": "cohere",
        "fireworks_ai": "fireworks",
        "together_ai": "together",
        "ollama_chat": "ollama",
        "vercel_ai_gateway": "vercel",
        "xiaomi_mimo": "xiaomi",
        "litellm_proxy": "litellm-proxy",
        "github_copilot": "github-copilot",
        "copilot": "github-copilot",
        "azure_ai": "azure-foundry",
        "foundry": "azure-claude",
        "mantle": "bedrock-mantle",
        "nano-gpt": "nanogpt",
        "veniceai": "venice",
        "mimo": "xiaomi",
        "hunyuan": "tencent",
        "ark": "volcengine",
        "charity_engine": "charity-engine",
        "zen": "opencode",
    }
)


def find(name: str) -> Backend | None:
    """Return the provider's row by its name or an alias, in any case; None when there is none."""
    lower = name.lower()
    return BACKENDS.get(ALIASES.get(lower, lower))
