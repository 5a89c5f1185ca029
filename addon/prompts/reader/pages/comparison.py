"""What differs between two requests: a turn and the one before it, or any two; and whether the prompt cache held."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, render_template, request

from addon.prompts import cache_break, difference
from addon.prompts.cache_break import Break, Finding
from addon.prompts.entry import Summary
from addon.prompts.reader import comparing, exchange
from addon.prompts.reader.house import house
from addon.prompts.reader.pages import turn
from addon.prompts.reader.texts import Budget
from addon.prompts.threads import Turn

pages = Blueprint("comparison", __name__)
turn.TABS.insert(1, ("Difference", "comparison.with_previous"))

WIDTH = 1000.0


@pages.app_template_filter("cache_lost")
def cache_lost(found: Turn) -> int:
    """Say how many cached tokens a turn did not read back, by what both replies say."""
    if found.previous is None or found.summary.origin is not None:
        return 0
    return cache_break.cost(found.previous, found.summary) or 0


@pages.get("/read/turn/<int:number>/difference")
def with_previous(number: int) -> Any:
    """Compare a turn with the one that it continues."""
    log = house().open_log()
    found = exchange.read(log, number)
    previous = found.place.turn.previous
    old = exchange.body(log.entry(previous.number)) if previous is not None else None
    shown = _compared(old, found.request, previous, found.summary) if previous is not None else None
    return turn.page("turn_difference.html", found, "comparison.with_previous", compared=shown, old=previous)


@pages.get("/read/compare")
def any_two() -> Any:
    """Compare any two requests; without two, ask for them."""
    names = {name: request.args.get(name, "").strip() for name in ("old", "new")}
    if not all(names.values()):
        return render_template("compare.html", names=names, compared=None, old=None, new=None)
    log = house().open_log()
    old, new = (log.resolve(name) for name in names.values())
    before, now = (exchange.body(log.entry(each.number)) for each in (old, new))
    previous = exchange.place_of(log, new).turn.previous
    is_next = previous is not None and previous.number == old.number
    shown = _compared(before, now, old, new, is_next=is_next)
    return render_template("compare.html", names=names, compared=shown, old=old, new=new)


def _compared(
    old: Mapping[str, Any] | None,
    new: Mapping[str, Any] | None,
    before: Summary,
    now: Summary,
    *,
    is_next: bool = True,
) -> dict[str, Any] | None:
    """Return what the template shows; None where one of the prompts is not kept.

    ``is_next``: the one continues the other, so what the replies say of their cache belongs together.
    """
    if old is None or new is None:
        return None
    sheet = comparing.sheet(difference.between(old, new), Budget())
    finding = cache_break.look(old, new, before, now) if is_next else _parting(cache_break.find(old, new))
    return {"sheet": sheet, "finding": finding, "share": share(finding), "is_next": is_next}


def _parting(found: Break | None) -> Finding:
    """Say where two prompts part that are no neighbours."""
    if found is None:
        return Finding(None, None, "The new prompt begins with all of the old one.")
    kept = f"{found.tokens_kept:,} tokens"
    return Finding(found, None, f"Both begin with the same {kept}, by estimate, and part in {found.title}.")


def share(finding: Finding) -> float:
    """Return where the prefix broke, on a bar of WIDTH units; WIDTH where it did not."""
    found = finding.found
    if found is None or found.harmless:
        return WIDTH
    whole = found.tokens_kept + found.tokens_lost
    return round(found.tokens_kept / whole * WIDTH, 2) if whole else 0.0
