"""A litellm configuration becomes backends, facts and routes that answer as litellm's router would."""

import contextlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from addon.protocol.errors import ConfigError
from addon.settings import yaml_text
from addon.settings.litellm_list import Converted, convert

KEY = "sk-literal-secret"

CONFIGURATION = f"""
model_list:
  - model_name: claude-opus-*
    litellm_params:
      model: azure/mine
      api_base: https://me.openai.azure.com/
      api_key: os.environ/AZURE_KEY
      api_version: "2024-06-01"
      rpm: 6
    model_info:
      max_input_tokens: 272000
      max_output_tokens: 16384
      input_cost_per_token: 0.00000125
      output_cost_per_token: 1e-5
  - model_name: sonnet
    litellm_params:
      model: openrouter/z-ai/glm-5
      api_key: os.environ/OPENROUTER_API_KEY
  - model_name: sonnet
    litellm_params:
      model: openai/glm-5-air
      api_base: http://gpu-box:8000/v1
      api_key: {KEY}
      temperature: 0.2
      timeout: 60
  - model_name: haiku
    litellm_params: {{model: ollama_chat/qwen3:4b, api_base: "http://gpu-box:11434"}}
  - model_name: "gemini/*"
    litellm_params: {{model: "gemini/*", api_key: os.environ/GOOGLE_KEY}}
  - model_name: "anthropic/*"
    litellm_params: {{model: "anthropic/*", api_key: os.environ/ANTHROPIC_API_KEY}}
  - model_name: embeddings
    litellm_params: {{model: openai/text-embedding-3-small}}
    model_info: {{mode: embedding}}
router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: {{claude-haiku-4-5: haiku, fast: {{model: haiku, hidden: true}}}}
litellm_settings:
  drop_params: true
  fallbacks: [{{haiku: [sonnet]}}]
general_settings:
  master_key: {KEY}
guardrails: [x]
"""


@pytest.fixture(scope="module")
def example() -> Converted:
    return convert(yaml_text.read(CONFIGURATION, "config.yaml").data)


def routes(made: Converted) -> list[tuple[str, list[str]]]:
    return [(route["when"]["model"], route["to"]) for route in made.routes]


def test_six_kinds_of_deployments_become_backends(example: Converted) -> None:
    assert example.backends == {
        "litellm-1-azure": {
            "like": "azure",
            "address": "https://me.openai.azure.com/openai/v1",
            "credential": "${AZURE_KEY}",
        },
        "litellm-3-openai": {
            "dialect": "openai_chat",
            "address": "http://gpu-box:8000/v1",
            "body": {"temperature": 0.2},
            "timeouts": {"first_byte": 60.0, "idle": 60.0},
            "credential": {"key": KEY},
        },
        "litellm-4-ollama": {"like": "ollama", "address": "http://gpu-box:11434/v1"},
        "litellm-5-gemini": {"like": "gemini", "credential": "${GOOGLE_KEY}"},
    }


def test_names_become_routes_wildcards_behind_them(example: Converted) -> None:
    sonnet = ["openrouter/z-ai/glm-5", "litellm-3-openai/glm-5-air"]
    assert routes(example) == [
        ("sonnet", sonnet),
        ("haiku", ["litellm-4-ollama/qwen3:4b", *sonnet]),
        ("claude-haiku-4-5", ["litellm-4-ollama/qwen3:4b", *sonnet]),
        ("fast", ["litellm-4-ollama/qwen3:4b", *sonnet]),
        ("claude-opus-*", ["litellm-1-azure/mine"]),
        ("anthropic/*", ["anthropic/*"]),
        ("claude-*", ["anthropic/claude-*"]),
        ("gemini/*", ["litellm-5-gemini/*"]),
    ]
    assert [route["name"] for route in example.routes[-3:]] == [
        "litellm model anthropic/*",
        "litellm model anthropic/*",
        "litellm model gemini/*",
    ]


