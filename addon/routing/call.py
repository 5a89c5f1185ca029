"""The facts of one request that rules ask for, each found when it is first asked for and then kept.

Pure and total: a call that passes to Anthropic is not judged, so nothing but the model's name is known to be right,
and a fact that cannot be read is None, False or empty. Source of what is said of the client: Claude Code 2.1.329, its
own calls at both doors, kept in tests/routing/calls, and for what did not occur there its texts.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import blake2b
from types import MappingProxyType
from typing import Any

import orjson

from addon.protocol import tokens
from addon.protocol.errors import TooDeep
from addon.protocol.messages import ATTRIBUTION, Json, parse_json
from addon.routing.config import DISCOVERY_PREFIX, Tier, tier_of

LONG_SUFFIX = "[1m]"  # Claude Code's mark for the long window, in any case
EFFORTS = ("low", "medium", "high", "xhigh", "max")  # ascending
THINKING = ("enabled", "adaptive")
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
DRAW_BITS = 53  # as many as a float holds

SESSION = "x-claude-code-session-id"
AGENT_ID = "x-claude-code-agent-id"
AGENT_TYPE = "x-claude-code-agent-type"  # a hint
REQUEST_CLASS = "x-claude-code-request-class"  # a hint
COMPACTION = "x-claude-code-compaction"  # a hint: auto, manual or reactive
CREDENTIAL_HEADERS = frozenset(("x-api-key", "authorization", "cookie", "proxy-authorization"))
COUNT_PATH = "/v1/messages/count_tokens"


class Kind(StrEnum):
    """What a call is for."""

    MAIN = "main"
    SUBAGENT = "subagent"
    WORKFLOW = "workflow"
    COMPACTION = "compaction"
    TITLE = "title"
    CLASSIFIER = "classifier"
    WEBSEARCH = "websearch"
    WEBFETCH = "webfetch"
    COUNT = "count"
    OTHER = "other"


class Door(StrEnum):
    """The way a client comes in: as through any proxy (HTTPS_PROXY), or to us by name (ANTHROPIC_BASE_URL)."""

    PROXY = "proxy"
    REVERSE = "reverse"


class Call:
    """One request as rules see it.

    ``body`` is an object with a model; nobody changes it. ``raw`` is what it was parsed from, where that is at hand.
    ``headers`` has lower-case names; ``path`` is without the query. ``now`` is the local time. ``lot`` is what a draw
    falls to where there is no session.
    """

    def __init__(
        self,
        body: Json,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
        path: str = "/v1/messages",
        door: Door | None = None,
        now: datetime | None = None,
        lot: str = "",
        matches_filter: Callable[[str], bool] | None = None,
    ) -> None:
        self.body = body
        self.raw = raw
        self.headers = headers
        self.path = path
        self.door = door
        self.now = now
        self.lot = lot
        self._matches_filter = matches_filter
        sent: str = body["model"]
        self.long_window = sent[-len(LONG_SUFFIX) :].lower() == LONG_SUFFIX
        self.model = sent[: -len(LONG_SUFFIX)] if self.long_window else sent
        self.named = self.model.removeprefix(DISCOVERY_PREFIX)

    def copy(self) -> "Call":
        """Return the call with a body and headers of its own, for somebody who may change them; without credentials."""
        body: Any = parse_json(self.raw) if self.raw is not None else deepcopy(self.body)
        return Call(
            body,
            raw=self.raw,
            headers={name: value for name, value in self.headers.items() if name not in CREDENTIAL_HEADERS},
            path=self.path,
            door=self.door,
            now=self.now,
            lot=self.lot,
            matches_filter=self._matches_filter,
        )

    def matches_filter(self, expression: str) -> bool:
        """Whether the flow matches one of mitmproxy's filter expressions; none does where there is no flow."""
        return self._matches_filter is not None and self._matches_filter(expression)

    @cached_property
    def tier(self) -> Tier | None:
        """The tier that the model's name speaks of; None also where the client names provider/model itself."""
        return None if "/" in self.named else tier_of(self.named)

    @cached_property
    def kind(self) -> Kind:
        """What the call is for: the first of MARKS that it bears."""
        return next((kind for kind, bears in MARKS if bears(self)), Kind.OTHER)

    @property
    def agent_type(self) -> str | None:
        """The name of the agent's type. Without hint headers it is not told."""
        return self.headers.get(AGENT_TYPE) or None

    @property
    def agent_id(self) -> str | None:
        """Which agent asks; None for the main conversation."""
        return self.headers.get(AGENT_ID) or None

    @cached_property
    def session(self) -> str | None:
        """The session; its agents share it. ``metadata.user_id`` is a text of JSON that names it too."""
        if told := self.headers.get(SESSION):
            return told
        user = _object(self.body.get("metadata")).get("user_id")
        try:
            named = _object(orjson.loads(user)).get("session_id") if isinstance(user, str) else None
        except orjson.JSONDecodeError:
            return None
        return named if isinstance(named, str) and named else None

    @cached_property
    def thinking(self) -> bool:
        """Whether the model is asked to think."""
        return _object(self.body.get("thinking")).get("type") in THINKING

    @cached_property
    def effort(self) -> str | None:
        """One of EFFORTS: that of the newest turn with one of its own, else the request's. None: it is not told."""
        effort = next(filter(None, map(_own_effort, reversed(self._messages))), None) or _own_effort(self.body)
        return effort if isinstance(effort, str) and effort in EFFORTS else None

    @cached_property
    def input_tokens(self) -> int:
        """An estimate, see protocol/tokens.py. What that cannot read is counted by the size of its texts."""
        system = self.body.get("system")
        if isinstance(system, list):
            system = [block for block in system if not _is_attribution(_text(block))]
        try:
            return tokens.estimate_surveyed(system, self._said, len(self._contents), self._tools)
        except TooDeep:
            return max(1, tokens.estimate_text(_characters([system, self._messages, self._tools])))

    @property
    def has_image(self) -> bool:
        """Whether an image is anywhere in the messages."""
        return self._has_media[0]

    @property
    def has_document(self) -> bool:
        """Whether a document is anywhere in the messages."""
        return self._has_media[1]

    @cached_property
    def tool_names(self) -> frozenset[str]:
        """The tools on offer, Anthropic's own such as web_search included."""
        return frozenset(name for tool in self._tools if isinstance(name := tool.get("name"), str))

    def draw(self, salt: str) -> float:
        """Draw from [0, 1). The same session and salt draw the same, in every process."""
        drawn = f"{salt}\0{self.session or self.lot}".encode("utf-8", "surrogatepass")
        digest = blake2b(drawn, digest_size=8).digest()
        return (int.from_bytes(digest) >> (64 - DRAW_BITS)) / (1 << DRAW_BITS)

    @cached_property
    def _messages(self) -> list[Any]:
        """As sent: a long conversation has many, so they are looked at one by one where that is needed."""
        messages = self.body.get("messages")
        return messages if isinstance(messages, list) else []

    @cached_property
    def _tools(self) -> list[Json]:
        return _objects(self.body.get("tools"))

    @cached_property
    def _system(self) -> list[str]:
        """The texts of the system prompt, the attribution with them."""
        return _texts(self.body.get("system"))

    @cached_property
    def _newest(self) -> list[str]:
        """The texts of the user's newest turn, one for each block."""
        for message in reversed(self._messages):
            if isinstance(message, dict) and message.get("role") == "user":
                return _texts(message.get("content"))
        return []

    @cached_property
    def _contents(self) -> list[object]:
        return [message.get("content") for message in self._messages if isinstance(message, dict)]

    @cached_property
    def _said(self) -> tokens.Survey:
        return tokens.survey(self._contents)

    @cached_property
    def _has_media(self) -> tuple[bool, bool]:
        """Whether there are images and documents, those inside documents and other blocks too."""
        images, documents = self._said.images > 0, bool(self._said.documents)
        pending = [_object(block.get("source")).get("content") for block in self._said.documents]
        pending += [block["content"] for block in self._said.others if "content" in block]
        while pending:
            inside = tokens.survey((pending.pop(),))
            images, documents = images or inside.images > 0, documents or bool(inside.documents)
            pending += [_object(block.get("source")).get("content") for block in inside.documents]
            pending += [block["content"] for block in inside.others if "content" in block]
        return images, documents


