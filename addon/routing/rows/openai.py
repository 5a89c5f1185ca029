"""OpenAI's models: at OpenAI, and on Azure."""

from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import Profile, ReasoningStyle, SearchStyle
from addon.routing.backend import API_KEY, Backend, by_model

OPENAI = Profile(
    max_tokens_field="max_completion_tokens",
    documents=True,
    reply_beside_window=True,
    call_id_limit=40,
    default_max_tokens=16_384,
    cache_key="prompt_cache_key",
)
OPENAI_REASONING: dict[str, Any] = {
    "system_role": "developer",
    "reasoning": ReasoningStyle.EFFORT,
    "sampling": False,
    "stop_limit": 0,
}
OPENAI_MODELS = by_model(
    (r"^gpt-.*-search", {"sampling": False, "search": SearchStyle.OPTIONS}),
    (r"^gpt-.*-chat", {}),
    (r"^o\d|^codex", {**OPENAI_REASONING, "parallel_switch": False}),
    (r"^gpt-5(-|$)", {**OPENAI_REASONING, "effort_off": "minimal"}),
    (r"^gpt-5\.", {**OPENAI_REASONING, "efforts": ("low", "medium", "high", "xhigh"), "effort_off": "none"}),
    (
        r"^gpt-([6-9]|\d\d)",
        {**OPENAI_REASONING, "efforts": ("low", "medium", "high", "xhigh", "max"), "effort_off": "low"},
    ),
)

ROWS = (
    Backend(
        "openai",
        "https://api.openai.com/v1",
        profile=OPENAI,
        by_model=OPENAI_MODELS,
        bases=("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL"),
    ),
    Backend(
        "azure",
        None,
        auth=API_KEY,
        keys=("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
        profile=OPENAI,
        by_model=OPENAI_MODELS,
    ),
    # other makers' models on Microsoft's cloud
    Backend(
        "azure-foundry",
        "https://{AZURE_AI_RESOURCE}.services.ai.azure.com/openai/v1",
        auth=API_KEY,
        keys=("AZURE_AI_API_KEY",),
        bases=("AZURE_AI_API_BASE",),
        place=MappingProxyType({"AZURE_AI_RESOURCE": None}),
    ),
)
