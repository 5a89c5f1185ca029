"""How a backend is asked to search the web by itself: one row for each style.

A row says which of the client's options it takes, and puts the wish onto the body. What it does not take is told in
words where that helps, and is a loss. How the pages come back is read by each dialect.
Sources: OpenAI API reference, "web_search_options" and "web search"; OpenRouter, "web search server tool" and its SDK;
Perplexity, "Sonar filters"; Alibaba Cloud Model Studio, "web search"; docs.z.ai and docs.bigmodel.cn, "web search in
chat"; Groq, "browser search". None was tried against a paid account.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from addon.dialects import Target
from addon.dialects.losses import Loss, Lost, loss
from addon.dialects.profiles import SearchStyle
from addon.dialects.typed_tools import is_typed
from addon.dialects.web.search import Search, wanted
from addon.protocol.messages import Json, Request

ALLOWED, BLOCKED, LOCATION, LIMIT = "allowed_domains", "blocked_domains", "user_location", "max_uses"
IN_WORDS: Mapping[str, str] = {
    ALLOWED: "Search these domains only, and use no page of another: {}",
    BLOCKED: "Use no page of these domains: {}",
}


@dataclass(frozen=True, slots=True)
class Style:
    """One way of asking."""

    ask: Callable[[Search, frozenset[str], Json], None]  # what to search for, the options to say, the body
    takes: frozenset[str] = frozenset()
    most_domains: int = 100
    once: bool = True  # it searches once for a request, so there is nothing to limit
    forced: bool = True  # it searches, whatever the model thinks of it
    beside: bool = False  # functions may be offered beside it


def given(request: Request, target: Target) -> Search | None:
    """The search that the target makes itself; None where none is wanted, or it makes none."""
    style = STYLES.get(target.profile.search) if target.profile.search else None
    search = wanted(request) if style else None
    if style is None or search is None or search.spent:
        return None
    return search if style.beside or all(map(is_typed, request.tools)) else None


def ask(search: Search, target: Target, body: Json, losses: list[Loss]) -> None:
    """Put the wish onto the body."""
    style = _style(target)
    said, unsaid = _options(search, style)
    losses += [_lost(option, search, target) for option in unsaid]
    style.ask(search, said, body)


def in_words(search: Search | None, target: Target) -> list[Json]:
    """Say to the model which domains its search cannot be told."""
    if search is None:
        return []
    domains = {ALLOWED: search.allowed, BLOCKED: search.blocked}
    told = (option for option in _options(search, _style(target))[1] if option in domains)
    return [{"type": "text", "text": IN_WORDS[option].format(", ".join(domains[option]))} for option in told]


def is_forced(target: Target) -> bool:
    """Whether the target searches without being told to choose so."""
    return _style(target).forced


def _style(target: Target) -> Style:
    assert target.profile.search is not None  # noqa: S101 - the caller has a search that is given
    return STYLES[target.profile.search]


def _options(search: Search, style: Style) -> tuple[frozenset[str], list[str]]:
    """The options that the client set: those that the style takes, and the rest.

    A list of domains is said whole or not at all. A backend that searches once needs no limit.
    """
    is_set = {ALLOWED: search.allowed, BLOCKED: search.blocked, LOCATION: search.location, LIMIT: not style.once}
    wished = [option for option, value in is_set.items() if value and (option != LIMIT or search.max_uses is not None)]
    fits = max(len(search.allowed), len(search.blocked)) <= style.most_domains
    said = style.takes if fits else style.takes - {ALLOWED, BLOCKED}
    return said.intersection(wished), [option for option in wished if option not in said]


def _lost(option: str, search: Search, target: Target) -> Loss:
    path = f"{search.path}.{option}"
    match option:
        case "max_uses":
            return loss(Lost.SEARCH_LIMIT, path, target.name)
        case "user_location":
            return loss(Lost.SEARCH_OPTION, path, f"{target.name} cannot be told where its search is made")
        case _:
            what = f"the search of {target.name} cannot be told these domains; the model was, and other pages left out"
            return loss(Lost.SEARCH_OPTION, path, what)


def _location(search: Search) -> Json:
    return {"type": "approximate", **search.location}


def _web_search_options(search: Search, said: frozenset[str], body: Json) -> None:
    where = {"type": "approximate", "approximate": search.location}
    body["web_search_options"] = {"user_location": where} if LOCATION in said else {}


def _openrouter(search: Search, said: frozenset[str], body: Json) -> None:
    parameters: Json = {
        "allowed_domains": list(search.allowed) if ALLOWED in said else None,
        "excluded_domains": list(search.blocked) if BLOCKED in said else None,
        "max_uses": search.max_uses if LIMIT in said else None,
        "user_location": _location(search) if LOCATION in said else None,
    }
    parameters = {name: value for name, value in parameters.items() if value is not None}
    _add_tool({"type": "openrouter:web_search", **({"parameters": parameters} if parameters else {})}, body)


def _perplexity(search: Search, said: frozenset[str], body: Json) -> None:
    if said & {ALLOWED, BLOCKED}:
        body["search_domain_filter"] = [*search.allowed] or [f"-{domain}" for domain in search.blocked]
    if LOCATION in said:
        where = {name: place for name, place in search.location.items() if name != "timezone"}
        body["web_search_options"] = {"user_location": where}


def _dashscope(search: Search, said: frozenset[str], body: Json) -> None:
    sites = {"assigned_site_list": list(search.allowed)} if ALLOWED in said else {}
    body["enable_search"] = True
    body["search_options"] = {"forced_search": True, **sites}


def _dashscope_agent(search: Search, said: frozenset[str], body: Json) -> None:
    body["enable_search"] = True
    body["search_options"] = {"search_strategy": "agent"}  # no other option may stand beside it


def _glm(engine: str) -> Callable[[Search, frozenset[str], Json], None]:
    def ask_glm(search: Search, said: frozenset[str], body: Json) -> None:
        domain = {"search_domain_filter": search.allowed[0]} if ALLOWED in said else {}
        options = {"enable": True, "search_engine": engine, "search_result": True, **domain}
        _add_tool({"type": "web_search", "web_search": options}, body)

    return ask_glm


def _groq(search: Search, said: frozenset[str], body: Json) -> None:
    _add_tool({"type": "browser_search"}, body)
    body["tool_choice"] = "required"


def _google(search: Search, said: frozenset[str], body: Json) -> None:
    _add_tool({"googleSearch": {}}, body)


def _responses(search: Search, said: frozenset[str], body: Json) -> None:
    options: Json = {"filters": {"allowed_domains": list(search.allowed)}} if ALLOWED in said else {}
    if LOCATION in said:
        options["user_location"] = _location(search)
    if LIMIT in said:
        body["max_tool_calls"] = search.max_uses
    _add_tool({"type": "web_search", **options}, body)


def _add_tool(tool: Json, body: Json) -> None:
    body["tools"] = [*body.get("tools", ()), tool]


STYLES: Mapping[SearchStyle, Style] = MappingProxyType(
    {
        SearchStyle.OPTIONS: Style(_web_search_options, frozenset((LOCATION,))),
        SearchStyle.OPENROUTER: Style(
            _openrouter, frozenset((ALLOWED, BLOCKED, LOCATION, LIMIT)), once=False, forced=False, beside=True
        ),
        SearchStyle.ALWAYS: Style(_perplexity, frozenset((ALLOWED, BLOCKED, LOCATION)), most_domains=20, beside=True),
        SearchStyle.ENABLE_SEARCH: Style(_dashscope, frozenset((ALLOWED,)), most_domains=25),
        SearchStyle.ENABLE_SEARCH_AGENT: Style(_dashscope_agent, once=False, forced=False),
        SearchStyle.ZAI: Style(_glm("search-prime"), frozenset((ALLOWED,)), most_domains=1),
        SearchStyle.BIGMODEL: Style(_glm("search_std"), frozenset((ALLOWED,)), most_domains=1),
        SearchStyle.GROQ: Style(_groq, once=False),
        SearchStyle.GOOGLE: Style(_google, once=False, forced=False),
        SearchStyle.GOOGLE_BESIDE: Style(_google, once=False, forced=False, beside=True),
        SearchStyle.TOOL: Style(_responses, frozenset((ALLOWED, LOCATION, LIMIT)), once=False, beside=True),
    }
)
