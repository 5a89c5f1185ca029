"""What litellm's data file knows of a model that a target names, and which models have a name. Pure, but for it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from addon.routing import catalog_file, catalog_names, facts
from addon.routing.facts import UNKNOWN, ModelFacts
from addon.routing.makers import home_of

# whose models cost nothing; of any other a price of 0 means that the file does not know it
OWN_MACHINE = frozenset(("ollama", "vllm", "sglang", "llamacpp", "lmstudio", "localai"))
# who takes for a model what others take for it: its maker, or the cloud whose it is
PRICED_AS: Mapping[str, frozenset[str]] = {
    "azure": frozenset(("openai",)),
    "vertex": frozenset(("gemini", "anthropic")),
    "gemini": frozenset(("vertex",)),
    "azure-claude": frozenset(("anthropic", "azure-foundry")),
    "azure-foundry": frozenset(("anthropic", "openai", "azure")),
    "claude-on-aws": frozenset(("anthropic",)),
    "gcp-claude": frozenset(("anthropic",)),
    "bigmodel": frozenset(("zai",)),
}
RESELLERS = frozenset(("openrouter", "vercel", "litellm-proxy", "litellm"))  # at the maker's price


@lru_cache(maxsize=256)  # clients may name any model
def lookup(provider: str, model: str) -> ModelFacts:
    """Return what is known of a model, in the row of it that is the surest (``catalog_names.keys``).

    A row of somebody else's tells what the model is, and not what it costs here.
    """
    provider = provider.removesuffix("-anthropic")
    with catalog_file.opened() as rows:
        # the window of a copy on a machine at home is what it was started with, and not its maker's
        home = None if provider in OWN_MACHINE else home_of(model)
        row = next(
            (row for name in catalog_names.keys(provider, model, home) if (row := rows.find(name)) is not None), None
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
    with catalog_file.opened() as rows:
        keys = [key for key in rows.names() if key.lower().rpartition("/")[2] == wanted or key.lower() == wanted]
        found = ((key, row) for key in keys if (row := rows.find(key)) is not None)
        return tuple((key, str(row.get("litellm_provider"))) for key, row in found if row.get("mode") in facts.MODES)


def names() -> tuple[str, ...]:
    """Return the keys of the file, for messages that name the nearest."""
    with catalog_file.opened() as rows:
        return tuple(rows.names())


def every() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every row that is a model to talk to, with its key. Only for a command: 20 MB stay with the process."""
    with catalog_file.opened() as rows:
        for key, row in rows.every():
            if row.get("mode") in facts.MODES:
                yield key, row
