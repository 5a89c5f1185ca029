"""A deployment becomes a target, with a backend where it sets what a plain provider does not have, and facts."""

from typing import Any

import pytest

from addon.protocol.errors import ConfigError
from addon.settings.litellm_deployments import Deployments
from addon.settings.litellm_values import Converted, Path, Values

KEY = "sk-literal-secret"
AT_MODEL = "model_list.0.litellm_params.model: "


def converted(params: dict[str, Any], name: str = "m", **more: Any) -> tuple[str, Converted]:
    """The target of a single deployment, and all that was made of it."""
    made = Converted()
    deployments = Deployments(made, Values.of(more.pop("data", {})))
    deployments.add(("model_list", 0), {"model_name": name, "litellm_params": params, **more})
    ((target, path),) = deployments.groups()[name]
    assert path == ("model_list", 0)
    return target, made


PLAIN = [
    ({"model": "openai/gpt-5.6"}, "openai/gpt-5.6"),
    ({"model": "openai/gpt-5.6", "api_key": "os.environ/OPENAI_API_KEY"}, "openai/gpt-5.6"),
    ({"model": "openai/gpt-5.6", "api_key": None, "api_base": ""}, "openai/gpt-5.6"),
    ({"model": "OpenAI/gpt-5.6"}, "openai/gpt-5.6"),
    ({"model": "openai/gpt-5.6", "api_base": "https://api.openai.com/v1/"}, "openai/gpt-5.6"),
    ({"model": "openai/responses/gpt-5.6"}, "openai-responses/gpt-5.6"),
    ({"model": "azure/responses/mine"}, "azure-responses/mine"),
    ({"model": "openrouter/anthropic/claude-x"}, "openrouter/anthropic/claude-x"),
    ({"model": "anthropic/claude-x"}, "anthropic/claude-x"),
    ({"model": "gpt-5.6"}, "openai/gpt-5.6"),
    ({"model": "o5-mini"}, "openai/o5-mini"),
    ({"model": "claude-opus-5"}, "anthropic/claude-opus-5"),
    ({"model": "gemini-3-pro"}, "vertex/gemini-3-pro"),
    ({"model": "command-r"}, "cohere/command-r"),
    ({"model": "gemini/gemini-3-pro"}, "gemini/gemini-3-pro"),
    ({"model": "vertex_ai/gemini-3-pro"}, "vertex/gemini-3-pro"),
    ({"model": "vertex_ai/claude-opus-5"}, "vertex/claude-opus-5"),
    ({"model": "github_copilot/gpt-5.4"}, "github-copilot/gpt-5.4"),
    ({"model": "ollama_chat/qwen3:4b"}, "ollama/qwen3:4b"),
    ({"model": "hosted_vllm/a/b"}, "vllm/a/b"),
    ({"model": "lm_studio/q"}, "lmstudio/q"),
    ({"model": "together_ai/a/b"}, "together/a/b"),
    ({"model": "fireworks_ai/accounts/x"}, "fireworks/accounts/x"),
    ({"model": "litellm_proxy/x"}, "litellm-proxy/x"),
    ({"model": "azure/o_series/mine"}, "azure/mine"),
    ({"model": "sagemaker/x"}, "litellm/sagemaker/x"),
    ({"model": "x", "custom_llm_provider": "watsonx"}, "litellm/watsonx/x"),
    ({"model": "a/b", "custom_llm_provider": "groq"}, "groq/a/b"),
    ({"model": "groq/b", "custom_llm_provider": "groq"}, "groq/b"),
    ({"model": "a/b", "api_base": "https://api.groq.com/openai/v1"}, "groq/a/b"),
    ({"model": "openai/q", "api_base": "http://localhost:11434/v1"}, "ollama/q"),
]  # fmt: skip


@pytest.mark.parametrize(("params", "target"), PLAIN)
def test_a_deployment_that_sets_nothing_of_its_own_is_a_plain_providers(params: dict[str, Any], target: str) -> None:
    found, made = converted(params)
    assert (found, made.backends) == (target, {})


