"""OpenAI's models: at OpenAI, and on Azure.

Reasoning models speak by the Responses API at the vendors' own addresses: it alone tells what they think and takes it
back, and some have no other. At any other address they speak chat-completions, as everybody else's copies do. A row of
its own for each of the two formats is for those who choose by hand; it is the same vendor, with its address and key.
Sources: OpenAI, "migrate to the Responses API"; Microsoft Learn, "Azure OpenAI v1 API".
"""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import Profile, ReasoningStyle, SearchStyle
from addon.routing.backend import API_KEY, CHAT, RESPONSES, Backend, by_model, speeches

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

SEARCHES = MappingProxyType({RESPONSES: MappingProxyType({"search": SearchStyle.TOOL})})

REASONS = r"^(?!gpt-.*-(chat|search))(o\d|codex|gpt-([5-9]|[12]\d)(?!\d))"
OPENAIS_OWN = r"^https://([a-z]+\.)?api\.openai\.com/v1$"
AZURES_OWN = r"^https://[^/]+\.azure\.com/openai/v1$"

AT_OPENAI = Backend(
    "openai",
    "https://api.openai.com/v1",
    profile=OPENAI,
    by_model=OPENAI_MODELS,
    by_dialect=SEARCHES,
    keys=("OPENAI_API_KEY",),
    bases=("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL"),
    speeches=speeches((REASONS, OPENAIS_OWN, RESPONSES)),
)
ON_AZURE = Backend(
    "azure",
    "https://{AZURE_RESOURCE_NAME}.openai.azure.com/openai/v1",
    place=MappingProxyType({"AZURE_RESOURCE_NAME": None}),
    auth=API_KEY,
    keys=("AZURE_API_KEY", "AZURE_OPENAI_API_KEY"),
    tokens=("AZURE_AD_TOKEN",),
    bases=("AZURE_API_BASE", "AZURE_BASE_URL"),
    version_path="/openai/v1",
    profile=OPENAI,
    by_model=OPENAI_MODELS,
    by_dialect=SEARCHES,
    speeches=speeches((REASONS, AZURES_OWN, RESPONSES)),
)


def _by_hand(row: Backend) -> tuple[Backend, ...]:
    """The rows that speak one format whatever the model and the address."""
    formats = (("responses", RESPONSES), ("chat", CHAT))
    return tuple(
        replace(row, name=f"{row.name}-{name}", dialect=dialect, speeches=(), like=row.name)
        for name, dialect in formats
    )


ROWS = (
    AT_OPENAI,
    *_by_hand(AT_OPENAI),
    ON_AZURE,
    *_by_hand(ON_AZURE),
    # other makers' models on Microsoft's cloud
    Backend(
        "azure-foundry",
        "https://{AZURE_AI_RESOURCE}.services.ai.azure.com/openai/v1",
        auth=API_KEY,
        keys=("AZURE_AI_API_KEY",),
        tokens=("AZURE_AD_TOKEN",),
        bases=("AZURE_AI_API_BASE",),
        place=MappingProxyType({"AZURE_AI_RESOURCE": None}),
    ),
)
