"""From names and values to settings, or to a sentence that says which is wrong, how, and what is allowed."""

from dataclasses import replace

import pytest

from addon.protocol.errors import ConfigError
from addon.routing.backend import BEARER, CLOUD_PLATFORM, Backend, Mint, Minting
from addon.routing.backends import BACKENDS
from addon.routing.config import Logging
from addon.settings.assembly import parse
from addon.settings.environment import endpoint, names

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
        {"BIG_MODEL": "gpt-5", "MIDDLE_MODEL": "ollama/b", "SMALL_MODEL": "kimi/c", "MOONSHOT_API_KEY": "k"},
        {"opus": "openai/gpt-5", "sonnet": "ollama/b", "haiku": "moonshot/c"},
        "openai/gpt-5",
    ),
    ({"BIG_MODEL": "", "MIDDLE_MODEL": "  "}, {}, None),
    ({"BIG_MODEL": "anthropic/x"}, {"opus": "anthropic/x", "sonnet": "anthropic/x"}, "anthropic/x"),
    # what PREFERRED_PROVIDER stands for, where nobody names a model
    (
        {"PREFERRED_PROVIDER": "openai"},
        {"opus": "openai/gpt-6.1-sol", "sonnet": "openai/gpt-6.1-sol", "haiku": "openai/gpt-6-luna"},
        "openai/gpt-6.1-sol",
    ),
    (
        {"PREFERRED_PROVIDER": "google", "GOOGLE_API_KEY": "k"},
        {
            "opus": "gemini/gemini-3.1-pro-preview",
            "sonnet": "gemini/gemini-3.1-pro-preview",
            "haiku": "gemini/gemini-3.8-flash",
        },
        "gemini/gemini-3.1-pro-preview",
    ),
    ({"PREFERRED_PROVIDER": "openai", "SMALL_MODEL": "x"}, {"haiku": "openai/x"}, None),
    ({"PREFERRED_PROVIDER": "vllm"}, {}, None),
    # anthropic: everything passes, but for what is named in full
    ({"PREFERRED_PROVIDER": "anthropic"}, {}, None),
    ({"PREFERRED_PROVIDER": "anthropic", "BIG_MODEL": "gpt-5.5", "SMALL_MODEL": "vllm/q"}, {"haiku": "vllm/q"}, None),
    # in four
    ({"BIG_MODEL_NAME": "a"}, {"opus": "openai/a", "sonnet": "openai/a"}, "openai/a"),
    ({"SMALL_MODEL_NAME": "q/b", "SMALL_MODEL_PROVIDER": "LM_STUDIO"}, {"haiku": "lmstudio/q/b"}, None),
    # one that only litellm has, with a key that goes along
    ({"SMALL_MODEL_NAME": "m/x", "SMALL_MODEL_PROVIDER": "WatsonX"}, {"haiku": "litellm/watsonx/m/x"}, None),
    (
        {"SMALL_MODEL_NAME": "x", "SMALL_MODEL_PROVIDER": "watsonx", "SMALL_MODEL_API_KEY": "k"},
        {"haiku": "litellm-small/watsonx/x"},
        None,
    ),
    ({"MIDDLE_MODEL_NAME": "a", "MIDDLE_MODEL_API_KEY": "k"}, {"sonnet": "openai-middle/a"}, None),
    (
        {"BIG_MODEL_NAME": "a", "BIG_MODEL_API_KEY": "k", "SMALL_MODEL": "vllm/b"},
        {"opus": "openai-big/a", "sonnet": "openai-big/a", "haiku": "vllm/b"},
        "openai-big/a",
    ),
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
    ({"BIG_MODEL": "azure/x", "AZURE_API_KEY": "k"}, ("azure has no address", "AZURE_RESOURCE_NAME")),
    ({"BIG_MODEL": "x", "PREFERRED_PROVIDER": "gogle"}, ("PREFERRED_PROVIDER is 'gogle'", "google")),
    ({"OPENAI_BASE_URL": "localhost:8000/v1"}, ("OPENAI_BASE_URL is 'localhost:8000/v1'", "https://host/v1")),
    ({"OPENAI_BASE_URL": "ftp://host"}, ("OPENAI_BASE_URL is 'ftp://host'",)),
    ({"OPENAI_BASE_URL": "https://"}, ("OPENAI_BASE_URL is 'https://'",)),
    ({"OPENAI_BASE_URL": "http://host:port"}, ("OPENAI_BASE_URL is 'http://host:port'",)),
    ({"OPENAI_BASE_URL": "http://host:0"}, ("OPENAI_BASE_URL is 'http://host:0'",)),
    ({"OPENAI_BASE_URL": "http://[::1"}, ("OPENAI_BASE_URL is 'http://[::1'",)),
    ({"OPENAI_BASE_URL": "http://a..b/v1"}, ("OPENAI_BASE_URL is 'http://a..b/v1'",)),
    ({"OPENAI_BASE_URL": f"http://{'x' * 64}.example"}, ("OPENAI_BASE_URL is 'http://xxx",)),
    ({"VLLM_API_BASE": f"http://me:{KEY}@host"}, ("VLLM_API_BASE holds a credential in the address",)),
    ({"VLLM_API_BASE": f"http://host/v1?key={KEY}"}, ("VLLM_API_BASE is 'http://host/v1'", "after ? or #")),
    ({"VLLM_API_BASE": "http://host/v1#x"}, ("VLLM_API_BASE is 'http://host/v1#x'",)),
    ({"OPENAI_API_KEY": f"{KEY}\u00e9"}, ("OPENAI_API_KEY holds characters", "not shown")),
    ({"OPENAI_API_KEY": f"{KEY}\nx"}, ("OPENAI_API_KEY holds characters",)),
    ({"OPENAI_API_KEY": f"{KEY} x"}, ("OPENAI_API_KEY holds characters",)),
    ({"OPENAI_BASE_URL": "http://ho st/v1"}, ("OPENAI_BASE_URL is 'http://ho st/v1'",)),
    ({"OPENAI_BASE_URL": "http://host/\u00fc"}, ("OPENAI_BASE_URL is ",)),
    ({"OPENAI_BASE_URL": KEY}, ("OPENAI_BASE_URL is '...'", "https://host/v1")),  # a key in the wrong place
    ({"BIG_MODEL": "a", "BIG_MODEL_PROVIDER": "openai"}, ("BIG_MODEL and BIG_MODEL_PROVIDER both name a model",)),
    ({"BIG_MODEL_API_KEY": KEY}, ("BIG_MODEL_API_KEY is set, but BIG_MODEL_NAME is not",)),
    ({"BIG_MODEL_NAME": "a", "BIG_MODEL_PROVIDER": "opnai"}, ("BIG_MODEL_PROVIDER is 'opnai'", "openai")),
    ({"BIG_MODEL_NAME": "a"}, ("BIG_MODEL_NAME is 'openai/a'", "no key for openai: set OPENAI_API_KEY")),
    (
        {"BIG_MODEL_NAME": "a", "BIG_MODEL_API_BASE": "http://box/v1", **OPENAI},
        ("BIG_MODEL_NAME is 'openai-big/a'", "no key for openai-big: set BIG_MODEL_API_KEY"),
    ),
    ({"PREFERRED_PROVIDER": "openai"}, ("PREFERRED_PROVIDER is 'openai/gpt-6.1-sol'", "set OPENAI_API_KEY")),
    ({"BIG_MODEL": "openai/*", **OPENAI}, ("BIG_MODEL is 'openai/*'", "a star stands for")),
    ({"CONSOLE_LOG_LEVEL": "loud"}, ("CONSOLE_LOG_LEVEL is 'loud'; there are debug, info, warning, ")),
    ({"FILE_LOG_LEVEL": "loud"}, ("FILE_LOG_LEVEL is 'loud'",)),
    ({"LOG_REQUEST_BODY": "perhaps"}, ("LOG_REQUEST_BODY is 'perhaps'; write true or false",)),
    ({"LOG_RESPONSE_BODY": "2"}, ("LOG_RESPONSE_BODY is '2'",)),
    ({"BIG_MODEL": "bedrock/x"}, ("bedrock has no address: set AWS_REGION",)),
    ({"BIG_MODEL": "vertex/x"}, ("vertex has no address: set GOOGLE_CLOUD_PROJECT",)),
    ({"VERTEX_PROJECT_ID": "my project"}, ("VERTEX_PROJECT_ID and GOOGLE_CLOUD_LOCATION is ",)),
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
    ("gemini", {"GOOGLE_API_KEY": " k "}, None, "k", "GOOGLE_API_KEY"),
    ("gemini-chat", {"GOOGLE_API_KEY": "k"}, None, "Bearer k", "GOOGLE_API_KEY"),
    ("gemini", {"GOOGLE_API_KEY": "a", "GEMINI_API_KEY": "b"}, None, "a", "GOOGLE_API_KEY"),
    ("azure", {"AZURE_API_KEY": "k"}, None, "k", "AZURE_API_KEY"),
    ("azure", {"AZURE_AD_TOKEN": "t"}, None, "Bearer t", "AZURE_AD_TOKEN"),
    ("azure", {"AZURE_RESOURCE_NAME": "mine"}, "https://mine.openai.azure.com/openai/v1", None, "AZURE_API_KEY"),
    # an address without a path gets that of the API
    ("azure", {"AZURE_API_BASE": "https://a.azure.com/"}, "https://a.azure.com/openai/v1", None, "AZURE_API_KEY"),
    ("azure-chat", {"AZURE_API_BASE": "https://a/x"}, "https://a/x", None, "AZURE_API_KEY"),
    ("vllm", {"VLLM_API_KEY": " "}, "http://localhost:8000/v1", None, "VLLM_API_KEY"),
    ("openai", {"OPENAI_API_BASE_URL": "http://a"}, "http://a", None, "OPENAI_API_KEY"),
    ("xai", {"XAI_API_KEY": "k", "XAI_API_BASE": "http://a"}, "http://a", "Bearer k", "XAI_API_KEY"),
    ("gemini", {"GOOGLE_API_BASE": "http://a", "GEMINI_API_KEY": "k"}, "http://a", "k", "GEMINI_API_KEY"),
    (  # an address of the compatible format keeps its header
        "gemini",
        {"GEMINI_API_BASE": "http://a/v1beta/openai/", "GEMINI_API_KEY": "k"},
        "http://a/v1beta/openai",
        "Bearer k",
        "GEMINI_API_KEY",
    ),
    ("anthropic", {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_API_BASE": "http://a"}, "http://a", "k", "ANTHROPIC_API_KEY"),
    (
        "vertex",
        {"VERTEX_PROJECT_ID": "p", "VERTEX_ACCESS_TOKEN": "k"},
        "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
        "Bearer k",
        "VERTEX_ACCESS_TOKEN",
    ),
    (
        "vertex",
        {"VERTEX_PROJECT_ID": "p", "GOOGLE_CLOUD_PROJECT": "q", "VERTEX_LOCATION": "us-central1"},
        "https://us-central1-aiplatform.googleapis.com/v1/projects/q/locations/us-central1",
        None,
        "(gcloud auth application-default print-access-token)",
    ),
    (
        "vertex",
        {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "eu"},
        "https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu",
        None,
        "(gcloud auth application-default print-access-token)",
    ),
    (  # express mode: the key says the project
        "vertex",
        {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_VERTEX_API_KEY": "k"},
        "https://aiplatform.googleapis.com/v1",
        "k",
        "GOOGLE_VERTEX_API_KEY",
    ),
    (
        "bedrock",
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "us-gov-west-1", "AWS_BEARER_TOKEN_BEDROCK": "k"},
        "https://bedrock-runtime.us-gov-west-1.amazonaws.com",
        "Bearer k",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    (
        "bedrock",
        {"AWS_DEFAULT_REGION": "cn-north-1", "AWS_BEARER_TOKEN_BEDROCK": "k"},
        "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
        "Bearer k",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    (
        "bedrock",
        {"AWS_REGION": "eusc-de-east-1", "AWS_BEARER_TOKEN_BEDROCK": "k"},
        "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu",
        "Bearer k",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
    (
        "bedrock",
        {
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "https://vpce.example",
            "AWS_BEARER_TOKEN_BEDROCK": "k",
        },
        "https://vpce.example",
        "Bearer k",
        "AWS_BEARER_TOKEN_BEDROCK",
    ),
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


FOUR = {"BIG_MODEL_NAME": "a"}
OWN_ENDPOINTS = [
    # a key of its own goes to the provider's address, whoever gave that; an address of its own gets its own key only
    ({"BIG_MODEL_API_KEY": "k"}, "https://api.openai.com/v1", "Bearer k", "BIG_MODEL_API_KEY"),
    ({"BIG_MODEL_API_KEY": "k", "OPENAI_API_BASE": "http://g/v1"}, "http://g/v1", "Bearer k", "BIG_MODEL_API_KEY"),
    ({"BIG_MODEL_API_KEY": "k", "BIG_MODEL_API_BASE": "http://b"}, "http://b", "Bearer k", "BIG_MODEL_API_KEY"),
]


@pytest.mark.parametrize(("values", "base_url", "value", "variable"), OWN_ENDPOINTS)
def test_a_model_in_four_may_have_an_endpoint_of_its_own(
    values: dict[str, str], base_url: str, value: str, variable: str
) -> None:
    settings = parse({**OPENAI, **FOUR, **values})
    endpoint = settings.endpoints["openai-big"]
    assert (endpoint.base_url, endpoint.credential.value, endpoint.credential.variable) == (base_url, value, variable)
    assert endpoint.backend.like == "openai"
    assert settings.endpoints["openai"].credential.key == KEY


COMMANDED = replace(BACKENDS["openai"], key_command="keys print openai")


def test_a_key_is_made_where_none_is_set() -> None:
    made = endpoint(COMMANDED, {}).credential
    assert (made.key, made.mask) == (None, "Bearer $(keys print openai)")
    assert made.minting == Minting(Mint.COMMAND, command="keys print openai", lifetime_s=1800.0)
    assert made.is_sent


@pytest.mark.parametrize("values", [{"OPENAI_API_KEY": "k"}, {"OPENAI_API_BASE": "http://a"}])
def test_no_key_is_made_without_need_nor_for_another_address(values: dict[str, str]) -> None:
    made = endpoint(COMMANDED, values).credential
    assert (made.key, made.minting) == (values.get("OPENAI_API_KEY"), None)


def test_a_mint_goes_before_a_command_which_is_for_where_it_is_not_installed() -> None:
    made = endpoint(BACKENDS["vertex"], {"VERTEX_PROJECT_ID": "p"})
    assert made.credential.minting == Minting(Mint.GOOGLE, CLOUD_PLATFORM, command=BACKENDS["vertex"].key_command)
    assert (made.credential.header, made.credential.prefix) == BEARER
    assert made.lack is None


GOOGLE, AWS = Minting(Mint.GOOGLE, CLOUD_PLATFORM), Minting(Mint.AWS, "bedrock")
ROW = Backend("cloud", "https://x.googleapis.com", auth=("x-key", ""), keys=("CLOUD_KEY",), bases=("CLOUD_BASE",))
MADE = [
    (GOOGLE, {}, True),
    (GOOGLE, {"CLOUD_BASE": "https://eu.googleapis.com/v1"}, True),
    (GOOGLE, {"CLOUD_BASE": "http://x.googleapis.com"}, False),  # in the clear
    (GOOGLE, {"CLOUD_BASE": "https://x.googleapis.com.example"}, False),
    (GOOGLE, {"CLOUD_BASE": "https://evilgoogleapis.com"}, False),
    (GOOGLE, {"CLOUD_BASE": "http://127.0.0.1:1"}, False),
    (GOOGLE, {"CLOUD_KEY": "k"}, False),
    (AWS, {}, False),  # the row's own address is none of Amazon's
    (AWS, {"CLOUD_BASE": "https://bedrock-runtime.us-east-1.amazonaws.com"}, True),
    (AWS, {"CLOUD_BASE": "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"}, True),
    (AWS, {"CLOUD_BASE": "https://bedrock-mantle.us-east-1.api.aws/v1"}, True),
    (AWS, {"CLOUD_BASE": "https://amazonaws.com.example"}, False),
]


@pytest.mark.parametrize(("minting", "values", "is_made"), MADE)
def test_what_is_made_goes_to_the_mints_own_hosts_alone(
    minting: Minting, values: dict[str, str], is_made: bool
) -> None:
    made = endpoint(replace(ROW, minting=minting), values).credential
    assert (made.minting is not None) is is_made
    header = {GOOGLE: ("authorization", "Bearer "), AWS: ("authorization", "AWS4-HMAC-SHA256 ")}[minting]
    assert (made.header, made.prefix) == (header if is_made else ("x-key", ""))


def test_a_mints_own_settings_are_read_from_wherever_settings_are() -> None:
    values = {"AWS_PROFILE": "dev", "AWS_SECRET_ACCESS_KEY": KEY, "CLOUD_BASE": "https://x.us-east-1.amazonaws.com"}
    made = endpoint(replace(ROW, minting=AWS), values).credential
    assert made.minting is not None
    assert dict(made.minting.settings) == {"AWS_PROFILE": "dev", "AWS_SECRET_ACCESS_KEY": KEY}
    assert made.mask == "AWS4-HMAC-SHA256 $(aws configure export-credentials --profile dev)"
    assert KEY not in repr(made)


def test_bare_models_have_no_effect_where_anthropic_is_preferred() -> None:
    (told,) = parse({"PREFERRED_PROVIDER": "anthropic", "BIG_MODEL": "gpt-5.5", "SMALL_MODEL": "vllm/q"}).warnings
    assert told.startswith("BIG_MODEL is 'gpt-5.5' and has no effect: PREFERRED_PROVIDER is anthropic")


def test_a_provider_without_a_family_of_its_own_answers_nothing_alone() -> None:
    (told,) = parse({"PREFERRED_PROVIDER": "vllm"}).warnings
    assert told == "PREFERRED_PROVIDER is 'vllm' and alone answers nothing: name a model with BIG_MODEL"


LOGGINGS = [
    ({}, Logging()),
    ({"CONSOLE_LOG_LEVEL": "WARNING", "FILE_LOG_LEVEL": "critical"}, Logging("warn", "error")),
    ({"LOG_REQUEST_BODY": "True", "LOG_RESPONSE_BODY": "on"}, Logging(None, None, True, True)),
    ({"LOG_REQUEST_BODY": "false", "LOG_RESPONSE_BODY": "0"}, Logging()),
]


@pytest.mark.parametrize(("values", "logging"), LOGGINGS)
def test_the_names_of_logging_are_read(values: dict[str, str], logging: Logging) -> None:
    assert parse(values).logging == logging


def test_the_home_is_kept() -> None:
    assert parse({"DETOUR_HOME": "/somewhere"}).home == "/somewhere"


def test_a_rows_headers_are_filled_as_its_address_is() -> None:
    made = endpoint(BACKENDS["claude-on-aws"], {"ANTHROPIC_AWS_WORKSPACE_ID": "w1"})
    assert made.base_url == "https://aws-external-anthropic.us-east-1.api.aws"
    assert made.headers == (("anthropic-workspace-id", "w1"),)
    assert endpoint(BACKENDS["claude-on-aws"], {}).headers == ()


def test_a_header_that_no_header_can_be_is_refused() -> None:
    with pytest.raises(ConfigError, match="ANTHROPIC_AWS_WORKSPACE_ID holds characters"):
        endpoint(BACKENDS["claude-on-aws"], {"ANTHROPIC_AWS_WORKSPACE_ID": "w\n1"})
