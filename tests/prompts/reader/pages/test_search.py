from dataclasses import replace

import pytest

from addon.prompts.reader.pages import search
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader


def test_a_word_of_a_prompt_leads_to_its_turn(reader: Reader) -> None:
    page = reader.text("read/search?q=notebooks")
    assert "in 1 turn" in page
    assert 'href="/_detour/read/turn/5"' in page
    assert "<mark>notebooks</mark>" in page
    assert 'value="notebooks"' in page, "it stands in the field"


def test_what_is_recorded_later_is_found_too(reader: Reader) -> None:
    assert "No prompt and no answer holds that word" in reader.text("read/search?q=lighthouse")
    said = {"model": "m", "messages": [{"role": "user", "content": "The lighthouse."}]}
    library.write(reader.file, [entries.entry(said, given=b"")])
    assert "<mark>lighthouse</mark>" in reader.text("read/search?q=lighthouse")


@pytest.mark.parametrize("query", ["", "%20", "%22", "(", "*", "OR", "a%20AND", "NEAR(", "x" * 2_000, "%00", "'; DROP"])
def test_any_query_has_a_page(reader: Reader, query: str) -> None:
    assert "<h1>" in reader.text(f"read/search?q={query}")


def test_a_hit_that_left_the_log_is_left_out(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    with reader.app.app_context():
        log = reader.shelf.open()
        monkeypatch.setattr(log, "summaries", lambda *_, **__: [])
        assert search._find("notebooks") == []


def test_a_search_belongs_to_the_log_that_is_open(reader: Reader) -> None:
    with reader.app.app_context():
        first = search._search(reader.shelf.open())
        assert search._search(reader.shelf.open()) is first
        reader.shelf.close()
        assert search._search(reader.shelf.open()) is not first


def test_a_snippet_stays_text(reader: Reader) -> None:
    said = [{"role": "user", "content": "<script>beacon</script><img src=x>"}]
    made = entries.entry({"model": "m", "messages": said}, given=b"")
    library.write(reader.file, [replace(made, summary=replace(made.summary, session=None))], session=None)
    page = reader.text("read/search?q=beacon")
    assert "Outside of any session" in page
    assert "&lt;script&gt;<mark>beacon</mark>&lt;/script&gt;&lt;img src=x&gt;" in page
    assert SESSION not in page
