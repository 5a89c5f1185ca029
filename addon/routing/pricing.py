"""What the one who answers takes for a token. Pure, but for the catalogue that it asks."""

from addon.routing import catalog
from addon.routing.config import ANTHROPIC
from addon.routing.facts import UNKNOWN, Price
from addon.routing.route import Route
from addon.routing.settings import Settings


def price_of(route: Route, settings: Settings) -> Price | None:
    """Return the price of a route's answer; None: nothing is known of it.

    The user's own row of the model lies over the catalogue's. What passes is priced as Anthropic's own: a subscription
    pays otherwise. A first look into the catalogue takes milliseconds, so nobody asks from the event loop.
    """
    destination = route.destination
    if destination is not None and not destination.is_home:
        return destination.price
    own = settings.facts.get(f"{ANTHROPIC}/{route.asked}", UNKNOWN)
    return own.over(catalog.lookup(ANTHROPIC, route.asked)).price
