"""The document of an exchange."""

import pytest

from addon.prompts.entry import Attempt, Change, Entry, Reply, Request, Summary
from addon.prompts.log import document
from addon.prompts.log.document import Spans

SUMMARY = Summary(id="a", at=1.0)
REQUEST = Request(method="POST", url="http://h/v1", headers=(("a", "b"), ("a", "c")), body=b"")
REPLY = Reply(status=200, headers=(), body=b"", left_out=3)


def test_what_is_dumped_is_loaded() -> None:
    entry = Entry(
        summary=SUMMARY,
        reason="why",
        request=REQUEST,
        given=REPLY,
        attempts=[Attempt("glm/a", "529", 12, "busy")],
        changes=[Change("model", "another")],
        losses=[Change("top_k", "left out", routine=True)],
    )
    text = document.dump(
        entry, {"request": [(1, 2, 3)], "given": [(4, 5, 6), (7, 8, 9)]}, {"request": REQUEST, "given": REPLY}
    )
    assert b"\n" not in text
    asked = []

    def read(numbers: object) -> bytes:
        asked.append(numbers)
        return b"body"

    found = document.load(text, SUMMARY, read, bytes.upper)
    assert asked == [[1, 2, 3], [4, 5, 6, 7, 8, 9]]
    assert found.request == Request(method="POST", url="http://h/v1", headers=(("a", "b"), ("a", "c")), body=b"body")
    assert found.given == Reply(status=200, headers=(), body=b"BODY", left_out=3)
    assert (found.sent, found.reply, found.reason) == (None, None, "why")
    assert (found.attempts, found.changes, found.losses) == (entry.attempts, entry.changes, entry.losses)


def test_an_exchange_of_which_nothing_is_kept_has_a_document_too() -> None:
    found = document.load(document.dump(Entry(summary=SUMMARY), {}, {}), SUMMARY, lambda spans: b"", bytes)
    assert found == Entry(summary=SUMMARY, attempts=[], changes=[], losses=[])


def test_texts_that_are_no_unicode_are_replaced() -> None:
    entry = Entry(summary=SUMMARY, reason="bad \udcff \ud800 good ü")
    assert document.load(document.dump(entry, {}, {}), SUMMARY, lambda spans: b"", bytes).reason == "bad ? ? good ü"


@pytest.mark.parametrize(
    ("spans", "joined"),
    [
        ([], []),
        ([(1, 0, 5)], [(1, 0, 5)]),
        ([(1, 0, 5), (1, 5, 2), (1, 7, 1)], [(1, 0, 8)]),
        ([(1, 0, 5), (1, 6, 2)], [(1, 0, 5), (1, 6, 2)]),
        ([(1, 0, 5), (2, 5, 2), (2, 7, 3), (1, 5, 1)], [(1, 0, 5), (2, 5, 5), (1, 5, 1)]),
    ],
)
def test_spans_side_by_side_are_one(spans: Spans, joined: Spans) -> None:
    assert document.merged(spans) == joined
