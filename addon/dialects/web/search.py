"""A search of the web as the client asks for it: Anthropic's own tool among the tools of a request.

Claude Code asks for each of its searches by a call of its own, whose only tool that is (docs/protocol.md, "Searches").
Source: Messages API reference, "web search tool".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from addon.protocol.deltas import Delta, End, Finish, StopReason, Text, Usage, WebSearch
from addon.protocol.errors import DetourError
from addon.protocol.messages import Json, Request

TOOL = "web_search_"  # how the tool's type begins; a date follows
NAME = "web_search"
# how the client words its call: client 2.1.329
ASKS = "Perform a web search for the query: "
LOCATION = ("country", "region", "city", "timezone")


class Unsearchable(DetourError):
    """A search that is not made, or failed. ``code`` is one of Anthropic's; the message is for the model that asked."""

    def __init__(self, code: str, message: str, query: str = "") -> None:
        """See ``deltas.WebSearch`` for the codes."""
        super().__init__(message)
        self.code = code
        self.query = query

    @property
    def deltas(self) -> list[Delta]:
        """The reply that tells of it: the client hands it to the model as the outcome of its search."""
        search = WebSearch(self.query, error=self.code)
        return [search, Text(self.message), Usage(0, 0), Finish(StopReason.END_TURN), End()]


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for. Domains are ``host`` or ``host/path``; a host stands for its subdomains too."""

    query: str
    index: int  # of the tool
    alone: bool  # whether the call is for nothing else
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    max_uses: int | None = None
    location: Mapping[str, str] = field(default_factory=dict)  # some of LOCATION

    @property
    def path(self) -> str:
        """The JSON path of the tool."""
        return f"tools.{self.index}"

    @property
    def spent(self) -> bool:
        """Whether no search may be made at all."""
        return self.max_uses is not None and self.max_uses < 1

    def admits(self, url: str) -> bool:
        """Whether a page may be among the results."""
        try:
            parts = urlsplit(url)
            host, path = (parts.hostname or "").lower(), parts.path
        except ValueError:
            return not (self.allowed or self.blocked)
        if self.allowed:
            return any(_is_of(host, path, domain) for domain in self.allowed)
        return not any(_is_of(host, path, domain) for domain in self.blocked)


def _is_of(host: str, path: str, domain: str) -> bool:
    name, _, under = domain.partition("/")
    is_host = host == name or host.endswith(f".{name}")
    return is_host and path.removeprefix("/").startswith(under.partition("*")[0])


def wanted(request: Request) -> Search | None:
    """The search that a request offers to its model; None where it offers none."""
    tools = request.tools
    for index, tool in enumerate(tools):
        if "type" in tool and str(tool["type"]).startswith(TOOL):
            return Search(
                query_of(request),
                index,
                len(tools) == 1,
                _domains(tool.get("allowed_domains")),
                _domains(tool.get("blocked_domains")),
                tool["max_uses"] if isinstance(tool.get("max_uses"), int) else None,
                _location(tool.get("user_location")),
            )
    return None


def query_of(request: Request) -> str:
    """What is searched for: what the client's own words name, else the newest words of the user."""
    for message in reversed(request.messages):
        if message["role"] == "user":
            texts = _texts(message["content"])
            told = next((text for text in texts if text.startswith(ASKS)), None)
            return (told.removeprefix(ASKS) if told else "\n".join(texts)).strip()
    return ""


def _texts(content: str | list[Json]) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [block["text"] for block in content if block["type"] == "text"]


def _location(value: Any) -> Mapping[str, str]:
    """Read where a search is made; what is no word for a place is nothing."""
    told = value if isinstance(value, dict) else {}
    return {name: place for name in LOCATION if isinstance(place := told.get(name), str) and place}


def words(entry: Any, *names: str) -> str:
    """Return the first text that stands in a found page under one of the names; whoever found it may be odd."""
    told = (entry.get(name) for name in names) if isinstance(entry, dict) else ()
    return next((text for text in told if isinstance(text, str) and text), "")


def _domains(value: Any) -> tuple[str, ...]:
    """Read domains as people write them: with a scheme, in capitals, with a slash at the end."""
    texts = [text.strip() for text in value if isinstance(text, str)] if isinstance(value, list) else []
    bare = (text.partition("://")[2] or text for text in texts)
    split = (text.rstrip("/").partition("/") for text in bare)
    return tuple(f"{host.lower()}{slash}{path}" for host, slash, path in split if host)
