"""Makers of models, at their own addresses."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import DocumentPart, Echo, Profile, ReasoningStyle, SchemaStyle, SearchStyle, Takes
from addon.routing.backend import NATIVE, NO_SEARCH, SEARCHES, X_API_KEY, Backend, by_model

TOGGLE = Profile(reasoning=ReasoningStyle.TOGGLE, parallel_switch=False)
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
    # docs.z.ai, "thinking mode": within a turn of calls its thinking is to be given back, complete and unchanged
    reasoning_echo=Echo.REASONING_CONTENT,
    always=MappingProxyType({"tool_stream": True}),
)

PRESERVED: dict[str, Any] = {
    "reasoning_echo": Echo.REASONING_CONTENT,
    "always": MappingProxyType({"preserve_thinking": True}),
}
CUTS = replace(SEARCHES, cuts_silently=True, takes=Takes.BUDGET)
BUDGET = Profile(takes=Takes.BUDGET)

# the domains of one workspace each; the older ones of a region are served as before (alibabacloud.com, November 2026)
WORKSPACE = "https://{DASHSCOPE_WORKSPACE_ID}.{DASHSCOPE_REGION}.maas.aliyuncs.com"
WORKSPACE_PLACE = MappingProxyType({"DASHSCOPE_WORKSPACE_ID": None, "DASHSCOPE_REGION": "ap-southeast-1"})

MOONSHOT = Backend(
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
)
DASHSCOPE = Backend(
    "dashscope",
    "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    profile=Profile(reasoning=ReasoningStyle.ENABLE_THINKING, budget_field="thinking_budget", json_schema=False),
    by_model=by_model(
        (r"qwen3\.[78]", {**PRESERVED, "json_schema": True}),
        (r"qwen3\.6|qwen[4-9]|kimi-k2\.7", PRESERVED),
        # at this address no other of the models searches (alibabacloud.com, "web search", supported models)
        (r"^qwen3-max", {"search": SearchStyle.ENABLE_SEARCH_AGENT}),
    ),
)
MINIMAX = Backend(
    "minimax",
    "https://api.minimax.io/v1",
    profile=Profile(
        max_tokens_field="max_completion_tokens",
        reasoning=ReasoningStyle.ADAPTIVE,
        reasoning_echo=Echo.REASONING_DETAILS,
        always=MappingProxyType({"reasoning_split": True}),  # else its thinking stands in the text, in <think>
    ),
    by_model=by_model((r"M2", {"reasoning": ReasoningStyle.NONE})),  # it thinks in any case
)
MISTRAL = Backend(
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
)
ZAI = Backend("zai", "https://api.z.ai/api/paas/v4", profile=GLM)
BIGMODEL = Backend(
    "bigmodel",
    "https://open.bigmodel.cn/api/paas/v4",
    keys=("BIGMODEL_API_KEY", "ZHIPU_API_KEY"),
    profile=replace(GLM, search=SearchStyle.BIGMODEL),
)

ROWS = (
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
    ZAI,
    Backend("zai-anthropic", "https://api.z.ai/api/anthropic", NATIVE, keys=("ZAI_API_KEY",), profile=CUTS),
    # the Coding Plan's own addresses; for its native one see zai-anthropic
    replace(ZAI, name="zai-coding", base_url="https://api.z.ai/api/coding/paas/v4", keys=ZAI.key_names, like="zai"),
    BIGMODEL,
    Backend(
        "bigmodel-anthropic",
        "https://open.bigmodel.cn/api/anthropic",
        NATIVE,
        keys=("BIGMODEL_API_KEY", "ZHIPU_API_KEY"),
        profile=CUTS,
    ),
    replace(BIGMODEL, name="bigmodel-coding", base_url="https://open.bigmodel.cn/api/coding/paas/v4", like="bigmodel"),
    MOONSHOT,
    Backend("moonshot-anthropic", "https://api.moonshot.ai/anthropic", NATIVE, keys=("MOONSHOT_API_KEY",)),
    # mainland China: keys of its own
    replace(MOONSHOT, name="moonshot-cn", base_url="https://api.moonshot.cn/v1", like="moonshot"),
    Backend(
        "moonshot-cn-anthropic",
        "https://api.moonshot.cn/anthropic",
        NATIVE,
        keys=("MOONSHOT_CN_API_KEY",),
        like="moonshot",
    ),
    Backend("kimi-coding", "https://api.kimi.com/coding", NATIVE, keys=("KIMI_API_KEY",)),
    Backend(
        "kimi-coding-chat",
        "https://api.kimi.com/coding/v1",
        keys=("KIMI_API_KEY",),
        like="moonshot",
        profile=MOONSHOT.profile,
        by_model=MOONSHOT.by_model,
    ),
    DASHSCOPE,
    Backend(
        "dashscope-anthropic",
        "https://dashscope-intl.aliyuncs.com/apps/anthropic",
        NATIVE,
        keys=("DASHSCOPE_API_KEY",),
        profile=BUDGET,
    ),
    # a key belongs to its region
    replace(
        DASHSCOPE,
        name="dashscope-cn",
        base_url="https://dashscope.aliyuncs.com/compatible-mode/v1",
        like="dashscope",
    ),
    Backend(
        "dashscope-cn-anthropic",
        "https://dashscope.aliyuncs.com/apps/anthropic",
        NATIVE,
        keys=("DASHSCOPE_CN_API_KEY",),
        like="dashscope",
        profile=BUDGET,
    ),
    replace(
        DASHSCOPE,
        name="dashscope-workspace",
        base_url=f"{WORKSPACE}/compatible-mode/v1",
        keys=DASHSCOPE.key_names,
        place=WORKSPACE_PLACE,
        like="dashscope",
    ),
    Backend(
        "dashscope-workspace-anthropic",
        f"{WORKSPACE}/apps/anthropic",
        NATIVE,
        keys=DASHSCOPE.key_names,
        place=WORKSPACE_PLACE,
        like="dashscope",
        profile=BUDGET,
    ),
    MINIMAX,
    Backend(
        "minimax-anthropic",
        "https://api.minimax.io/anthropic",
        NATIVE,
        keys=("MINIMAX_API_KEY",),
        # refuses the tool: "function name or parameters is empty (2013)"
        profile=replace(NO_SEARCH, takes=Takes.ADAPTIVE),
    ),
    replace(MINIMAX, name="minimax-cn", base_url="https://api.minimaxi.com/v1", like="minimax"),
    Backend(
        "minimax-cn-anthropic",
        "https://api.minimaxi.com/anthropic",
        NATIVE,
        keys=("MINIMAX_CN_API_KEY",),
        like="minimax",
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
    MISTRAL,
    replace(MISTRAL, name="codestral", base_url="https://codestral.mistral.ai/v1", like="mistral"),
    Backend("perplexity", "https://api.perplexity.ai", profile=Profile(search=SearchStyle.ALWAYS)),
    Backend("cohere", "https://api.cohere.ai/compatibility/v1", keys=("COHERE_API_KEY", "CO_API_KEY")),
    Backend("meta", "https://api.meta.ai/v1"),
    Backend(
        "meta-anthropic",
        "https://api.meta.ai",
        NATIVE,
        keys=("META_API_KEY",),
        profile=Profile(takes=Takes.BUDGET, documents=True),
    ),
    Backend("volcengine", "https://ark.cn-beijing.volces.com/api/v3", keys=("VOLCENGINE_API_KEY", "ARK_API_KEY")),
    Backend(
        "xiaomi",
        "https://api.xiaomimimo.com/v1",
        keys=("XIAOMI_API_KEY", "XIAOMI_MIMO_API_KEY"),
        profile=Profile(cuts_silently=True),  # what is too long it cuts (docs/protocol.md, "Context")
    ),
    Backend(
        "xiaomi-anthropic",
        "https://api.xiaomimimo.com/anthropic",
        NATIVE,
        keys=("XIAOMI_API_KEY", "XIAOMI_MIMO_API_KEY"),
        profile=replace(BUDGET, cuts_silently=True),
    ),
    Backend("tencent", "https://tokenhub-intl.tencentcloudmaas.com/v1"),
    Backend(
        "tencent-anthropic",
        "https://tokenhub-intl.tencentcloudmaas.com",
        NATIVE,
        keys=("TENCENT_API_KEY",),
        profile=BUDGET,
    ),
)