def test_facts_and_where_things_come_from(example: Converted) -> None:
    facts = {"window": 272_000, "output": 16_384, "price": {"input": 1.25, "output": 10.0}}
    assert example.models == {"litellm-1-azure/mine": facts}
    assert example.origins == {
        ("backends", "litellm-1-azure"): ("model_list", 0, "litellm_params"),
        ("backends", "litellm-3-openai"): ("model_list", 2, "litellm_params"),
        ("backends", "litellm-4-ollama"): ("model_list", 3, "litellm_params"),
        ("backends", "litellm-5-gemini"): ("model_list", 4, "litellm_params"),
        ("models", "litellm-1-azure/mine"): ("model_list", 0, "model_info"),
        ("routes", 0): ("model_list", 1),
        ("routes", 1): ("model_list", 3),
        ("routes", 2): ("router_settings", "model_group_alias", "claude-haiku-4-5"),
        ("routes", 3): ("router_settings", "model_group_alias", "fast"),
        ("routes", 4): ("model_list", 0),
        ("routes", 5): ("model_list", 5),
        ("routes", 6): ("model_list", 5),
        ("routes", 7): ("model_list", 4),
    }


def test_what_has_no_effect_is_told(example: Converted) -> None:
    assert [".".join(map(str, path)) for path, _ in example.ignored] == [
        "model_list.0.litellm_params.api_version",
        "model_list.0.litellm_params.rpm",
        "model_list.6",
        "router_settings.routing_strategy",
        "litellm_settings.drop_params",
        "guardrails",
        "general_settings",
    ]
    assert KEY not in str(example.ignored)


def listed(*deployments: tuple[str, str], **sections: Any) -> dict[str, Any]:
    entries = [{"model_name": name, "litellm_params": {"model": model}} for name, model in deployments]
    return {"model_list": entries, **sections}


A, B, C = ("a", "groq/a"), ("b", "groq/b"), ("c", "groq/c")

