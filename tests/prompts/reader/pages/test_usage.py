from dataclasses import replace

from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import NOW, SESSION, Reader


def test_what_was_used_is_summed_up_by_day_model_session_and_kind(empty: Reader) -> None:
    made = [replace(each, summary=replace(each.summary, at=NOW - 3_600)) for each in entries.recorded_session()]
    other = replace(made[0].summary, route="openai/gpt-6.1-sol", dollars=None)
    library.write(empty.file, [*made, replace(made[0], summary=other)])
    page = empty.text("read/usage")
    for word in (
        "$0.175",
        "claude-opus-5-5",
        "openai/gpt-6.1-sol",
        "Read notes.txt.",
        "main",
        "90 %",
        "1 call without",
    ):
        assert word in page
    assert f'href="/_detour/read/session/{SESSION}"' in page
    assert page.count('<figure class="chart">') == 3


def test_a_time_can_be_chosen(empty: Reader) -> None:
    made = [replace(each, summary=replace(each.summary, at=NOW - 3 * 86_400)) for each in entries.recorded_session()]
    library.write(empty.file, made)
    assert "Nothing was asked of a model in that time" in empty.text("read/usage?since=1d")
    assert "$0.175" in empty.text("read/usage?since=7d")
    assert "$0.175" in empty.text("read/usage?since=")
    assert empty.ask("read/usage?since=soon").status_code == 400


def test_replays_and_shadows_are_told_apart(empty: Reader) -> None:
    made = entries.recorded_session()[:2]
    copies = [replace(each, summary=replace(each.summary, origin="replay", of=each.summary.id)) for each in made]
    library.write(empty.file, [*made, *copies])
    page = empty.text("read/usage?since=")
    assert "own replays: 2 calls, $0.025" in page


def test_of_many_sessions_the_newest_are_shown(empty: Reader) -> None:
    made = entries.recorded_session()[0]
    for number in range(45):
        library.write(empty.file, [made], session=f"session-{number:02}")
    assert "And 5 more" in empty.text("read/usage?since=")


def test_without_a_log_there_is_nothing_to_sum_up(empty: Reader) -> None:
    reply = empty.ask("read/usage")
    assert (reply.status_code, "Nothing recorded yet" in reply.text) == (404, True)
