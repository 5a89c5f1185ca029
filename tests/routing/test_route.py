"""Which target serves a model's name, and why."""

import pytest

from addon.protocol.errors import BackendError, BadRequest, DetourError
from addon.routing.call import Call
from addon.routing.config import tier_of
from addon.routing.route import choose
from addon.routing.settings import Settings
from addon.settings.assembly import parse

KEYS = {"OPENAI_API_KEY": "k"}
BOTH = parse({**KEYS, "BIG_MODEL": "gpt-5.5", "SMALL_MODEL": "vllm/q"})
SMALL = parse({"SMALL_MODEL": "vllm/q"})
NOTHING = parse({})

ROUTES = [
    (BOTH, "claude-opus-4-8", "openai/gpt-5.5", "BIG_MODEL answers opus"),
    (BOTH, "claude-sonnet-5", "openai/gpt-5.5", "BIG_MODEL answers sonnet"),
    (BOTH, "claude-haiku-5-5", "vllm/q", "SMALL_MODEL answers haiku"),
    (BOTH, "Claude-3-HAIKU", "vllm/q", "SMALL_MODEL answers haiku"),
    (BOTH, "claude-of-tomorrow", "openai/gpt-5.5", "BIG_MODEL answers every other name"),
    (BOTH, "groups-sonnet", "openai/gpt-5.5", "BIG_MODEL answers sonnet"),
    (BOTH, "ollama/llama3:8b", "ollama/llama3:8b", "the client named it"),
    (BOTH, "LM_Studio/a/b", "lmstudio/a/b", "the client named it"),
    (BOTH, "claude-via-vllm/q", "vllm/q", "the client named it"),
    (SMALL, "claude-opus-4-8", "anthropic", "no model is set for opus: passed through"),
    (SMALL, "claude-of-tomorrow", "anthropic", "no model is set for other names: passed through"),
    (NOTHING, "claude-haiku-5-5", "anthropic", "no model is set for haiku: passed through"),
    (NOTHING, "vllm/q", "vllm/q", "the client named it"),
    (NOTHING, "anthropic/claude-x", "anthropic/claude-x", "the client named it"),
]


@pytest.mark.parametrize(("settings", "asked", "name", "reason"), ROUTES)
@pytest.mark.parametrize("suffix", ["", "[1m]", "[1M]"])
def test_a_name_leads_to_its_route(settings: Settings, asked: str, name: str, reason: str, suffix: str) -> None:
    route = choose(Call({"model": asked + suffix}), settings)
    assert (route.name, route.reason) == (name, reason)
    assert (route.asked, route.long_window) == (asked, bool(suffix))


REFUSED = [
    ("nobody/x", BadRequest, 404, "there is no provider 'nobody'"),
    ("opnai/x", BadRequest, 404, "Did you mean openai"),
    ("openai/", BadRequest, 404, "the model is missing"),
    ("/x", BadRequest, 404, "provider/model"),
    ("openai/x", BackendError, 403, "set OPENAI_API_KEY"),
    ("azure/x", BackendError, 403, "set AZURE_API_BASE"),
]


@pytest.mark.parametrize(("asked", "error", "status", "words"), REFUSED)
def test_a_name_that_leads_nowhere_says_why(asked: str, error: type[DetourError], status: int, words: str) -> None:
    with pytest.raises(error) as caught:
        choose(Call({"model": asked}), parse({"SMALL_MODEL": "vllm/q"}))
    assert caught.value.status == status
    assert words in caught.value.message


def test_with_no_model_set_a_name_of_no_provider_passes() -> None:
    assert choose(Call({"model": "eu/claude-opus"}), NOTHING).destination is None


def test_a_destination_bears_address_dialect_limits_and_credential() -> None:
    destination = choose(Call({"model": "claude-opus-4-8"}), BOTH).destination
    assert destination
    assert destination.target.base_url == "https://api.openai.com/v1"
    assert destination.target.profile.system_role == "developer"
    assert destination.credential.variable == "OPENAI_API_KEY"
    assert destination.dialect.translates
    native = choose(Call({"model": "vllm-anthropic/q"}), BOTH).destination
    assert native
    assert not native.dialect.translates


@pytest.mark.parametrize(("model", "tier"), [("claude-opus", "opus"), ("x-SONNET-y", "sonnet"), ("gpt", None)])
def test_a_tier_is_read_from_the_name(model: str, tier: str | None) -> None:
    assert tier_of(model) == tier
