"""Those who run the models of others, each at an address of its own."""

from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import Echo, Profile, ReasoningStyle, SearchStyle, Takes
from addon.routing.backend import NATIVE, Backend, by_model

GPT_OSS: dict[str, Any] = {"reasoning": ReasoningStyle.EFFORT, "reasoning_echo": Echo.REASONING}
BUDGET = Profile(takes=Takes.BUDGET)

ROWS = (
    Backend(
        "groq",
        "https://api.groq.com/openai/v1",
        # "response_format does not support streaming" (langchain-ai/langchain#23629), "json mode cannot be combined
        # with tool/function calling" (vercel/ai#16540)
        profile=Profile(form_beside_tools=False, form_streams=False),
        by_model=by_model(
            (r"gpt-oss", {**GPT_OSS, "search": SearchStyle.GROQ}),
            # parsed: else its thinking stands in the text, in <think>
            (
                r"qwen|deepseek-r",
                {
                    "reasoning_echo": Echo.REASONING,
                    "always": MappingProxyType({"reasoning_format": "parsed"}),
                },
            ),
        ),
    ),
    Backend(
        "cerebras",
        "https://api.cerebras.ai/v1",
        profile=Profile(max_tokens_field="max_completion_tokens"),
        by_model=by_model((r"gpt-oss", {"reasoning": ReasoningStyle.EFFORT})),
    ),
    Backend("fireworks", "https://api.fireworks.ai/inference/v1"),
    Backend(
        "fireworks-anthropic",
        "https://api.fireworks.ai/inference",
        NATIVE,
        keys=("FIREWORKS_API_KEY",),
        profile=BUDGET,
    ),
    Backend(
        "together",
        "https://api.together.xyz/v1",
        by_model=by_model((r"(?i)gpt-oss|deepseek|qwen3|glm|kimi", {"reasoning": ReasoningStyle.TOGETHER})),
    ),
    Backend("deepinfra", "https://api.deepinfra.com/v1/openai"),
    Backend("sambanova", "https://api.sambanova.ai/v1"),
    Backend("nvidia", "https://integrate.api.nvidia.com/v1", keys=("NVIDIA_API_KEY", "NVIDIA_NIM_API_KEY")),
    Backend("huggingface", "https://router.huggingface.co/v1", keys=("HF_TOKEN", "HUGGINGFACE_API_KEY")),
    Backend("baseten", "https://inference.baseten.co/v1"),
    Backend("novita", "https://api.novita.ai/v3/openai"),
    Backend("nebius", "https://api.tokenfactory.nebius.com/v1"),
    Backend("hyperbolic", "https://api.hyperbolic.xyz/v1"),
    Backend("scaleway", "https://api.scaleway.ai/v1", keys=("SCW_SECRET_KEY",)),
    Backend("chutes", "https://llm.chutes.ai/v1"),
    Backend("venice", "https://api.venice.ai/api/v1", keys=("VENICE_AI_API_KEY", "VENICE_API_KEY")),
    Backend(
        "cloudflare",
        "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1",
        place=MappingProxyType({"CLOUDFLARE_ACCOUNT_ID": None}),
    ),
    Backend(
        "ollama-cloud",
        "https://ollama.com/v1",
        keys=("OLLAMA_API_KEY",),
        profile=Profile(reasoning=ReasoningStyle.EFFORT),
    ),
    # it takes its key as a bearer's only
    Backend("ollama-cloud-anthropic", "https://ollama.com", NATIVE, keys=("OLLAMA_API_KEY",)),
)
