"""The provider table, as users name its rows and as other modules rely on it."""

from urllib.parse import urlsplit

import pytest

from addon import dialects
from addon.dialects.profiles import ReasoningStyle
from addon.routing.backend import Backend
from addon.routing.backends import ALIASES, BACKENDS, find


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