def test_what_litellm_is_asked_goes_along_but_for_keys() -> None:
    params = {
        "model": "watsonx/llama", "project_id": "p1", "api_key": "os.environ/WX", "api_base": "https://eu.example",
        "aws_secret_access_key": "s", "num_retries": 3, "timeout": 9,
    }  # fmt: skip
    found, made = converted(params)
    ((name, backend),) = made.backends.items()
    assert found == f"{name}/watsonx/llama"
    assert backend == {
        "like": "litellm", "address": "https://eu.example", "body": {"project_id": "p1"},
        "timeouts": {"first_byte": 9, "idle": 9}, "credential": "${WX}",
    }  # fmt: skip
    told = {path[-1]: why for path, why in made.ignored}
    assert set(told) == {"aws_secret_access_key", "num_retries"}
    assert "environment" in told["aws_secret_access_key"]


def test_litellm_without_a_key_of_its_own_wants_none() -> None:
    _, made = converted({"model": "sagemaker/x", "aws_region_name": "eu-west-1"})
    assert list(made.backends.values()) == [{"like": "litellm", "body": {"aws_region_name": "eu-west-1"}}]


AT = "https://gate.example/v1"
MADE: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    (
        {"model": "openai/gpt-5.6", "api_key": "os.environ/OTHER"},
        "litellm-1-openai/gpt-5.6",
        {"like": "openai", "credential": "${OTHER}"},
    ),
    (
        {"model": "openai/gpt-5.6", "api_key": KEY},
        "litellm-1-openai/gpt-5.6",
        {"like": "openai", "credential": {"key": KEY}},
    ),
    (
        {"model": "openai/gpt-5.6", "api_base": AT, "api_key": "os.environ/OPENAI_API_KEY"},
        "litellm-1-openai/gpt-5.6",
        {"like": "openai", "address": AT, "credential": "${OPENAI_API_KEY}"},
    ),
    (
        {"model": "openai/*", "api_base": AT, "api_key": 1234},
        "litellm-1-openai/*",
        {"like": "openai", "address": AT, "credential": {"key": "1234"}},
    ),
    (
        {"model": "openai/gpt-oss-20b", "api_base": AT + "/chat/completions", "api_key": "none"},
        "litellm-1-openai/gpt-oss-20b",
        {"dialect": "openai_chat", "address": AT, "credential": {"key": "none"}},
    ),
    (
        {"model": "openai/org/q", "base_url": "os.environ/GATE"},
        "litellm-1-openai/org/q",
        {"dialect": "openai_chat", "address": "${GATE}"},
    ),
    (
        {"model": "openai/q", "api_base": "http://[::1"},
        "litellm-1-openai/q",
        {"dialect": "openai_chat", "address": "http://[::1"},
    ),
    (
        {"model": "custom_openai/q", "api_base": AT},
        "litellm-1-custom-openai/q",
        {"dialect": "openai_chat", "address": AT},
    ),
    (
        {"model": "openai_like/q", "api_base": "https://api.groq.com/openai/v1", "api_key": "os.environ/G"},
        "litellm-1-groq/q",
        {"like": "groq", "credential": "${G}"},
    ),
    (
        {"model": "ollama/q", "api_base": "http://gpu:11434"},
        "litellm-1-ollama/q",
        {"like": "ollama", "address": "http://gpu:11434/v1"},
    ),
    (
        {"model": "azure/mine", "api_base": "https://me.openai.azure.com/", "api_version": "2024-06-01"},
        "litellm-1-azure/mine",
        {"like": "azure", "address": "https://me.openai.azure.com/openai/v1", "credential": "${AZURE_API_KEY}"},
    ),
    (
        {"model": "azure/mine", "api_base": "os.environ/AZURE_API_BASE", "api_key": "os.environ/AZURE_API_KEY"},
        "litellm-1-azure/mine",
        {"like": "azure", "address": "${AZURE_API_BASE}", "credential": "${AZURE_API_KEY}"},
    ),
    (
        {"model": "azure_ai/grok-5", "api_base": "https://me.services.ai.azure.com"},
        "litellm-1-azure/grok-5",
        {
            "like": "azure",
            "address": "https://me.services.ai.azure.com/openai/v1",
            "credential": "${AZURE_AI_API_KEY}",
        },
    ),
    (
        {"model": "azure_ai/claude-opus-5"},
        "litellm-1-azure-claude/claude-opus-5",
        {"like": "azure-claude", "address": "${AZURE_AI_API_BASE}", "credential": "${AZURE_AI_API_KEY}"},
    ),
    (
        {"model": "gemini/gemini-3-pro", "api_base": AT, "api_key": "os.environ/K"},
        "litellm-1-gemini/gemini-3-pro",
        {"like": "gemini", "address": AT, "credential": "${K}"},
    ),
    (
        {"model": "vertex_ai/gemini-3-pro", "vertex_project": "p", "vertex_location": "global"},
        "litellm-1-vertex/gemini-3-pro",
        {
            "like": "vertex",
            "address": "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
            "credential": {"mint": "google"},
        },
    ),
    (
        {"model": "vertex_ai/gemini-3-pro", "vertex_ai_project": "os.environ/P", "api_key": "os.environ/T"},
        "litellm-1-vertex/gemini-3-pro",
        {
            "like": "vertex",
            "address": "https://${GOOGLE_CLOUD_LOCATION:-us-central1}-aiplatform.googleapis.com/v1/projects/${P}"
            "/locations/${GOOGLE_CLOUD_LOCATION:-us-central1}",
            "credential": "${T}",
        },
    ),
    (
        {"model": "openai/gpt-5.6", "extra_headers": {"x-team": "os.environ/TEAM", "x-n": 1.5}, "headers": {"x-a": ""}},
        "litellm-1-openai/gpt-5.6",
        {"like": "openai", "headers": {"x-team": "${TEAM}", "x-n": "1.5"}, "credential": "${OPENAI_API_KEY}"},
    ),
    (
        {"model": "openai/gpt-5.6", "organization": "org-1"},
        "litellm-1-openai/gpt-5.6",
        {"like": "openai", "headers": {"openai-organization": "org-1"}, "credential": "${OPENAI_API_KEY}"},
    ),
    (
        {"model": "groq/q", "temperature": 0.2, "seed": 7, "extra_body": {"seed": 8, "deep": {"a": [1]}}},
        "litellm-1-groq/q",
        {
            "like": "groq",
            "body": {"temperature": 0.2, "seed": 8, "deep": {"a": [1]}},
            "credential": "${GROQ_API_KEY}",
        },
    ),
    (
        {"model": "anthropic/claude-x", "temperature": 1, "seed": 7},
        "litellm-1-anthropic/claude-x",
        {"like": "anthropic", "body": {"temperature": 1}, "credential": "${ANTHROPIC_API_KEY}"},
    ),
    (
        {"model": "groq/q", "timeout": 30, "stream_timeout": "7.5"},
        "litellm-1-groq/q",
        {"like": "groq", "timeouts": {"first_byte": 7.5, "idle": 7.5}, "credential": "${GROQ_API_KEY}"},
    ),
    (
        {"model": "groq/q", "timeout": 30},
        "litellm-1-groq/q",
        {"like": "groq", "timeouts": {"first_byte": 30.0, "idle": 30.0}, "credential": "${GROQ_API_KEY}"},
    ),
]


