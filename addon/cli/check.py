"""``detour check``: one small request to each configured target, through the whole pipeline, and what works of it.

A proxy is started for it and ends with it, with a home of its own: the request is in no prompt log, no Detour that runs
learns of it, and nothing stays behind. It reads the settings of this folder, mints what must be minted, and translates
and streams like any other.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from addon.cli import asking, companion, verdict, verdicts, wiring
from addon.cli.asking import Outcome, Question
from addon.cli.companion import Plan
from addon.cli.doors import Doors, free_port
from addon.cli.verdict import CITY, TOOL, Asked, Verdict
from addon.prompts.entry import Entry, Request
from addon.prompts.log.reading import Log, Wanted
from addon.prompts.log.statements import FILE
from addon.prompts.prices import told
from addon.protocol.errors import BackendError, ConfigError
from addon.routing import forced, targets
from addon.routing.config import ANTHROPIC, Choice, Mode
from addon.routing.route import destination_of
from addon.routing.settings import Settings
from addon.settings import instance_file, settings_file, state_file, upstream
from addon.settings.assembly import Configuration

MOST_AT_ONCE = 4  # more would meet the limits of an account, and each other's times
MOST_TOKENS = 2_048  # of a reply: a model that thinks needs some hundred before its call
THOUGHT_TOKENS = 1_024  # the least that can be asked for
PROMPT_TOKENS = 400  # at most: 150 of ours, and what backends add for a tool
WRITTEN_S = 3.0  # the log is written beside the exchange
LOOK_S = 0.05
URL = "https://api.anthropic.com/v1/messages"
QUESTION = f"What is the weather in Paris? Call the tool {TOOL} once to find out, and write nothing else."
NAME_ONE = "name one: detour check provider/model"
HEADERS = (("content-type", "application/json"), ("anthropic-version", "2023-06-01"))


def run(named: Sequence[str], timeout_s: float, *, as_json: bool) -> int:
    """Check those that are named, else all that are configured. Returns 1 where one does not work."""
    configuration = settings_file.read(Path.cwd()).configuration
    settings = configuration.settings()
    choices, lacking = _wanted(named, configuration, settings)
    if not as_json and choices:
        verdicts.say(announcement(choices, settings))
    started = time.monotonic()
    found = [*lacking, *(_ask_all(choices, settings, timeout_s) if choices else ())]
    if as_json:
        verdicts.put_json(found)
    else:
        verdicts.show(found, time.monotonic() - started)
    return int(not all(each.works for each in found))


def _wanted(
    named: Sequence[str], configuration: Configuration, settings: Settings
) -> tuple[list[Choice], list[Verdict]]:
    """Return who is asked, and what is said of those that cannot be. Raises: ConfigError."""
    choices = [choice for text in named for choice in settings.choices(text)]
    if not named:
        choices = [*targets.uses(settings), *configuration.lacking]
        if all(choice.passes for choice in choices):
            raise ConfigError(f"no model is configured, so all passes to Anthropic; {NAME_ONE}")
        choices = [choice for choice in choices if not choice.passes]
    asked, lacking = [], []
    for choice in dict.fromkeys(choices):
        try:
            asked.append(forced.choice_of(choice.name, settings))
        except BackendError as error:
            why = error.message.partition("cannot be asked: ")[2]
            lacking.append(verdict.unasked(choice.name, why, named=bool(named) and choice.provider != ANTHROPIC))
    return asked, lacking


def announcement(choices: Sequence[Choice], settings: Settings) -> str:
    """Say what is sent, and what it may cost at most."""
    known = [destination_of(choice, settings).price for choice in choices]
    most = sum(
        (PROMPT_TOKENS * (price.input or 0) + MOST_TOKENS * (price.output or 0)) / 1_000_000 for price in known if price
    )
    unknown = sum(price is None for price in known)
    cost = f"at most {told(most)}" if unknown < len(known) else "at a price that nobody knows"
    rest = f", {unknown} of them at a price that nobody knows" if 0 < unknown < len(known) else ""
    one = len(choices) == 1
    return f"asking {'1 model for a tool call' if one else f'{len(choices)} models for a tool call each'}, {cost}{rest}"


# -- what is asked -----------------------------------------------------------------------------------------------------


def question(settings: Settings, choice: Choice, timeout_s: float, *, must: bool = False) -> Question:
    """Return the request. ``must``: the call is required, and there is no thinking, beside which that is refused."""
    profile, facts = destination_of(choice, settings).target.profile, settings.known(choice)
    body: dict[str, Any] = {
        "model": "claude-sonnet-5-5",
        "max_tokens": MOST_TOKENS,
        "stream": True,
        "tools": [
            {
                "name": TOOL,
                "description": "Tell the weather in a city.",
                "input_schema": {
                    "type": "object",
                    "properties": {CITY: {"type": "string", "description": "The name of the city."}},
                    "required": [CITY],
                },
            }
        ],
        "messages": [{"role": "user", "content": QUESTION}],
    }
    if must:
        body["tool_choice"] = {"type": "tool", "name": TOOL}
    elif facts.reasoning is not False and not profile.claude:  # Claude's models differ in how they are told to think
        body["thinking"] = {"type": "enabled", "budget_tokens": THOUGHT_TOKENS}
        body["output_config"] = {"effort": "low"}
    request = Request(method="POST", url=URL, headers=HEADERS, body=json.dumps(body).encode())
    return Question(request=request, timeout_s=timeout_s)


# -- asking ------------------------------------------------------------------------------------------------------------


def _ask_all(choices: Sequence[Choice], settings: Settings, timeout_s: float) -> list[Verdict]:
    with tempfile.TemporaryDirectory(prefix="detour-check-") as folder:
        home = Path(folder)
        with _door(home) as door:
            token = state_file.token(home)

            def ask(choice: Choice) -> Asked:
                return _ask(choice, settings, lambda asked: asking.ask(asked, choice.name, door, token), timeout_s)

            pool = ThreadPoolExecutor(min(len(choices), MOST_AT_ONCE))
            try:
                found = list(pool.map(ask, choices))
            finally:  # Ctrl-C does not wait for replies: the proxy ends, and they with it
                pool.shutdown(wait=False, cancel_futures=True)
            is_logged = settings.recording.mode is not Mode.OFF
            entries = _entries(home, [each.outcome for each in found]) if is_logged else {}
        return [verdict.judge(replace(each, entry=entries.get(each.outcome.id or ""))) for each in found]


def _ask(choice: Choice, settings: Settings, send: Callable[[Question], Outcome], timeout_s: float) -> Asked:
    """Ask as Claude Code does; where no call comes of it, once more with a call that must be."""
    outcome = send(question(settings, choice, timeout_s))
    facts = settings.known(choice)
    again = None
    if not outcome.failed and not outcome.answer.calls and facts.forced_call is not False:
        again = send(question(settings, choice, timeout_s, must=True))
    return Asked(choice.name, outcome, settings.endpoints[choice.provider], facts, again)


@contextmanager
def _door(home: Path) -> Iterator[str]:
    """The reverse door of a Detour that is started for this, with a home of its own."""
    known = dict(os.environ)
    running = instance_file.running(wiring.home_folder(Path.cwd(), known))
    way_out, _ = wiring.find_upstream(known, None, wiring.ports(running))
    hosts = ("127.0.0.1",)
    plan = Plan(Doors(hosts, free_port(hosts), free_port(hosts)))
    if way_out:
        plan = companion.through(plan, upstream.parse("the proxy in front", way_out))
    around = companion.environment(known, way_out) | {wiring.HOME_VARIABLE: str(home)}
    with companion.running(plan, home, around, wiring.trusted_authorities(home, known)) as started:
        yield started.doors["reverse"]


def _entries(home: Path, outcomes: Sequence[Outcome]) -> Mapping[str, Entry]:
    """What the log of that proxy says, as soon as it says it of all; nothing where nothing is recorded."""
    wanted = {each.id for each in outcomes if each.id is not None}
    deadline = time.monotonic() + WRITTEN_S
    while True:
        found = _logged(home, wanted)
        if wanted <= found.keys() or time.monotonic() > deadline:
            return found
        time.sleep(LOOK_S)


def _logged(home: Path, wanted: Collection[str]) -> Mapping[str, Entry]:
    try:
        log = Log(home / FILE)
    except ConfigError:  # not made yet, or never
        return {}
    try:
        numbers = {each.id: each.number for each in log.summaries(Wanted(origin=forced.REPLAY)) if each.id in wanted}
        return {name: log.entry(number) for name, number in numbers.items()}
    finally:
        log.close()
