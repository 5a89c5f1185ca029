"""The documents of a session, and the history of one."""

from typing import Any

import pytest

from addon.prompts.reader.histories import Histories
from addon.prompts.reader.pages import documents
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader
from tests.prompts.reader.pages.test_comparison import EVIL, changed, edited_session

LIST = f"read/session/{SESSION}/documents"
ONE = f"read/session/{SESSION}/document?name=system/main%20conversation/2"


@pytest.fixture
def broken(empty: Reader) -> Reader:
    library.write(empty.file, edited_session())
    return empty


def test_what_changed_is_listed_first(broken: Reader) -> None:
    page = broken.text(LIST)
    assert page.index("Changed in between") < page.index("System prompts") < page.index(">Tools ")
    assert "<b>2 versions</b>" in page
    assert "<title>version 2, turns 7 to 14</title>" in page
    assert 'name=tools/Bash">Bash</a>' in page
    assert "gone through so far" not in page
    assert "Refresh" not in broken.ask(LIST).headers
    assert f'href="/_detour/{LIST}"' in broken.text(f"read/session/{SESSION}")


def test_a_document_shows_its_versions_with_what_changed(broken: Reader) -> None:
    page = broken.text(ONE)
    assert page.index("Version 2") < page.index("Version 1")
    assert "working with the <del>user</del><ins>reader</ins> toward" in page
    assert "turns 7 to 14 ·" in page
    whole = broken.text(f"read/session/{SESSION}/document/version/1?name=system/main%20conversation/2")
    assert "working with the user toward" in whole


def test_what_is_not_there_is_said(broken: Reader) -> None:
    for path in (
        f"read/session/{SESSION}/document?name=tools/Gone",
        f"read/session/{SESSION}/document/version/1?name=tools/Gone",
        f"read/session/{SESSION}/document/version/3?name=tools/Bash",
        "read/session/gone/documents",
    ):
        assert broken.ask(path).status_code == 404


def test_a_session_that_takes_long_is_shown_as_far_as_it_is_known(broken: Reader) -> None:
    broken.app.extensions[documents.KEY] = Histories(at_a_time_s=-1.0)
    page = broken.ask(LIST)
    assert ("1 turn gone through so far" in page.text, page.headers["Refresh"]) == (True, "1")
    assert "so far." in broken.ask(f"read/session/{SESSION}/document?name=tools/Gone").text


def many(empty: Reader, length: int, count: int) -> None:
    """A session whose system prompt is another in each turn."""

    def edit(number: int) -> Any:
        def put(body: Any) -> None:
            body["system"] = f"{number} {'<&> ' * length}"
            body["tools"] = [{"name": f"{EVIL}{tool}", "description": f"{number}"} for tool in range(60)]

        return put

    first = entries.recorded_session()[0]
    library.write(empty.file, [changed(first, edit(n), id=f"i{n}", at=float(n)) for n in range(count)])


def test_many_versions_are_on_several_pages(empty: Reader) -> None:
    many(empty, 1, 50)
    name = "name=system/main%20conversation/1"
    page = empty.text(f"read/session/{SESSION}/document?{name}")
    assert (page.count('id="version-'), "30 versions before these" in page) == (20, True)
    page = empty.text(f"read/session/{SESSION}/document?{name}&until=30")
    assert ("The newest versions" in page, 'id="version-30"' in page, 'id="version-31"' in page) == (True, True, False)


def test_a_text_that_alternates_tells_some_of_its_turns(empty: Reader) -> None:
    first, other = (changed(entries.recorded_session()[0], edit) for edit in (lambda _: None, _another))
    turns = [changed((first, other)[n % 2], lambda _: None, id=f"i{n}", at=float(n)) for n in range(20)]
    library.write(empty.file, turns)
    assert "turn 1, turn 3, turn 5, turn 7 and 6 more times" in empty.text(ONE)


def _another(body: Any) -> None:
    body["system"][2]["text"] = "Be another."


def test_no_page_is_larger_than_a_megabyte(empty: Reader) -> None:
    many(empty, 100_000, 40)
    name = "name=system/main%20conversation/1"
    for path in (LIST, f"read/session/{SESSION}/document?{name}", f"read/session/{SESSION}/document/version/1?{name}"):
        page = empty.ask(path)
        assert len(page.data) < 1_000_000
        assert "<script>alert" not in page.text
    last = empty.text(f"read/session/{SESSION}/document/version/1?{name}&from=999999999")
    assert "← Before" in last
