"""The commands and their flags. Each imports what it runs on only when it is run."""

from typing import Annotated, Literal

import typer

from addon import __version__
from addon.cli import groups, log_commands, model_commands
from addon.cli.arguments import OwnFlagsFirst
from addon.cli.doors import ANTHROPIC, LOOPBACK, REGULAR_PORT, REVERSE_PORT, WEB_PORT, Doors, check_port, loopback_hosts
from addon.cli.surroundings import Shell
from addon.prompts import printable
from addon.protocol.errors import ConfigError
from addon.settings.instance_file import Door

app = typer.Typer(
    name="detour",
    help="Take Claude Code to any model, and see every prompt on the way.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(groups.config)
app.add_typer(groups.route)
app.add_typer(log_commands.commands)
app.add_typer(model_commands.commands)

Port = Annotated[
    int, typer.Option("--port", min=1, max=65535, metavar="PORT", help="Door one: the proxy for HTTPS_PROXY.")
]
ReversePort = Annotated[
    int,
    typer.Option(
        "--reverse-port", min=1, max=65535, metavar="PORT", help="Door two: the address for ANTHROPIC_BASE_URL."
    ),
]
Hosts = Annotated[
    list[str] | None,
    typer.Option(
        "--host",
        metavar="ADDRESS",
        help=f"Where both doors listen; may be repeated. Default: {' and '.join(LOOPBACK)}.",
    ),
]
Target = Annotated[str, typer.Option("--target", metavar="URL", help="Where door two leads when no route is set.")]
Extra = Annotated[
    list[str] | None,
    typer.Argument(metavar="-- ARGUMENTS", help="Handed to mitmproxy as they are.", show_default=False),
]
DoorChoice = Annotated[
    Door,
    typer.Option("--door", metavar="proxy|reverse", help="proxy: HTTPS_PROXY and the CA. reverse: ANTHROPIC_BASE_URL."),
]
WebPort = Annotated[int, typer.Option("--web-port", min=1, max=65535, metavar="PORT", help="mitmweb's own pages.")]


@app.command()
def web(
    extra: Extra = None,
    port: Port = REGULAR_PORT,
    reverse_port: ReversePort = REVERSE_PORT,
    web_port: WebPort = WEB_PORT,
    host: Hosts = None,
    target: Target = ANTHROPIC,
) -> None:
    """Open both doors and show the prompts in the browser (mitmweb)."""
    check_port(["127.0.0.1"], web_port, "--web-port")
    _launch("mitmweb", _doors(host, port, reverse_port, target), ["--web-port", str(web_port), *(extra or [])])


@app.command()
def dump(
    extra: Extra = None,
    port: Port = REGULAR_PORT,
    reverse_port: ReversePort = REVERSE_PORT,
    host: Hosts = None,
    target: Target = ANTHROPIC,
) -> None:
    """Open both doors and print a line for each exchange (mitmdump)."""
    _launch("mitmdump", _doors(host, port, reverse_port, target), extra or [])


@app.command("tui", help="The same as console.")
@app.command()
def console(
    extra: Extra = None,
    port: Port = REGULAR_PORT,
    reverse_port: ReversePort = REVERSE_PORT,
    host: Hosts = None,
    target: Target = ANTHROPIC,
) -> None:
    """Open both doors and show the prompts in the terminal (mitmproxy)."""
    _launch("mitmproxy", _doors(host, port, reverse_port, target), extra or [])


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the replies, with an exit code that tells.")] = False,
    web_port: Annotated[
        int | None,
        typer.Option(
            "--web-port",
            min=1,
            max=65535,
            metavar="PORT",
            help=f"mitmweb's own pages. Default: {WEB_PORT}, or a free one.",
        ),
    ] = None,
) -> None:
    """Show everything with a small model that needs no key."""
    from addon.cli.demo import run

    raise typer.Exit(run(once=once, web_port=web_port))


