"""Content views over what a flow keeps: the prompt, what was sent, what the backend said, what was changed."""

from typing import override

import orjson
from mitmproxy import contentviews, http
from mitmproxy.contentviews import Contentview, Metadata, SyntaxHighlight

from addon.prompts import render
from addon.protocol.messages import parse_json
from addon.proxy import record
from addon.proxy.told import SELF

PREFERRED = 2.0  # above the JSON view's 1
ON_DEMAND = -1.0  # only when picked


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
        return render.prompt(parse_json(original["body"] if original else data))

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        if isinstance(metadata.http_message, http.Response) or not isinstance(metadata.flow, http.HTTPFlow):
            return ON_DEMAND
        if record.is_rewritten(metadata.flow):
            return PREFERRED
        path = metadata.flow.request.path.partition("?")[0]
        return PREFERRED if path == "/v1/messages" and data.startswith(b"{") else ON_DEMAND


class SentView(Contentview):
    """The request that went to the backend."""

    name = "Sent"
    syntax_highlight: SyntaxHighlight = "yaml"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        flow = metadata.flow
        if not isinstance(flow, http.HTTPFlow):
            raise ValueError("not an HTTP flow")  # noqa: TRY004 - what mitmproxy expects of a view
        request = flow.request
        return render.sent(request.pretty_url, orjson.loads(request.content or b"null"), request.method)

    @override
    def render_priority(self, data: bytes, metadata: Metadata) -> float:
        return ON_DEMAND


class BackendReplyView(Contentview):
    """The backend's reply, as it came."""

    name = "Backend reply"

    @override
    def prettify(self, data: bytes, metadata: Metadata) -> str:
        kept = record.of(metadata.flow)
        if "reply" not in kept:
            return "no reply is kept: it is still on its way, or it passed through as it is"
        note = f"\n[{kept['dropped']} more bytes were not kept]" if kept.get("dropped") else ""
        return bytes(kept["reply"]).decode("utf-8", "replace") + note

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


def register() -> None:
    """Add the views; a view of the same name is replaced."""
    for view in (PromptView, SentView, BackendReplyView, ChangesView):
        contentviews.add(view())
