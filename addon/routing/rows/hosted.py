"""Everybody else who hosts models."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import DocumentPart, Echo, Profile, ReasoningStyle, SchemaStyle, SearchStyle, Takes
from addon.routing.backend import NATIVE, NO_SEARCH, SEARCHES, X_API_KEY, Backend, by_model

TOGGLE = Profile(reasoning=ReasoningStyle.TOGGLE, parallel_switch=False)
GPT_OSS: dict[str, Any] = {"reasoning": ReasoningStyle.EFFORT, "reasoning_echo": Echo.REASONING}
# docs.z.ai, "chat completion": response_format is text or json_object, tool_choice only auto, stop holds one word
# tool_stream: the arguments of calls come in pieces, and not all at the end
GLM = replace(
    TOGGLE,
    json_schema=False,
    required_choice=None,
    named_choice=False,
    stop_limit=1,
    search=SearchStyle.ZAI,
    cuts_silently=True,
    always=MappingProxyType({"tool_stream": True}),
)

PRESERVED: dict[str, Any] = {
    "reasoning_echo": Echo.REASONING_CONTENT,
    "always": MappingProxyType({"preserve_thinking": True}),
}
CUTS = replace(SEARCHES, cuts_silently=True, takes=Takes.BUDGET)
PASSES_ON = replace(SEARCHES, takes=Takes.GATEWAY, documents=True)
BUDGET = Profile(takes=Takes.BUDGET)

ROWS = (
    Backend(
        "openrouter",
        "https://openrouter.ai/api/v1",
        profile=Profile(
            reasoning=ReasoningStyle.OPENROUTER,
            efforts=("low", "medium", "high", "xhigh"),
            reasoning_echo=Echo.REASONING_DETAILS,
            documents=True,
            default_max_tokens=16_384,
            search=SearchStyle.OPENROUTER,
            tells_cost=True,
        ),
    ),
    Backend(
        "openrouter-anthropic", "https://openrouter.ai/api", NATIVE, keys=("OPENROUTER_API_KEY",), profile=PASSES_ON
    ),
    Backend(
        "deepseek",
        "https://api.deepseek.com",
        profile=Profile(
            reasoning=ReasoningStyle.TOGGLE_AND_EFFORT,
            efforts=("low", "high", "max"),
            reasoning_echo=Echo.REASONING_CONTENT,
            echo_always=True,
            json_schema=False,
            parallel_switch=False,
        ),
    ),
    Backend(
        "deepseek-anthropic",
        "https://api.deepseek.com/anthropic",
        NATIVE,
        X_API_KEY,
        keys=("DEEPSEEK_API_KEY",),
        profile=replace(SEARCHES, takes=Takes.LOW_HIGH_MAX),
    ),
    Backend("zai", "https://api.z.ai/api/paas/v4", profile=GLM),
    Backend("zai-anthropic", "https://api.z.ai/api/anthropic", NATIVE, keys=("ZAI_API_KEY",), profile=CUTS),
    Backend(
        "bigmodel",
        "https://open.bigmodel.cn/api/paas/v4",
        keys=("BIGMODEL_API_KEY", "ZHIPU_API_KEY"),
        profile=replace(GLM, search=SearchStyle.BIGMODEL),
    ),
    Backend(
        "bigmodel-anthropic",
        "https://open.bigmodel.cn/api/anthropic",
        NATIVE,
        keys=("BIGMODEL_API_KEY", "ZHIPU_API_KEY"),
        profile=CUTS,
    ),
    Backend(
        "moonshot",
        "https://api.moonshot.ai/v1",
        profile=replace(
            TOGGLE,
            reasoning_echo=Echo.REASONING_CONTENT,
            echo_always=True,
            sampling=False,
            tool_schema=SchemaStyle.MFJS,
            image_urls=False,
        ),
        by_model=by_model(
            (r"k3", {"reasoning": ReasoningStyle.EFFORT, "efforts": ("low", "high", "max")}),
            (r"k2\.[67]", {"required_choice": None, "named_choice": False}),  # a forced call is refused while it thinks
        ),
    ),
    Backend("moonshot-anthropic", "https://api.moonshot.ai/anthropic", NATIVE, keys=("MOONSHOT_API_KEY",)),
    Backend("kimi-coding", "https://api.kimi.com/coding", NATIVE, keys=("KIMI_API_KEY",)),
    Backend(
        "dashscope",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        profile=Profile(reasoning=ReasoningStyle.ENABLE_THINKING, budget_field="thinking_budget", json_schema=False),
        by_model=by_model(
            (r"qwen3\.[78]", {**PRESERVED, "json_schema": True}),
            (r"qwen3\.6|qwen[4-9]|kimi-k2\.7", PRESERVED),
            # at this address no other of the models searches (alibabacloud.com, "web search", supported models)
            (r"^qwen3-max", {"search": SearchStyle.ENABLE_SEARCH_AGENT}),
        ),
    ),
    Backend(
        "dashscope-anthropic",
        "https://dashscope-intl.aliyuncs.com/apps/anthropic",
        NATIVE,
        keys=("DASHSCOPE_API_KEY",),
        profile=BUDGET,
    ),
    Backend(
        "minimax",
        "https://api.minimax.io/v1",
        profile=Profile(
            max_tokens_field="max_completion_tokens",
            reasoning=ReasoningStyle.ADAPTIVE,
            reasoning_echo=Echo.REASONING_DETAILS,
            always=MappingProxyType({"reasoning_split": True}),  # else its thinking stands in the text, in <think>
        ),
        by_model=by_model((r"M2", {"reasoning": ReasoningStyle.NONE})),  # it thinks in any case
    ),
    Backend(
        "minimax-anthropic",
        "https://api.minimax.io/anthropic",
        NATIVE,
        keys=("MINIMAX_API_KEY",),
        # refuses the tool: "function name or parameters is empty (2013)"
        profile=replace(NO_SEARCH, takes=Takes.ADAPTIVE),
    ),
    Backend(
        "xai",
        "https://api.x.ai/v1",
        profile=Profile(
            max_tokens_field="max_completion_tokens", stop_limit=0, repeats_reasoning=True, reasoning_uncounted=True
        ),
        by_model=by_model(
            (
                r"grok-(4\.[3-9]|[5-9])",  # older ones refuse the knob
                {
                    "reasoning": ReasoningStyle.EFFORT,
                    "efforts": ("low", "medium", "high", "xhigh"),
                    "effort_off": "none",
                },
            )
        ),
    ),
    Backend(
        "mistral",
        "https://api.mistral.ai/v1",
        # refuses stream_options (422, "Extra inputs are not permitted") and counts in the last chunk all the same
        profile=Profile(
            required_choice="any",
            named_choice=False,
            tool_schema=SchemaStyle.MISTRAL,
            call_id_length=9,
            stream_usage=False,
            reasoning_echo=Echo.THINKING_PARTS,
            documents=True,
            document_part=DocumentPart.DOCUMENT_URL,
        ),
        by_model=by_model(
            (
                r"medium|small",
                {"reasoning": ReasoningStyle.EFFORT, "efforts": ("high",), "effort_off": "none"},
            )
        ),
    ),
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
    Backend("perplexity", "https://api.perplexity.ai", profile=Profile(search=SearchStyle.ALWAYS)),
    Backend("cohere", "https://api.cohere.ai/compatibility/v1", keys=("COHERE_API_KEY", "CO_API_KEY")),
    Backend("meta", "https://api.meta.ai/v1"),
    Backend("meta-anthropic", "https://api.meta.ai", NATIVE, keys=("META_API_KEY",)),
    Backend("vercel", "https://ai-gateway.vercel.sh/v1", keys=("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY")),
    Backend(
        "vercel-anthropic",
        "https://ai-gateway.vercel.sh",
        NATIVE,
        keys=("AI_GATEWAY_API_KEY", "VERCEL_AI_GATEWAY_API_KEY"),
        profile=PASSES_ON,
    ),
    Backend("volcengine", "https://ark.cn-beijing.volces.com/api/v3", keys=("VOLCENGINE_API_KEY", "ARK_API_KEY")),
    Backend("xiaomi", "https://api.xiaomimimo.com/v1", keys=("XIAOMI_API_KEY", "XIAOMI_MIMO_API_KEY")),
)
