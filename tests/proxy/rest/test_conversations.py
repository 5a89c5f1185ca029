"""The conversations of a log over HTTP: what is read, what is sent next, what is emptied, brought in and recorded."""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from addon.prompts.entry import Entry
from addon.prompts.log import search
from addon.prompts.log.reading import Log
from addon.prompts.log.search import Search
from addon.prompts.log.statements import FILE
from addon.prompts.log.writer import Writer
from addon.protocol.errors import BadRequest
from addon.proxy.recorder import Recorder
from addon.proxy.rest import conversations, models
from addon.proxy.rest.conversations import Conversations
from addon.routing.config import Mode, Recording
from addon.routing.settings import Settings
from tests.prompts.entries import SESSION, entry, recorded_session, stream
from tests.prompts.log.plain import Plain

type Json = dict[str, Any]

HELLO: Json = {"role": "user", "content": "Hello"}
HI: Json = {"role": "assistant", "content": [{"type": "text", "text": "Hi"}]}
ASK: Json = {"model": "claude-opus-x", "max_tokens": 99, "stream": True}


class Place:
    """A home with a log in it, and what reads it."""

    def __init__(self, home: Path, settings: Settings | None) -> None:
        self.home, self.settings = home, settings
        self.recorder = Recorder(lambda: home / FILE)
        self.conversations = Conversations(self.recorder, lambda: self.settings, lambda: home)

    def add(self, *entries: Entry) -> None:
        writer = Writer(self.home / FILE, Plain())
        for each in entries:
            writer.add(each)
        writer.close()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "home", Settings())


def turn(*messages: Json, number: int, session: str | None, **facts: Any) -> Entry:
    given = stream({"type": "text", "text": "Hi"})
    body = {**ASK, "messages": list(messages)}
    return entry(body, number=number, given=given, **{"kind": "main", "session": session, **facts})


@pytest.fixture
def talked(place: Place) -> Place:
    """Two conversations: that of the real client, and a newer one of two turns with a title beside it."""
    place.add(
        *recorded_session(),
        turn(HELLO, number=90, session="later"),
        turn(HELLO, HI, HELLO, number=91, session="later", route="openai/gpt-x"),
        turn(HELLO, number=92, session="later", kind="title"),
    )
    return place


def refused(found: pytest.ExceptionInfo[BadRequest]) -> tuple[int, str]:
    return found.value.status, found.value.message


# -- what is shown -----------------------------------------------------------------------------------------------------


def test_the_newest_conversation_is_told(talked: Place) -> None:
    found = talked.conversations.newest(None, 50)
    assert (found.session, found.total_count, found.note) == ("later", 4, None)
    assert [(each.role, each.content, each.model_used) for each in found.messages] == [
        ("user", "Hello", "anthropic/claude-opus-x"),
        ("assistant", [{"type": "text", "text": "Hi"}], "anthropic/claude-opus-x"),
        ("user", "Hello", "openai/gpt-x"),
        ("assistant", [{"type": "text", "text": "Hi"}], "openai/gpt-x"),
    ]
    assert found.messages[0].timestamp == "2026-11-18T12:36:40.000+00:00"
    assert found.messages[3].exchange == f"req_{91:024x}"


def test_only_the_newest_messages_are_told(talked: Place) -> None:
    found = talked.conversations.newest(None, 1)
    assert (len(found.messages), found.total_count) == (1, 4)
    assert found.messages[0].role == "assistant"


def test_another_session_is_told_by_its_name(talked: Place) -> None:
    found = talked.conversations.newest(SESSION[:8], 1_000)
    assert found.session == SESSION
    assert len(found.messages) == found.total_count > 4
    assert all(each.timestamp for each in found.messages)


def test_a_session_that_there_is_not_is_not_found(talked: Place) -> None:
    with pytest.raises(BadRequest) as caught:
        talked.conversations.newest("nobody", 5)
    assert refused(caught)[0] == 404
    assert "later" in refused(caught)[1]


def test_a_request_without_a_session_is_a_conversation(place: Place) -> None:
    place.add(turn(HELLO, number=1, session=None, kind="other"))
    found = place.conversations.newest(None, 50)
    assert (found.session, [each.role for each in found.messages]) == (None, ["user", "assistant"])
    assert found.messages[0].model_used == "anthropic/claude-opus-x"


def test_without_a_log_there_is_nothing(place: Place) -> None:
    found = place.conversations.newest(None, 50)
    assert (found.messages, found.total_count, found.note) == ([], 0, "There is no log yet.")
    with pytest.raises(BadRequest, match="no prompt log") as caught:
        place.conversations.newest("some", 50)
    assert caught.value.status == 404


