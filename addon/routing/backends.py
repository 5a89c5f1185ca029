"""The provider table: address, dialect, the names of its settings, and how it departs from its wire format.

Sources: vendors' documentation and SDKs, collected in docs/backends.md with dates. A provider is a row; a row's name is
the first part of ``provider/model``. ``NAME-anthropic`` rows are the same provider's native ``/v1/messages``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from addon.dialects.profiles import DocumentPart, Echo, Profile, ReasoningStyle, SchemaStyle, SearchStyle, SystemTurns

CHAT, NATIVE = "openai_chat", "anthropic"
SEARCH_ENDPOINTS = ("searxng", "brave")  # dialects
BEARER = ("authorization", "Bearer ")
X_API_KEY = ("x-api-key", "")
API_KEY = ("api-key", "")


PLAIN = Profile()


@dataclass(frozen=True, slots=True)
class Backend:
    """One provider. ``base_url`` None: the user must give it."""

    name: str
    base_url: str | None
    dialect: str = CHAT
    auth: tuple[str, str] = BEARER  # header, and what stands before the key
    keys: tuple[str, ...] = ()  # settings that hold the credential, the first set wins; () means NAME_API_KEY
    bases: tuple[str, ...] = ()  # settings that hold the address; () means NAME_API_BASE
    needs_key: bool = True
    place: Mapping[str, str | None] = field(default_factory=dict)  # settings in {} of the address -> their defaults
    key_command: str = ""  # prints a key where none is set
    model_prefix: str = ""  # before a model's name that has no slash
    like: str = ""  # the provider whose models it has, where it is a variant of one
    profile: Profile = PLAIN
    by_model: tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...] = field(
        default=()
    )  # pattern of the model -> fields

    @property
    def key_names(self) -> tuple[str, ...]:
        """The settings that may hold the credential, in order."""
        return self.keys or (f"{_prefix(self.name)}_API_KEY",)

    @property
    def base_names(self) -> tuple[str, ...]:
        """The settings that may hold the address, in order."""
        return self.bases or (f"{_prefix(self.name)}_API_BASE", f"{_prefix(self.name)}_BASE_URL")

    @property
    def only_searches(self) -> bool:
        """Whether it is no model, but a search endpoint."""
        return self.dialect in SEARCH_ENDPOINTS

    def profile_of(self, model: str) -> Profile:
        """Return the profile with what this model's name changes."""
        for pattern, fields in self.by_model:
            if pattern.search(model):
                return replace(self.profile, **fields)
        return self.profile


def _prefix(name: str) -> str:
    return name.upper().replace("-", "_").replace(".", "")