@pytest.mark.parametrize(("params", "target", "backend"), MADE, ids=range(len(MADE)))
def test_a_backend_is_made_where_the_deployment_sets_something(
    params: dict[str, Any], target: str, backend: dict[str, Any]
) -> None:
    found, made = converted(params, "m*" if "*" in target else "m")
    name = target.partition("/")[0]
    assert (found, made.backends) == (target, {name: backend})
    assert made.origins == {("backends", name): ("model_list", 0, "litellm_params")}


def test_the_environments_key_goes_to_the_providers_own_address_only() -> None:
    _, made = converted({"model": "groq/q", "api_base": AT})
    assert made.backends == {"litellm-1-groq": {"like": "groq", "address": AT}}
    assert made.ignored == [
        (
            ("model_list", 0, "litellm_params", "api_key"),
            "none is given, and that of GROQ_API_KEY goes to groq's own address only",
        )
    ]


def test_the_files_own_variables_stand_for_those_of_the_environment() -> None:
    data = {"environment_variables": {"GROQ_API_KEY": KEY, "GROQ_API_BASE": "https://api.groq.com/v2", "N": "p"}}
    target, made = converted({"model": "groq/q"}, data=data)
    assert (target, made.backends) == (
        "litellm-1-groq/q",
        {"litellm-1-groq": {"like": "groq", "address": "https://api.groq.com/v2", "credential": {"key": KEY}}},
    )


