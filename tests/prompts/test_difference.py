"""Two requests beside each other: what is new, what is another, and what only moved."""

from copy import deepcopy
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts import difference
from addon.prompts.alignment import Steps
from addon.prompts.difference import Difference, Part
from addon.prompts.words import Run
from tests import stories
from tests.prompts.test_render import ANYTHING

SESSIONS = sorted((stories.FOLDER / "sessions").glob("*.json"))
MARK = {"cache_control": {"type": "ephemeral"}}
OLD: dict[str, Any] = {
    "model": "claude-opus-5-5",
    "max_tokens": 100,
    "system": [{"type": "text", "text": "You are careful."}, {"type": "text", "text": "Be brief.", **MARK}],
    "tools": [{"name": "Bash", "description": "Runs it."}, {"name": "Read", "description": "Reads it."}],
    "messages": [
        {"role": "user", "content": "What is here?"},
        {"role": "assistant", "content": [{"type": "text", "text": "Files."}]},
        {"role": "user", "content": [{"type": "text", "text": "Which?", **MARK}]},
    ],
}


def changed(edit: str, value: object = None) -> dict[str, Any]:
    """The old request with one value at a path; None takes it out."""
    request = deepcopy(OLD)
    *path, last = (int(step) if step.isdigit() else step for step in edit.split("."))
    holder: Any = request
    for step in path:
        holder = holder[step]
    if value is None:
        del holder[last]
    elif last == len(holder):
        holder.append(value)
    else:
        holder[last] = value
    return request


def told(found: Difference) -> list[tuple[str, str, str]]:
    return [(part.place, part.title, part.state) for part in found.changed]


EDITS: list[tuple[dict[str, Any], list[tuple[str, str, str]]]] = [
    (OLD, []),
    (changed("system.0.text", "You are kind."), [("system.0", "system prompt, block 1", "changed")]),
    (changed("system.0"), [("system.0", "system prompt, block 1", "removed")]),
    (changed("tools.0.description", "Runs."), [("tools.0", "tool Bash", "changed")]),
    (changed("tools.1"), [("tools.1", "tool Read", "removed")]),
    (changed("tools.2", {"name": "Bash"}), [("tools.2", "tool Bash", "added")]),
    (changed("messages.0.content", "What?"), [("messages.0", "message 1, user", "changed")]),
    (changed("messages.3", {"role": "user", "content": "a"}), [("messages.3", "message 4, user", "added")]),
    (changed("messages.2"), [("messages.2", "message 3, user", "removed")]),
    (
        changed("messages.1", {"role": "user", "content": "b"}),
        [("messages.1", "message 2, assistant", "removed"), ("messages.1", "message 2, user", "added")],
    ),
    (
        changed("messages.1", 7),
        [("messages.1", "message 2, assistant", "removed"), ("messages.1", "message 2, no message", "added")],
    ),
    (changed("max_tokens", 5), [("max_tokens", "max_tokens", "changed")]),
    (changed("max_tokens"), [("max_tokens", "max_tokens", "removed")]),
    ({**OLD, "stream": True}, [("stream", "stream", "added")]),
]  # fmt: skip


@pytest.mark.parametrize(("new", "parts"), EDITS, ids=range(len(EDITS)))
def test_what_changed_is_told_where_it_stands(new: dict[str, Any], parts: list[tuple[str, str, str]]) -> None:
    assert told(difference.between(OLD, new)) == parts


def test_a_changed_part_shows_its_words() -> None:
    (part,) = difference.between(OLD, changed("messages.0.content", "What was here?")).changed
    assert part == Part(
        section="messages",
        place="messages.0",
        title="message 1, user",
        state="changed",
        old="What is here?",
        new="What was here?",
        words=(Run("same", "What "), Run("removed", "is"), Run("added", "was"), Run("same", " here?")),
    )


def test_a_mark_that_moved_is_no_change() -> None:
    new = changed("messages.3", {"role": "assistant", "content": [{"type": "text", "text": "Two.", **MARK}]})
    new["messages"][2]["content"] = "Which?"
    found = difference.between(OLD, new)
    assert told(found) == [("messages.3", "message 4, assistant", "added")]
    assert [(part.place, part.mark) for part in found.moved_marks] == [("messages.2", difference.MARK_LEFT)]
    assert found.changed[0].mark == difference.MARK_CAME
    back = difference.between(new, OLD)
    assert [(part.place, part.mark) for part in back.moved_marks] == [("messages.2", difference.MARK_CAME)]
    assert back.changed[0].mark == difference.MARK_LEFT


