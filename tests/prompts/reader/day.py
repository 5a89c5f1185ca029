"""A day of work, made up: what the reader's pictures show, and what Chromium reads.

Five sessions. The first is long: it reads, edits, starts an agent, has one byte of its system prompt changed before
turn ``BROKEN``; another model answers its agent. Turn ``ASKED`` of it was asked of two models more.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from addon.prompts.entry import Entry, Summary
from tests.prompts import entries

type Json = dict[str, Any]

NOW = 1_795_716_000.0  # 26 November 2026, 18:00 in UTC
SESSION = "5d0c1f7e-3b7a-4a51-9f6e-2f1c8a7b9e10"
BROKEN, ASKED = 8, 5
SYSTEM = (
    "You are Claude Code, a command-line assistant for software work.\n\n"
    "# How you work\n- Read before you write. Keep to the style of the code around.\n- Say what you did in a sentence "
    "or two, and leave out what the reader can see for himself.\n- Run the tests that a change touches.\n\n"
    "# Environment\nWorking directory: /home/mira/harbour\nPlatform: linux\nToday's date: 2026-11-26"
)
TOOLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Bash",
        "Run a command in a shell and return what it prints. Commands of more than two minutes are ended.",
        ("command",),
    ),
    ("Read", "Read a file of the project, with the numbers of its lines. Pictures are shown as such.", ("file_path",)),
    (
        "Edit",
        "Replace a text in a file by another. The text must stand there once.",
        ("file_path", "old_string", "new_string"),
    ),
    ("Grep", "Search the files of the project for a regular expression.", ("pattern", "path")),
    (
        "Task",
        "Start an agent of its own for a question that takes many steps.",
        ("description", "prompt", "subagent_type"),
    ),
    ("WebFetch", "Fetch a page and answer a question about it.", ("url", "prompt")),
)
SOURCE = '''def schedule(berths: list[Berth], ships: list[Ship]) -> Plan:
    """Give every ship the first berth that is deep and long enough."""
    plan = Plan()
    for ship in sorted(ships, key=lambda ship: ship.arrives):
        berth = next(b for b in berths if b.depth > ship.draught)
        plan.assign(ship, berth, ship.arrives, ship.arrives + ship.stay)
    return plan
'''
TEST = """FAILED tests/test_schedule.py::test_two_ships_never_share_a_berth
E   AssertionError: Berth 3 holds Aurora 14:00-18:30 and Kestrel 17:00-21:00
1 failed, 41 passed in 2.31s"""
REMINDER = "<system-reminder>\nThe user opened src/harbour/schedule.py in the editor.\n</system-reminder>\n"


def _tool(name: str, about: str, fields: Sequence[str]) -> Json:
    properties = {field: {"type": "string", "description": f"The {field.replace('_', ' ')}."} for field in fields}
    schema = {"type": "object", "properties": properties, "required": list(fields)}
    return {"name": name, "description": about, "input_schema": schema}


def _call(number: int, name: str, **arguments: str) -> Json:
    return {"type": "tool_use", "id": f"toolu_{number:02}", "name": name, "input": arguments}


def _text(text: str) -> Json:
    return {"type": "text", "text": text}


def _thinking(text: str) -> Json:
    return {"type": "thinking", "thinking": text, "signature": "c2lnbmVk"}


# what the user or a tool says, and what is answered
TURNS: tuple[tuple[str, tuple[Json, ...]], ...] = (
    (
        "Two ships were given the same berth on Friday. Find out why, and fix it.",
        (
            _thinking("The plan is made by the scheduler. I look at it first, and at its tests."),
            _text("I start with the scheduler and its tests."),
            _call(1, "Read", file_path="src/harbour/schedule.py"),
        ),
    ),
    (
        SOURCE,
        (_text("It never asks whether a berth is free."), _call(2, "Bash", command="pytest -q tests/test_schedule.py")),
    ),
    (TEST, (_text("The test says the same."), _call(3, "Grep", pattern="def assign", path="src"))),
    (
        "src/harbour/plan.py:18: def assign(self, ship, berth, start, end):",
        (_call(4, "Read", file_path="src/harbour/plan.py"),),
    ),
    (
        "class Plan:\n    def assign(self, *stay):\n        self.stays.append(Stay(*stay))",
        (
            _thinking("assign() takes anything. The check belongs where a berth is chosen: free(berth, start, end)."),
            _text("A berth has to be free for the whole stay, so I choose among those that are."),
            _call(
                5,
                "Edit",
                file_path="src/harbour/schedule.py",
                old_string="berth = next(b for b in berths if b.depth > ship.draught)",
                new_string="berth = next(b for b in berths if b.depth > ship.draught and plan.is_free(b, ship.stays))",
            ),
        ),
    ),
    ("The file was changed.", (_call(6, "Bash", command="pytest -q"),)),
    (
        "42 passed in 2.40s",
        (_call(7, "Task", description="Other callers", prompt="Who else assigns berths?", subagent_type="Explore"),),
    ),
    (
        "Only the import of last year's plans does, in tools/import_plans.py:61.",
        (_call(8, "Read", file_path="tools/import_plans.py"),),
    ),
    (
        "for row in rows:\n    plan.assign(row.ship, row.berth, row.start, row.end)",
        (_text("That one copies what happened, so it may stay."),),
    ),
    (
        "Good. And when no berth is free?",
        (_text("Then `next` raises StopIteration. A ship should wait instead: I add that."),),
    ),
    (
        "Yes, let it wait.",
        (_call(9, "Edit", file_path="src/harbour/schedule.py", old_string="next(", new_string="first_free("),),
    ),
    ("The file was changed.", (_text("A ship that finds no berth now waits for the first that becomes free."),)),
)


def _body(model: str, messages: list[Json], system: str = SYSTEM) -> Json:
    *before, last = messages
    blocks_of_last = [*last["content"][:-1], {**last["content"][-1], "cache_control": {"type": "ephemeral"}}]
    messages = [*before, {**last, "content": blocks_of_last}]
    blocks = [{"type": "text", "text": system, "cache_control": {"type": "ephemeral"}}]
    tools = [_tool(*tool) for tool in TOOLS]
    return {
        "model": model,
        "max_tokens": 32_000,
        "stream": True,
        "system": blocks,
        "tools": tools,
        "messages": messages,
    }


def _conversation() -> Iterator[tuple[list[Json], tuple[Json, ...]]]:
    """Yield the messages of each request, and what is answered."""
    said: list[Json] = []
    calls: list[Json] = []
    for number, (asked, answered) in enumerate(TURNS):
        told = [{"type": "tool_result", "tool_use_id": each["id"], "content": asked} for each in calls]
        first = [_text(REMINDER)] if not number else []
        said.append({"role": "user", "content": told or [*first, _text(asked)]})
        yield list(said), answered
        said.append({"role": "assistant", "content": list(answered)})
        calls = [each for each in answered if each["type"] == "tool_use"]


def _size(body: Json) -> int:
    """Return the tokens of a prompt, as many as a real one of so few words would have."""
    return len(json.dumps(body)) * 3


def _entry(number: int, at: float, body: Json, answered: Sequence[Json], read: int = 0, **facts: Any) -> Entry:
    written = _size(body) - read
    output = sum(len(json.dumps(each)) for each in answered) // 4
    told: Json = {
        "session": SESSION,
        "kind": "main",
        "id": f"{number:024x}",
        "input_tokens": 3 + number % 7,
        "cache_read_tokens": read,
        "cache_write_tokens": written,
        "output_tokens": output,
        "total_ms": 1_900 + 37 * output,
        "first_content_ms": 820 + 61 * (number % 5),
        "stop_reason": "tool_use" if answered[-1]["type"] == "tool_use" else "end_turn",
        "dollars": round((read * 0.5 + written * 6.25 + output * 25) / 1e6, 6),
        **facts,
    }
    return entries.entry(body, number=number, given=entries.stream(*answered), at=at, **told)


def work() -> list[Entry]:
    """Return the long session."""
    made: list[Entry] = []
    at, cached = NOW - 3_300.0, 0
    for number, (messages, answered) in enumerate(_conversation(), 1):
        broken = number == BROKEN
        system = SYSTEM.replace("2026-11-26", "2026-11-27") if number >= BROKEN else SYSTEM
        body = _body("claude-opus-5-5", messages, system)
        made.append(_entry(number, at, body, answered, 0 if broken else cached))
        cached = _size(body)
        at += 41.0 + 13 * (number % 4)
        if number == 7:
            made += _agent(at)
            at += 95
    return made


def _agent(at: float) -> list[Entry]:
    asked = {"role": "user", "content": [_text("Who else assigns berths?")]}
    answer = (_text("Only the import of last year's plans does, in tools/import_plans.py:61."),)
    facts: Json = {
        "agent": "a-explore-1",
        "agent_type": "Explore",
        "kind": "subagent",
        "route": "deepseek/deepseek-v4-pro",
    }
    return [_entry(100, at, _body("claude-haiku-4-5", [asked]), answer, **facts)]


def title(session: str, at: float, said: str) -> Entry:
    """Return the client's own call that names a session."""
    body = {"model": "claude-haiku-4-5", "max_tokens": 64, "messages": [{"role": "user", "content": "Name it."}]}
    given = (_text(json.dumps({"title": said})),)
    return _entry(200, at, body, given, session=session, kind="title", dollars=0.00041)


