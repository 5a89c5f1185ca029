"""litellm's data file of models: a row where traffic needs it, its names where somebody searches, or all of it.

litellm itself is never imported here (seconds, 200 MB, network): its package folder is located without executing it,
and the rows of the models in use are picked out of the JSON beside it (about 5 ms a model, once). Parsing all of its
3 MB for a row or two would cost 20 MB that the process never gives back, so that only a command does it that ends.
"""

import importlib.util
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

from addon.routing import catalog_names, facts
from addon.routing.facts import UNKNOWN, ModelFacts
from addon.routing.makers import home_of

logger = logging.getLogger(__name__)

FILE = "model_prices_and_context_window_backup.json"
SPECIMEN = "sample_spec"  # the key that explains the fields
LONGEST_ROW = 16_384  # bytes; the longest today has 3,000
KEY = re.compile(rb'^ {1,4}"((?:[^"\\]|\\.)+)": \{', re.MULTILINE)  # the fields of a row are indented further
# whose models cost nothing; of any other a price of 0 means that the file does not know it
OWN_MACHINE = frozenset(("ollama", "vllm", "sglang", "llamacpp", "lmstudio"))
# who takes for a model what others take for it: its maker, or the cloud whose it is
PRICED_AS: Mapping[str, frozenset[str]] = {
    "azure": frozenset(("openai",)),
    "vertex": frozenset(("gemini", "anthropic")),
    "gemini": frozenset(("vertex",)),
    "azure-claude": frozenset(("anthropic",)),
    "bigmodel": frozenset(("zai",)),
}
RESELLERS = frozenset(("openrouter", "vercel", "litellm-proxy", "litellm"))  # at the maker's price


@lru_cache(maxsize=256)  # clients may name any model
def lookup(provider: str, model: str) -> ModelFacts:
    """Return what is known of a model, in the row of it that is the surest (``catalog_names.keys``).

    A row of somebody else's tells what the model is, and not what it costs here.
    """
    provider = provider.removesuffix("-anthropic")
    with _opened() as rows:
        # the window of a copy on a machine at home is what it was started with, and not its maker's
        home = None if provider in OWN_MACHINE else home_of(model)
        row = next(
            (row for name in catalog_names.keys(provider, model, home) if (row := _row(rows, name)) is not None), None
        )
    if row is None:
        return UNKNOWN
    return priced(facts.read(row), provider, row)


def priced(known: ModelFacts, provider: str, row: Mapping[str, Any]) -> ModelFacts:
    """Take off a price that is not the provider's, and one of nothing where something is paid."""
    price, owner = known.price, catalog_names.provider_of(str(row.get("litellm_provider", provider)))
    if price is None:
        return known
    is_own = owner == provider or provider in RESELLERS or owner in PRICED_AS.get(provider, ())
    free = price.is_free and provider not in OWN_MACHINE
    return known if is_own and not free else replace(known, price=None)


@lru_cache(maxsize=256)
def named(model: str) -> tuple[tuple[str, str], ...]:
    """Return key and provider, as litellm calls them, of each model of that name, whoever has it; of any case.

    All keys are looked over, which takes 15 ms, and nothing is kept of them.
    """
    wanted = model.lower()
    with _opened() as rows:
        keys = [key for key in _keys(rows) if key.lower().rpartition("/")[2] == wanted or key.lower() == wanted]
        found = ((key, row) for key in keys if (row := _row(rows, key)) is not None)
        return tuple((key, str(row.get("litellm_provider"))) for key, row in found if row.get("mode") in facts.MODES)


def names() -> tuple[str, ...]:
    """Return the keys of the file, for messages that name the nearest."""
    with _opened() as rows:
        return tuple(_keys(rows))


def every() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every row that is a model to talk to, with its key. All of the file is parsed: 22 ms, and 20 MB kept."""
    with _opened() as rows:
        parsed = json.loads(rows[:]) if rows else {}
    for key, row in parsed.items():
        if key != SPECIMEN and isinstance(row, dict) and row.get("mode") in facts.MODES:
            yield key, row


def _keys(rows: bytes | mmap) -> Iterator[str]:
    for found in KEY.finditer(rows):
        key = json.loads(b'"' + found[1] + b'"')
        if key != SPECIMEN:
            yield key


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
