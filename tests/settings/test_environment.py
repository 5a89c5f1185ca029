"""From names and values to settings, or to a sentence that says which is wrong, how, and what is allowed."""

import pytest

from addon.protocol.errors import ConfigError
from addon.settings.assembly import parse
from addon.settings.environment import names

KEY = "sk-config-secret"
OPENAI = {"OPENAI_API_KEY": KEY}

TIERS = [
    ({}, {}, None),
    ({"BIG_MODEL": "gpt-5.5"}, {"opus": "openai/gpt-5.5", "sonnet": "openai/gpt-5.5"}, "openai/gpt-5.5"),
    ({"BIG_MODEL": " openai/gpt-5.5 "}, {"opus": "openai/gpt-5.5", "sonnet": "openai/gpt-5.5"}, "openai/gpt-5.5"),
    ({"MIDDLE_MODEL": "vllm/q"}, {"sonnet": "vllm/q"}, None),
    ({"SMALL_MODEL": "vllm/a/b"}, {"haiku": "vllm/a/b"}, None),
    ({"SMALL_MODEL": "q", "PREFERRED_PROVIDER": "LM_Studio"}, {"haiku": "lmstudio/q"}, None),
    (
        {"BIG_MODEL": "a", "MIDDLE_MODEL": "ollama/b", "SMALL_MODEL": "kimi/c", "MOONSHOT_API_KEY": "k"},
        {"opus": "openai/a", "sonnet": "ollama/b", "haiku": "moonshot/c"},
        "openai/a",
    ),
    ({"BIG_MODEL": "", "MIDDLE_MODEL": "  "}, {}, None),
    ({"BIG_MODEL": "anthropic/x"}, {"opus": "anthropic/x", "sonnet": "anthropic/x"}, "anthropic/x"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "tiers", "other"), TIERS)
def test_each_setting_answers_its_tiers(values: dict[str, str], tiers: dict[str, str], other: str | None) -> None:
    settings = parse({**OPENAI, **values})
    assert {str(tier): choice.name for tier, choice in settings.tiers.items()} == tiers
    assert (settings.other.name if settings.other else None) == other
    assert settings.leaves_anthropic == bool(tiers)


MISTAKES = [
    ({"BIG_MODEL": "opnai/x"}, ("BIG_MODEL is 'opnai/x'", "no provider 'opnai'", "Did you mean openai")),
    ({"SMALL_MODEL": "zzzzz/x"}, ("SMALL_MODEL is 'zzzzz/x'", "Known: anthropic, ")),
    ({"BIG_MODEL": "openai/"}, ("BIG_MODEL is 'openai/'", "the model is missing")),
    ({"BIG_MODEL": "groq/x"}, ("BIG_MODEL is 'groq/x'", "no key for groq", "GROQ_API_KEY")),
    ({"BIG_MODEL": "huggingface/x"}, ("HF_TOKEN or HUGGINGFACE_API_KEY",)),
    ({"BIG_MODEL": "azure/x", "AZURE_API_KEY": "k"}, ("azure has no address", "AZURE_API_BASE")),
    ({"BIG_MODEL": "x", "PREFERRED_PROVIDER": "gogle"}, ("PREFERRED_PROVIDER is 'gogle'", "google")),
    ({"OPENAI_BASE_URL": "localhost:8000/v1"}, ("OPENAI_BASE_URL is 'localhost:8000/v1'", "https://host/v1")),
    ({"OPENAI_BASE_URL": "ftp://host"}, ("OPENAI_BASE_URL is 'ftp://host'",)),
    ({"OPENAI_BASE_URL": "https://"}, ("OPENAI_BASE_URL is 'https://'",)),
    ({"OPENAI_BASE_URL": "http://host:port"}, ("OPENAI_BASE_URL is 'http://host:port'",)),
    ({"OPENAI_BASE_URL": "http://host:0"}, ("OPENAI_BASE_URL is 'http://host:0'",)),
    ({"OPENAI_BASE_URL": "http://[::1"}, ("OPENAI_BASE_URL is 'http://[::1'",)),
    ({"VLLM_API_BASE": f"http://me:{KEY}@host"}, ("VLLM_API_BASE holds a credential in the address",)),
    ({"VLLM_API_BASE": f"http://host/v1?key={KEY}"}, ("VLLM_API_BASE is 'http://host/v1'", "after ? or #")),
    ({"VLLM_API_BASE": "http://host/v1#x"}, ("VLLM_API_BASE is 'http://host/v1#x'",)),
    ({"OPENAI_API_KEY": f"{KEY}\u00e9"}, ("OPENAI_API_KEY holds characters", "not shown")),
    ({"OPENAI_API_KEY": f"{KEY}\nx"}, ("OPENAI_API_KEY holds characters",)),
    ({"OPENAI_API_KEY": f"{KEY} x"}, ("OPENAI_API_KEY holds characters",)),
]


@pytest.mark.parametrize(("values", "words"), MISTAKES)
def test_a_mistake_is_told_by_name_value_and_way_out_and_never_with_a_key(
    values: dict[str, str], words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(values)
    assert [word for word in words if word not in caught.value.message] == []
    assert KEY not in caught.value.message


ENDPOINTS = [
    ("openai", {}, "https://api.openai.com/v1", None, "OPENAI_API_KEY"),
    ("openai", {"OPENAI_API_BASE": "http://a/v1/"}, "http://a/v1", None, "OPENAI_API_KEY"),
    ("openai", {"OPENAI_API_BASE": "http://a", "OPENAI_BASE_URL": "http://b"}, "http://b", None, "OPENAI_API_KEY"),
    ("gemini", {"GOOGLE_API_KEY": " k "}, None, "Bearer k", "GOOGLE_API_KEY"),
    ("gemini", {"GOOGLE_API_KEY": "a", "GEMINI_API_KEY": "b"}, None, "Bearer b", "GEMINI_API_KEY"),
    ("azure", {"AZURE_API_KEY": "k"}, None, "k", "AZURE_API_KEY"),
    ("vllm", {"VLLM_API_KEY": " "}, "http://localhost:8000/v1", None, "VLLM_API_KEY"),
    ("ollama", {"OLLAMA_API_BASE": "http://[::1]:11434/v1"}, "http://[::1]:11434/v1", None, "OLLAMA_API_KEY"),
]


@pytest.mark.parametrize(("name", "values", "base_url", "value", "variable"), ENDPOINTS)
def test_an_endpoint_takes_the_first_setting_that_is_set(
    name: str, values: dict[str, str], base_url: str | None, value: str | None, variable: str
) -> None:
    endpoint = parse(values).endpoints[name]
    assert endpoint.base_url == base_url or base_url is None
    assert (endpoint.credential.value, endpoint.credential.variable) == (value, variable)


def test_no_key_shows_in_the_settings() -> None:
    assert KEY not in repr(parse(OPENAI))


def test_every_setting_has_one_name_that_is_read() -> None:
    listed = names()
    assert len(set(listed)) == len(listed)
    wanted = {"BIG_MODEL", "MIDDLE_MODEL", "SMALL_MODEL", "PREFERRED_PROVIDER", "DETOUR_HOME", "OPENAI_API_BASE"}
    assert wanted <= set(listed)
    assert "ANTHROPIC_BASE_URL" not in listed


def test_the_home_is_kept() -> None:
    assert parse({"DETOUR_HOME": "/somewhere"}).home == "/somewhere"
