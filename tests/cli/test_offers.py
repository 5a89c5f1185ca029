"""What can be asked: every model once, in route syntax, with what the user says of it, and in a useful order."""

from datetime import date

import pytest

from addon.cli.offers import Offer, Wish, offers, ordered
from addon.routing.config import Choice
from addon.routing.facts import ModelFacts, Price
from addon.routing.settings import Settings
from addon.settings import assembly, document_text
from addon.settings.assembly import parse

TODAY = date(2026, 11, 27)


def settings(text: str, **values: str) -> Settings:
    document, place, unused = document_text.parse(text, "detour.yaml")
    return assembly.configure(document, values, place, unused=unused).settings()


def test_every_offer_is_accepted_as_a_target() -> None:
    found = parse({})
    known = offers(found)
    assert len(known) > 2_000
    assert len({offer.target for offer in known}) == len(known)
    wrong = [offer.target for offer in known if found.choices(offer.target) != (offer.choice,)]
    assert wrong == []


def test_what_is_configured_is_among_them_with_what_it_is_for_and_what_the_user_says_of_it() -> None:
    found = settings(
        "big: groq/openai/gpt-oss-120b\nsmall: [gpu/small, ollama/other]\n"
        "backends: {gpu: {address: 'http://127.0.0.1:1/v1'}}\n"
        "models: {fast: gpu/small, gpu/small: {window: 9000, vision: true}, gpu/unused: {window: 1}}\n"
        "routes: [{name: titles, when: {kind: title}, to: gpu/small}, {when: {model: 'x-*'}, to: 'openai/*'}]\n",
        GROQ_API_KEY="k",
        OPENAI_API_KEY="k",
    )
    known = {offer.target: offer for offer in offers(found)}
    assert known["groq/openai/gpt-oss-120b"].uses == ("opus", "sonnet")
    small = known["gpu/small"]
    assert small.uses == ("haiku", "rule titles", "alias fast")
    assert (small.usable, small.facts.max_input_tokens, small.facts.vision) == (True, 9_000, True)
    assert known["ollama/other"].uses == ("haiku (fallback)",)
    assert (known["gpu/unused"].uses, known["gpu/unused"].facts.max_input_tokens) == ((), 1)
    assert "openai/*" not in known
    assert known["openai/gpt-5.5"].usable
    assert not known["xai/grok-4.7"].usable


FACTS = ModelFacts(200_000, price=Price(2.0, 10.0), vision=True, tools=True, reasoning=False)
MINE = Offer(Choice("xai", "Grok-9"), FACTS, usable=True)
BRIDGED = Offer(Choice("litellm", "ai21/jamba"), ModelFacts())
WISHES = [
    (Wish(), True, True),
    (Wish(words=("grok", "XAI")), True, False),
    (Wish(words=("grok", "openai")), False, False),
    (Wish(provider="xai"), True, False),
    (Wish(provider="Grok"), True, False),
    (Wish(provider="ai21"), False, True),
    (Wish(provider="litellm"), False, True),
    (Wish(vision=True), True, False),
    (Wish(tools=True), True, False),
    (Wish(reasoning=True), False, False),
    (Wish(max_price=2.0), True, False),
    (Wish(max_price=1.9), False, False),
    (Wish(min_window=200_000), True, False),
    (Wish(min_window=200_001), False, False),
    (Wish(usable=True), True, False),
]


@pytest.mark.parametrize(("wish", "mine", "bridged"), WISHES)
def test_a_wish_finds_what_is_known_to_be_so(wish: Wish, mine: bool, bridged: bool) -> None:
    assert (wish.fits(MINE), wish.fits(BRIDGED)) == (mine, bridged)


def offer(target: str, uses: tuple[str, ...] = (), *, usable: bool = False, ends: date | None = None) -> Offer:
    provider, _, model = target.partition("/")
    return Offer(Choice(provider, model), ModelFacts(ends=ends), uses, usable)


def test_what_is_in_use_stands_first_then_what_can_be_asked_then_makers_and_the_highest_number() -> None:
    order = [
        offer("groq/openai/gpt-oss-120b", ("opus",)),
        offer("anthropic/claude-x", ("haiku",), usable=True),  # in use: as the configuration names them
        offer("azure/gpt-6", usable=True),
        offer("openai/gpt-6.1"),
        offer("openai/gpt-5.10"),
        offer("openai/gpt-5.9"),
        offer("deepinfra/gpt-6.1"),
        offer("litellm/oci/gpt-6.1"),
        offer("openai/gpt-7", ends=TODAY),
    ]
    assert ordered([*order[:2], *order[:1:-1]], TODAY) == order