def test_a_deployment_takes_what_its_credential_has_and_it_has_not_itself() -> None:
    values = {"api_key": KEY, "api_base": AT}
    data = {"credential_list": [{"credential_name": "c", "credential_values": values}]}
    params = {"model": "openai/gpt-5.6", "litellm_credential_name": "c", "api_key": "os.environ/MINE"}
    _, made = converted(params, data=data)
    assert made.backends == {"litellm-1-openai": {"like": "openai", "address": AT, "credential": "${MINE}"}}


def test_equal_backends_are_one_and_each_organization_is_a_deployment() -> None:
    made = Converted()
    deployments = Deployments(made, Values.of({}))
    for index, organization in enumerate((["a", "b"], "a", [])):
        params = {"model": "openai/gpt-5.6", "organization": organization or None, "api_key": "os.environ/K"}
        deployments.add(("model_list", index), {"model_name": f"m{index}", "litellm_params": params})
    assert {name: [target for target, _ in targets] for name, targets in deployments.groups().items()} == {
        "m0": ["litellm-1-openai/gpt-5.6", "litellm-1-openai-2/gpt-5.6"],
        "m1": ["litellm-1-openai/gpt-5.6"],
        "m2": ["litellm-3-openai/gpt-5.6"],
    }
    assert [backend.get("headers") for backend in made.backends.values()] == [
        {"openai-organization": "a"},
        {"openai-organization": "b"},
        None,
    ]


def test_deployments_with_an_order_come_first_and_in_it() -> None:
    deployments = Deployments(Converted(), Values.of({}))
    for index, (model, order) in enumerate((("a", None), ("b", 2), ("c", 1))):
        entry = {"model_name": "m", "litellm_params": {"model": f"groq/{model}"}, "model_info": {"order": order}}
        deployments.add(("model_list", index), entry)
    assert [target for target, _ in deployments.groups()["m"]] == ["groq/c", "groq/b", "groq/a"]


FACTS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"max_input_tokens": 131_072, "max_output_tokens": 8192}, {"window": 131_072, "output": 8192}),
    ({"max_tokens": 4096}, {"output": 4096}),
    ({"input_cost_per_token": 1.5e-07, "output_cost_per_token": "6e-07"}, {"price": {"input": 0.15, "output": 0.6}}),
    ({"input_cost_per_token": 0}, {"price": {"input": 0.0}}),
    ({"supports_vision": False}, {"vision": False}),
    ({"supports_function_calling": False, "supports_reasoning": True}, {"tools": False, "reasoning": True}),
    ({"supports_vision": True, "max_tokens": 5}, {"output": 5, "vision": True}),
    (
        {"cache_read_input_token_cost": 3e-8, "cache_creation_input_token_cost": 3.75e-6},
        {"price": {"cache_read": 0.03, "cache_write": 3.75}},
    ),
    (
        {"cache_creation_input_token_cost_above_1hr": 6e-6, "output_cost_per_reasoning_token": 4e-6},
        {"price": {"cache_write_hour": 6.0, "reasoning": 4.0}},
    ),
]


