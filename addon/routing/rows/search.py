"""Search endpoints: no models, they answer searches of the web and nothing else."""

from addon.routing.backend import Backend

ROWS = (
    Backend("searxng", None, "searxng", needs_key=False),
    Backend(
        "brave",
        "https://api.search.brave.com/res/v1",
        "brave",
        ("x-subscription-token", ""),
        keys=("BRAVE_API_KEY", "BRAVE_SEARCH_API_KEY"),
    ),
)
