"""The commands that read the prompt log, and their flags: ``sessions``, ``show``, ``diff``, ``export``, ``scan``."""

from pathlib import Path
from typing import Annotated, Literal

import typer

commands = typer.Typer()

AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Named = Annotated[
    str,
    typer.Argument(
        metavar="SESSION|SESSION/TURN|ID",
        help="The beginning of a session's name, a turn of it, an exchange's number or id; last is the newest session.",
    ),
]
NamedExchange = Annotated[
    str, typer.Argument(metavar="A", help="SESSION/TURN, an exchange's number or id; last is the newest.")
]


@commands.command()
def sessions(
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="The newest N.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the sessions in the prompt log, the newest first."""
    from addon.cli import sessions as found

    found.run(limit, as_json=as_json)


@commands.command()
def show(
    named: Named,
    full: Annotated[bool, typer.Option("--full", help="The whole prompt of the turn, and its whole answer.")] = False,
    sent: Annotated[bool, typer.Option("--sent", help="The request that went to the backend.")] = False,
    reply: Annotated[bool, typer.Option("--reply", help="The backend's reply, as it came.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="The body byte for byte: the client's, or that of --sent or --reply.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a session as its turns, or what is new in a turn, what was answered, by whom and why."""
    from addon.cli import show as shown

    shown.run(named, shown.Wish(full, sent, reply, raw), as_json=as_json)


@commands.command()
def diff(
    first: NamedExchange,
    second: Annotated[
        str | None,
        typer.Argument(metavar="[B]", help="Default: A is compared with the turn before it.", show_default=False),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="All of what is new or gone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare two requests, part by part and word by word, and say what became of the prompt cache."""
    from addon.cli import diff as compared

    compared.run(first, second, full=full, as_json=as_json)


Form = Annotated[
    Literal["markdown", "html", "jsonl", "openai", "har", "curl", "transcript"] | None,
    typer.Option(
        "--format",
        metavar="markdown|html|jsonl|openai|har|curl|transcript",
        help="Default: as the file's name ends, else markdown.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Default: standard output.", show_default=False)
]
Transcript = Annotated[
    Path | None,
    typer.Option("--transcript", metavar="FOLDER", help="A turn as a story of tests/transcripts.", show_default=False),
]
StoryName = Annotated[
    str | None, typer.Option("--name", metavar="NAME", help="transcript: the story's.", show_default=False)
]
StoryLike = Annotated[
    str | None,
    typer.Option(
        "--like", metavar="PROVIDER", help="transcript: the known provider that yours is like.", show_default=False
    ),
]


@commands.command()
def export(
    named: Named,
    form: Form = None,
    output: Output = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    replies: Annotated[bool, typer.Option("--replies", help="jsonl: each reply beside its request.")] = False,
    sent: Annotated[bool, typer.Option("--sent", help="curl: the request that went to the backend.")] = False,
    transcript: Transcript = None,
    name: StoryName = None,
    like: StoryLike = None,
) -> None:
    """Write a session, or a turn of it, as a file for people or for other programs."""
    from addon.cli import export as exported

    wish = exported.Wish(
        form=form,
        output=output,
        force=force,
        replies=replies,
        sent=sent,
        transcript=transcript,
        name=name,
        like=like,
    )
    exported.run(named, wish)


@commands.command()
def scan(
    redact: Annotated[
        bool, typer.Option("--redact", help="Write the log anew by the rules of today; no Detour may run.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say which secrets were taken out of the prompt log, and whether any stands in it; then the exit code is 1."""
    from addon.cli import scan as scanned

    raise typer.Exit(scanned.run(as_json=as_json, redact=redact))
