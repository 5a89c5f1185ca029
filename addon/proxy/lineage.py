"""The flow whose request another one continues: the turn before it, of the same session and agent.

Found in mitmproxy's own list when somebody asks, the newest first, so nothing is kept for it: it is found after a
reload, and in a file that was loaded, and flows that left the list are not held by us. By their headers most flows are
passed over; a body is parsed only to tell a turn from a call beside the conversation.
"""

from itertools import islice

from mitmproxy import ctx, http
from mitmproxy.addons.view import View

from addon.prompts import answer
from addon.prompts.entry import Summary
from addon.prompts.threads import conversation, is_answered
from addon.protocol.errors import BadRequest
from addon.protocol.messages import has_model, parse_json
from addon.proxy import record
from addon.routing.call import AGENT_ID, SESSION, Call, Kind

MESSAGES_PATH = "/v1/messages"
MOST_PARSED = 20  # calls beside a conversation that are looked at on the way to its turn before

BESIDE = "this request is no turn of a conversation: it has none before it"
NO_LIST = "the turn before it is not at hand: this mitmproxy keeps no list of flows"
NONE_BEFORE = "it is the first turn of its conversation, or the one before it has left the list"


def body(flow: http.HTTPFlow) -> object:
    """Return the client's own request, parsed. Raises: BadRequest."""
    return parse_json(record.original(flow).get_content(strict=False) or b"")


def previous(flow: http.HTTPFlow) -> http.HTTPFlow | str:
    """Find the turn before; words that say why there is none."""
    mine = _turn(flow)
    if mine is None:
        return BESIDE
    view = ctx.master.addons.get("view")
    if not isinstance(view, View):
        return NO_LIST
    unanswered: http.HTTPFlow | None = None
    for other in islice(_siblings(flow, view), MOST_PARSED):
        turn = _turn(other)
        if turn is None or turn.kind == Kind.COMPACTION or conversation(turn) != conversation(mine):
            continue
        if is_answered(turn):
            return other
        unanswered = unanswered or other
    return unanswered or NONE_BEFORE


def summary(flow: http.HTTPFlow) -> Summary:
    """Say of a flow what compares it with others, and what its reply says of tokens."""
    reply = flow.response
    usage = answer.read(reply.get_content(strict=False) or b"", reply.status_code).usage if reply else {}
    ended = reply.timestamp_end if reply else None
    return Summary(
        id=flow.id,
        at=_began(flow),
        route=record.of(flow).get("route"),
        total_ms=round((ended - _began(flow)) * 1000) if ended else 0,
        input_tokens=_count(usage.get("input_tokens")),
        cache_read_tokens=_count(usage.get("cache_read_input_tokens")),
        cache_write_tokens=_count(usage.get("cache_creation_input_tokens")),
        output_tokens=_count(usage.get("output_tokens")),
    )


def _siblings(flow: http.HTTPFlow, view: View) -> list[http.HTTPFlow]:
    """Calls to a model of the same session and agent that began earlier, the newest first."""
    mine, began = _names(flow), _began(flow)
    found = [
        other
        for other in view._store.values()  # also those that a filter hides
        if isinstance(other, http.HTTPFlow) and other is not flow and _began(other) < began and _names(other) == mine
    ]
    return sorted(found, key=_began, reverse=True)


def _began(flow: http.HTTPFlow) -> float:
    return flow.request.timestamp_start


def _names(flow: http.HTTPFlow) -> tuple[str, str | None, str | None]:
    """Path, session and agent, without a look at the body."""
    request = record.original(flow)
    return request.path.partition("?")[0], request.headers.get(SESSION), request.headers.get(AGENT_ID)


def _turn(flow: http.HTTPFlow) -> Summary | None:
    """Say of a flow what tells its conversation; None where it is no turn of one."""
    request = record.original(flow)
    path = request.path.partition("?")[0]
    if path != MESSAGES_PATH:
        return None
    try:
        parsed = body(flow)
    except BadRequest:
        return None
    if not has_model(parsed):
        return None
    call = Call(parsed, headers={name.lower(): value for name, value in request.headers.items()}, path=path)
    turn = Summary(
        id=flow.id,
        at=_began(flow),
        session=call.session,
        agent=call.agent_id,
        kind=call.kind,
        origin=record.of(flow).get("origin"),
        status=flow.response.status_code if flow.response else 0,
        error=flow.error.msg if flow.error else None,
    )
    return turn if conversation(turn) is not None else None


def _count(tokens: object) -> int | None:
    return tokens if isinstance(tokens, int) else None