ROUTES: list[tuple[dict[str, Any], list[tuple[str, list[str]]]]] = [
    ({}, []),
    ({"model_list": None, "router_settings": None, "big": "kept/for-others"}, []),
    (listed(A, B, A), [("a", ["groq/a"]), ("b", ["groq/b"])]),
    (listed(("x[1m]", "groq/x"), ("y?", "groq/y")), [("x[[]1m]", ["groq/x"]), ("y[?]", ["groq/y"])]),
    # wildcards: the longest first, with dots that count double, then those with more stars
    (
        listed(("*", "openai/*"), ("g*", "groq/a"), ("gl*", "groq/*"), ("g-*-*", "groq/b"), ("x", "groq/x")),
        [
            ("x", ["groq/x"]),
            ("g-*-*", ["groq/b"]),
            ("gl*", ["groq/*"]),
            ("g*", ["groq/a"]),
            ("*", ["openai/*"]),
        ],
    ),
    (
        listed(("*", "*"), ("*", "groq/*")),
        [("claude-*", ["anthropic", "groq/claude-*"]), ("gpt-*", ["openai/gpt-*", "groq/gpt-*"])],
    ),
    (
        listed(("anthropic/claude-opus-*", "groq/x")),
        [("anthropic/claude-opus-*", ["groq/x"]), ("claude-opus-*", ["groq/x"])],
    ),
    (listed(("anthropic/*", "groq/x")), [("anthropic/*", ["groq/x"]), ("claude-*", ["groq/x"])]),
    (listed(("anthropic/x-*", "groq/x")), [("anthropic/x-*", ["groq/x"])]),
    # fallbacks: those of fallbacks too, once each; the router's before the module's
    (
        listed(A, B, C, litellm_settings={"fallbacks": [{"a": ["b"]}, {"b": ["c", "a"]}]}),
        [
            ("a", ["groq/a", "groq/b", "groq/c"]),
            ("b", ["groq/b", "groq/c", "groq/a"]),
            ("c", ["groq/c"]),
        ],
    ),
    (
        listed(A, B, C, litellm_settings={"fallbacks": [{"a": "b"}]}, router_settings={"fallbacks": [{"a": ["c"]}]}),
        [("a", ["groq/a", "groq/c"]), ("b", ["groq/b"]), ("c", ["groq/c"])],
    ),
    (
        listed(A, B, C, router_settings={"fallbacks": [{"a": [{"model": "b", "max_tokens": 5}]}, {"*": ["c"]}]}),
        [("a", ["groq/a", "groq/b", "groq/c"]), ("b", ["groq/b", "groq/c"]), ("c", ["groq/c"])],
    ),
    (
        listed(A, B, litellm_settings={"default_fallbacks": ["b"]}),
        [("a", ["groq/a", "groq/b"]), ("b", ["groq/b"])],
    ),
    (
        listed(
            *((str(n), f"groq/{n}") for n in range(8)),
            router_settings={"fallbacks": [{str(n): [str(n + 1)]} for n in range(7)]},
        ),
        [(str(n), [f"groq/{m}" for m in range(n, min(8, n + 6))]) for n in range(8)],
    ),
    # an asked name that only a wildcard knows has fallbacks of its own
    (
        listed(("p/*", "groq/*"), B, litellm_settings={"fallbacks": [{"p/x": ["b"]}, {"b": ["p/y"]}, {"p/*": ["b"]}]}),
        [
            ("b", ["groq/b", "groq/y"]),
            ("p/x", ["groq/x", "groq/b", "groq/y"]),
            ("p/*", ["groq/*", "groq/b", "groq/y"]),
        ],
    ),
    (
        listed(("p/*", "groq/*"), ("q/*", "xai/*"), litellm_settings={"fallbacks": [{"p/*": ["q/*"]}]}),
        [("p/*", ["groq/*", "xai/*"]), ("q/*", ["xai/*"])],
    ),
    # aliases go before names, and lead to a wildcard too
    (
        listed(
            A, ("q/*", "xai/*"), ("p/*", "groq/*"), router_settings={"model_group_alias": {"z": "a", "y": "p/q"}}
        ),
        [("a", ["groq/a"]), ("z", ["groq/a"]), ("y", ["groq/q"]), ("q/*", ["xai/*"]), ("p/*", ["groq/*"])],
    ),
    (
        listed(A, B, router_settings={"model_group_alias": {"a": "b"}, "fallbacks": [{"b": ["a"]}]}),
        [("b", ["groq/b"]), ("a", ["groq/b"])],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("data", "expected"), ROUTES, ids=range(len(ROUTES)))
def test_routes_are_in_litellms_order(data: dict[str, Any], expected: list[tuple[str, list[str]]]) -> None:
    assert routes(convert(data)) == expected


IGNORED: list[tuple[dict[str, Any], list[str]]] = [
    (listed(A, B, router_settings={"model_group_alias": {"a": "b"}}), ["model_list.0"]),
    (listed(A, litellm_settings={"fallbacks": [{"nobody": ["a"]}]}), ["litellm_settings.fallbacks.0"]),
    (
        listed(A, router_settings={"fallbacks": [{"a": ["a"]}]}, litellm_settings={"fallbacks": [{"b": ["c"]}]}),
        ["litellm_settings.fallbacks"],
    ),
    (
        listed(A, router_settings={"timeout": 5, "num_retries": None}, litellm_settings={"cache": True}),
        ["litellm_settings.cache"],
    ),
    (
        listed(A, router_settings={"timeout": 5}, litellm_settings={"request_timeout": 6}),
        ["litellm_settings.request_timeout"],
    ),
    (listed(A, router_settings={"num_retries": "os.environ/N"}), ["router_settings.num_retries"]),
    (listed(A, router_settings={"cooldown_time": 5, "retry_after": 1}), [
        "router_settings.cooldown_time", "router_settings.retry_after"
    ]),
    (listed(A, environment_variables={"REDIS": KEY}), ["environment_variables.REDIS"]),
    (listed(A, include=["more.yaml"], general_settings={}), ["include"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "paths"), IGNORED, ids=range(len(IGNORED)))
def test_settings_without_effect_are_told(data: dict[str, Any], paths: list[str]) -> None:
    made = convert(data)
    assert [".".join(map(str, path)) for path, _ in made.ignored] == paths
    assert KEY not in str(made.ignored)


LIMITS: list[tuple[dict[str, Any], dict[str, dict[str, float]]]] = [
    (listed(A), {}),
    (listed(A, router_settings={"timeout": 5}), {"timeouts": {"first_byte": 5, "idle": 5}}),
    (
        listed(A, router_settings={"timeout": 5, "stream_timeout": "7"}, litellm_settings={"request_timeout": 600}),
        {"timeouts": {"first_byte": 7, "idle": 7}},
    ),
    (listed(A, litellm_settings={"request_timeout": 600}), {"timeouts": {"first_byte": 600, "idle": 600}}),
    (listed(A, litellm_settings={"num_retries": 1}, router_settings={"num_retries": 0}), {"retry": {"attempts": 0}}),
    (listed(A, litellm_settings={"num_retries": 15}), {"retry": {"attempts": 10}}),
]


@pytest.mark.parametrize(("data", "expected"), LIMITS, ids=range(len(LIMITS)))
def test_timeouts_and_retries_for_all_are_read(data: dict[str, Any], expected: dict[str, dict[str, float]]) -> None:
    assert convert(data).for_all == expected


@pytest.mark.parametrize("settings", [{"timeout": 0}, {"timeout": "soon"}, {"num_retries": -1}, {"num_retries": True}])
def test_a_number_that_is_none_is_a_mistake(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"router_settings\.{next(iter(settings))}: a number"):
        convert(listed(A, router_settings=settings))


def test_what_several_organizations_have_in_common_is_told_once() -> None:
    params = {"model": "openai/gpt-5.6", "organization": ["a", "b"], "timeout": "os.environ/T"}
    made = convert({"model_list": [{"model_name": "m", "litellm_params": params}]})
    assert [path[-1] for path, _ in made.ignored] == ["timeout"]


MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"model_list": {}}, "model_list: a list is needed here"),
    ({"model_list": [1]}, "model_list.0: a mapping is needed here"),
    (listed(("m", "bedrok/x")), "model_list.0.litellm_params.model: there is no provider 'bedrok'"),
    ({"environment_variables": [KEY]}, "environment_variables: a mapping is needed here"),
    ({"environment_variables": {"A": [KEY]}}, "environment_variables.A: a text is needed here"),
    ({"credential_list": KEY}, "credential_list: a list is needed here"),
    ({"credential_list": [{}]}, "credential_list.0.credential_name: it is missing"),
    ({"router_settings": [KEY]}, "router_settings: a mapping is needed here"),
    (listed(A, router_settings={"model_group_alias": {"z": "aa"}}),
     "router_settings.model_group_alias.z: there is no model_name 'aa': did you mean 'a'?"),
    (listed(A, router_settings={"model_group_alias": {"z": ["a"]}}),
     "router_settings.model_group_alias.z: the name of a model is needed here"),
    (listed(A, litellm_settings={"fallbacks": {"a": ["b"]}}), "litellm_settings.fallbacks: a list is needed here"),
    (listed(A, litellm_settings={"fallbacks": ["b"]}), "litellm_settings.fallbacks.0: a mapping is needed here"),
    (listed(A, litellm_settings={"fallbacks": [{"a": [KEY, 1]}]}), "litellm_settings.fallbacks.0: the names of models"),
    (listed(A, litellm_settings={"fallbacks": [{"a": ["quite-another"]}]}),
     "litellm_settings.fallbacks.0: there is no model_name 'quite-another': add it to model_list"),
    (listed(A, litellm_settings={"default_fallbacks": ["b"]}),
     "litellm_settings.default_fallbacks: there is no model_name 'b'"),
    (listed(A, ("p/*", "groq/*"), litellm_settings={"fallbacks": [{"a": ["p/*"]}]}),
     "litellm_settings.fallbacks.0: a fallback with a star serves names with the same star only"),
    (listed(("*", "*"), ("p/*", "groq/*"), litellm_settings={"fallbacks": [{"p/*": ["*"]}]}),
     "litellm_settings.fallbacks.0: a fallback with a star serves names with the same star only"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_told_by_its_path_and_without_a_key(data: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        convert(data)
    assert raised.value.message.startswith(words)
    assert KEY not in raised.value.message


NAMES = st.sampled_from(["a", "b", "claude-x", "anthropic/*", "*", "p/*"])
MODELS = st.sampled_from(
    ["groq/a", "openai/b", "azure/claude", "gpt-5", "ollama/q", "vertex_ai/x", "groq/*", "anthropic/*", "*"]
)
TEXTS = st.sampled_from([KEY, "os.environ/N", "https://api.groq.com/openai/v1", "http://gpu:8000", "http://[::1", None])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["x", "os.environ/", "*"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["a", "model", "key"]), inner),
    max_leaves=4,
)
RIGHT: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("api_key", "api_base", "organization"), TEXTS),
    **dict.fromkeys(("timeout", "order", "seed", "rpm", "vertex_project"), st.integers(1, 9)),
    **dict.fromkeys(("extra_headers", "extra_body"), st.dictionaries(st.sampled_from(["a", "b"]), TEXTS)),
    "custom_llm_provider": st.just("openai"),
}
INFO = st.fixed_dictionaries({}, optional={"mode": st.sampled_from(["chat", "embedding"]), "max_tokens": st.just(5)})


