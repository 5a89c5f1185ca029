"""Whatever a search endpoint answers, the client gets a search that it can read, or one that failed."""

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from addon import dialects
from addon.dialects import ReplyContext
from addon.dialects.web.search import Search
from addon.protocol.deltas import Failure
from addon.protocol.event_writer import EventWriter
from addon.protocol.messages import collect
from addon.stream import write_whole
from tests import law, stories
from tests.properties.blocks import JSON, URLS, Json

VALUES = JSON | URLS | st.sampled_from(["https://a.example/x", "A &amp; B", "2 days ago"])
PAGE = st.dictionaries(
    st.sampled_from(
        ["url", "title", "content", "publishedDate", "description", "extra_snippets", "age", "page_age", "type"]
    ),
    VALUES,
)
PAGES = st.lists(PAGE | VALUES, max_size=3) | VALUES
BODY = st.fixed_dictionaries(
    {},
    optional={
        "results": PAGES,
        "answers": st.lists(VALUES | st.dictionaries(st.just("answer"), VALUES), max_size=2) | VALUES,
        "unresponsive_engines": st.lists(st.lists(VALUES, max_size=3) | VALUES, max_size=2) | VALUES,
        "web": st.fixed_dictionaries({}, optional={"results": PAGES}) | VALUES,
    },
)
SEARCH = Search("q", 0, True, ("a.example",))


@given(BODY, st.sampled_from(["searxng", "brave"]), st.sampled_from([SEARCH, replace(SEARCH, allowed=())]))
def test_any_answer_is_a_search_that_the_client_can_read(body: Json, name: str, search: Search) -> None:
    context = ReplyContext(stories.target(name, "web"), "x1", search=search)
    deltas = dialects.load(name).decode_whole(json.dumps(body).encode(), context)
    if len(deltas) == 1:
        assert isinstance(deltas[0], Failure)
        return
    written = write_whole(deltas, EventWriter("msg_1", "m", f"{name}/web"))
    law.check(written)
    asked, found, text = collect(written)["content"]
    assert (asked["input"], found["tool_use_id"], text["type"]) == ({"query": "q"}, asked["id"], "text")
    for page in found["content"]:
        assert search.admits(page["url"])
        assert isinstance(page["title"], str)
        assert isinstance(page["page_age"], str | None)