def _rules(*rules: tuple[str, dict[str, Any]]) -> tuple[tuple[re.Pattern[str], Mapping[str, Any]], ...]:
    return tuple((re.compile(pattern), MappingProxyType(fields)) for pattern, fields in rules)


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
OPENAI_MODELS = _rules(
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
LOCAL = Profile(system_turns=SystemTurns.FIRST_ONLY)  # chat templates that raise on a later system turn
TOGGLE = Profile(reasoning=ReasoningStyle.TOGGLE, parallel_switch=False)
GEMINI = Profile(
    reasoning=ReasoningStyle.EFFORT,
    parallel_switch=False,
    tool_schema=SchemaStyle.GEMINI,
    form_beside_tools=False,  # "Function calling with a response mime type: 'application/json' is unsupported"
    reply_beside_window=True,
    default_max_tokens=65_536,
    reasoning_echo=Echo.CALL_SIGNATURES,  # Gemini 3 answers 400 to a call of the current turn without its signature
)
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
SEARCHES = Profile(search=SearchStyle.NATIVE)  # a backend of Anthropic's format that knows its web_search tool
NO_SEARCH = Profile(search=SearchStyle.NONE)  # one that does not
CUTS = replace(SEARCHES, cuts_silently=True)
CLAUDE = replace(SEARCHES, claude=True)

_ROWS = (
    # not ANTHROPIC_BASE_URL: that is the client's, and points at our own door
    Backend(
        "anthropic",
        "https://api.anthropic.com",
        NATIVE,
        X_API_KEY,
        needs_key=False,
        bases=("ANTHROPIC_API_BASE",),
        profile=CLAUDE,
    ),
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
    Backend(
        "azure-claude",
        None,
        NATIVE,
        X_API_KEY,
        keys=("ANTHROPIC_FOUNDRY_API_KEY",),
        bases=("ANTHROPIC_FOUNDRY_BASE_URL",),
        profile=CLAUDE,
    ),
    Backend(
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        keys=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        bases=("GEMINI_API_BASE", "GEMINI_BASE_URL", "GOOGLE_API_BASE"),
        profile=GEMINI,
    ),
    Backend(
        "vertex",
        "https://{VERTEX_LOCATION}-aiplatform.googleapis.com/v1/projects/{VERTEX_PROJECT_ID}"
        "/locations/{VERTEX_LOCATION}/endpoints/openapi",
        keys=("VERTEX_ACCESS_TOKEN",),
        place=MappingProxyType({"VERTEX_PROJECT_ID": None, "VERTEX_LOCATION": "us-central1"}),
        key_command="gcloud auth application-default print-access-token",
        model_prefix="google/",
        profile=GEMINI,
    ),
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
        "openrouter-anthropic", "https://openrouter.ai/api", NATIVE, keys=("OPENROUTER_API_KEY",), profile=SEARCHES
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
        profile=SEARCHES,
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
        by_model=_rules(
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
        by_model=_rules(
            (r"qwen3\.[78]", {**PRESERVED, "json_schema": True}),
            (r"qwen3\.6|qwen[4-9]|kimi-k2\.7", PRESERVED),
            # at this address no other of the models searches (alibabacloud.com, "web search", supported models)
            (r"^qwen3-max", {"search": SearchStyle.ENABLE_SEARCH_AGENT}),
        ),
    ),
    Backend(
        "dashscope-anthropic", "https://dashscope-intl.aliyuncs.com/apps/anthropic", NATIVE, keys=("DASHSCOPE_API_KEY",)
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
        by_model=_rules((r"M2", {"reasoning": ReasoningStyle.NONE})),  # it thinks in any case
    ),
    Backend(
        "minimax-anthropic",
        "https://api.minimax.io/anthropic",
        NATIVE,
        keys=("MINIMAX_API_KEY",),
        profile=NO_SEARCH,  # refuses the tool: "function name or parameters is empty (2013)"
    ),
    Backend(
        "xai",
        "https://api.x.ai/v1",
        profile=Profile(
            max_tokens_field="max_completion_tokens", stop_limit=0, repeats_reasoning=True, reasoning_uncounted=True
        ),
        by_model=_rules(
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
        by_model=_rules(
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
        by_model=_rules(
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
        by_model=_rules((r"gpt-oss", {"reasoning": ReasoningStyle.EFFORT})),
    ),
    Backend("fireworks", "https://api.fireworks.ai/inference/v1"),
    Backend("fireworks-anthropic", "https://api.fireworks.ai/inference", NATIVE, keys=("FIREWORKS_API_KEY",)),
    Backend(
        "together",
        "https://api.together.xyz/v1",
        by_model=_rules((r"(?i)gpt-oss|deepseek|qwen3|glm|kimi", {"reasoning": ReasoningStyle.TOGETHER})),
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
        profile=SEARCHES,
    ),
    Backend("volcengine", "https://ark.cn-beijing.volces.com/api/v3", keys=("VOLCENGINE_API_KEY", "ARK_API_KEY")),
    Backend("xiaomi", "https://api.xiaomimimo.com/v1", keys=("XIAOMI_API_KEY", "XIAOMI_MIMO_API_KEY")),
    Backend(
        "ollama",
        "http://localhost:11434/v1",
        needs_key=False,
        profile=replace(LOCAL, reasoning=ReasoningStyle.EFFORT, cuts_silently=True),
    ),
    Backend(
        "ollama-anthropic",
        "http://localhost:11434",
        NATIVE,
        needs_key=False,
        keys=("OLLAMA_API_KEY",),
        profile=replace(NO_SEARCH, cuts_silently=True),
    ),
    Backend("vllm", "http://localhost:8000/v1", needs_key=False, profile=LOCAL),
    Backend(
        "vllm-anthropic", "http://localhost:8000", NATIVE, needs_key=False, keys=("VLLM_API_KEY",), profile=NO_SEARCH
    ),
    Backend("sglang", "http://localhost:30000/v1", needs_key=False, profile=LOCAL),
    Backend("llamacpp", None, needs_key=False, profile=LOCAL),  # its own default, port 8080, is our door one's
    Backend(
        "llamacpp-anthropic",
        None,
        NATIVE,
        needs_key=False,
        keys=("LLAMACPP_ANTHROPIC_API_KEY", "LLAMACPP_API_KEY"),
        profile=NO_SEARCH,
    ),
    Backend("lmstudio", "http://localhost:1234/v1", needs_key=False, profile=LOCAL),
    Backend(
        "lmstudio-anthropic",
        "http://localhost:1234",
        NATIVE,
        needs_key=False,
        keys=("LMSTUDIO_API_KEY",),
        profile=NO_SEARCH,
    ),
    Backend(
        "litellm-proxy",
        "http://localhost:4000/v1",
        needs_key=False,
        keys=("LITELLM_API_KEY",),
        bases=("LITELLM_API_BASE",),
    ),
    # no models: they answer searches of the web, and nothing else
    Backend("searxng", None, "searxng", needs_key=False),
    Backend(
        "brave",
        "https://api.search.brave.com/res/v1",
        "brave",
        ("x-subscription-token", ""),
        keys=("BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY"),
    ),
)

BACKENDS: Mapping[str, Backend] = MappingProxyType({row.name: row for row in _ROWS})

# other names that users know a provider by
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "google": "gemini",
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
    }
)


def find(name: str) -> Backend | None:
    """Return the provider's row by its name or an alias, in any case; None when there is none."""
    lower = name.lower()
    return BACKENDS.get(ALIASES.get(lower, lower))