OTHERS = (
    ("Why is the import of tide tables slow?", "Profile the tide table import", "openai/gpt-6.1-sol", 9, 7_900.0),
    ("Write the release notes for 4.2.", "Release notes for 4.2", "anthropic", 4, 16_200.0),
    ("Move the map tiles to the new bucket.", "Move map tiles to new bucket", "ollama/qwen3-coder:30b", 6, 90_000.0),
    ("Which of our endpoints take no limit?", "Endpoints without a limit", "anthropic", 11, 98_000.0),
)


def others() -> Iterator[Entry]:
    """Yield short sessions of other work, the oldest first."""
    for place, (asked, name, route, turns, ago) in reversed(list(enumerate(OTHERS))):
        session = f"{place + 1:08x}-77aa-4c1e-8d20-6f00aa11bb22"
        said: list[Json] = []
        cached = 0
        yield title(session, NOW - ago, name)
        for turn in range(turns):
            said.append({"role": "user", "content": [_text(asked if not turn else f"Go on with part {turn}.")]})
            answer = _text(f"Part {turn + 1} is done. " + "What is left is listed below. " * (1 + turn % 3))
            at = NOW - ago + 1 + turn * 70
            dollars = {} if route == "anthropic" else {"dollars": None if "ollama" in route else 0.021 + turn / 300}
            body = _body("claude-opus-5-5", list(said))
            number = 300 + place * 50 + turn
            yield _entry(number, at, body, (answer,), cached, session=session, route=route, **dollars)
            cached = _size(body)
            said.append({"role": "assistant", "content": [answer]})


