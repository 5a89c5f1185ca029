"""What litellm calls things, as tables: its providers, its settings and why some have no effect, its addresses. Pure.

Sources: docs.litellm.ai "proxy/configs", "proxy/config_settings" and "providers"; litellm 1.106, ``types/router.py``,
``types/utils.py`` (LlmProviders) and ``litellm_core_utils/get_llm_provider_logic.py``.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlsplit

from addon.routing.facts import COSTS

MODEL_LIST = "model_list"
# what `model_info` says a model can -> what ours says
FLAGS: Mapping[str, str] = MappingProxyType(
    {"vision": "supports_vision", "tools": "supports_function_calling", "reasoning": "supports_reasoning"}
)
ROUTER, MODULE, SERVER = "router_settings", "litellm_settings", "general_settings"
VARIABLES, CREDENTIALS = "environment_variables", "credential_list"
# what litellm's server reads beside; no key of a Detour document is among them
OTHER_SECTIONS = (
    "agent_list", "agents", "assistant_settings", "callback_settings", "classifier_plugin", "default_vertex_config",
    "files_settings", "finetune_settings", "guardrails", "include", "mcp_servers", "mcp_tools",
    "pass_through_endpoints", "plugins", "policies", "policy_attachments", "prompts", "sandbox_tools", "search_tools",
    "vector_store_registry", "worker_registry",
)  # fmt: skip
# the keys at the top that are litellm's: whoever reads the document takes them out first
SECTIONS = frozenset((MODEL_LIST, ROUTER, MODULE, SERVER, VARIABLES, CREDENTIALS, *OTHER_SECTIONS))

# litellm's provider -> our row, where the names differ
RENAMED: Mapping[str, str] = MappingProxyType(
    {
        "azure_ai": "azure",
        "bedrock_converse": "bedrock",
        "cohere_chat": "cohere",
        "fireworks_ai": "fireworks",
        "hosted_vllm": "vllm",
        "litellm_proxy": "litellm-proxy",
        "lm_studio": "lmstudio",
        "nvidia_nim": "nvidia",
        "ollama_chat": "ollama",
        "together_ai": "together",
        "vercel_ai_gateway": "vercel",
        "vertex_ai": "vertex",
        "vertex_ai_beta": "vertex",
        "xiaomi_mimo": "xiaomi",
    }
)
# litellm's words for "a server that speaks OpenAI's format", each with an api_base
COMPATIBLE = (
    "aiohttp_openai", "custom_openai", "docker_model_runner", "lemonade", "llamafile", "openai_like", "xinference",
)  # fmt: skip
# how a model begins that is written without a provider -> litellm's provider; its data file names them one by one
BARE = (
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gpt-|o\d|chatgpt-|codex-|ft:gpt-"), "openai"),
    (re.compile(r"gemini-"), "vertex_ai"),
    (re.compile(r"command"), "cohere"),
)
OPENAIS_OWN = re.compile(r"gpt-(?!oss)|o\d|chatgpt-|codex|ft:|.*\*")  # a star may be any of them
RESPONSES_STYLE = "responses/"
CALLING_STYLES = re.compile(r"(?:responses|o_series|gpt5_series)/")  # litellm's own, before the model's name
VERTEX = "https://{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}"
OLLAMA_PATHS = ("", "/api", "/api/chat", "/api/generate")
CONVERSATIONS = (None, "chat", "responses", "completion")  # values of model_info.mode

# parameters of a deployment that go into each request's body as they are
BODY = frozenset(
    (
        "chat_template_kwargs", "enable_thinking", "frequency_penalty", "logit_bias", "min_p", "models",
        "parallel_tool_calls", "plugins", "presence_penalty", "prompt_cache_key", "provider", "reasoning",
        "reasoning_effort", "repetition_penalty", "safety_identifier", "seed", "service_tier", "stop", "store",
        "temperature", "top_k", "top_p", "transforms", "user", "verbosity",
    )
)  # fmt: skip
NATIVE_BODY = frozenset(("temperature", "top_k", "top_p", "service_tier"))  # those that Anthropic's format has
READ_DEPLOYMENT = frozenset(("model_name", "litellm_params", "model_info"))
READ_PARAMETERS = frozenset(
    (
        "model", "custom_llm_provider", "api_key", "api_base", "base_url", "organization", "extra_headers", "headers",
        "extra_body", "timeout", "stream_timeout", "order", "litellm_credential_name", *COSTS.values(),
    )
)  # fmt: skip
VERTEX_PROJECT = ("vertex_project", "vertex_ai_project")
VERTEX_LOCATION = ("vertex_location", "vertex_ai_location")
VERTEX_PARAMETERS = frozenset((*VERTEX_PROJECT, *VERTEX_LOCATION))
READ_INFO = frozenset(
    (
        "mode", "order", "blocked", "max_input_tokens", "max_output_tokens", "max_tokens", *COSTS.values(),
        *FLAGS.values(),
    )
)  # fmt: skip

IN_ORDER = "the deployments of one name are tried in the order written, not shuffled"
ONE_RETRY = "retry.attempts, or num_retries of the settings, says it for all"
SERVER_ONLY = "it concerns litellm's own server"
NO_TOKENS = "Detour mints no tokens of Microsoft's or Amazon's: give an api_key"
# why a setting has no effect, by its name wherever it stands
REASONS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("rpm", "tpm", "weight", "routing_strategy", "routing_strategy_args"), IN_ORDER),
        **dict.fromkeys(("num_retries", "max_retries", "retry_policy"), ONE_RETRY),
        **dict.fromkeys(
            ("allowed_fails", "cooldown_time", "allowed_fails_policy", "disable_cooldowns"),
            "one failure cools a target down, from 5 s to 5 min",
        ),
        **dict.fromkeys(("azure_ad_token", "tenant_id", "client_id", "client_secret"), NO_TOKENS),
        **dict.fromkeys(
            ("max_tokens", "max_completion_tokens"),
            "the client always says its own; model_info.max_output_tokens is what caps it",
        ),
        "context_window_fallbacks": "a prompt that is too long goes to the next of the fallbacks with a larger window",
        "content_policy_fallbacks": "fallbacks do not depend on the kind of failure",
        "retry_after": "the wait grows by itself, up to retry.longest_wait",
        "api_version": "Azure's v1 address takes none",
        "drop_params": "what a backend does not take is always left out, and told",
        "include": "one file is read: copy what that one holds into this one",
        "num_ctx": "Ollama takes it at its start only: set OLLAMA_CONTEXT_LENGTH there",
        "thinking": "a route's effort says it",
        "vertex_credentials": "the key is what gcloud prints, or VERTEX_ACCESS_TOKEN",
    }
)
OF_DEPLOYMENT = "Detour has no such setting; what the backend's request shall hold goes into extra_body"
# what must not stand in a body, where whoever reads a flow would see it
SECRETIVE = re.compile(r"key|secret|token(?!s)|password|credential|private")
BY_ENVIRONMENT = "litellm's process finds it in the environment, under litellm's own name for it"
OF_INFO = "Detour does not use it"

ENVIRON = "os.environ/"
REFERENCE = re.compile(r"os\.environ/([A-Za-z_]\w*)")


def completed(row: str, address: str) -> str:
    """Return an address as our row wants it; litellm adds to some of them itself. Doing it twice changes nothing.

    An address that is none, or the name of a variable, is returned as it is.
    """
    address = address.rstrip("/").removesuffix("/chat/completions").removesuffix("/v1/messages")
    try:
        parts = urlsplit(address)
    except ValueError:  # a bracket that is not closed: whoever reads the address says so
        return address
    root = f"{parts.scheme}://{parts.netloc}"
    if not parts.netloc:
        return address
    match row:
        case "ollama" if parts.path in OLLAMA_PATHS:
            return root + "/v1"
        case "azure" | "azure-responses":
            return f"{root}{parts.path.partition('/openai')[0].removesuffix('/models').rstrip('/')}/openai/v1"
        case "azure-claude":
            return f"{root}{parts.path.partition('/anthropic')[0].removesuffix('/models').rstrip('/')}/anthropic"
        case _:
            return address
