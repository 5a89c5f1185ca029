"""The price of the one who answers."""

import pytest

from addon.routing import catalog
from addon.routing.call import Call
from addon.routing.facts import UNKNOWN, ModelFacts, Price
from addon.routing.pricing import price_of
from addon.routing.route import choose
from addon.settings.assembly import configure
from addon.settings.document import Document

CATALOGUE = {
    ("openai", "gpt-x"): ModelFacts(price=Price(1.0, 2.0, 0.1)),
    ("anthropic", "claude-opus-x"): ModelFacts(price=Price(3.0, 4.0)),
}
OWN = {"openai/gpt-x": {"price": {"output": 9.0}}, "anthropic/claude-opus-x": {"price": {"cache_read": 7.0}}}
FEWER = {"when": {"model": "claude-opus-*"}, "max_tokens": 5}

PRICES: dict[str, tuple[dict[str, object], str, Price | None]] = {
    "of a backend": ({}, "openai/gpt-x", Price(1.0, 2.0, 0.1)),
    "of one that is not known": ({}, "openai/gpt-y", None),
    "of Anthropic, which it passes to": ({}, "claude-opus-x", Price(3.0, 4.0)),
    "of a model of Anthropic's that is not known": ({}, "claude-opus-y", None),
    "of Anthropic, with the user's key": ({}, "anthropic/claude-opus-x", Price(3.0, 4.0)),
    "of a long window": ({}, "claude-opus-x[1m]", Price(3.0, 4.0)),
    "the user's own": ({"models": OWN}, "openai/gpt-x", Price(1.0, 9.0, 0.1)),
    "the user's own of what passes": ({"models": OWN}, "claude-opus-x", Price(3.0, 4.0, 7.0)),
    "of what passes with a change": ({"models": OWN, "routes": [FEWER]}, "claude-opus-x", Price(3.0, 4.0, 7.0)),
}


@pytest.mark.parametrize(("written", "asked", "price"), PRICES.values(), ids=PRICES)
def test_the_price_is_that_of_the_one_who_answers(
    written: dict[str, object], asked: str, price: Price | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog, "lookup", lambda provider, model: CATALOGUE.get((provider, model), UNKNOWN))
    values = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
    settings = configure(Document.model_validate(written), values, str).settings()
    assert price_of(choose(Call({"model": asked}), settings), settings) == price