def _object(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[Json]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _own_effort(holder: Any) -> Any:
    """What a turn or a request says of the effort."""
    if not isinstance(holder, dict) or "output_config" not in holder:  # nearly all turns
        return None
    return _object(holder["output_config"]).get("effort")


def _text(block: Any) -> str:
    text = _object(block).get("text")
    return text if isinstance(text, str) else ""


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [text for block in content if (text := _text(block))] if isinstance(content, list) else []


def _is_attribution(text: str) -> bool:
    return text.startswith(ATTRIBUTION)


def _characters(value: Any) -> int:
    """How long all texts in a JSON value are, however deep it is."""
    total, pending = 0, [value]
    while pending:
        match pending.pop():
            case str(text):
                total += len(text)
            case list(inner):
                pending += inner
            case dict(inner):
                pending += inner.values()
            case _:
                pass
    return total


# What the client writes, by which a call is known. Source: client 2.1.329.
SUMMARY_REQUEST = "CRITICAL: Respond with TEXT ONLY"
SUMMARISER = "You are a helpful AI assistant tasked with summarizing conversations."  # its second try
TITLE_WRITER = "You are naming a coding session"
MONITOR = "You are a security monitor"
SEVERITY_END = "</severity>"
WEB_SEARCH = "web_search_"  # web_search_20250305
WEB_PAGES = ("\nWeb page content:\n---\n", "The text inside the <untrusted-content-")
WEB_PAGE_LEAD = 500  # the page follows at most two sentences about it
SUBAGENT = "cc_is_subagent=true"  # in the attribution
WORKFLOW_AGENT = "You are a subagent spawned by a workflow orchestration script."
WORKFLOW_NOTE = "NOTE: You are running inside a workflow script."  # at the end of another agent's prompt
HOOK_AGENT = re.compile(r"You are (verifying a stop condition|evaluating a \w+ hook) in Claude Code\. Your task")
ASIDES = (  # asked at the end of the conversation, with all its tools, and forgotten
    "<system-reminder>This is a side question from the user.",  # /btw
    "[SUGGESTION MODE: ",  # what the user may type next
    "The user stepped away and is coming back. Recap",  # /recap
    "Describe your most recent action in 3-5 words",  # what an agent is shown to be doing
)

type Mark = Callable[[Call], bool]


def _of_class(*classes: str) -> Mark:
    return lambda call: call.headers.get(REQUEST_CLASS) in classes


def _is_compaction(call: Call) -> bool:
    return _one_opens(call._newest, SUMMARY_REQUEST) or _one_opens(call._system, SUMMARISER)


def _is_web_search(call: Call) -> bool:
    kind = call._tools[0].get("type") if len(call._tools) == 1 else None
    return isinstance(kind, str) and kind.startswith(WEB_SEARCH)


def _is_classifier(call: Call) -> bool:
    stops = call.body.get("stop_sequences")
    return (isinstance(stops, list) and SEVERITY_END in stops) or _one_opens(call._system, MONITOR)


def _is_title(call: Call) -> bool:
    """It asks for a title as JSON, or in words where the client may not ask for JSON."""
    if call._tools:
        return False
    form = _object(_object(call.body.get("output_config")).get("format"))
    asked = _object(_object(form.get("schema")).get("properties"))
    return list(asked) == ["title"] or _one_opens(call._system, TITLE_WRITER)


def _is_web_fetch(call: Call) -> bool:
    return not call._tools and any(
        text.find(mark, 0, WEB_PAGE_LEAD) >= 0 for text in call._newest for mark in WEB_PAGES
    )


def _is_aside(call: Call) -> bool:
    return _one_opens(call._newest, *ASIDES)


def _is_subagent(call: Call) -> bool:
    system = call._system
    if call.agent_id or (system and _is_attribution(system[0]) and SUBAGENT in system[0]):
        return True
    return bool(call._tools) and any(HOOK_AGENT.match(text) for text in system)


def _is_workflow(call: Call) -> bool:
    return _is_subagent(call) and any(text.startswith(WORKFLOW_AGENT) or WORKFLOW_NOTE in text for text in call._system)


def _one_opens(texts: Iterable[str], *openings: str) -> bool:
    return any(text.startswith(openings) for text in texts)


# The client's hints come first: it says itself what a call is for. They are on by default at the first door, and at the
# second with CLAUDE_CODE_GATEWAY_HINT_HEADERS=1. "auxiliary" is whatever serves neither the conversation nor an agent:
# the marks tell which. Without hints the marks alone decide, and find the same; what is left is the main conversation
# when it has tools: exactly that, so a conversation without tools is OTHER unless its header says "main".
MARKS: tuple[tuple[Kind, Mark], ...] = (
    (Kind.COUNT, lambda call: call.path == COUNT_PATH),
    (Kind.MAIN, _of_class("main")),
    (Kind.SUBAGENT, _of_class("subagent")),
    (Kind.WORKFLOW, _of_class("workflow")),
    (Kind.COMPACTION, _of_class("compaction")),
    (Kind.COMPACTION, lambda call: COMPACTION in call.headers),
    (Kind.WEBSEARCH, _is_web_search),
    (Kind.CLASSIFIER, _is_classifier),
    (Kind.TITLE, _is_title),
    (Kind.WEBFETCH, _is_web_fetch),
    (Kind.OTHER, _of_class("auxiliary", "side_reply")),
    (Kind.COMPACTION, _is_compaction),
    (Kind.OTHER, _is_aside),
    (Kind.WORKFLOW, _is_workflow),
    (Kind.SUBAGENT, _is_subagent),
    (Kind.MAIN, lambda call: bool(call._tools)),
)