def test_a_log_without_conversations_says_so(place: Place) -> None:
    place.add(turn(HELLO, number=1, session="s", kind="title"))
    assert place.conversations.newest(None, 50).note == "No conversation is in it."
    with pytest.raises(BadRequest, match="no conversation"):
        place.conversations.exported(None)


def test_a_conversation_is_found_behind_many_other_calls(place: Place) -> None:
    place.add(turn(HELLO, number=1, session="s"), *(turn(HELLO, number=9, session="s", kind="title"),) * 201)
    assert place.conversations.newest(None, 50).total_count == 2


def test_where_prompts_are_not_kept_it_is_said(place: Place) -> None:
    place.add(replace(turn(HELLO, number=1, session="s"), request=None, given=None))
    with pytest.raises(BadRequest, match="`record`"):
        place.conversations.newest(None, 50)
    assert place.conversations.status().messages == 0


def test_turns_whose_prompts_are_not_kept_are_not_looked_behind(place: Place) -> None:
    gone = replace(turn(HELLO, number=1, session="s"), request=None, given=None)
    place.add(gone, turn(HELLO, HI, HELLO, number=2, session="s"))
    assert len(place.conversations.newest(None, 50).messages) == 4


def test_a_log_that_is_none_is_told(place: Place) -> None:
    place.home.mkdir()
    (place.home / FILE).write_bytes(b"no database at all, of some length " * 200)
    with pytest.raises(BadRequest, match="cannot be read") as caught:
        place.conversations.newest(None, 50)
    assert caught.value.status == 503
    with pytest.raises(BadRequest, match="cannot be written") as caught:
        place.conversations.bring(brought(HELLO, HI, session=None))
    assert caught.value.status == 503


def test_the_state_of_recording_is_told(talked: Place) -> None:
    found = talked.conversations.status()
    assert (found.recording_enabled, found.record, found.file_path) == (True, "full", str(talked.home / FILE))
    assert (found.total_recent_conversations, found.exchanges, found.messages) == (2, len(recorded_session()) + 3, 4)
    assert found.bytes > 4_096
    assert (found.buffer_size, found.lost, found.fault) == (0, 0, None)


def test_the_state_without_a_log_is_told_too(place: Place) -> None:
    found = place.conversations.status()
    assert (found.exchanges, found.bytes, found.messages) == (0, 0, 0)


def test_a_conversation_is_carried_out_whole(talked: Place) -> None:
    found = talked.conversations.exported("later")
    assert found.model_dump() == {
        "format": "detour-conversation",
        "session": "later",
        "request": ASK,
        "messages": [HELLO, HI, HELLO, HI],
    }


VERBS = {
    "newest": lambda found: found.newest(None, 5),
    "status": lambda found: found.status(),
    "exported": lambda found: found.exported(None),
    "switch": lambda found: found.switch(on=True),
    "empty": lambda found: found.empty(),
    "bring": lambda found: found.bring(brought(HELLO)),
    "next": lambda found: found.next({"message": "a"}, None),
}


@pytest.mark.parametrize("verb", VERBS)
def test_with_wrong_settings_nothing_is_done(talked: Place, verb: str) -> None:
    talked.settings = None
    with pytest.raises(BadRequest) as caught:
        VERBS[verb](talked.conversations)
    assert caught.value.status == 503


# -- the next turn -----------------------------------------------------------------------------------------------------


def test_the_next_turn_is_the_last_one_with_more_to_it(talked: Place) -> None:
    asked = talked.conversations.next({"message": "And?"}, None)
    assert json.loads(asked.body) == {
        **ASK,
        "stream": False,
        "messages": [HELLO, HI, HELLO, HI, {"role": "user", "content": "And?"}],
    }
    assert dict(asked.headers) == {
        "anthropic-version": "2023-06-01",
        "content-type": "application/json",
        "x-claude-code-request-class": "main",
        "x-claude-code-session-id": "later",
    }
    assert asked.query == ""


def test_what_a_body_depends_on_goes_with_it(place: Place) -> None:
    headers = (("anthropic-beta", "a,b"), ("x-other", "c"))
    made = entry({**ASK, "messages": [HELLO]}, given=stream({"type": "text", "text": "Hi"}), headers=headers,
                 url="https://api.anthropic.com/v1/messages?beta=true", kind="main", session="s")  # fmt: skip
    place.add(made)
    asked = place.conversations.next({"message": "And?"}, None)
    assert ("anthropic-beta", "a,b") in asked.headers
    assert "x-other" not in dict(asked.headers)
    assert asked.query == "beta=true"


