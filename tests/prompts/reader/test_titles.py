from dataclasses import replace

import pytest

from addon.prompts.entry import Entry
from addon.prompts.reader import titles
from addon.prompts.reader.titles import Titles
from addon.routing.call import Kind
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader


def _call(kind: str, said: str, answer: str, number: int = 1) -> Entry:
    body = {"model": "m", "messages": [{"role": "user", "content": said}]}
    return entries.entry(body, number=number, given=entries.stream({"type": "text", "text": answer}), kind=kind)


def test_a_session_is_called_as_its_client_calls_it(empty: Reader) -> None:
    library.write(
        empty.file,
        [_call(Kind.MAIN, "Read notes.txt", "Done.", 1), _call(Kind.TITLE, "x", '{"title": "Read  the notes"}', 2)],
    )
    assert titles.find(empty.shelf.open(), SESSION) == "Read the notes"


def test_else_by_the_first_words_of_its_user(empty: Reader) -> None:
    for answer in ("no json", '{"title": 3}', "[]"):
        library.write(empty.file, [_call(Kind.TITLE, "x", answer), _call(Kind.MAIN, "Read\nnotes.txt", "Done.")])
    assert titles.find(empty.shelf.open(), SESSION) == "Read notes.txt"


def test_a_session_in_which_nothing_was_said_has_none(empty: Reader) -> None:
    made = _call(Kind.MAIN, "x", "y")
    library.write(empty.file, [_call(Kind.COUNT, "x", "{}"), replace(made, request=None), replace(made, given=None)])
    assert titles.find(empty.shelf.open(), "unknown") == ""
    assert titles.find(empty.shelf.open(), SESSION) == "x"


def test_what_was_found_is_kept(reader: Reader) -> None:
    found = Titles()
    log = reader.shelf.open()
    assert found.of(log, log.sessions()) == {SESSION: "Read notes.txt."}
    reader.shelf.close()
    assert found.one(log, SESSION) == "Read notes.txt."


def test_titles_are_forgotten_before_they_are_too_many(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "MOST_KEPT", 1)
    found, log = Titles(), reader.shelf.open()
    library.write(reader.file, entries.recorded_session()[:1], session="another")
    assert found.one(log, SESSION) == found.one(log, "another") == "Read notes.txt."
    assert list(found._found) == ["another"]


def test_a_list_does_not_wait_for_all_of_them(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(titles, "LIST_S", -1.0)
    log = reader.shelf.open()
    assert Titles().of(log, log.sessions()) == {}
