"""Every model that can be written as a target, with what is known of it and whether it can be asked here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from addon.routing import catalog, catalog_names, targets
from addon.routing.backends import ALIASES
from addon.routing.bare_names import is_ready
from addon.routing.config import Choice
from addon.routing.facts import UNKNOWN, ModelFacts, read
from addon.routing.makers import homes_of
from addon.routing.settings import Settings

DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True)
class Offer:
    """A model. ``uses``: what it answers by the configuration; ``usable``: its provider can be asked here."""

    choice: Choice
    facts: ModelFacts
    uses: tuple[str, ...] = ()
    usable: bool = False

    @property
    def target(self) -> str:
        """In route syntax."""
        return self.choice.name


@dataclass(frozen=True, slots=True)
class Wish:
    """What is looked for. ``words``: all of them stand in the target, in any case."""

    words: tuple[str, ...] = ()
    provider: str | None = None
    vision: bool = False
    tools: bool = False
    reasoning: bool = False
    max_price: float | None = None  # dollars for a million tokens of input
    min_window: int | None = None
    usable: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether everything fits."""
        return self == Wish()

    def fits(self, offer: Offer) -> bool:
        """Whether a model is known to be what is looked for."""
        facts, target = offer.facts, offer.target.lower()
        price = facts.price.input if facts.price is not None else None
        return (
            all(word.lower() in target for word in self.words)
            and (self.provider is None or _has(offer.choice, self.provider.lower()))
            and (not self.vision or facts.vision is True)
            and (not self.tools or facts.tools is True)
            and (not self.reasoning or facts.reasoning is True)
            and (self.max_price is None or (price is not None and price <= self.max_price))
            and (self.min_window is None or (facts.max_input_tokens or 0) >= self.min_window)
            and (not self.usable or offer.usable)
        )


def _has(choice: Choice, provider: str) -> bool:
    return choice.provider == ALIASES.get(provider, provider) or choice.name.startswith(
        f"{catalog_names.BRIDGE}/{provider}/"
    )


def offers(settings: Settings) -> list[Offer]:
    """Return every model of the configuration, in its order, and of litellm's data, each once."""
    uses = {choice: words for choice, words in targets.uses(settings).items() if not choice.passes}
    known = {choice: settings.known(choice) for choice in uses} | dict(_catalogued(settings))
    own = [choice for name in settings.facts for choice in settings.choices(name)]
    known |= {choice: settings.known(choice) for choice in own if choice not in known}
    ready = {name: is_ready(endpoint) for name, endpoint in settings.endpoints.items()}
    return [
        Offer(
            choice,
            settings.facts.get(choice.name, UNKNOWN).over(facts),
            uses.get(choice, ()),
            ready[choice.provider],
        )
        for choice, facts in known.items()
    ]


def _catalogued(settings: Settings) -> Iterator[tuple[Choice, ModelFacts]]:
    """Those of the data, the row that is asked for a target last: its key begins with the provider's name."""
    found: dict[Choice, tuple[bool, str, Mapping[str, Any]]] = {}
    for key, row in catalog.every():
        theirs = str(row.get("litellm_provider"))
        target = catalog_names.target_of(key, theirs, settings.endpoints)
        if target is not None:
            choice, is_prefixed = Choice(*target), key.startswith(f"{theirs}/")
            if choice not in found or is_prefixed:
                found[choice] = (is_prefixed, key, row)
    for choice, (_, _, row) in found.items():
        yield choice, catalog.priced(read(row), choice.provider, row)


def ordered(found: Sequence[Offer], today: date) -> list[Offer]:
    """Sort them: in use as they come, what can be asked, at its maker's, by provider, and the highest number first."""
    return sorted(found, key=lambda offer: _place(offer, today))


def _place(offer: Offer, today: date) -> tuple[Any, ...]:
    choice = offer.choice
    if offer.uses:
        return (False,)
    return (
        True,
        not offer.usable,
        offer.facts.has_ended(today),
        choice.provider == catalog_names.BRIDGE,
        choice.provider not in homes_of(choice.model.rpartition("/")[2])[:1],
        choice.provider,
        _Descending(choice.model),
    )


class _Descending:
    """A name whose numbers count, the largest first: gpt-6.1 stands before gpt-5.5."""

    def __init__(self, name: str) -> None:
        parts = DIGITS.split(name.lower())
        self.parts = tuple((part, 0) if number % 2 == 0 else ("", -int(part)) for number, part in enumerate(parts))

    def __lt__(self, other: "_Descending") -> bool:
        return self.parts < other.parts
