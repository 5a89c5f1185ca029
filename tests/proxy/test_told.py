"""An answer of Detour's own, streamed or whole as asked, and lawful."""

import json

import pytest

from addon.dialects.web.search import Unsearchable
from addon.protocol.deltas import End, Finish, StopReason, Text, Usage
from addon.proxy.told import Told, tell
from addon.routing.call import Call
from addon.routing.route import choose
from addon.routing.searching import Unasked
from addon.settings.assembly import parse
from tests import law
from tests.searches import request

ROUTE = choose(Call({"model": "claude-opus-5-5"}), parse({"BIG_MODEL": "vllm/q"}))
WORDS = Unasked((Text("No."), Usage(0, 0), Finish(StopReason.END_TURN), End()), "nobody can")
LOT = "0f6e1d2c-3b4a-5968-7786-95a4b3c2d1e0"


def told(unasked: Unasked = WORDS, *, stream: bool = False, lot: str = LOT) -> Told:
    return tell(unasked, ROUTE, request(stream=stream), lot)


def test_a_stream_is_answered_by_a_lawful_one() -> None:
    found = told(stream=True)
    assert dict(found.reply.headers)["content-type"].startswith("text/event-stream")
    events = law.check(found.reply.body)
    message = events[0]["message"]
    assert (message["id"], message["model"]) == ("msg_0f6e1d2c3b4a5968778695a4", "claude-opus-5-5")
    assert (found.why, found.route) == ("nobody can", ROUTE)


def test_a_whole_one_by_the_same_in_one_piece() -> None:
    found = told()
    assert found.reply.status == 200
    assert dict(found.reply.headers) == {"content-type": "application/json"}
    message = json.loads(found.reply.body)
    assert message["content"] == [{"type": "text", "text": "No."}]
    assert (message["stop_reason"], message["usage"]["output_tokens"]) == ("end_turn", 0)


def test_each_call_has_an_id_of_its_own() -> None:
    ids = {json.loads(told(lot=lot).reply.body)["id"] for lot in (LOT, LOT[::-1])}
    assert len(ids) == 2


@pytest.mark.parametrize("stream", [False, True])
def test_a_search_that_failed_bears_its_code(stream: bool) -> None:
    found = told(Unasked(tuple(Unsearchable("query_too_long", "No.", "q").deltas), "too long"), stream=stream)
    assert b'"error_code":"query_too_long"' in found.reply.body
