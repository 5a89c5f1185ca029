from dataclasses import replace

from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader


def test_a_session_is_listed_with_what_it_was_and_what_it_cost(reader: Reader) -> None:
    page = reader.text("")
    for word in ("Read notes.txt.", ">14<", "14k", "280", "$0.175", "anthropic"):
        assert word in page
    assert f'href="/_detour/read/session/{SESSION}"' in page


def test_without_a_log_it_says_how_one_comes_to_be(empty: Reader) -> None:
    page = empty.text("")
    assert "Nothing recorded yet" in page
    assert "it is made with the first exchange" in page
    assert empty.ask("read/live/sessions?after=0").status_code == 204


def test_the_newest_is_first_and_there_are_pages(empty: Reader) -> None:
    made = entries.recorded_session()[0]
    for number in range(60):
        later = replace(made, summary=replace(made.summary, at=made.summary.at + number * 60))
        library.write(empty.file, [later], session=f"{number:08d}-session")
    first, second = empty.text(""), empty.text("?page=2")
    assert first.index("00000059-session") < first.index("00000058-session")
    assert "00000009-session" not in first
    assert "00000009-session" in second
    assert 'rel="next"' in first
    assert 'rel="next"' not in second
    assert "nothing on this page" in empty.text("?page=9")
    assert empty.text("?page=x").count("<tr") == 51


def test_calls_of_no_session_have_a_row_of_their_own(empty: Reader) -> None:
    made = entries.recorded_session()[0]
    library.write(empty.file, [replace(made, summary=replace(made.summary, session=None))], session=None)
    assert 'href="/_detour/read/loose"' in empty.text("")


def test_a_price_that_is_not_known_is_no_zero(empty: Reader) -> None:
    made = [replace(each, summary=replace(each.summary, dollars=None)) for each in entries.recorded_session()]
    library.write(empty.file, made)
    assert "No price is known" in empty.text("")
    library.write(empty.file, entries.recorded_session())
    assert "14 turns without a known price" in empty.text("")


def test_the_list_is_sent_anew_where_there_is_something_new(reader: Reader) -> None:
    assert reader.ask("read/live/sessions?after=14").status_code == 204
    reply = reader.ask("read/live/sessions?after=13")
    assert (reply.status_code, reply.headers["X-Newest"]) == (200, "14")
    assert "<html" not in reply.text
    assert "Read notes.txt." in reply.text
