"""``detour models``: the models that can be asked, what each is, costs and can, as a table or as JSON."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from rich.text import Text

from addon.cli import printing
from addon.cli.offers import Offer, Wish, offers, ordered
from addon.prompts import printable
from addon.protocol.errors import ConfigError
from addon.routing.facts import ModelFacts, Price
from addon.routing.settings import Settings
from addon.settings import settings_file
from addon.settings.assembly import parse

IN_USE, READY = "*", "+"
NOT, UNTOLD = "-", "."
ABILITIES: Mapping[str, str] = {"T": "tools", "R": "reasoning", "V": "vision", "P": "documents", "S": "search"}
LEGEND = (
    "* in use  + can be asked here  T tools  R reasoning  V pictures  P PDFs  S web search (- has not, . unknown)",
    "in, out, cached: dollars for a million tokens, of a short prompt; nothing: unknown",
)
NO_TOOLS = "no tools: not for Claude Code"
TITLES = ("", "model", "window", "output", "in", "out", "cached", "can", "")
RIGHT = range(2, 7)  # columns of numbers
EXTRA = frozenset((3, 6))  # columns that a narrow terminal does without
ROOM = 36  # characters that a model's name may take before columns give way


def run(wish: Wish, *, whole: bool, as_json: bool) -> None:
    """Print the models that fit; without a wish those that can be asked here. ``whole``: all of them."""
    settings, fault = _settings()
    if fault is not None:
        printing.put_notes([f"these are the models without your settings: {fault}"])
    known, today = offers(settings), date.today()
    _check_provider(wish, known, settings)
    few = wish.is_empty and not whole
    found = ordered([each for each in known if (each.uses or each.usable if few else wish.fits(each))], today)
    if as_json:
        printing.put_json([as_values(offer) for offer in found])
        return
    if found:
        show(found, today)
    for line in notes(found, known, few=few):
        printing.put(printing.console(), line)


def _settings() -> tuple[Settings, str | None]:
    """What is in force here; with a mistake in it, what can be said all the same, and the mistake."""
    try:
        configuration = settings_file.read(Path.cwd()).configuration
    except ConfigError as error:
        return parse({}), error.message
    try:
        return configuration.settings(), None
    except ConfigError as error:
        return configuration.base, error.message


def _check_provider(wish: Wish, known: Sequence[Offer], settings: Settings) -> None:
    """Raise ConfigError where a provider is named that is none, of ours or of litellm's."""
    name = wish.provider
    if name is None or settings.endpoint(name) is not None:
        return
    if not any(Wish(provider=name).fits(offer) for offer in known):
        raise ConfigError(f"--provider is {name!r}, which is no provider. {settings.nearest(name)}")


def notes(found: Sequence[Offer], known: Sequence[Offer], *, few: bool) -> list[str]:
    """Return what stands under the table."""
    if not found:
        return [f"None of the {len(known):,} models that are known is so. `detour models WORD` searches their names."]
    told = list(LEGEND)
    if few:
        told.append(
            f"{len(found):,} of {len(known):,} models: those of providers whose key or address is set here. "
            "`detour models WORD` searches all, --all lists them."
        )
    return told


def show(found: Sequence[Offer], today: date) -> None:
    """Print the table: whole names, whatever the width; a pipe gets every column."""
    console = printing.console()
    rows = [cells(offer, today) for offer in found]
    width = console.width if console.is_terminal else None
    shown = [place for place in range(len(TITLES)) if width is None or width >= printing.WIDE or place not in EXTRA]
    widths = {place: max(len(TITLES[place]), *(len(row[place]) for row in rows)) for place in shown}
    if width is not None:
        others = sum(size + printing.GAP for place, size in widths.items() if place not in (1, len(TITLES) - 1))
        widths[1] = min(widths[1], max(ROOM, width - others))
    text = Text()
    for row, style in (
        (TITLES, "bold"),
        *((row, _style(offer, today)) for offer, row in zip(found, rows, strict=True)),
    ):
        text.append(_line(row, widths, width), style)
    console.print(text, soft_wrap=True, end="")


def _style(offer: Offer, today: date) -> str:
    if offer.facts.has_ended(today):
        return "dim"
    return "bold" if offer.uses else ""


def _line(row: Sequence[str], widths: Mapping[int, int], width: int | None) -> str:
    """Write a row. A name that is too long has a line of its own, so that it can be copied, and so has a remark."""
    parts = []
    for place, size in widths.items():
        cell = row[place]
        if place == 1 and len(cell) > size:
            cell = f"{cell}\n{'':{widths[0] + printing.GAP + size}}"
        parts.append(f"{cell:>{size}}" if place in RIGHT else f"{cell:<{size}}")
    *facts, remark = parts
    told, indent = (" " * printing.GAP).join(facts), " " * (widths[0] + printing.GAP)
    remark = remark.rstrip()
    last = told.rpartition("\n")[2]
    if remark and width is not None and len(last) + printing.GAP + len(remark) > width:
        return "\n".join(
            (told.rstrip(), *textwrap.wrap(remark, width, initial_indent=indent, subsequent_indent=indent), "")
        )
    return f"{told}{' ' * printing.GAP}{remark}".rstrip() + "\n"


def cells(offer: Offer, today: date) -> tuple[str, ...]:
    """Return the texts of a row."""
    facts, price = offer.facts, offer.facts.price or Price()
    return (
        IN_USE if offer.uses else READY if offer.usable else "",
        printable.line(offer.target),
        tokens(facts.max_input_tokens),
        tokens(facts.max_output_tokens),
        *(dollars(each) for each in (price.input, price.output, price.cache_read)),
        abilities(facts),
        "; ".join(_remarks(offer, today)),
    )


def _remarks(offer: Offer, today: date) -> list[str]:
    facts = offer.facts
    told = [", ".join(offer.uses)] if offer.uses else []
    if facts.ends is not None:
        told.append(f"{'ended' if facts.has_ended(today) else 'ends'} {facts.ends}")
    if facts.tools is False:
        told.append(NO_TOOLS)
    return told


def abilities(facts: ModelFacts) -> str:
    """Write what it can, a letter each."""
    told = {letter: getattr(facts, field) for letter, field in ABILITIES.items()}
    return "".join(letter if can else NOT if can is False else UNTOLD for letter, can in told.items())


def tokens(count: int | None) -> str:
    """Write a window: 131k, 1.05M."""
    if count is None:
        return ""
    if count >= 1_000_000:
        return f"{count / 1_000_000:.2f}".rstrip("0").rstrip(".") + "M"
    return f"{count // 1_000}k" if count >= 1_000 else str(count)


def dollars(price: float | None) -> str:
    """Write a price: 0.125, 15, or nothing where it is unknown."""
    return "" if price is None else f"{price:.3f}".rstrip("0").rstrip(".")


def as_values(offer: Offer) -> dict[str, Any]:
    """Return a model as programs read it; null is unknown."""
    facts = offer.facts
    return {
        "target": offer.target,
        "provider": offer.choice.provider,
        "model": offer.choice.model,
        "window": facts.max_input_tokens,
        "output": facts.max_output_tokens,
        "price": asdict(facts.price) if facts.price is not None else None,
        **{name: getattr(facts, name) for name in ABILITIES.values()},
        "efforts": facts.efforts,
        "mode": facts.mode,
        "endpoints": facts.endpoints,
        "ends": facts.ends.isoformat() if facts.ends is not None else None,
        "usable": offer.usable,
        "uses": offer.uses,
    }