def test_a_turn_says_what_it_bears_beside_its_content() -> None:
    turn = {"role": "user", "content": "What is here?", "output_config": {"effort": "low"}}
    (part,) = difference.between(OLD, changed("messages.0", turn)).changed
    assert part.new == 'output_config: {"effort":"low"}\nWhat is here?'
    assert difference.message_text(3) == "3"


def test_what_no_text_shows_is_told_so() -> None:
    images = [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": it}} for it in "ab"]
    one, other = (changed("messages.0.content", [image]) for image in images)
    (part,) = difference.between(one, other).changed
    assert (part.note, part.old) == (difference.UNSEEN, part.new)


def test_another_order_of_the_tools_is_a_note() -> None:
    new = {**OLD, "tools": OLD["tools"][::-1]}
    found = difference.between(OLD, new)
    assert (told(found), found.notes) == ([], (difference.REORDERED,))


def test_the_attribution_is_called_so() -> None:
    systems = [[{"type": "text", "text": f"x-anthropic-billing-header: cch={it};"}] for it in "ab"]
    found = difference.between({"system": systems[0]}, {"system": systems[1]})
    assert told(found) == [("system.0", "attribution", "changed")]
    found = difference.between({"system": systems[0]}, {"system": "Be."})
    assert told(found) == [("system.0", "attribution", "removed"), ("system.0", "system prompt, block 1", "added")]


SUMMARY = f"{difference.SUMMARY_OPENING} that ran out of context. The user asked what is here."


def test_behind_a_compaction_nothing_old_is_taken_for_something_new() -> None:
    opening = {
        "role": "user",
        "content": [{"type": "text", "text": "<system-reminder>"}, {"type": "text", "text": SUMMARY}],
    }
    new = {**OLD, "messages": [opening, {"role": "assistant", "content": "Yes."}, OLD["messages"][2]]}
    found = difference.between(OLD, new)
    assert (found.compacted, found.notes) == (True, (difference.COMPACTED,))
    assert told(found) == [
        ("messages.0", "message 1, user", "removed"),
        ("messages.0", "message 1, user", "added"),
        ("messages.1", "message 2, assistant", "removed"),
        ("messages.1", "message 2, assistant", "added"),
    ]
    assert not difference.between(new, {**new, "max_tokens": 1}).compacted


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_recorded_session_only_grows(session: Any) -> None:
    """But for what the client changes from turn to turn: the attribution, and parameters."""
    requests = orjson.loads(session.read_bytes())
    for old, new in pairwise(requests):
        found = difference.between(old, new)
        assert {part.state for part in found.of("messages")} == {"same", "added"}
        assert {part.state for part in found.of("tools")} <= {"same", "added"}
        assert {part.title for part in found.of("system") if part.state != "same"} <= {"attribution"}


def test_texts_share_the_steps() -> None:
    texts = ["".join(f"{(number * step) % 97} " for number in range(3000)) for step in (1, 5, 7, 11)]
    old, new = ({"messages": [{"role": "user", "content": text} for text in pair]} for pair in (texts[:2], texts[2:]))
    found = difference.between(old, new, Steps(50_000))
    assert all(part.state == "changed" for part in found.parts)


@given(ANYTHING, ANYTHING)
def test_any_two_requests_are_compared(old: Any, new: Any) -> None:
    found = difference.between(old, new)
    for part in found.changed:
        assert "".join(run.text for run in part.words if run.state != "added") == part.old
        assert "".join(run.text for run in part.words if run.state != "removed") == part.new


@given(ANYTHING)
def test_a_request_is_the_same_as_itself(request_body: Any) -> None:
    old, new = (orjson.loads(orjson.dumps(request_body)) for _ in range(2))
    assert not difference.between(old, new).changed


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=6), st.lists(st.sampled_from(["a", "b", "c"]), max_size=6))
def test_every_message_of_both_has_its_part(old: list[str], new: list[str]) -> None:
    one, other = ({"messages": [{"role": "user", "content": text} for text in texts]} for texts in (old, new))
    parts = difference.between(one, other).parts
    assert sum(part.state != "added" for part in parts) == len(old)
    assert sum(part.state != "removed" for part in parts) == len(new)
