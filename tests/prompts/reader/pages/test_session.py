import re
from dataclasses import replace
from typing import Any

from addon.routing.call import Kind
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader

PATH = f"read/session/{SESSION}"


def _turns(page: str) -> list[int]:
    return [int(place) for place in re.findall(r'id="turn-(\d+)"', page)]


def test_its_turns_are_listed_and_each_can_be_opened(reader: Reader) -> None:
    page = reader.text(PATH)
    assert _turns(page) == list(range(1, 15))
    assert page.count('data-src="/_detour/read/turn/') == 14
    assert 'href="/_detour/read/turn/14"' in page
    assert page.count("<figure") == 3


def test_a_session_that_there_is_not_is_said(reader: Reader) -> None:
    reply = reader.ask("read/session/none")
    assert reply.status_code == 404
    assert "keeps nothing of a session" in reply.text


def test_agents_stand_in_their_tree_and_can_be_chosen(empty: Reader) -> None:
    made = entries.recorded_session()[:4]
    facts: list[dict[str, Any]] = [
        {},
        {"agent": "a-1", "agent_type": "Explore"},
        {"agent": "a-2", "parent_agent": "a-1"},
        {},
    ]
    library.write(
        empty.file,
        [replace(one, summary=replace(one.summary, **fact)) for one, fact in zip(made, facts, strict=True)],
    )
    page = empty.text(PATH)
    assert re.search(r'class="depth-1"><a href="[^"]*agent=a-1">Explore', page)
    assert re.search(r'class="depth-2"><a href="[^"]*agent=a-2">', page)
    assert _turns(empty.text(f"{PATH}?agent=a-1")) == [2]
    assert _turns(empty.text(f"{PATH}?agent=")) == [1, 4]


def test_a_compaction_is_a_joint(empty: Reader) -> None:
    made = entries.recorded_session()[:3]
    made[1] = replace(made[1], summary=replace(made[1].summary, kind=str(Kind.COMPACTION)))
    library.write(empty.file, made)
    page = empty.text(PATH)
    assert page.count('class="joint"') == 1
    assert page.index('id="turn-2"') < page.index('class="joint"') < page.index('id="turn-3"')


def test_a_long_session_has_pages_and_the_last_one_lives(empty: Reader) -> None:
    made = entries.recorded_session()[0]
    library.write(
        empty.file, [replace(made, summary=replace(made.summary, id=f"{number:024x}")) for number in range(250)]
    )
    first, last = empty.text(PATH), empty.text(f"{PATH}?page=3")
    assert (_turns(first)[0], _turns(first)[-1], _turns(last)[-1]) == (1, 100, 250)
    assert 'data-live=""' in first
    assert f'data-live="/_detour/read/live/session/{SESSION}"' in last
    assert _turns(empty.text(f"{PATH}?page=99")) == _turns(last)


def test_new_turns_come_alone(reader: Reader) -> None:
    live = f"read/live/session/{SESSION}"
    assert reader.ask(f"{live}?after=14").status_code == 204
    reply = reader.ask(f"{live}?after=12")
    assert (_turns(reply.text), reply.headers["X-Newest"]) == ([13, 14], "14")
    assert "<html" not in reply.text
    assert reader.ask(f"{live}?after=12&agent=none").status_code == 204


def test_a_turn_is_found_by_its_place(reader: Reader) -> None:
    reply = reader.ask(f"{PATH}/at/3")
    assert (reply.status_code, reply.headers["Location"]) == (302, "/_detour/read/turn/3")
    assert reader.ask(f"{PATH}/at/99").status_code == 404


def test_calls_of_no_session_are_listed_newest_first(empty: Reader) -> None:
    made = [replace(each, summary=replace(each.summary, session=None)) for each in entries.recorded_session()[:3]]
    library.write(empty.file, made, session=None)
    assert _turns(empty.text("read/loose")) == [3, 2, 1]
