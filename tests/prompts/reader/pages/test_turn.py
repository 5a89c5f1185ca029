import base64
import json
import re
from dataclasses import replace
from typing import Any

import pytest

from addon.prompts.entry import Attempt, Change
from tests.prompts import entries
from tests.prompts.reader import library
from tests.prompts.reader.library import SESSION, Reader

PART = {"X-Part": "1"}
PNG = base64.b64encode(b"\x89PNG picture").decode()


def _one(reader: Reader, content: Any, **facts: Any) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": content}]}
    library.write(reader.file, [entries.entry(body, given=entries.stream({"type": "text", "text": "Yes."}), **facts)])


# -- the prompt --------------------------------------------------------------------------------------------------------


def test_what_is_new_is_open_and_what_is_old_is_folded(reader: Reader) -> None:
    page = reader.text("read/turn/5")
    new, old = page.split('id="before"')
    assert "Find the tools for the web and for notebooks." in new
    assert "ToolSearch" in new
    assert "8 messages" in old
    assert old.count('data-src="/_detour/read/turn/5/message/') == 8
    assert "Primary working directory: /home/user/project" not in new


def test_a_folded_message_is_sent_when_it_is_opened(reader: Reader) -> None:
    part = reader.ask("read/turn/5/message/1", headers=PART).text
    assert "<html" not in part
    assert "Primary working directory: /home/user/project" in part
    assert "<html" in reader.text("read/turn/5/message/1"), "a page of its own where no script runs"


def test_documents_are_folded_and_sent_likewise(reader: Reader) -> None:
    page = reader.text("read/turn/5")
    assert 'data-src="/_detour/read/turn/5/document/system.0"' in page
    assert 'data-src="/_detour/read/turn/5/document/tools.0"' in page
    tool = reader.ask("read/turn/5/document/tools.0", headers=PART).text
    assert "input_schema" in tool
    assert "<html" not in tool


def test_many_old_messages_have_pages(empty: Reader) -> None:
    body = {
        "model": "m",
        "messages": [{"role": ("user", "assistant")[n % 2], "content": f"said {n}"} for n in range(501)],
    }
    library.write(empty.file, [entries.entry(body, given=b"")])
    page = empty.text("read/turn/1")
    rows = re.findall(r"/message/(\d+)\"><?", page)
    assert "300 messages before these" in page
    assert "/message/299" not in page
    assert rows[0].startswith("300")
    older = empty.text("read/turn/1?until=300")
    assert "/message/299" in older
    assert "The newest of them" in older


def test_a_list_of_turns_gets_what_is_new_alone(reader: Reader) -> None:
    part = reader.ask("read/turn/5/inner").text
    assert "<html" not in part
    assert "Find the tools" in part
    assert "8 messages before" in part
    assert "ToolSearch" in part


def test_the_turn_leads_to_its_neighbours_and_its_session(reader: Reader) -> None:
    page = reader.text("read/turn/5")
    assert 'rel="prev" href="/_detour/read/turn/4"' in page
    assert 'rel="next" href="/_detour/read/turn/6"' in page
    assert f'rel="up" href="/_detour/read/session/{SESSION}#turn-5"' in page
    assert 'rel="next" href="/_detour/read/turn/6/sent"' in reader.text("read/turn/5/sent"), "on the same tab"


def test_the_bar_says_what_the_prompt_is_made_of(reader: Reader) -> None:
    page = reader.text("read/turn/5")
    assert 'class="p-tools"' in page
    assert "tool results" in page


def test_an_exchange_is_found_by_what_a_person_calls_it(reader: Reader) -> None:
    for name in (f"{SESSION}/5", "5", f"req_{5:024x}"):
        assert reader.ask(f"read/at/{name}").headers["Location"] == "/_detour/read/turn/5"
    assert reader.ask("read/at/nothing").status_code == 404


# -- texts and pictures ------------------------------------------------------------------------------------------------


def test_a_long_text_is_cut_and_can_be_read_whole_in_slices(empty: Reader) -> None:
    _one(empty, "begin " + "x" * 300_000 + " end")
    page = empty.text("read/turn/1")
    assert "characters left out here" in page
    assert "begin" in page
    assert " end<" in page
    path = "read/turn/1/part/messages.0.content"
    first, last = empty.text(path), empty.text(f"{path}?from=240000")
    assert "1 to 120000" in first
    assert "from=120000" in first
    assert last.rstrip().count(" end<") == 1
    assert "from=120000" in last
    assert empty.text(f"{path}?from=99999999").count(" end<") == 1
    assert empty.text(f"{path}?from=-5").count("begin") == 1


def test_the_answer_can_be_read_whole_too(empty: Reader) -> None:
    _one(empty, "Say it.")
    assert "Yes." in empty.text("read/turn/1/part/answer.content.0.text")


