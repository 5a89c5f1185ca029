"""Answers to the same request side by side: text, calls, tokens, price and time, for people and for programs."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from addon.cli.asking import Outcome
from addon.prompts import prices, printable

UNKNOWN = "unknown"
THEN = "then: "


def as_json(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return them as programs read them."""
    return [
        {
            "target": each.target,
            "logged": each.is_logged,
            "id": each.id,
            "status": each.status,
            "stop_reason": each.answer.stop_reason,
            "error": each.answer.error,
            "text": each.answer.text,
            "thinking": each.answer.thinking,
            "calls": [{"name": call.name, "arguments": call.arguments} for call in each.answer.calls],
            "prompt_tokens": each.prompt_tokens,
            "output_tokens": each.output_tokens,
            "dollars": each.dollars,
            "first_content_ms": each.first_ms,
            "total_ms": each.total_ms,
        }
        for each in outcomes
    ]


def show(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print them, a column each; what none of them has is no row."""
    table = Table(show_lines=True)
    table.add_column()
    for each in outcomes:
        table.add_column(Text((THEN if each.is_logged else "") + printable.line(each.target)), ratio=1)
    for title, told in ROWS:
        cells = [told(each) for each in outcomes]
        if any(cells):
            table.add_row(title, *map(Text, cells))
    console.print(table)


def _ending(each: Outcome) -> str:
    if each.answer.error is not None:
        return f"failed: {printable.line(each.answer.error)}"
    return printable.line(each.answer.stop_reason or (UNKNOWN if each.status else ""))


def _calls(each: Outcome) -> str:
    return "\n".join(
        f"{printable.line(call.name)} {printable.line(_arguments(call.arguments))}" for call in each.answer.calls
    )


def _arguments(arguments: Any) -> str:
    return arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)


def _tokens(each: Outcome) -> str:
    if each.prompt_tokens is None and each.output_tokens is None:
        return ""
    told = [UNKNOWN if count is None else f"{count:,}" for count in (each.prompt_tokens, each.output_tokens)]
    return f"{told[0]} in, {told[1]} out"


def _price(each: Outcome) -> str:
    if each.output_tokens is None and each.dollars is None:
        return ""
    return UNKNOWN if each.dollars is None else prices.told(each.dollars)


def _time(each: Outcome) -> str:
    if each.total_ms is None:
        return ""
    first = f"first word {each.first_ms / 1000:.2f} s, " if each.first_ms is not None else ""
    return f"{first}all {each.total_ms / 1000:.2f} s"


ROWS: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("end", _ending),
    ("calls", _calls),
    ("text", lambda each: printable.text(each.answer.text)),
    ("tokens", _tokens),
    ("price", _price),
    ("time", _time),
)
