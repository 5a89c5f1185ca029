"""``detour replay``: a turn of the prompt log on other models, through the whole pipeline, side by side."""

import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import typer
from rich.console import Console

from addon.cli import asking, companion, comparison, wiring
from addon.cli.asking import Outcome, Question
from addon.prompts import again, answer, prices
from addon.prompts.entry import Entry, Summary
from addon.prompts.log.reading import Log, Wanted
from addon.prompts.log.statements import FILE
from addon.protocol.deltas import Usage
from addon.protocol.errors import ConfigError, DetourError
from addon.routing import forced
from addon.routing.route import destination_of
from addon.routing.settings import Settings
from addon.settings import instance_file, settings_file, state_file, upstream

PATH = "/v1/messages"
MOST_AT_ONCE = 8
WRITTEN_S = 3.0  # the log is written beside the exchange
LOOK_S = 0.1


def run(which: str, targets: Sequence[str], *, as_json: bool) -> int:
    """Send the exchange to each target, and print what came of it. Returns the exit code. Raises: ConfigError."""
    home = wiring.home_folder(Path.cwd(), os.environ)
    log = Log(home / FILE)
    try:
        entry = log.entry(log.resolve(which).number)
        question = asked(entry)
        if marks := again.marks(question.request):
            say(f"the log's copy of the request is redacted: {marks} marks stand where secrets were, and are sent")
        before = log.newest()
        with _door(home) as door:
            outcomes = _ask_all(question, targets, door, token=state_file.token(home))
            written = _written(log, before, outcomes)
    finally:
        log.close()
    settings = _settings()
    outcomes = [_priced(each, written, settings) for each in outcomes]
    shown = [*then(entry), *outcomes]
    if as_json:
        told = {"exchange": entry.summary.id, "session": entry.summary.session, "answers": comparison.as_json(shown)}
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        comparison.show(shown, Console())
    return int(any(each.failed for each in outcomes))


def asked(entry: Entry) -> Question:
    """Return what is sent again. Raises: ConfigError where it is no call to a model, or not kept."""
    summary = entry.summary
    if summary.path.partition("?")[0] != PATH:
        raise ConfigError(f"exchange {summary.number} is no call to a model, but {summary.path}")
    if entry.request is None:
        raise ConfigError(f"of exchange {summary.number} only the metadata are kept (record: metadata)")
    return Question(request=entry.request, of=summary.of or summary.id)


def then(entry: Entry) -> Iterator[Outcome]:
    """How it was answered when it was logged, where that is kept."""
    summary, given = entry.summary, entry.given
    if given is not None:
        yield Outcome(
            target=summary.route or "nobody",
            answer=answer.of(given),
            status=given.status,
            id=summary.id,
            first_ms=summary.first_content_ms,
            total_ms=summary.total_ms,
            prompt_tokens=summary.prompt_tokens,
            output_tokens=summary.output_tokens,
            dollars=summary.dollars,
            is_logged=True,
        )


def _ask_all(question: Question, targets: Sequence[str], door: str, token: str) -> list[Outcome]:
    """Ask all of them at the same time."""
    with ThreadPoolExecutor(min(len(targets), MOST_AT_ONCE)) as pool:
        return list(pool.map(lambda target: asking.ask(question, target, door, token), targets))


@contextmanager
def _door(home: Path) -> Iterator[str]:
    """The reverse door of a Detour that runs, else of one that is started for this."""
    if (found := wiring.find_instance(home, "reverse")) is not None:
        yield found.doors["reverse"]
        return
    say("no Detour runs; one is started for this")
    known = dict(os.environ)
    plan = companion.make_plan(web=False)
    ours = {plan.doors.regular_port, plan.doors.reverse_port} | wiring.ports(instance_file.running(home))
    way_out, _ = wiring.find_upstream(known, None, ours)
    if way_out:
        plan = companion.through(plan, upstream.parse("the proxy in front", way_out))
    trusted = wiring.trusted_authorities(home, known)
    with companion.running(plan, home, companion.environment(known, way_out), trusted) as started:
        yield started.doors["reverse"]


# -- what it cost ------------------------------------------------------------------------------------------------------


def _written(log: Log, before: int, outcomes: Sequence[Outcome]) -> dict[str, Summary]:
    """What the log says of them, as soon as it says it of all; nothing where nothing is recorded."""
    wanted = {each.id for each in outcomes if each.id is not None}
    deadline = time.monotonic() + WRITTEN_S
    while True:
        found = {each.id: each for each in log.summaries(Wanted(origin=forced.REPLAY), after=before)}
        if wanted <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_S)


def _settings() -> Settings | None:
    """Those of this folder, for prices; None where they are wrong."""
    try:
        return settings_file.read(Path.cwd()).configuration.settings()
    except ConfigError:
        return None


def _priced(outcome: Outcome, written: dict[str, Summary], settings: Settings | None) -> Outcome:
    """Add what the log knows better; without it, the price by the settings of this folder."""
    summary = written.get(outcome.id or "")
    if summary is not None:
        return replace(
            outcome,
            target=summary.route or outcome.target,
            prompt_tokens=summary.prompt_tokens,
            output_tokens=summary.output_tokens,
            dollars=summary.dollars,
        )
    usage = outcome.answer.usage
    if settings is None or outcome.status != HTTPStatus.OK or not usage:
        return outcome
    try:
        price = destination_of(forced.choice_of(outcome.target, settings), settings).price
    except DetourError:
        return outcome
    names = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
    counts = [count if isinstance(count := usage.get(name), int) else 0 for name in names]
    return replace(outcome, dollars=prices.dollars(Usage(*counts), price))


def say(note: str) -> None:
    """Tell the user, beside what is printed."""
    typer.echo(f"detour: {note}", err=True)