def test_a_conversation_without_a_session_has_none(place: Place) -> None:
    place.add(turn(HELLO, number=1, session=None, kind="other"))
    assert "x-claude-code-session-id" not in dict(place.conversations.next({"message": "a"}, None).headers)


def test_where_there_is_none_nothing_goes_on(place: Place) -> None:
    with pytest.raises(BadRequest, match="no prompt log") as caught:
        place.conversations.next({"message": "a"}, None)
    assert caught.value.status == 404
    place.add(turn(HELLO, number=1, session="s", kind="title"))
    with pytest.raises(BadRequest, match="to go on with"):
        place.conversations.next({"message": "a"}, None)


# -- emptied -----------------------------------------------------------------------------------------------------------


def test_the_log_is_emptied_and_it_is_said_of_what(talked: Place) -> None:
    found = talked.conversations.empty()
    count = len(recorded_session()) + 3
    assert (found.exchanges, found.conversations) == (count, 2)
    assert found.message == f"Deleted from {talked.home / FILE}: {count} exchanges of 2 conversations."
    assert found.bytes > 0
    assert talked.conversations.status().exchanges == 0
    assert all(b"All done." not in each.read_bytes() for each in talked.home.iterdir())
    talked.add(turn(HELLO, number=1, session="s"))
    assert talked.conversations.status().exchanges == 1


def test_the_words_of_what_is_emptied_go_too(talked: Place) -> None:
    log = Log(talked.home / FILE)
    assert Search(log).find("Hello")
    log.close()
    assert (talked.home / search.FILE).exists()
    talked.conversations.empty()
    assert not (talked.home / search.FILE).exists()


def test_what_is_not_there_need_not_be_emptied(place: Place) -> None:
    found = place.conversations.empty()
    assert (found.exchanges, found.bytes) == (0, 0)
    assert "no log" in found.message


# -- brought in --------------------------------------------------------------------------------------------------------


def brought(*messages: Json, **more: Any) -> models.ImportBody:
    return models.ImportBody.model_validate({**more, "messages": list(messages)})


def test_what_is_brought_in_is_the_newest_conversation(talked: Place) -> None:
    found = talked.conversations.bring(brought(HELLO, HI, session="mine", request={"model": "m", "max_tokens": 5}))
    assert (found.session, found.total_count) == ("mine", 2)
    told = talked.conversations.newest(None, 50)
    assert told.session == "mine"
    assert [each.content for each in told.messages] == ["Hello", [{"type": "text", "text": "Hi"}]]
    assert told.messages[0].exchange == found.exchange
    body = json.loads(talked.conversations.next({"message": "And?"}, None).body)
    assert body == {"model": "m", "max_tokens": 5, "stream": False, "messages": [HELLO, HI, body["messages"][2]]}


def test_what_is_carried_out_can_be_brought_in(talked: Place) -> None:
    out = talked.conversations.exported("later")
    found = talked.conversations.bring(models.ImportBody.model_validate_json(out.model_dump_json()))
    assert found.session != "later"  # that one goes on for itself
    again = talked.conversations.exported(found.session)
    assert (again.request, again.messages) == (out.request, out.messages)


def test_a_conversation_that_ends_with_the_user_is_one(place: Place) -> None:
    place.conversations.bring(brought(HELLO, {"role": "assistant", "content": "Hi"}, HELLO))
    assert [each.role for each in place.conversations.newest(None, 50).messages] == ["user", "assistant", "user"]


def test_a_text_of_the_assistants_becomes_a_block(place: Place) -> None:
    place.conversations.bring(brought(HELLO, {"role": "assistant", "content": "Hi"}))
    assert place.conversations.newest(None, 1).messages[0].content == [{"type": "text", "text": "Hi"}]


def test_what_is_brought_in_is_redacted(place: Place) -> None:
    secret = "sk-proj-" + "aB3dE5gH" * 6
    place.conversations.bring(brought({"role": "user", "content": f"It is {secret}."}, HI))
    assert str(place.conversations.newest(None, 50).messages[0].content).startswith("It is [redacted:")


def test_what_is_brought_in_is_no_use_of_the_clients(place: Place) -> None:
    place.conversations.bring(brought(HELLO, HI))
    log = Log(place.home / FILE)
    assert [each.origin for each in log.summaries()] == ["import"]
    log.close()


@pytest.mark.parametrize("messages", [[HI], [{"role": "user", "content": [{"type": "text"}]}]])
def test_what_is_no_conversation_is_not_kept(place: Place, messages: list[Json]) -> None:
    with pytest.raises(BadRequest, match="messages"):
        place.conversations.bring(brought(*messages))
    assert not (place.home / FILE).exists()