@pytest.mark.parametrize(("info", "facts"), FACTS)
def test_facts_are_those_of_the_target_and_prices_are_for_a_million(
    info: dict[str, Any], facts: dict[str, Any]
) -> None:
    _, made = converted({"model": "groq/q"}, model_info=info)
    assert made.models == {"groq/q": facts}
    assert made.origins == {("models", "groq/q"): ("model_list", 0, "model_info")}


def test_a_price_may_stand_among_the_parameters() -> None:
    _, made = converted({"model": "groq/q", "input_cost_per_token": 1e-6}, model_info={"input_cost_per_token": 2e-6})
    assert made.models == {"groq/q": {"price": {"input": 1.0}}}


def test_facts_of_several_models_or_told_twice_have_no_effect() -> None:
    made = Converted()
    deployments = Deployments(made, Values.of({}))
    for name, model, window in (("m", "groq/q", 1), ("n", "groq/q", 2), ("o", "groq/q", 1), ("g*", "groq/*", 3)):
        info = {"max_input_tokens": window}
        path: Path = ("model_list", name)
        deployments.add(path, {"model_name": name, "litellm_params": {"model": model}, "model_info": info})
    assert made.models == {"groq/q": {"window": 1}}
    assert made.ignored == [
        (("model_list", "n", "model_info"), "'groq/q' has others already"),
        (("model_list", "g*", "model_info"), "facts are those of one model, and a star means several"),
    ]


IGNORED: list[tuple[dict[str, Any], list[str]]] = [
    ({"rpm": 5, "tpm": None}, ["litellm_params.rpm"]),
    ({"max_tokens": 100, "num_retries": 2, "drop_params": True}, ["max_tokens", "num_retries", "drop_params"]),
    ({"api_version": "2024-06-01"}, ["api_version"]),
    ({"vertex_project": "p"}, ["vertex_project"]),
    ({"mock_response": "x", "unheard_of": 1}, ["mock_response", "unheard_of"]),
    ({"timeout": "os.environ/T"}, ["timeout"]),
    ({"extra_body": {"a": ["os.environ/A"]}, "user": "os.environ/U"}, ["user", "a"]),
]


@pytest.mark.parametrize(("params", "keys"), IGNORED)
def test_what_has_no_effect_is_told_with_a_reason(params: dict[str, Any], keys: list[str]) -> None:
    target, made = converted({"model": "groq/q", **params})
    assert target == "groq/q" or "timeout" in keys or made.backends
    assert [str(path[-1]) for path, _ in made.ignored] == [key.rpartition(".")[2] for key in keys]
    assert all(path[:3] == ("model_list", 0, "litellm_params") and why for path, why in made.ignored)


def test_what_stands_beside_the_parameters_is_told_too() -> None:
    _, made = converted({"model": "groq/q"}, model_info={"id": "x", "base_model": "y", "team_id": None}, tpm=5, own=1)
    assert [".".join(map(str, path[2:])) for path, _ in made.ignored] == [
        "tpm",
        "own",
        "model_info.id",
        "model_info.base_model",
    ]


@pytest.mark.parametrize(
    ("info", "why"),
    [({"mode": "embedding"}, "only conversations are routed"), ({"blocked": True}, "it is blocked")],
)
def test_a_deployment_that_answers_no_conversation_is_left_out_and_told(info: dict[str, Any], why: str) -> None:
    deployments = Deployments(made := Converted(), Values.of({}))
    entry = {"model_name": "m", "litellm_params": {"model": "bedrock/x"}, "model_info": info}
    deployments.add(("model_list", 0), entry)
    assert (deployments.groups(), made.ignored) == ({}, [(("model_list", 0), why)])


def test_everything_is_a_target_of_its_own() -> None:
    target, made = converted({"model": "*"}, "*")
    assert (target, made.backends) == ("*", {})
    assert [path for path, _ in made.ignored] == [("model_list", 0, "litellm_params", "model")]
    assert converted({"model": "*", "api_key": KEY}, "*")[0] == "litellm-1-openai/*"
    assert converted({"model": "*", "custom_llm_provider": "openai"}, "*")[0] == "openai/*"


