"""The difference page: a turn and the one before it, or any two requests."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import orjson
import pytest

from addon.prompts.cache_break import Break, Finding
from addon.prompts.entry import Entry
from addon.prompts.reader.pages import comparison
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import Reader

EVIL = """<script>alert(1)</script><ins>"'"""


def changed(entry: Entry, edit: Any, **summary: Any) -> Entry:
    """An exchange whose request was edited."""
    assert entry.request
    body = orjson.loads(entry.request.body)
    edit(body)
    request = replace(entry.request, body=orjson.dumps(body))
    return replace(entry, request=request, summary=replace(entry.summary, **summary))


def edited_session(word: str = "reader") -> list[Entry]:
    """The recorded session; from its seventh turn on one word of the system prompt is another."""

    def edit(body: Any) -> None:
        body["system"][2]["text"] = body["system"][2]["text"].replace("user", word, 1)

    session = deepcopy(entries.recorded_session())
    figures = {"cache_read_tokens": 990, "cache_write_tokens": 0}
    figured = [changed(entry, lambda _: None, **figures) for entry in session[:6]]
    broken = changed(session[6], edit, cache_read_tokens=0, cache_write_tokens=990)
    return [
        *figured,
        broken,
        *(changed(entry, edit, cache_read_tokens=990, cache_write_tokens=0) for entry in session[7:]),
    ]


@pytest.fixture
def broken(empty: Reader) -> Reader:
    library.write(empty.file, edited_session())
    return empty


def test_a_turn_is_compared_with_the_one_before_it(broken: Reader) -> None:
    page = broken.text("read/turn/7/difference")
    assert 'Compared with <a href="/_detour/read/turn/6">the turn that it continues</a>, 1 min 00 s before' in page
    assert "System prompt, block 3 changed, and about" in page
    assert "990 cached tokens were not read back" in page
    assert "working with the <del>user</del><ins>reader</ins> toward their goals" in page
    assert "<b>message 14, user</b>" in page
    assert "the cache mark left" in page


def test_where_only_something_was_added_the_cache_holds(broken: Reader) -> None:
    page = broken.text("read/turn/5/difference")
    assert 'class="verdict held"' in page
    assert 'class="change changed"' in page  # the attribution


def test_the_first_turn_has_none_before_it(broken: Reader) -> None:
    page = broken.text("read/turn/1/difference")
    assert "there is no turn before it" in page
    assert "/_detour/read/compare?new=1" in page


def test_the_tab_stands_beside_the_prompt(broken: Reader) -> None:
    page = broken.text("read/turn/7")
    assert page.index(">Prompt</a>") < page.index("/_detour/read/turn/7/difference") < page.index(">Sent</a>")


def test_any_two_are_compared(broken: Reader) -> None:
    asking = broken.text("read/compare?new=7")
    assert 'name="new" value="7"' in asking
    assert "The same" not in asking
    page = broken.text("read/compare?old=2&new=last")
    assert "<del>user</del><ins>reader</ins>" in page
    assert '<a href="/_detour/read/turn/14">14</a>' in page
    assert "tokens, by estimate, and part in system prompt, block 3." in page
    assert "read back" not in page
    assert "The cache holds" not in broken.text("read/compare?old=3&new=3")
    assert "990 cached tokens were not read back" in broken.text("read/compare?old=6&new=7")
    gone = broken.ask("read/compare?old=2&new=nothing")
    assert (gone.status_code, "there is no exchange" in gone.text.lower()) == (404, True)


def test_two_that_are_the_same_differ_in_nothing(broken: Reader) -> None:
    page = broken.text("read/compare?old=3&new=3")
    assert "The new prompt begins with all of the old one." in page
    assert "Nothing else differs" in page


def test_without_prompts_nothing_is_compared(empty: Reader) -> None:
    session = [replace(entry, request=None) for entry in entries.recorded_session()[:2]]
    library.write(empty.file, session)
    assert "is not kept" in empty.text("read/turn/2/difference")
    assert "is not kept" in empty.text("read/compare?old=1&new=2")


def test_markup_stays_text(empty: Reader) -> None:
    library.write(empty.file, edited_session(EVIL))
    page = empty.text("read/turn/7/difference")
    assert "<ins>&lt;script&gt;alert(1)&lt;/script&gt;&lt;ins&gt;&#34;&#39;</ins>" in page
    assert "<script>alert" not in page


def test_a_page_is_no_larger_than_a_megabyte(empty: Reader) -> None:
    text = "\"<&>'\n" * 150_000

    def edit(body: Any) -> None:
        body["system"][2]["text"] = text
        body["tools"] += [{"name": f"{number}{'<' * 2000}", "description": text[:99_000]} for number in range(40)]
        body["x" * 5000] = text
        body["messages"] += [{"role": "user", "content": f"{number}"} for number in range(4000)]

    session = entries.recorded_session()[:2]
    library.write(empty.file, [session[0], changed(session[1], edit)])
    assert len(empty.ask("read/turn/2/difference").data) < 1_000_000
    assert len(empty.ask("read/compare?old=2&new=1").data) < 1_000_000


BREAK = Break(
    path="p", title="t", what="changed", offset=0, context="", old="", new="", tokens_kept=300, tokens_lost=100
)  # fmt: skip
SHARES = [
    (None, 1000.0),
    (BREAK, 750.0),
    (replace(BREAK, harmless=True), 1000.0),
    (replace(BREAK, tokens_kept=0, tokens_lost=0), 0.0),
]


@pytest.mark.parametrize(("found", "share"), SHARES)
def test_the_bar_says_how_much_of_the_prefix_is_the_same(found: Break | None, share: float) -> None:
    assert comparison.share(Finding(found, None, "")) == share
