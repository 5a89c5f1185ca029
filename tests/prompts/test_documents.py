"""Which text was sent when."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.prompts.documents import MAIN, History, Span
from addon.prompts.entry import Summary
from tests import stories
from tests.prompts.test_render import ANYTHING

TURN = Summary(id="a", at=0.0, kind="main")
AGENT = Summary(id="b", at=0.0, kind="subagent", agent="a1", agent_type="Explore")
TITLE = Summary(id="c", at=0.0, kind="title")
ATTRIBUTION = {"type": "text", "text": "x-anthropic-billing-header: cch=1;"}
MARK = {"cache_control": {"type": "ephemeral"}}


def asked(text: str, *tools: dict[str, Any]) -> dict[str, Any]:
    return {"system": [ATTRIBUTION, {"type": "text", "text": text, **MARK}], "tools": list(tools)}


def told(history: History) -> list[tuple[str, list[tuple[str, list[tuple[int, int, int]]]]]]:
    return [
        (
            document.name,
            [
                (version.text, [(span.first, span.last, span.turns) for span in version.spans])
                for version in document.versions
            ],
        )
        for document in history.documents()
    ]


BASH, RUN = {"name": "Bash", "description": "Runs."}, {"name": "Bash", "description": "Runs it."}


def test_each_text_has_the_turns_that_sent_it() -> None:
    history = History()
    history.add(1, TURN, asked("Be.", BASH))
    history.add(2, TITLE, {"system": "Name it."})
    history.add(3, TURN, asked("Be.", RUN, {"name": "Read"}))
    history.add(4, AGENT, asked("Look.", BASH))
    history.add(5, TURN, {"system": [{"type": "text", "text": "Be."}], "tools": [{**BASH, **MARK}]})
    history.add(6, TURN, asked("Be kind.", RUN))
    assert told(history) == [
        (f"system/{MAIN}/1", [("Be.", [(1, 5, 3)]), ("Be kind.", [(6, 6, 1)])]),
        ("system/Explore/1", [("Look.", [(4, 4, 1)])]),
        ("system/title/1", [("Name it.", [(2, 2, 1)])]),
        ("tools/Bash", [("Runs.", [(1, 1, 1), (4, 5, 2)]), ("Runs it.", [(3, 3, 1), (6, 6, 1)])]),
        ("tools/Read", [("", [(3, 3, 1)])]),
    ]
    bash = history.document("tools/Bash")
    assert (bash.now, bash.versions[1].turns, bash.versions[1].number) == (bash.versions[1], 2, 2)
    assert bash.version(1) is bash.versions[0]
    for number in (0, 3):
        with pytest.raises(LookupError, match="has the versions 1 to 2, not"):
            bash.version(number)
    with pytest.raises(LookupError):
        history.document("tools/Gone")


def test_a_second_tool_of_a_name_does_not_count() -> None:
    history = History()
    history.add(1, TURN, {"tools": [BASH, RUN, "odd", {"name": 3}]})
    assert [(document.title, len(document.versions)) for document in history.documents()] == [
        ("Bash", 1),
        ("a tool without a name", 1),
    ]


def test_a_long_name_is_short_and_still_one() -> None:
    history = History()
    history.add(1, TURN, {"tools": [{"name": "x" * 9000 + end} for end in "ab"]})
    first, second = (document.name for document in history.documents())
    assert first != second
    assert len(first) < 120


def test_a_prompt_is_somebodys() -> None:
    history = History()
    for place, (kind, agent_type) in enumerate([("compaction", None), ("subagent", None), (None, None), ("x", "Plan")]):
        history.add(place, Summary(id="", at=0.0, kind=kind, agent_type=agent_type), {"system": "Be."})
    assert [document.whose for document in history.documents()] == [MAIN, "Plan", "other calls", "subagents"]


@pytest.mark.parametrize("name", ["first_door", "second_door"])
def test_the_tools_of_a_recorded_session_have_one_text_each(name: str) -> None:
    history = History()
    requests = orjson.loads((stories.FOLDER / "sessions" / f"{name}.json").read_bytes())
    for place, request in enumerate(requests, 1):
        history.add(place, TURN, request)
    documents = history.documents()
    assert all(len(document.versions) == 1 for document in documents)
    spans = {document.title: document.versions[0].spans for document in documents}
    assert spans["Bash"] == [Span(1, 14, 14)]
    assert spans["WebFetch"][0].first > 1


@given(st.lists(ANYTHING, max_size=4))
def test_any_requests_have_their_documents(requests: list[Any]) -> None:
    history = History()
    for place, request in enumerate(requests):
        history.add(place, TURN, request)
    for document in history.documents():
        assert document.now in document.versions
        assert sum(version.turns for version in document.versions) <= len(requests)