def test_a_picture_is_shown_and_nothing_that_could_run(empty: Reader) -> None:
    sources = [
        {"type": "base64", "media_type": "image/png", "data": PNG},
        {"type": "base64", "media_type": "image/svg+xml", "data": PNG},
        {"type": "base64", "media_type": "image/png", "data": "A"},
    ]
    _one(empty, [{"type": "image", "source": source} for source in sources])
    assert empty.text("read/turn/1").count("<img ") == 2
    reply = empty.ask("read/turn/1/picture/messages.0.content.0.source")
    assert (reply.content_type, reply.data) == ("image/png", b"\x89PNG picture")
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    for place in ("1.source", "2.source", "0", "9.source"):
        assert empty.ask(f"read/turn/1/picture/messages.0.content.{place}").status_code == 404, place


# -- the other tabs ----------------------------------------------------------------------------------------------------


def test_what_was_sent_and_what_came_back_are_shown(empty: Reader) -> None:
    library.write(empty.file, [entries.routed("openai_chat/bad_arguments")])
    sent, reply = empty.text("read/turn/1/sent"), empty.text("read/turn/1/reply")
    assert "/chat/completions" in sent
    assert "chat.completion.chunk" in reply
    assert "To the client" in reply
    for what in ("request", "sent", "reply", "given"):
        assert len(empty.text(f"read/turn/1/body/{what}")) > 500


def test_what_passed_went_as_it_came(reader: Reader) -> None:
    assert "It went as it came" in reader.text("read/turn/5/sent")
    assert "given as it came" in reader.text("read/turn/5/reply")
    assert reader.ask("read/turn/5/body/sent").status_code == 404


def test_the_route_says_who_was_asked_and_what_became_of_it(empty: Reader) -> None:
    made = entries.routed("openai_chat/bad_arguments")
    made = replace(
        made,
        reason="the rule cheap",
        attempts=(Attempt("openai/first", "overloaded", 1_200, "busy"),),
        changes=(Change("model", "a cheaper one"),),
        losses=(Change("top_k", "not said"), Change("metadata", "left out", routine=True)),
    )
    library.write(empty.file, [made])
    page = empty.text("read/turn/1/route")
    for word in ("the rule cheap", "openai/first", "1.2 s", "a cheaper one", "not said", "left out", "content-type"):
        assert word in page
    assert "API_KEY" in page


@pytest.mark.parametrize("tab", ["", "/sent", "/reply", "/route", "/inner"])
def test_of_a_turn_whose_figures_alone_are_kept_these_are_shown(empty: Reader, tab: str) -> None:
    made = entries.recorded_session()[0]
    library.write(empty.file, [replace(made, request=None, given=None)])
    assert empty.ask(f"read/turn/1{tab}").status_code == 200
    assert empty.ask("read/turn/1/message/0").status_code == 404


def test_a_call_that_is_no_message_is_shown_as_it_came(empty: Reader) -> None:
    made = entries.recorded_session()[0]
    assert made.request is not None
    odd = replace(made.request, method="GET", url="https://api.anthropic.com/v1/models", body=b"just text")
    library.write(empty.file, [replace(made, request=odd, summary=replace(made.summary, kind=None, path="/v1/models"))])
    page = empty.text("read/turn/1")
    assert "just text" in page
    assert "GET https://api.anthropic.com/v1/models" in page


def test_a_failed_turn_says_why(empty: Reader) -> None:
    body = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Busy."}}).encode()
    made = entries.entry({"model": "m", "messages": []}, given=body, status=529, error="Busy.")
    assert made.given is not None
    library.write(empty.file, [replace(made, given=replace(made.given, status=529))])
    page = empty.text("read/turn/1")
    assert page.count("Busy.") >= 2
    assert "holds no messages" in page


def test_of_very_many_new_messages_the_first_are_shown_and_the_rest_counted(empty: Reader) -> None:
    said = [{"role": "user", "content": f"said {number}"} for number in range(250)]
    first = entries.entry({"model": "m", "messages": said[:1]}, given=b"", kind="main")
    second = entries.entry({"model": "m", "messages": said}, number=2, given=b"", kind="main")
    library.write(empty.file, [first, second])
    page = empty.text("read/turn/2")
    assert "said 200<" in page
    assert "said 201<" not in page
    assert "49 more messages" in page


def test_many_parts_of_one_message_end_where_the_page_is_full(empty: Reader) -> None:
    _one(empty, [{"type": "text", "text": "'" * 50_000}] * 60)
    page = empty.text("read/turn/1")
    assert "more parts, for which this page has no room" in page
    assert "/part/messages.0.content" in page
