"""``detour config``: write a first file, show what is in force and why, look a file over, print its schema."""

import json
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

import typer

from addon.protocol.errors import ConfigError
from addon.settings import inventory, private_file, settings_file, state_file
from addon.settings.inventory import Row
from addon.settings.settings_file import Reading
from addon.settings.switch import Switch, still

WIDEST = 60  # characters of a column of values; longer ones push their origin out
EXAMPLE, SCHEMA = "example.yaml", "detour.schema.json"
SCHEMA_LINE = "# yaml-language-server: $schema={}\n"


def init(*, user: bool, force: bool) -> None:
    """Write a file in which everything is explained and nothing is set."""
    path = (settings_file.config_folder() if user else Path.cwd()) / settings_file.FILE
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; --force writes over it")
    schema = str(files("addon.settings") / SCHEMA)
    private_file.write(path, SCHEMA_LINE.format(schema) + _shipped(EXAMPLE))
    typer.echo(f"{path} is written. Edit it; `detour config check` looks it over.")


def show(file: str | None, *, as_json: bool) -> None:
    """Print everything in force, where it comes from, and no secret."""
    reading = settings_file.read(Path.cwd(), file)
    switch = kept_switch(reading)
    rows = list(inventory.rows(reading.configuration, reading.configuration.settings(switch), switch))
    if as_json:
        typer.echo(json.dumps([{"name": row.name, "value": row.value, "origin": row.origin} for row in rows], indent=1))
        return
    names, values, _ = (max((len(text) for text in column), default=0) for column in zip(*_texts(rows), strict=True))
    for name, value, origin in _texts(rows):
        typer.echo(f"{name:<{names}}  {value:<{min(values, WIDEST)}}  {origin}")
    typer.echo(f"\nconfiguration file: {reading.file or 'none; `detour config init` writes one'}")


def check(file: str | None) -> None:
    """Look the configuration over; exit code 2 when something is wrong."""
    reading = settings_file.read(Path.cwd(), file)
    configuration = reading.configuration
    settings = configuration.settings()
    for line in settings.warnings:
        typer.echo(f"warning: {line}")
    for name in configuration.document.presets:
        try:
            configuration.settings(Switch(preset=name))
        except ConfigError as error:
            typer.echo(f"warning: the preset {name} cannot be used: {error.message}")
    switch = kept_switch(reading)
    if not switch.is_empty:
        typer.echo("note: something else was chosen while running and goes over it; `detour config show` says what")
    typer.echo(f"{reading.file or 'the environment'}: all right, {len(settings.rules)} routes")


def schema() -> None:
    """Print the JSON Schema of the file, for editors."""
    typer.echo(_shipped(SCHEMA), nl=False)


def kept_switch(reading: Reading) -> Switch:
    """Return what was chosen while running and still holds."""
    switch, over = state_file.read(settings_file.home_folder(reading.configuration.base))
    return still(switch, over, reading.configuration.configured)[0]


def _texts(rows: Iterable[Row]) -> list[tuple[str, str, str]]:
    return [("setting", "value", "origin"), *((row.name, row.value, row.origin) for row in rows)]


def _shipped(name: str) -> str:
    return (files("addon.settings") / name).read_text(encoding="utf-8")
