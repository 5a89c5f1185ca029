from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from addon.cli.arguments import OwnFlagsFirst

Seen = tuple[str, bool, bool | None, list[str]]

TAKEN: list[tuple[list[str], Seen]] = [
    ([], ("reverse", False, None, [])),
    (["-p", "hi"], ("reverse", False, None, ["-p", "hi"])),
    (["--door", "proxy", "-p", "hi"], ("proxy", False, None, ["-p", "hi"])),
    (["--door=proxy", "--web", "--model", "x"], ("proxy", True, None, ["--model", "x"])),
    (["--no-start", "mcp", "list"], ("reverse", False, False, ["mcp", "list"])),
    (["-p", "--web", "--door", "proxy"], ("reverse", False, None, ["-p", "--web", "--door", "proxy"])),
    (["--", "--help"], ("reverse", False, None, ["--help"])),
    (["--start", "--", "--", "a"], ("reverse", False, True, ["--", "a"])),
    (["a", "--", "b"], ("reverse", False, None, ["a", "--", "b"])),
    (["--version", "-w", ""], ("reverse", False, None, ["--version", "-w", ""])),
    (["--webs"], ("reverse", False, None, ["--webs"])),
]


@pytest.fixture
def command() -> tuple[typer.Typer, list[Seen]]:
    app, seen = typer.Typer(add_completion=False), []

    @app.command(cls=OwnFlagsFirst)
    def run(
        context: typer.Context,
        door: str = "reverse",
        web: bool = False,
        start: Annotated[bool | None, typer.Option("--start/--no-start")] = None,
    ) -> None:
        seen.append((door, web, start, list(context.args)))

    return app, seen


@pytest.mark.parametrize(("arguments", "expected"), TAKEN)
def test_from_the_first_foreign_word_on_all_is_the_other_programs(
    command: tuple[typer.Typer, list[Seen]], arguments: list[str], expected: Seen
) -> None:
    app, seen = command
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert (result.exit_code, seen) == (0, [expected])


@pytest.mark.parametrize(("arguments", "code", "told"), [(["--help"], 0, "--door"), (["--door"], 2, "requires an arg")])
def test_our_own_flags_are_parsed_as_ever(
    command: tuple[typer.Typer, list[Seen]], arguments: list[str], code: int, told: str
) -> None:
    app, seen = command
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, seen) == (code, [])
    assert told in result.output
