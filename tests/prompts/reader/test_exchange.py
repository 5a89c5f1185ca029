from dataclasses import replace

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log.reading import NotKept
from addon.prompts.reader import exchange
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader


def test_an_exchange_knows_its_neighbours_and_what_it_continues(reader: Reader) -> None:
    found = exchange.read(reader.shelf.open(), 3)
    assert (found.place.turn.place, found.place.of, found.summary.number) == (3, 14, 3)
    assert (found.place.earlier is not None, found.place.later is not None) == (True, True)
    assert found.request is not None
    assert found.before is not None
    assert len(found.before["messages"]) < len(found.request["messages"])
    first = exchange.read(reader.shelf.open(), 1)
    assert (first.place.earlier, first.before) == (None, None)
    assert exchange.read(reader.shelf.open(), 14).place.later is None


def test_turns_are_counted_in_the_order_of_the_log(reader: Reader) -> None:
    turns = exchange.turns_of(reader.shelf.open(), SESSION)
    assert [(turn.place, turn.summary.number) for turn in turns] == [(number, number) for number in range(1, 15)]
    assert reader.shelf.open().resolve(f"{SESSION}/5").number == turns[4].summary.number


def test_turns_are_kept_until_something_new_is_in_the_log(reader: Reader) -> None:
    log = reader.shelf.open()
    first = exchange.turns_of(log, SESSION)
    assert exchange.turns_of(log, SESSION) is first
    library.write(reader.file, entries.recorded_session()[:1])
    assert len(exchange.turns_of(log, SESSION)) == 15
    for number in range(exchange.MOST_KEPT + 1):
        assert exchange.turns_of(log, f"session {number}") == []


def test_a_call_of_no_session_stands_alone(empty: Reader) -> None:
    made = entries.entry({"model": "m", "messages": []}, given=b"")
    library.write(empty.file, [replace(made, summary=replace(made.summary, session=None))], session=None)
    found = exchange.read(empty.shelf.open(), 1)
    assert (found.place.turn.place, found.place.of) == (1, 1)


def test_what_is_not_kept_or_no_object_is_no_request(empty: Reader) -> None:
    made = entries.entry({"model": "m", "messages": []}, given=b"")
    assert made.request is not None
    bare = replace(made, request=None)
    odd = [replace(made, request=replace(made.request, body=body)) for body in (b"[]", b"no json", b"")]
    library.write(empty.file, [bare, *odd])
    assert [exchange.read(empty.shelf.open(), number).request for number in (1, 2, 3, 4)] == [None] * 4
    with pytest.raises(NotKept):
        exchange.read(empty.shelf.open(), 5)


def test_a_turn_before_that_is_not_kept_any_more_is_none(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    log = reader.shelf.open()
    kept = log.entry

    def entry(number: int) -> Entry:
        if number == 4:
            raise NotKept("gone")
        return kept(number)

    monkeypatch.setattr(log, "entry", entry)
    assert exchange.read(log, 5).before is None
    monkeypatch.setattr(exchange, "turns_of", lambda *_: [])
    assert exchange.read(log, 5).place.of == 1
