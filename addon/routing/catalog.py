"""Facts of models: windows, output limits, prices and whether they see pictures, from litellm's data file.

litellm itself is never imported here (seconds, 200 MB, network): its package folder is located without executing it,
and the rows of the models in use are picked out of the JSON beside it (about 5 ms a model, once). Parsing all of its
3 MB for a row or two would cost 20 MB that the process never gives back.
"""

import importlib.util
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

FILE = "model_prices_and_context_window_backup.json"
COSTS: Mapping[str, str] = {  # the fields of Price
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cache_read": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_hour": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
}
LONG_PROMPT = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")  # no row has two
MILLION = 1_000_000
LONGEST_ROW = 16_384  # bytes; the longest today has 3,000
# our provider name -> the prefixes litellm files its models under
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "azure": ("azure/",),
    "dashscope": ("dashscope/",),
    "vllm": ("hosted_vllm/",),
    "nvidia": ("nvidia_nim/",),
    "together": ("together_ai/",),
    "fireworks": ("fireworks_ai/",),
    "vercel": ("vercel_ai_gateway/",),
    "bigmodel": ("bigmodel/", "zai/"),
    "xiaomi": ("xiaomi_mimo/",),
}
# Makers whose rows say of each of their models that sees that it does; there, and nowhere else, a row that is silent
# speaks of a blind one. Of the 1,069 rows in litellm 1.109 that tell what else a model can and are silent here, 166 and
# more are of models that see (Claude at Perplexity and Vercel, Llama 3.2 Vision at DeepInfra, gpt-5.1-chat at Azure).
# Of these six makers 19 say so, and 42 are silent: each of these is blind. Worth knowing, for zai refuses a picture in
# words that speak of none ("Invalid API parameter"). A new model whose row forgets it is set right with `vision: true`.
COMPLETE_ON_VISION = frozenset(("deepseek", "zai", "minimax", "moonshot", "groq", "cerebras"))
# whose models cost nothing; of any other a price of 0 means that the file does not know it
OWN_MACHINE = frozenset(("ollama", "vllm", "sglang", "llamacpp", "lmstudio"))


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens; None means unknown, and 0 that it costs nothing.

    ``reasoning`` None: as other output. Of a prompt of more than ``above`` tokens everything costs what ``long`` says.
    """

    input: float | None = None
    output: float | None = None
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_hour: float | None = None  # to stay in the cache for an hour
    reasoning: float | None = None
    above: int | None = None
    long: "Price | None" = None

    def over(self, other: "Price") -> "Price":
        """Return these prices, and the other's where these are unknown."""
        return replace(_over(self, other), above=other.above, long=other.long and _over(self, other.long))


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """None means unknown, never zero."""

    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    price: Price | None = None
    vision: bool | None = None
    report_window: int | None = None  # usage is reported as if the window were so large
    profile: Mapping[str, Any] | None = None  # fields of the Profile that the user changed for this model

    def over(self, other: "ModelFacts") -> "ModelFacts":
        """Return these facts, and the other's where these are unknown."""
        price = self.price.over(other.price) if self.price and other.price else self.price or other.price
        return replace(_over(self, other), price=price)


def _over[F: (Price, ModelFacts)](facts: F, other: F) -> F:
    return replace(
        other, **{field.name: value for field in fields(facts) if (value := getattr(facts, field.name)) is not None}
    )


UNKNOWN = ModelFacts()


@lru_cache(maxsize=256)  # clients may name any model
def lookup(provider: str, model: str) -> ModelFacts:
    """Return what is known of a model; tries ``provider/model``, the bare name, then the name without its vendor."""
    provider = provider.removesuffix("-anthropic")
    bare = model.partition(":")[0]  # openrouter's ":free", ollama's ":30b"
    last = bare.rpartition("/")[2]
    prefixes = PREFIXES.get(provider, (f"{provider}/",))
    names = [*(prefix + name for prefix in prefixes for name in (model, bare)), model, bare, bare.lower(), last]
    with _opened() as rows:
        found = (row for name in names if (row := _row(rows, name)) is not None)
        row = next(found, None)
    if row is None:
        return UNKNOWN
    price = _price(row)
    if price is not None and not (price.input or price.output or provider in OWN_MACHINE):
        price = None
    return ModelFacts(_tokens(row.get("max_input_tokens")), _tokens(row.get("max_output_tokens")), price, _vision(row))


def _vision(row: Mapping[str, Any]) -> bool | None:
    """Whether the model sees; None where the file does not know. A picture sent in vain is refused by the backend."""
    told = row.get("supports_vision")
    if isinstance(told, bool):
        return told
    return False if row.get("mode") == "chat" and row.get("litellm_provider") in COMPLETE_ON_VISION else None


def _tokens(value: Any) -> int | None:
    return value if isinstance(value, int) and value > 0 else None


def _price(row: Mapping[str, Any]) -> Price | None:
    """What the file tells for one token; None where it tells nothing."""
    found = _costs(row)
    if not found:
        return None
    for name in row:
        if thousands := LONG_PROMPT.fullmatch(name):
            long = Price(**_costs(row, name.removeprefix(COSTS["input"])))
            return Price(**found, above=int(thousands[1]) * 1000, long=long)
    return Price(**found)


def _costs(row: Mapping[str, Any], suffix: str = "") -> dict[str, Any]:
    found = {field: _dollars(row.get(name + suffix)) for field, name in COSTS.items()}
    return {field: value for field, value in found.items() if value is not None}


def _dollars(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
    return round(value * MILLION, 6) if is_number else None


def _row(rows: bytes | mmap, name: str) -> dict[str, Any] | None:
    """Parse the object that stands under ``name``; None when there is none."""
    key = json.dumps(name).encode() + b": "
    start = rows.find(key + b"{")
    if start < 0:
        return None
    start += len(key)
    try:
        row, _ = json.JSONDecoder().raw_decode(rows[start : start + LONGEST_ROW].decode("utf-8", "replace"))
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


@contextmanager
def _opened() -> Iterator[bytes | mmap]:
    """Map the file: read whole, its 3 MB would teach the allocator to keep as much for ever."""
    found = importlib.util.find_spec("litellm")
    folders = found.submodule_search_locations if found else None
    try:
        with (Path(next(iter(folders or ()), "")) / FILE).open("rb") as file:
            rows = mmap(file.fileno(), 0, access=ACCESS_READ)
    except (OSError, ValueError) as error:
        logger.warning("Detour: no facts of models (%s); max_tokens is clamped to each provider's default", error)
        yield b""
        return
    with rows:
        yield rows
