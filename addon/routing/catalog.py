"""Facts of models: windows and output limits, from litellm's data file.

litellm itself is never imported here (seconds, 200 MB, network): its package folder is located without executing it
and the JSON beside it is read (about 25 ms), once, when the first route leaves Anthropic.
"""

import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import orjson

logger = logging.getLogger(__name__)

FILE = "model_prices_and_context_window_backup.json"
# our provider name -> the prefixes litellm files its models under
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "azure": ("azure/",),
    "dashscope": ("dashscope/",),
    "vllm": ("hosted_vllm/",),
    "nvidia": ("nvidia_nim/",),
    "together": ("together_ai/",),
    "fireworks": ("fireworks_ai/",),
    "vercel": ("vercel_ai_gateway/",),
}


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """None means unknown, never zero."""

    max_input_tokens: int | None = None
    max_output_tokens: int | None = None


UNKNOWN = ModelFacts()


def lookup(provider: str, model: str) -> ModelFacts:
    """Return what is known of a model; tries ``provider/model``, the bare name, then the name without its vendor."""
    provider = provider.removesuffix("-anthropic")
    rows = _rows()
    bare = model.partition(":")[0]  # openrouter's ":free", ollama's ":30b"
    last = bare.rpartition("/")[2]
    prefixes = PREFIXES.get(provider, (f"{provider}/",))
    names = [*(prefix + name for prefix in prefixes for name in (model, bare)), model, bare, bare.lower(), last]
    for name in names:
        row = rows.get(name)
        if isinstance(row, dict):
            return ModelFacts(_tokens(row.get("max_input_tokens")), _tokens(row.get("max_output_tokens")))
    return UNKNOWN


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


@cache
def _rows() -> Mapping[str, Any]:
    found = importlib.util.find_spec("litellm")
    folders = found.submodule_search_locations if found else None
    try:
        rows: Mapping[str, Any] = orjson.loads((Path(next(iter(folders or ()), "")) / FILE).read_bytes())
    except (OSError, ValueError) as error:
        logger.warning("Detour: no facts of models (%s); max_tokens is clamped to each provider's default", error)
        return {}
    return rows