@st.composite
def configurations(draw: st.DrawFn, *, wild: bool) -> dict[str, Any]:
    """Most of it right; ``wild``: with anything here and there."""
    noise = ANYTHING if wild else st.nothing()
    parameters = st.fixed_dictionaries(
        {"model": MODELS | noise}, optional={key: value | noise for key, value in RIGHT.items()}
    )
    entry = st.fixed_dictionaries(
        {"model_name": NAMES | noise, "litellm_params": parameters}, optional={"model_info": INFO | noise}
    )
    entries = draw(st.lists(entry, min_size=1, max_size=5))
    known = st.sampled_from([entry["model_name"] for entry in entries])
    chains = st.lists(st.dictionaries(NAMES, st.lists(known | noise, max_size=3), max_size=2), max_size=3)
    router = {"fallbacks": chains, "model_group_alias": st.dictionaries(NAMES, known, max_size=2)}
    sections: dict[str, st.SearchStrategy[Any]] = {
        "router_settings": st.fixed_dictionaries({}, optional={key: value | noise for key, value in router.items()}),
        "litellm_settings": st.fixed_dictionaries({}, optional={"default_fallbacks": st.lists(known, max_size=2)}),
        "environment_variables": st.dictionaries(st.sampled_from(["N", "GROQ_API_KEY"]), TEXTS),
        "credential_list": noise,
        "general_settings": noise,
    }
    found = draw(st.fixed_dictionaries({}, optional={key: value | noise for key, value in sections.items()}))
    return {"model_list": entries, **found}


@settings(max_examples=60)
@given(configurations(wild=False) | configurations(wild=True))
def test_any_configuration_is_converted_whole_or_told_and_no_key_is_shown(data: dict[str, Any]) -> None:
    with contextlib.suppress(ConfigError):
        made = convert(data)
        assert KEY not in str((made.ignored, made.routes, made.models))
        left_out = [path for path, _ in made.ignored]
        for index, entry in enumerate(data["model_list"]):
            name = f"litellm model {entry['model_name']}"
            assert ("model_list", index) in left_out or any(route["name"] == name for route in made.routes)
        assert all(route["to"] for route in made.routes)


@settings(max_examples=60)
@given(configurations(wild=True), st.sampled_from(["api_key", "api_base", "extra_headers", "litellm_credential_name"]))
def test_no_message_shows_a_key(data: dict[str, Any], place: str) -> None:
    data["model_list"][0]["litellm_params"][place] = KEY
    message = ""
    try:
        convert(data)
    except ConfigError as error:
        message = error.message
    assert KEY not in message
