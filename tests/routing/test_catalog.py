"""Facts of models, from a file of litellm's shape and from litellm's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.routing import catalog, catalog_file
from addon.routing.facts import UNKNOWN, ModelFacts, Price

ROWS = {
    "gpt-x": {"max_input_tokens": 400, "max_output_tokens": 40},
    "hosted_vllm/q": {"max_input_tokens": 10, "max_output_tokens": None},
    "openrouter/a/b": {"max_input_tokens": 20},
    "b": {"max_input_tokens": 30},
    "wrong": {"max_input_tokens": "many", "max_output_tokens": 0},
    "no object": 7,
    "priced": {"input_cost_per_token": 1.25e-6, "output_cost_per_token": 1e-5, "cache_read_input_token_cost": 1.25e-7},
    "long": {
        "input_cost_per_token": 1e-6,
        "input_cost_per_token_batches": 5e-7,
        "cache_creation_input_token_cost_above_1hr": 2e-6,
        "input_cost_per_token_above_200k_tokens": 2e-6,
        "input_cost_per_token_above_200k_tokens_batches": 1e-6,
        "output_cost_per_token_above_200k_tokens": 3e-6,
        "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 4e-6,
    },
    "thinks": {"output_cost_per_token": 1e-6, "output_cost_per_reasoning_token": 4e-6},
    "free": {"input_cost_per_token": 0, "output_cost_per_token": 0.0},
    "oddly priced": {"input_cost_per_token": "much", "output_cost_per_token": True, "cache_read_input_token_cost": -1},
    'quoted "name"': {"max_input_tokens": 50},
    "sees": {"supports_vision": True, "mode": "chat"},
    "blind": {"supports_vision": False, "mode": "responses", "litellm_provider": "openai"},
    "silent": {"supports_tool_choice": True, "mode": "chat", "litellm_provider": "perplexity"},
    "zai/text": {"supports_tool_choice": True, "mode": "chat", "litellm_provider": "zai"},
    "zai/sees": {"supports_vision": True, "mode": "chat", "litellm_provider": "zai"},
    "zai/speaks": {"mode": "audio_speech", "litellm_provider": "zai"},
    "oddly seeing": {"supports_vision": "yes", "mode": "chat"},
}


@pytest.fixture
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package called litellm, whose code would fail the test if it ran."""
    package = tmp_path / "litellm"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')", "utf-8")
    (package / catalog_file.FILE).write_text(json.dumps(ROWS, indent=4), "utf-8")
    monkeypatch.delitem(sys.modules, "litellm", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    catalog.lookup.cache_clear()
    yield
    catalog.lookup.cache_clear()


LOOKUPS = [
    ("openai", "gpt-x", ModelFacts(400, 40)),
    ("vllm", "q", ModelFacts(10, None)),
    ("vllm-anthropic", "q", ModelFacts(10, None)),
    ("openrouter", "a/b:free", ModelFacts(20, None)),
    ("ollama", "b:30b", ModelFacts(30, None)),
    ("together", "vendor/b", ModelFacts(30, None)),
    ("ollama", "B", ModelFacts(30, None)),
    ("openai", "wrong", UNKNOWN),
    ("openai", "no object", UNKNOWN),
    ("openai", "priced", ModelFacts(price=Price(1.25, 10.0, 0.125))),
    (
        "openai",
        "long",
        ModelFacts(
            price=Price(1.0, cache_write_hour=2.0, above=200_000, long=Price(2.0, 3.0, cache_write_hour=4.0)),
        ),
    ),
    ("openai", "thinks", ModelFacts(price=Price(None, 1.0, reasoning=4.0))),
    ("openai", "free", UNKNOWN),
    ("ollama", "free", ModelFacts(price=Price(0.0, 0.0))),
    ("vllm-anthropic", "free", ModelFacts(price=Price(0.0, 0.0))),
    ("openai", "oddly priced", UNKNOWN),
    ("openai", 'quoted "name"', ModelFacts(50, None)),
    ("openai", "unheard of", UNKNOWN),
    ("openai", "sees", ModelFacts(vision=True, mode="chat")),
    ("openai", "blind", ModelFacts(vision=False, mode="responses")),
    ("perplexity", "silent", ModelFacts(mode="chat")),
    ("zai", "text", ModelFacts(vision=False, mode="chat")),
    ("openrouter", "zai/text", ModelFacts(vision=False, mode="chat")),
    ("zai", "sees", ModelFacts(vision=True, mode="chat")),
    ("zai", "speaks", UNKNOWN),
    ("openai", "oddly seeing", ModelFacts(mode="chat")),
]


@pytest.mark.usefixtures("_file")
@pytest.mark.parametrize(("provider", "model", "facts"), LOOKUPS)
def test_a_model_is_found_under_its_names(provider: str, model: str, facts: ModelFacts) -> None:
    assert catalog.lookup(provider, model) == facts


@pytest.mark.usefixtures("_file")
def test_a_row_that_is_cut_or_too_long_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "litellm" / catalog_file.FILE).write_text('{"gpt-x": {"max_input_tokens": ', "utf-8")
    assert catalog.lookup("openai", "gpt-x") == UNKNOWN


@pytest.mark.usefixtures("_file")
def test_without_the_file_nothing_is_known_and_it_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "litellm" / catalog_file.FILE).unlink()
    assert catalog.lookup("openai", "gpt-x") == UNKNOWN
    assert "no facts of models" in caplog.text


def test_litellms_own_file_is_read_and_litellm_is_not_imported() -> None:
    program = (
        "import sys; from addon.routing import catalog; facts = catalog.lookup('openai', 'gpt-4.1');"
        "assert facts.max_input_tokens > 100_000, facts; assert facts.max_output_tokens, facts; assert facts.vision;"
        "assert 'litellm' not in sys.modules"
    )
    root = Path(__file__).parent.parent.parent
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


# as of November 2026; a new model of theirs is to be looked up before it is added here
BLIND = [
    *("deepseek/deepseek-chat", "deepseek/deepseek-v4-pro", "zai/glm-4.5", "zai/glm-4.7", "zai/glm-5.3"),
    *("minimax/MiniMax-M2.5", "moonshot/moonshot-v1-auto", "groq/openai/gpt-oss-120b", "cerebras/gpt-oss-120b"),
]
SEEING = [
    *("deepseek/deepseek-flash", "zai/glm-4.5v", "zai/glm-5.3-flash", "minimax/MiniMax-M3", "moonshot/kimi-k3"),
    *("groq/qwen/qwen3.8-27b", "openai/gpt-5.5", "gemini/gemini-3.5-flash", "xai/grok-4.7"),
]
UNTOLD = ["deepinfra/meta-llama/Llama-3.2-11B-Vision-Instruct", "vercel/anthropic/claude-4-sonnet", "ollama/gemma3"]


@pytest.mark.parametrize(
    ("name", "vision"),
    [*((name, False) for name in BLIND), *((name, True) for name in SEEING), *((name, None) for name in UNTOLD)],
)
def test_litellms_own_file_tells_which_models_see(name: str, vision: bool | None) -> None:
    catalog.lookup.cache_clear()
    assert catalog.lookup(*name.split("/", 1)).vision is vision