def test_a_log_that_cannot_be_written_is_told(place: Place) -> None:
    place.home.write_text("a file")
    with pytest.raises(BadRequest, match="cannot be written") as caught:
        place.conversations.bring(brought(HELLO, HI))
    assert caught.value.status == 503


# -- recorded or not ---------------------------------------------------------------------------------------------------


def test_recording_is_switched_off_and_on(place: Place) -> None:
    found = place.conversations.switch(on=False)
    assert (found.recording_enabled, found.message) == (False, "Conversation recording disabled")
    found = place.conversations.switch(on=True)
    assert found.recording_enabled
    assert found.message == f"Conversation recording enabled, saving to: {place.home / FILE}"


def test_what_is_off_is_recorded_in_full_when_it_is_switched_on(place: Place) -> None:
    place.settings = Settings(recording=Recording(Mode.OFF))
    assert not place.conversations.status().recording_enabled
    found = place.conversations.switch(on=True)
    assert (found.recording_enabled, found.record) == (True, "full")
    place.settings = Settings(recording=Recording(Mode.METADATA))
    assert place.conversations.status().record == "metadata"


@pytest.mark.parametrize("text", ["mine.sqlite", "deep/er/mine.sqlite", "./x/../mine.sqlite"])
def test_a_log_may_lie_elsewhere_in_the_home(place: Place, text: str) -> None:
    found = place.conversations.switch(on=True, file_path=text)
    expected = (place.home / text).resolve()
    assert found.file_path == str(expected)
    assert expected.is_relative_to(place.home)
    place.conversations.bring(brought(HELLO, HI))
    assert expected.is_file()
    assert place.conversations.switch(on=False).file_path == str(expected)


@pytest.fixture
def outside(tmp_path: Path, place: Place) -> Iterator[Path]:
    """A folder beside the home, into which a link of the home's leads."""
    (tmp_path / "outside").mkdir()
    place.home.mkdir()
    (place.home / "link").symlink_to(tmp_path / "outside")
    yield tmp_path / "outside"
    assert not list((tmp_path / "outside").iterdir())


OUTSIDE = ["../outside/a", "{outside}/a", "link/a", "link/../../outside/a", ".", "", "a\0b", "~/a", "~nobody/a"]


@pytest.mark.parametrize("text", OUTSIDE)
def test_a_log_lies_nowhere_else(place: Place, outside: Path, text: str) -> None:
    wanted = text.format(outside=outside) or str(place.home)
    with pytest.raises(BadRequest, match="file_path"):
        place.conversations.switch(on=True, file_path=wanted)
    assert place.recorder.file() == place.home / FILE


def test_the_configuration_may_allow_another_folder(place: Place, tmp_path: Path) -> None:
    place.settings = Settings(recording=Recording(folders=(str(tmp_path / "allowed"),)))
    found = place.conversations.switch(on=True, file_path=str(tmp_path / "allowed" / "a"))
    assert found.file_path == str(tmp_path / "allowed" / "a")


def test_no_other_file_becomes_a_log(place: Place) -> None:
    place.home.mkdir()
    (place.home / "token").write_text("secret")
    (place.home / "folder").mkdir()
    with closing(sqlite3.connect(place.home / "index")) as database:
        database.execute("CREATE TABLE a (b)")
    for name in ("token", "folder", "index"):
        with pytest.raises(BadRequest, match="no prompt log"):
            place.conversations.switch(on=True, file_path=name)
    assert (place.home / "token").read_text() == "secret"


def test_a_log_that_is_there_already_goes_on(place: Place) -> None:
    place.conversations.switch(on=True, file_path="mine")
    place.conversations.bring(brought(HELLO, HI))
    place.conversations.switch(on=True, file_path="other")
    assert place.conversations.switch(on=True, file_path="mine").exchanges == 1


def test_what_is_not_written_yet_is_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.recorder._waiting = 1

    def pause(_: float) -> None:
        place.add(turn(HELLO, number=1, session="s"))
        place.recorder._waiting = 0

    monkeypatch.setattr(time, "sleep", pause)
    assert place.conversations.newest(None, 50).total_count == 2


def test_a_queue_that_does_not_move_is_not_waited_for(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.recorder._waiting = 1
    monkeypatch.setattr(conversations, "PATIENCE_S", 0.0)
    assert place.conversations.newest(None, 50).total_count == 0
    assert place.conversations.status().buffer_size == 1


def test_a_log_that_is_just_being_made_is_none_yet(place: Place) -> None:
    place.home.mkdir()
    (place.home / FILE).touch()
    assert place.conversations.status().exchanges == 0
    assert place.conversations.newest(None, 50).note == "There is no log yet."
