"""The commands about models, and their flags: ``models``, ``check``."""

import re
from typing import Annotated

import typer

from addon.protocol.errors import ConfigError

commands = typer.Typer()

TOKENS = re.compile(r"(\d+(?:\.\d+)?)\s*([kKmM]?)")
UNITS = {"": 1, "k": 1_000, "m": 1_000_000}

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@commands.command()
def models(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD...]", help="What stands in the name, in any case.")
    ] = None,
    provider: Annotated[
        str | None, typer.Option("--provider", metavar="NAME", help="Of this provider.", show_default=False)
    ] = None,
    vision: Annotated[bool, typer.Option("--vision", help="That see pictures.")] = False,
    tools: Annotated[bool, typer.Option("--tools", help="That call tools.")] = False,
    reasoning: Annotated[bool, typer.Option("--reasoning", help="That think.")] = False,
    max_price: Annotated[
        float | None,
        typer.Option("--max-price", min=0, metavar="DOLLARS", help="A million tokens of input cost no more."),
    ] = None,
    min_window: Annotated[
        str | None, typer.Option("--min-window", metavar="TOKENS", help="As 131072, 200k or 1m.", show_default=False)
    ] = None,
    usable: Annotated[bool, typer.Option("--usable", help="That can be asked here.")] = False,
    whole: Annotated[bool, typer.Option("--all", help="All that are known.")] = False,
    as_json: AsJson = False,
) -> None:
    """List models as they are written in a route: window, prices, abilities. Without a word: what is usable here."""
    from addon.cli import models as found
    from addon.cli.offers import Wish

    window = _tokens(min_window) if min_window is not None else None
    wish = Wish(tuple(words or ()), provider, vision, tools, reasoning, max_price, window, usable)
    found.run(wish, whole=whole, as_json=as_json)


def _tokens(text: str) -> int:
    """Read a number of tokens. Raises: ConfigError."""
    found = TOKENS.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"--min-window {text!r}: write a number of tokens as 131072, 200k or 1m")
    return int(float(found[1]) * UNITS[found[2].lower()])


@commands.command()
def check(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PROVIDER/MODEL...]", help="Who is asked. Default: all that are configured."),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, metavar="SECONDS", help="How long a reply may be silent.")
    ] = 120.0,
    as_json: AsJson = False,
) -> None:
    """Ask each configured model for a small tool call, through a Detour of its own, and say what works."""
    from addon.cli.check import run

    raise typer.Exit(run(targets or (), timeout, as_json=as_json))
