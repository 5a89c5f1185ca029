"""Who makes the client's searches, and what is said where nobody can. Pure.

A call that is for a search alone goes, in this order, to the search of the model that its route chose; to the search
endpoint that is configured (``search:``, else SearXNG where it has an address, else Brave where it has a key); or it is
answered by Detour itself, in words for the model that waits for it. docs/web-search.md says so to users.
"""

from dataclasses import dataclass, replace

from addon.dialects.profiles import SearchStyle
from addon.dialects.web.search import Unsearchable, wanted
from addon.protocol.deltas import Delta, End, Finish, StopReason, Text, Usage
from addon.protocol.messages import Request
from addon.routing.changes import NOTHING
from addon.routing.route import Destination, Route, redirected
from addon.routing.settings import Settings

NOBODY = (
    "No search was made: {model} has no web search of its own, and none is set up in Detour, the proxy between "
    "Claude Code and the model. Do not search again, and do not answer as if you had. Tell the user what you know "
    "without it, and how a search is set up: SEARXNG_API_BASE with the address of a SearXNG instance, or BRAVE_API_KEY "
    "with a key of Brave Search, or a route `web_search:` to a model that searches, in the settings of Detour."
)


@dataclass(frozen=True, slots=True)
class Unasked:
    """A call that nobody is asked: what is said to it, and why, for people."""

    deltas: tuple[Delta, ...]
    why: str


def settle(route: Route, request: Request, settings: Settings) -> Route | Unasked:
    """Return the route that a call takes, ``route`` itself for all but searches; or what is said to it."""
    destination, search = route.destination, wanted(request)
    if destination is None or destination.is_home or search is None or not search.alone:
        return route
    if search.spent:
        words = "No search was made: the call allows none (max_uses)."
        return failed(Unsearchable("max_uses_exceeded", words, search.query), route)
    if searches(destination):
        return route
    model = destination.target.name
    if settings.searcher is not None:
        choice, setting = settings.searcher.choices[0], settings.searcher.setting
        reason = f"{route.reason}; {model} does not search, {choice.name} does ({setting})"
        return redirected(replace(route, changes=NOTHING), choice, (), reason, settings)
    if not destination.dialect.translates and destination.target.profile.search is not SearchStyle.NONE:
        return route  # nobody knows whether a backend of Anthropic's format can: it is asked
    why = f"{route.reason}; {model} does not search, and no search endpoint is set up"
    return Unasked((Text(NOBODY.format(model=model)), Usage(0, 0), Finish(StopReason.END_TURN), End()), why)


def searches(destination: Destination) -> bool:
    """Whether a destination makes searches by itself."""
    return destination.endpoint.only_searches or destination.target.profile.search not in (None, SearchStyle.NONE)


def failed(fault: Unsearchable, route: Route) -> Unasked:
    """Say that a search cannot be made."""
    return Unasked(tuple(fault.deltas), f"{route.reason}; {fault.message}")