PARAMS = "model_list.0.litellm_params"
MISTAKES: list[tuple[Any, str]] = [
    ([], "model_list.0: a mapping is needed here"),
    ({}, "model_list.0.model_name: it is missing"),
    ({"model_name": 5}, "model_list.0.model_name: a text is needed here"),
    ({"model_name": "m"}, f"{PARAMS}.model: it is missing"),
    ({"model_name": "m", "litellm_params": "x"}, f"{PARAMS}: a mapping is needed here"),
    ({"model": ["x"]}, AT_MODEL + "a text is needed here"),
    ({"model": "os.environ/MODEL"}, AT_MODEL + "write the model out"),
    ({"model": "opnai/x"}, AT_MODEL + "there is no provider 'opnai'. Did you mean openai"),
    ({"model": "a/b", "api_base": AT}, AT_MODEL + "there is no provider 'a'. "),
    ({"model": "x", "custom_llm_provider": "grok_"}, AT_MODEL + "there is no provider 'grok_'. Did you mean "),
    ({"model": "llama-4"}, AT_MODEL + "'llama-4' names no provider: write PROVIDER/MODEL. A server that speaks"),
    ({"model": KEY * 9}, AT_MODEL + "the name names no provider"),
    ({"model": "openai/"}, AT_MODEL + "the model is missing after the slash"),
    (
        {"model": "gemini/x", "api_base": "https://gate.example"},
        AT_MODEL + "gemini needs an api_base with Google's version",
    ),
    ({"model": "vertex_ai/x", "api_base": AT}, AT_MODEL + "vertex_ai with an api_base is the address of one model"),
    ({"model": "llamafile/x"}, AT_MODEL + "llamafile needs an api_base"),
    ({"model": "openai/*"}, AT_MODEL + "one star can be filled"),
    ({"model": "openai/*-*", "model_name": "*-*"}, AT_MODEL + "one star can be filled"),
    ({"model": "openai/*", "model_name": "*-*"}, AT_MODEL + "one star can be filled"),
    ({"model": "*", "model_name": "any/*"}, AT_MODEL + "a star alone stands for provider and model at once"),
    ({"model": "groq/q", "api_key": [KEY]}, f"{PARAMS}.api_key: a text is needed here"),
    ({"model": "groq/q", "api_key": f"os.environ/{KEY}"}, f"{PARAMS}.api_key: write os.environ/NAME"),
    ({"model": "groq/q", "api_base": 1.5}, f"{PARAMS}.api_base: a text is needed here"),
    ({"model": "groq/q", "organization": {}}, f"{PARAMS}.organization: a text is needed here"),
    ({"model": "groq/q", "extra_headers": {"x": [KEY]}}, f"{PARAMS}.extra_headers.x: a text is needed here"),
    ({"model": "groq/q", "extra_headers": KEY}, f"{PARAMS}.extra_headers: a mapping is needed here"),
    ({"model": "groq/q", "extra_body": [KEY]}, f"{PARAMS}.extra_body: a mapping is needed here"),
    ({"model": "groq/q", "timeout": "soon"}, f"{PARAMS}.timeout: a number from 0 is needed here"),
    ({"model": "groq/q", "timeout": 0}, f"{PARAMS}.timeout: a number of seconds above 0 is needed here"),
    ({"model": "groq/q", "order": "first"}, f"{PARAMS}.order: a number from 0 is needed here"),
    ({"model": "groq/q", "input_cost_per_token": "dear"}, "model_list.0.model_info.input_cost_per_token: a number"),
]


@pytest.mark.parametrize(("entry", "words"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_by_its_path_and_without_a_key(entry: Any, words: str) -> None:
    if isinstance(entry, dict) and "model" in entry:
        entry = {"model_name": entry.get("model_name", "m"), "litellm_params": {"model": entry["model"], **entry}}
    with pytest.raises(ConfigError) as raised:
        Deployments(Converted(), Values.of({})).add(("model_list", 0), entry)
    assert raised.value.message.startswith(words)
    assert KEY not in raised.value.message
