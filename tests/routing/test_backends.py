"""The provider table, as users name its rows and as other modules rely on it."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from addon import dialects
from addon.dialects.profiles import ReasoningStyle, Takes
from addon.routing.backend import CHAT, RESPONSES, Backend
from addon.routing.backends import ALIASES, BACKENDS, POPULAR, find


@pytest.mark.parametrize("row", BACKENDS.values(), ids=list(BACKENDS))
def test_every_row_is_sound(row: Backend) -> None:
    assert row.name == row.name.lower()
    assert "/" not in row.name
    assert row.dialect in dialects.MODULES
    assert all(name == name.upper() and name.replace("_", "").isalnum() for name in (*row.key_names, *row.base_names))
    if row.base_url is not None:
        parts = urlsplit(row.base_url)
        assert parts.hostname
        assert not row.base_url.endswith("/")
        assert parts.scheme == "https" or parts.hostname.endswith("localhost")
        assert row.needs_key or parts.hostname.endswith("localhost") or row.name == "anthropic"  # the client's own key


NAMES = [
    ("openai", "openai"),
    ("OpenAI", "openai"),
    ("google", "gemini"),
    ("GLM", "zai"),
    ("llama.cpp", "llamacpp"),
    ("vllm-anthropic", "vllm-anthropic"),
    ("nobody", None),
    ("", None),
]


@pytest.mark.parametrize(("name", "row"), NAMES)
def test_a_provider_is_found_by_name_and_alias_in_any_case(name: str, row: str | None) -> None:
    found = find(name)
    assert (found.name if found else None) == row


def test_every_alias_leads_to_a_row() -> None:
    assert set(ALIASES.values()) <= set(BACKENDS)
    assert not set(ALIASES) & set(BACKENDS)


SETTINGS = [
    ("groq", ("GROQ_API_KEY",), ("GROQ_API_BASE", "GROQ_BASE_URL")),
    ("openai", ("OPENAI_API_KEY",), ("OPENAI_BASE_URL", "OPENAI_API_BASE", "OPENAI_API_BASE_URL")),
    ("kimi-coding", ("KIMI_API_KEY",), ("KIMI_CODING_API_BASE", "KIMI_CODING_BASE_URL")),
    ("huggingface", ("HF_TOKEN", "HUGGINGFACE_API_KEY"), ("HUGGINGFACE_API_BASE", "HUGGINGFACE_BASE_URL")),
    # ANTHROPIC_BASE_URL is the client's own, and points at our door
    ("anthropic", ("ANTHROPIC_API_KEY",), ("ANTHROPIC_API_BASE",)),
]


@pytest.mark.parametrize(("name", "keys", "bases"), SETTINGS)
def test_settings_bear_the_providers_name_unless_the_row_says_otherwise(
    name: str, keys: tuple[str, ...], bases: tuple[str, ...]
) -> None:
    assert (BACKENDS[name].key_names, BACKENDS[name].base_names) == (keys, bases)


MODELS = [
    ("openai", "gpt-4.1", "system", ReasoningStyle.NONE),
    ("openai", "gpt-5-mini", "developer", ReasoningStyle.EFFORT),
    ("openai", "gpt-5.5", "developer", ReasoningStyle.EFFORT),
    ("openai", "gpt-5-chat-latest", "system", ReasoningStyle.NONE),
    ("openai", "o4-mini", "developer", ReasoningStyle.EFFORT),
    ("openai", "gpt-7", "developer", ReasoningStyle.EFFORT),
    ("groq", "openai/gpt-oss-120b", "system", ReasoningStyle.EFFORT),
    ("groq", "llama-4", "system", ReasoningStyle.NONE),
]


@pytest.mark.parametrize(("provider", "model", "role", "style"), MODELS)
def test_a_models_name_changes_its_providers_profile(
    provider: str, model: str, role: str, style: ReasoningStyle
) -> None:
    profile = BACKENDS[provider].profile_of(model)
    assert (profile.system_role, profile.reasoning) == (role, style)


AZURE = "https://mine.openai.azure.com/openai/v1"
SPOKEN = [
    *(("openai", model, None, RESPONSES) for model in ("gpt-5.5", "gpt-5.3-codex", "gpt-7-sol", "o3", "codex-mini")),
    *(("openai", model, None, CHAT) for model in ("gpt-4.1", "gpt-5-chat-latest", "gpt-5-search-api", "gpt-35-turbo")),
    ("openai", "gpt-5.5", "https://eu.api.openai.com/v1", RESPONSES),
    ("openai", "gpt-5.5", "http://127.0.0.1:4000/v1", CHAT),
    ("openai", "gpt-5.5", "https://api.openai.com.evil.example/v1", CHAT),
    ("azure", "gpt-5.5", AZURE, RESPONSES),
    ("azure", "o4-mini", "https://mine.services.ai.azure.com/openai/v1", RESPONSES),
    ("azure", "my-deployment", AZURE, CHAT),
    ("azure", "gpt-5.5", "https://gateway.example/openai/v1", CHAT),
    *((f"{name}-responses", "gpt-4.1", "http://127.0.0.1/v1", RESPONSES) for name in ("openai", "azure")),
    *((f"{name}-chat", "gpt-5.5", None, CHAT) for name in ("openai", "azure")),
]


@pytest.mark.parametrize(("provider", "model", "address", "dialect"), SPOKEN)
def test_openais_models_that_reason_speak_responses_where_they_are_at_home(
    provider: str, model: str, address: str | None, dialect: str
) -> None:
    row = BACKENDS[provider]
    assert row.dialect_of(model, address) == dialect
    searches = dialect == RESPONSES or "search" in model
    assert (row.profile_of(model, address).search is not None) is searches


AMAZON = [
    ("us.anthropic.claude-opus-5-5", "bedrock_claude", {"claude": True, "takes": Takes.BEDROCK, "json_schema": False}),
    ("anthropic.claude-sonnet-4-6", "bedrock_claude", {"claude": True, "json_schema": True}),
    ("arn:aws:bedrock:us-east-1:1:inference-profile/eu.anthropic.claude-opus-5", "bedrock_claude", {"claude": True}),
    ("invoke/arn:aws:bedrock:us-east-1:1:application-inference-profile/a1", "bedrock_claude", {"claude": True}),
    ("converse/us.anthropic.claude-sonnet-4-6", "bedrock_converse", {"claude": True, "cache_points": 4}),
    ("global.amazon.nova-2-lite-v1:0", "bedrock_converse", {"reasoning": ReasoningStyle.NOVA, "cache_points": 4}),
    ("amazon.nova-pro-v1:0", "bedrock_converse", {"reasoning": ReasoningStyle.NONE, "rich_results": True}),
    ("openai.gpt-oss-120b-1:0", "bedrock_converse", {"reasoning": ReasoningStyle.EFFORT, "json_schema": True}),
    ("us.openai.gpt-6-sol", "bedrock_converse", {"reasoning": ReasoningStyle.REASONING, "sampling": False}),
    ("deepseek.v3-v1:0", "bedrock_converse", {"reasoning": ReasoningStyle.EFFORT, "json_schema": False}),
    ("us.deepseek.r1-v1:0", "bedrock_converse", {"reasoning": ReasoningStyle.NONE, "required_choice": None}),
    ("mistral.mistral-large-2407-v1:0", "bedrock_converse", {"call_id_length": 9, "required_choice": "any"}),
    ("us.meta.llama4-scout-17b-instruct-v1:0", "bedrock_converse", {"documents": True, "named_choice": False}),
]


@pytest.mark.parametrize(("model", "dialect", "fields"), AMAZON, ids=[model for model, _, _ in AMAZON])
def test_a_model_of_bedrock_is_asked_by_what_its_id_says(model: str, dialect: str, fields: dict[str, object]) -> None:
    row = BACKENDS["bedrock"]
    assert row.dialect_of(model) == dialect
    assert {name: getattr(row.profile_of(model), name) for name in fields} == fields


def test_a_row_that_chooses_by_hand_is_the_same_vendor_with_its_address_and_key() -> None:
    for name in ("openai", "azure"):
        row = BACKENDS[name]
        for other in (BACKENDS[f"{name}-responses"], BACKENDS[f"{name}-chat"]):
            same = (row.base_url, row.key_names, row.base_names, row.auth, row.place)
            assert (other.base_url, other.key_names, other.base_names, other.auth, other.place) == same
            assert other.like == name


# who is asked where, and by which settings' key; what docs and clients call them
FACTS = [
    ("anthropic", "api.anthropic.com", "ANTHROPIC_API_KEY"),
    ("openai", "api.openai.com", "OPENAI_API_KEY"),
    ("azure-claude", "{ANTHROPIC_FOUNDRY_RESOURCE}.services.ai.azure.com", "ANTHROPIC_FOUNDRY_API_KEY"),
    ("azure-foundry", "{AZURE_AI_RESOURCE}.services.ai.azure.com", "AZURE_AI_API_KEY"),
    ("gemini", "generativelanguage.googleapis.com", "GEMINI_API_KEY"),
    ("vertex", "{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com", "VERTEX_ACCESS_TOKEN"),
    ("vertex-claude", "{CLOUD_ML_REGION}-aiplatform.googleapis.com", "ANTHROPIC_VERTEX_AUTH_TOKEN"),
    ("gcp-claude", "claude.googleapis.com", "ANTHROPIC_GOOGLE_CLOUD_AUTH_TOKEN"),
    ("bedrock-mantle", "bedrock-mantle.{AWS_REGION}.api.aws", "AWS_BEARER_TOKEN_BEDROCK"),
    ("claude-on-aws", "aws-external-anthropic.{AWS_REGION}.api.aws", "ANTHROPIC_AWS_API_KEY"),
    ("openrouter", "openrouter.ai", "OPENROUTER_API_KEY"),
    ("deepseek", "api.deepseek.com", "DEEPSEEK_API_KEY"),
    ("zai", "api.z.ai", "ZAI_API_KEY"),
    ("zai-coding", "api.z.ai", "ZAI_API_KEY"),
    ("bigmodel", "open.bigmodel.cn", "BIGMODEL_API_KEY"),
    ("moonshot", "api.moonshot.ai", "MOONSHOT_API_KEY"),
    ("moonshot-cn", "api.moonshot.cn", "MOONSHOT_CN_API_KEY"),
    ("kimi-coding", "api.kimi.com", "KIMI_API_KEY"),
    ("dashscope", "dashscope-intl.aliyuncs.com", "DASHSCOPE_API_KEY"),
    ("dashscope-cn", "dashscope.aliyuncs.com", "DASHSCOPE_CN_API_KEY"),
    (
        "dashscope-workspace",
        "{DASHSCOPE_WORKSPACE_ID}.{DASHSCOPE_REGION}.maas.aliyuncs.com",
        "DASHSCOPE_API_KEY",
    ),
    ("minimax", "api.minimax.io", "MINIMAX_API_KEY"),
    ("minimax-cn", "api.minimaxi.com", "MINIMAX_CN_API_KEY"),
    ("xai", "api.x.ai", "XAI_API_KEY"),
    ("mistral", "api.mistral.ai", "MISTRAL_API_KEY"),
    ("codestral", "codestral.mistral.ai", "CODESTRAL_API_KEY"),
    ("groq", "api.groq.com", "GROQ_API_KEY"),
    ("cerebras", "api.cerebras.ai", "CEREBRAS_API_KEY"),
    ("fireworks", "api.fireworks.ai", "FIREWORKS_API_KEY"),
    ("together", "api.together.xyz", "TOGETHER_API_KEY"),
    ("deepinfra", "api.deepinfra.com", "DEEPINFRA_API_KEY"),
    ("sambanova", "api.sambanova.ai", "SAMBANOVA_API_KEY"),
    ("nvidia", "integrate.api.nvidia.com", "NVIDIA_API_KEY"),
    ("huggingface", "router.huggingface.co", "HF_TOKEN"),
    ("perplexity", "api.perplexity.ai", "PERPLEXITY_API_KEY"),
    ("cohere", "api.cohere.ai", "COHERE_API_KEY"),
    ("meta", "api.meta.ai", "META_API_KEY"),
    ("github-copilot", "api.githubcopilot.com", "GITHUB_COPILOT_API_KEY"),
    ("vercel", "ai-gateway.vercel.sh", "AI_GATEWAY_API_KEY"),
    ("cloudflare", "api.cloudflare.com", "CLOUDFLARE_API_KEY"),
    ("cloudflare-gateway", "gateway.ai.cloudflare.com", "CF_AIG_TOKEN"),
    ("ollama", "localhost", "OLLAMA_API_KEY"),
    ("ollama-cloud", "ollama.com", "OLLAMA_API_KEY"),
    ("vllm", "localhost", "VLLM_API_KEY"),
    ("sglang", "localhost", "SGLANG_API_KEY"),
    ("lmstudio", "localhost", "LMSTUDIO_API_KEY"),
    ("litellm-proxy", "localhost", "LITELLM_API_KEY"),
    ("llmgateway", "api.llmgateway.io", "LLMGATEWAY_API_KEY"),
    ("opencode", "opencode.ai", "OPENCODE_API_KEY"),
    ("opencode-go", "opencode.ai", "OPENCODE_GO_API_KEY"),
    ("volcengine", "ark.cn-beijing.volces.com", "VOLCENGINE_API_KEY"),
    ("tencent", "tokenhub-intl.tencentcloudmaas.com", "TENCENT_API_KEY"),
    ("xiaomi", "api.xiaomimimo.com", "XIAOMI_API_KEY"),
    ("baseten", "inference.baseten.co", "BASETEN_API_KEY"),
    ("novita", "api.novita.ai", "NOVITA_API_KEY"),
    ("nebius", "api.tokenfactory.nebius.com", "NEBIUS_API_KEY"),
    ("hyperbolic", "api.hyperbolic.xyz", "HYPERBOLIC_API_KEY"),
    ("scaleway", "api.scaleway.ai", "SCW_SECRET_KEY"),
    ("chutes", "llm.chutes.ai", "CHUTES_API_KEY"),
    ("venice", "api.venice.ai", "VENICE_AI_API_KEY"),
    ("poe", "api.poe.com", "POE_API_KEY"),
    ("nanogpt", "nano-gpt.com", "NANOGPT_API_KEY"),
]


@pytest.mark.parametrize(("name", "host", "key"), FACTS, ids=[name for name, _, _ in FACTS])
def test_every_provider_of_the_facts_is_there(name: str, host: str, key: str) -> None:
    row = BACKENDS[name]
    assert re.match(r"https?://([^/:]+)", row.base_url or "")[1].lower() == host.lower()  # type: ignore[index]  # is one
    assert key in row.key_names


NATIVES = [
    "anthropic", "azure-claude", "bedrock-mantle", "claude-on-aws", "gcp-claude", "openrouter-anthropic",
    "deepseek-anthropic", "zai-anthropic", "bigmodel-anthropic", "moonshot-anthropic", "moonshot-cn-anthropic",
    "kimi-coding", "dashscope-anthropic", "dashscope-cn-anthropic", "dashscope-workspace-anthropic",
    "minimax-anthropic", "minimax-cn-anthropic", "fireworks-anthropic", "meta-anthropic", "vercel-anthropic",
    "cloudflare-gateway-anthropic", "github-copilot-anthropic", "llmgateway-anthropic", "opencode-anthropic",
    "tencent-anthropic", "xiaomi-anthropic", "ollama-anthropic", "ollama-cloud-anthropic", "vllm-anthropic",
    "sglang-anthropic", "llamacpp-anthropic", "lmstudio-anthropic", "litellm-proxy-anthropic",
]  # fmt: skip


def test_every_native_address_of_the_facts_is_there() -> None:
    speaking = {row.name for row in BACKENDS.values() if row.dialect == "anthropic"}
    assert set(NATIVES) <= speaking


def vendor(row: Backend) -> str:
    """Who gets the key of a row: the last two parts of its host's name, or the owner of several of these."""
    host = urlsplit(re.sub(r"\{\w+\}", "x", row.base_url or "http://localhost")).hostname or ""
    return OWNERS.get(".".join(host.split(".")[-2:]), ".".join(host.split(".")[-2:]))