def copies(of: Summary, like: Entry) -> Iterator[Entry]:
    """Yield what two other models said to the same prompt."""
    for number, (route, said, dollars) in enumerate(
        (
            (
                "openai/gpt-6.1-sol",
                "The berth is chosen by depth alone. I add a check that it is free for the stay.",
                0.0204,
            ),
            ("ollama/qwen3-coder:30b", "I would change assign() so that it refuses a berth that is taken.", 0.0),
        )
    ):
        call = _call(
            90 + number,
            "Edit",
            file_path="src/harbour/schedule.py",
            old_string="b.depth > ship.draught)",
            new_string="b.depth > ship.draught and plan.is_free(b, ship))",
        )
        given = entries.stream(_text(said), *([call] if not number else []))
        assert like.given is not None
        summary = replace(
            of,
            id=f"{500 + number:024x}",
            at=NOW - 600 + number,
            route=route,
            dollars=dollars,
            origin="replay",
            of=of.id,
            cache_read_tokens=0,
            input_tokens=9_000 + number * 311,
            output_tokens=88 + number,
            total_ms=5_100 + 3_000 * number,
        )
        yield replace(like, summary=summary, given=replace(like.given, body=given))


def whole() -> list[Entry]:
    """Return the day, in the order of the log."""
    made = work()
    asked = made[ASKED - 1]
    return [*others(), title(SESSION, NOW - 3_301, "Two ships in one berth"), *made, *copies(asked.summary, asked)]
