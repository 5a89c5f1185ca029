"""The commands of ``detour config`` and ``detour route``, and their flags."""

import sys
from typing import Annotated

import typer

config = typer.Typer(
    name="config", help="The configuration file: write one, show what is in force, check it.", no_args_is_help=True
)
route = typer.Typer(name="route", help="Who would answer a request, and why.", no_args_is_help=True)

File = Annotated[
    str | None,
    typer.Option(
        "--file", metavar="PATH", help="Default: DETOUR_CONFIG, ./detour.yaml, or the user's own.", show_default=False
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


@config.command()
def init(
    user: Annotated[bool, typer.Option("--user", help="Into your configuration folder, for every folder.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a file in which everything is explained and nothing is set."""
    from addon.cli import configuration

    configuration.init(user=user, force=force)


@config.command()
def show(file: File = None, as_json: AsJson = False) -> None:
    """Print everything in force, where it comes from, and no secret."""
    from addon.cli import configuration

    configuration.show(file, as_json=as_json)


@config.command()
def check(file: File = None) -> None:
    """Look the configuration over; exit code 2 when something is wrong."""
    from addon.cli import configuration

    configuration.check(file)


@config.command()
def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    from addon.cli import configuration

    configuration.schema()


@route.callback()
def _route() -> None:
    """Who would answer a request, and why."""


@route.command()
def explain(
    file: File = None,
    header: Annotated[
        list[str] | None,
        typer.Option(
            "--header", "-H", metavar="'NAME: VALUE'", help="A header of the client's; repeatable.", show_default=False
        ),
    ] = None,
    door: Annotated[str, typer.Option("--door", metavar="proxy|reverse", help="The door it comes in by.")] = "reverse",
    path: Annotated[str, typer.Option("--path", help="The path it is for.")] = "/v1/messages",
    preset: Annotated[
        str | None, typer.Option("--preset", help="As if this preset were in force.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say who would answer the request on standard input, and send nothing: `detour route explain < request.json`."""
    from addon.cli.explain import Question
    from addon.cli.explain import explain as say
    from addon.protocol.errors import ConfigError
    from addon.routing.call import Door

    if door not in list(Door):
        raise ConfigError(f"--door is {door!r}; there are {' and '.join(Door)}")
    question = Question(file, tuple(header or ()), Door(door), path, preset)
    say(sys.stdin.buffer.read(), question, as_json=as_json)
