"""Content views over what a flow keeps: the prompt, the answer, the difference, what was sent, said and changed.

mitmproxy asks every view of its priority for everything that it shows, so none looks further than at the first bytes;
and it colours all that a view gives it, so none gives it megabytes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import override

import orjson
from mitmproxy import contentviews, http
from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight

from addon.prompts import answer, answer_text, cache_break, difference, difference_text, render
from addon.protocol.amazon_frames import readable
from addon.protocol.messages import parse_json
from addon.proxy import lineage, record
from addon.proxy.told import SELF

PREFERRED = 2.0  # above the JSON view's 1
ON_DEMAND = -1.0  # only when picked
STREAM_OPENINGS = (b"event: message_start", b"event: ping")


class PromptView(Contentview):
    """The client's request as a document: what Claude Code really sends."""

    name = "Prompt"
    syntax_highlight: SyntaxHighlight = "yaml"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        original = record.of(metadata.flow).get("original")
        if (
            original is None
            and isinstance(metadata.http_message, http.Response)
            and isinstance(metadata.flow, http.HTTPFlow)
        ):
            data = metadata.flow.request.content or b""
        return render.shortened(render.prompt(parse_json(original["body"] if original else data)))

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        if isinstance(metadata.http_message, http.Response) or not isinstance(metadata.flow, http.HTTPFlow):
            return ON_DEMAND
        if record.is_rewritten(metadata.flow):
            return PREFERRED
        path = metadata.flow.request.path.partition("?")[0]
        return PREFERRED if path == "/v1/messages" and data.startswith(b"{") else ON_DEMAND


class AnswerView(Contentview):
    """What the model said, put together from the stream: text, calls, thinking, usage."""

    name = "Answer"
    syntax_highlight: SyntaxHighlight = "yaml"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        flow = _http(metadata)
        if flow.response is None:
            return "no reply yet" if flow.live else "there was no reply"
        read = answer.read(flow.response.get_content(strict=False) or b"", flow.response.status_code)
        under_way = bool(flow.live) and flow.response.timestamp_end is None and flow.error is None
        return render.shortened(answer_text.text(read, under_way=under_way))

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        if not isinstance(metadata.http_message, http.Response):
            return ON_DEMAND
        return PREFERRED if data.startswith(STREAM_OPENINGS) else ON_DEMAND


class DifferenceView(Contentview):
    """How the client's request differs from the one before it, and whether the prompt cache held."""

    name = "Difference"
    syntax_highlight: SyntaxHighlight = "yaml"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        flow = _http(metadata)
        before = lineage.previous(flow)
        if isinstance(before, str):
            return f"There is nothing to compare with: {before}."
        old, new = lineage.body(before), lineage.body(flow)
        cache = cache_break.look(old, new, lineage.summary(before), lineage.summary(flow))
        began = before.request.timestamp_start
        elapsed_s = flow.request.timestamp_start - began
        named = f"the request of {datetime.fromtimestamp(began):%H:%M:%S}, {elapsed_s:,.0f} s before"
        return render.shortened(difference_text.text(difference.between(old, new), named, cache))

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return ON_DEMAND


class SentView(Contentview):
    """The request that went to the backend."""

    name = "Sent"
    syntax_highlight: SyntaxHighlight = "yaml"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        request = _http(metadata).request
        sent = render.sent(request.pretty_url, orjson.loads(request.content or b"null"), request.method)
        return render.shortened(sent)

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return ON_DEMAND


class BackendReplyView(Contentview):
    """The backend's reply, as it came; out of its frames, where those are binary."""

    name = "Backend reply"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        kept = record.of(metadata.flow)
        if "reply" not in kept:
            return "no reply is kept: it is still on its way, or it passed through as it is"
        note = f"\n[{kept['dropped']} more bytes were not kept]" if kept.get("dropped") else ""
        return render.shortened(readable(bytes(kept["reply"])).decode("utf-8", "replace")) + note

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return ON_DEMAND


class ChangesView(Contentview):
    """Why this model answered, what the route changed, and what was lost in translation."""

    name = "Changes"
    syntax_highlight: SyntaxHighlight = "yaml"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        kept = record.of(metadata.flow)
        if kept.get("route") == SELF:
            return f"Answered by Detour itself: nothing was sent.\nwhy: {kept['reason']}"
        tried = kept.get("attempts", ())
        if "losses" not in kept and not tried:
            return f"Passed through: nothing was changed.\nwhy: {kept.get('reason', 'no call to a model')}"
        return render.changes(kept["route"], kept["reason"], kept.get("losses", ()), kept.get("changes", ()), tried)

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return ON_DEMAND


def _http(metadata: Metadata) -> http.HTTPFlow:
    if not isinstance(metadata.flow, http.HTTPFlow):
        raise ValueError("not an HTTP flow")  # noqa: TRY004 - what mitmproxy expects of a view
    return metadata.flow


def register(hide: Callable[[str], str]) -> None:
    """Add the views; a view of the same name is replaced. ``hide`` takes credentials out of what they show."""
    for view in (PromptView, AnswerView, DifferenceView, SentView, BackendReplyView, ChangesView):
        contentviews.add(_without_secrets(view(), hide))


def _without_secrets(view: Contentview, hide: Callable[[str], str]) -> Contentview:
    prettify = view.prettify
    view.prettify = lambda data, metadata: hide(prettify(data, metadata))  # type: ignore[method-assign]  # around its own
    return view
