"""A model without a provider: whose it is, and what is said where that is not sure. Over litellm's own file."""

from collections.abc import Mapping

import pytest

from addon.protocol.errors import ConfigError
from addon.routing import bare_names, catalog
from addon.routing.config import Choice, quoted
from addon.settings.assembly import configure, parse
from addon.settings.document import Document

GROQ, CEREBRAS, TOGETHER = {"GROQ_API_KEY": "k"}, {"CEREBRAS_API_KEY": "k"}, {"TOGETHER_API_KEY": "k"}
VERTEX = {"VERTEX_PROJECT_ID": "p", "VERTEX_ACCESS_TOKEN": "t"}

FOUND: list[tuple[Mapping[str, str], str, str]] = [
    # its maker's, with a key or without
    ({}, "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
    ({"GEMINI_API_KEY": "k"}, "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
    ({}, "claude-opus-5-5", "anthropic/claude-opus-5-5"),
    ({}, "glm-5.3", "zai/glm-5.3"),
    ({}, "minimax-m3", "minimax/MiniMax-M3"),
    # of this morning
    ({}, "grok-99", "xai/grok-99"),
    ({"BIGMODEL_API_KEY": "k"}, "glm-99", "bigmodel/glm-99"),
    # the maker's other address, where that can be asked and its home cannot
    (VERTEX, "gemini-2.5-pro", "vertex/gemini-2.5-pro"),
    (VERTEX | {"GEMINI_API_KEY": "k"}, "gemini-2.5-pro", "gemini/gemini-2.5-pro"),
    ({"BIGMODEL_API_KEY": "k"}, "glm-5.3", "bigmodel/glm-5.3"),
    ({"VERTEX_PROJECT_ID": "p"}, "gemini-2.5-pro", "vertex/gemini-2.5-pro"),  # with a token that is made
    # the one that has it and can be asked, as it is called there
    (GROQ, "gpt-oss-120b", "groq/openai/gpt-oss-120b"),
    (CEREBRAS, "gpt-oss-120b", "cerebras/gpt-oss-120b"),
    (TOGETHER, "glm-4.7", "together/zai-org/GLM-4.7"),
    ({"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://here.example"}, "gpt-5", "azure/gpt-5"),
    # nobody else has it
    ({}, "codegeex4", "ollama/codegeex4"),
    # nobody has it but by litellm
    ({}, "jamba-large-1.7", "litellm/ai21/jamba-large-1.7"),
]


@pytest.mark.parametrize(("values", "model", "target"), FOUND)
def test_a_bare_name_finds_its_provider(values: Mapping[str, str], model: str, target: str) -> None:
    assert bare_names.resolve(model, parse(values).endpoints).name == target


def test_a_provider_whose_key_a_command_prints_can_be_asked() -> None:
    written = Document.model_validate({"backends": {"groq": {"credential": {"command": "pass show groq"}}}})
    endpoints = configure(written, {}, lambda path: "detour.yaml").base.endpoints
    assert bare_names.resolve("gpt-oss-120b", endpoints).name == "groq/openai/gpt-oss-120b"


TOLD: list[tuple[Mapping[str, str], str, str]] = [
    ({}, "gpt-oss-120b", "several providers have 'gpt-oss-120b', and none of them can be asked yet: azure-"),
    (GROQ | CEREBRAS, "gpt-oss-120b", "can be asked: cerebras/gpt-oss-120b, groq/openai/gpt-oss-120b. Write provider/"),
    (
        {},
        "Meta-Llama-3-70B-Instruct",
        "none of them can be asked yet: azure-foundry/Meta-Llama-3-70B-Instruct, hyperbolic/meta-llama/Meta-",
    ),
    ({}, "gemini2.5-pro", "no provider is known to have a model 'gemini2.5-pro'. Did you mean gemini/gemini-2.5-pro"),
    ({}, "xyzzy", "no provider is known to have a model 'xyzzy'. Write provider/model. `detour models` lists"),
    ({}, "n" * 500, f"a model '{'n' * 100}…'"),
]


@pytest.mark.parametrize(("values", "model", "told"), TOLD)
def test_a_bare_name_that_is_nobodys_or_several_peoples_is_an_error(
    values: Mapping[str, str], model: str, told: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        bare_names.resolve(model, parse(values).endpoints)
    assert told in caught.value.message


def test_who_can_be_asked_has_a_key_or_an_address_of_its_own_or_is_anthropic() -> None:
    ready = {name for name, endpoint in parse({}).endpoints.items() if bare_names.is_ready(endpoint)}
    assert ready == {"anthropic"}
    mine = {"OLLAMA_API_BASE": "http://127.0.0.1:1/v1", "XAI_API_KEY": "k", "SEARXNG_API_BASE": "http://127.0.0.1:2"}
    ready = {name for name, endpoint in parse(mine).endpoints.items() if bare_names.is_ready(endpoint)}
    assert ready == {"anthropic", "ollama", "xai"}


def resolved(name: str) -> str:
    try:
        return bare_names.resolve(name, parse({}).endpoints).name
    except ConfigError as error:
        return error.message


def test_every_model_of_the_file_is_found_or_says_why_not() -> None:
    """Each is named bare; what comes of it is a target that has it, or an error that names several that do."""
    bare = sorted({key.rpartition("/")[2] for key, _ in catalog.every()})
    assert len(bare) > 1_000
    for name in bare[::20]:
        told = resolved(name).replace(" is known to have ", " have ")
        assert told.lower().rpartition("/")[2] == name.lower() or f"have {quoted(name)}" in told


def test_a_choice_is_a_target_that_is_read_the_same() -> None:
    settings = parse({})
    assert settings.choices(bare_names.resolve("kimi-k3", settings.endpoints).name) == (Choice("moonshot", "kimi-k3"),)