@app.command(cls=OwnFlagsFirst, options_metavar="[OPTIONS] [what claude takes ...]")
def claude(
    context: typer.Context,
    door: DoorChoice = "reverse",
    start: Annotated[
        bool | None,
        typer.Option("--start/--no-start", help="Start a Detour of its own, or none. Default: where none runs."),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="Show the prompts of a Detour that is started, in mitmweb.")
    ] = False,
    upstream: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="The proxy that a Detour that is started goes through, or none. Default: the one of HTTPS_PROXY.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Start Claude Code wired to Detour. From the first word that is no option listed here, all is Claude Code's."""
    from addon.cli.claude import Launch, Wish

    raise typer.Exit(Launch(Wish(door, start, web, upstream), context.args).run())


@app.command()
def env(
    door: DoorChoice = "reverse",
    shell: Annotated[
        Shell | None,
        typer.Option(metavar="|".join(Shell), help="How they are written. Default: as the shell of $SHELL reads them."),
    ] = None,
) -> None:
    """Print what `detour claude` would set, as exports: `eval "$(detour env)"`."""
    from addon.cli.exports import exports

    typer.echo(exports(door, shell), nl=False)


@app.command()
def read(
    place: Annotated[
        str | None,
        typer.Argument(
            metavar="[SESSION|SESSION/TURN]", help="What to show first: the beginning of a session's id, or last."
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=1,
            max=65535,
            metavar="PORT",
            help="Serve the pages here, also where a Detour runs, at whose door they are otherwise.",
            show_default=False,
        ),
    ] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Print the address, and open no browser.")] = False,
) -> None:
    """Read every prompt in the browser: sessions, turns, what was new, what it cost."""
    from addon.cli.read import run

    raise typer.Exit(run(place, port, may_open=not no_open))


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="As a list of objects.")] = False) -> None:
    """Check all that Detour and its client need, and say what to do about what is wrong."""
    from addon.cli.doctor import run

    raise typer.Exit(run(as_json=as_json))


@app.command("usage")
def usage(
    by: Annotated[
        Literal["session", "model", "agent", "kind", "day"],
        typer.Option("--by", metavar="session|model|agent|kind|day", help="What is summed up together."),
    ] = "model",
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="7d|DATE", help="Not older: 12h, 7d, 2w, or a date.", show_default=False),
    ] = None,
    form: Annotated[
        Literal["table", "csv", "json"],
        typer.Option("--format", metavar="table|csv|json", help="csv and json are for programs."),
    ] = "table",
    chart: Annotated[bool, typer.Option("--chart", help="With a bar for each row.")] = False,
) -> None:
    """Sum up what the prompt log holds: calls, tokens, cost, time. A price that nobody knows is never added as none."""
    from addon.cli import usage
    from addon.prompts.usage import By

    usage.run(usage.logged, By(by), since, form, chart=chart)


@app.command()
def replay(
    exchange: Annotated[str, typer.Argument(metavar="SESSION/TURN", help="Or its number, its id, or last.")],
    targets: Annotated[list[str], typer.Argument(metavar="PROVIDER/MODEL...", help="Who is asked, all at once.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Send a turn of the prompt log to other models, and show the answers side by side."""
    from addon.cli.replay import run

    raise typer.Exit(run(exchange, targets, as_json=as_json))


@app.callback(invoke_without_command=True)
def _options(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(f"detour {__version__}")
        raise typer.Exit


def _doors(hosts: list[str] | None, port: int, reverse_port: int, target: str) -> Doors:
    if hosts:
        return Doors(tuple(hosts), port, reverse_port, target)
    found = loopback_hosts()
    for absent in sorted(set(LOOPBACK) - set(found)):
        typer.echo(f"detour: this machine has no {absent}; the doors are open on {' and '.join(found)} only", err=True)
    return Doors(found, port, reverse_port, target)


def _launch(name: str, doors: Doors, arguments: list[str]) -> None:
    from addon.cli.launch import launch

    launch(name, doors, arguments)


def main() -> None:
    """Run the command line; a wrong setting ends it with one line and code 2."""
    try:
        app(prog_name="detour")
    except ConfigError as error:
        typer.echo(f"detour: {printable.text(error.message)}", err=True)  # it may quote what others named
        raise SystemExit(2) from None