OWNERS = {"api.aws": "amazon", "amazonaws.com": "amazon"}


def test_no_key_goes_to_two_vendors() -> None:
    vendors: dict[str, set[str]] = {}
    for row in BACKENDS.values():
        for key in row.key_names:
            if not row.by_process:
                vendors.setdefault(key, set()).add(vendor(row))
    assert {key: sorted(known) for key, known in vendors.items() if len(known - {"localhost"}) > 1} == {}


def test_what_is_filled_into_a_header_is_a_place_of_its_row() -> None:
    for row in BACKENDS.values():
        named = {place for _, value in row.headers for place in re.findall(r"\{(\w+)\}", value)}
        assert named <= set(row.place)
        assert all(header == header.lower() for header, _ in row.headers)


def test_those_that_most_people_mean_are_rows() -> None:
    assert set(POPULAR) <= set(BACKENDS)


def litellms() -> dict[str, Any]:
    """Return the list of compatible hosts that litellm ships."""
    [place] = importlib.util.find_spec("litellm").submodule_search_locations  # type: ignore[union-attr, misc]
    listed: dict[str, Any] = json.loads((Path(place) / "llms" / "openai_like" / "providers.json").read_text("utf-8"))
    return listed


def test_the_compatible_hosts_that_litellm_knows_are_known_here_by_the_same_address() -> None:
    ours = {row.base_url: row for row in BACKENDS.values() if row.dialect == "openai_chat"}
    listed = {name: (there["base_url"].rstrip("/"), there["api_key_env"]) for name, there in litellms().items()}
    missing = {name: at for name, (at, key) in listed.items() if at not in ours or key not in ours[at].key_names}
    assert missing == {}
    assert {name for name in listed if find(name) is None} == set()


SPOKEN = [
    ("vertex", "claude-opus-5-5", "vertex_claude", Takes.VERTEX),
    ("vertex-claude", "claude-opus-5-5", "vertex_claude", Takes.VERTEX),
    ("github-copilot", "claude-sonnet-4.6", "anthropic", Takes.GATEWAY),
    ("azure-claude", "claude-opus-5-5", "anthropic", Takes.FOUNDRY),
    ("bedrock", "us.anthropic.claude-opus-5", "bedrock_claude", Takes.BEDROCK),
    ("bedrock-mantle", "anthropic.claude-opus-5", "anthropic", Takes.MANTLE),
    ("claude-on-aws", "claude-opus-5-5", "anthropic", Takes.ALL),
    ("gcp-claude", "claude-opus-5-5", "anthropic", Takes.ALL),
]


@pytest.mark.parametrize(("provider", "model", "dialect", "takes"), SPOKEN)
def test_claude_is_asked_everywhere_in_its_own_format(provider: str, model: str, dialect: str, takes: Takes) -> None:
    row = BACKENDS[provider]
    assert (row.dialect_of(model), row.profile_of(model).takes) == (dialect, takes)
