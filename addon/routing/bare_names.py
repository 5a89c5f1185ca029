"""Which provider a model is asked at that is written without one. Pure, but for the catalogue that it asks.

In this order (docs/configuration.md, "Names of models"):

1. Its maker's provider, if that can be asked here: ``gemini-2.5-pro`` is gemini's.
2. Else the one provider that can be asked here and has it, under the name that it has there.
3. Else, where nobody of those who have it can be asked, its maker's, or the only one that has it: what is lacking is
   told like that of any target.

Several of 2 or of 3, or none at all, is an error that says what may have been meant. A model that its maker is not
known to have, and others are, is not the maker's; one that nobody is known to have is: it may be of this morning.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from addon.protocol.errors import ConfigError
from addon.routing import catalog, catalog_names
from addon.routing.backend import Mint
from addon.routing.config import LONGEST_NAME, Choice, Endpoint, quoted
from addon.routing.makers import homes_of

MOST_NAMED = 6  # targets in a message
WRITE = "Write provider/model."


def resolve(model: str, endpoints: Mapping[str, Endpoint]) -> Choice:
    """Return who is asked for a bare name. Raises: ConfigError that names what may have been meant."""
    listed = _listed(model, endpoints)
    homes = [name for name in homes_of(model) if name in endpoints]
    own = {choice.provider: choice for choice in listed if choice.provider in homes}
    makers = [own.get(name, Choice(name, model)) for name in homes] if own or not listed else []
    for choices in (makers, [each for each in listed if each not in makers]):
        ready = [choice for choice in choices if is_ready(endpoints[choice.provider])]
        if len(ready) == 1 or (ready and choices is makers):
            return ready[0]
        if ready:
            raise ConfigError(f"several providers have {quoted(model)} and can be asked: {_told(ready)}. {WRITE}")
    if makers or len(listed) == 1:
        return (makers or listed)[0]
    if listed:
        lacks = f"several providers have {quoted(model)}, and none of them can be asked yet"
        raise ConfigError(f"{lacks}: {_told(listed)}. Set the key of one, or write provider/model.")
    if strangers := sorted({theirs for _, theirs in catalog.named(model)}):
        raise ConfigError(
            f"only {', '.join(strangers[:MOST_NAMED])} is known to have {quoted(model)}, and no provider here"
        )
    raise ConfigError(f"no provider is known to have a model {quoted(model)}. {nearest(model, endpoints)}")


def has(choice: Choice, endpoints: Mapping[str, Endpoint]) -> bool:
    """Whether the provider is known to have the model."""
    return any(each.provider == choice.provider for each in _listed(choice.model.rpartition("/")[2], endpoints))


def is_ready(endpoint: Endpoint) -> bool:
    """Whether somebody set it up: a key, an address of its own, or where a credential that is minted is good for."""
    if endpoint.lack is not None or endpoint.only_searches:
        return False
    row = endpoint.backend
    passes = row.name == "anthropic"  # with the client's own credential
    return passes or endpoint.credential.key is not None or endpoint.base_name is not None or _is_placed(endpoint)


def _is_placed(endpoint: Endpoint) -> bool:
    """Whether its credential is made by a command, or for a place that has no default, so that somebody named it."""
    minting = endpoint.credential.minting
    return minting is not None and (minting.mint is Mint.COMMAND or None in endpoint.backend.place.values())


def _listed(model: str, endpoints: Mapping[str, Endpoint]) -> list[Choice]:
    """Everybody who is known to have it, each once; those that only litellm can ask where there is nobody else."""
    targets = (catalog_names.target_of(key, theirs, endpoints) for key, theirs in catalog.named(model))
    found: dict[str, Choice] = {}
    for target in targets:
        if target is not None:
            provider, name = target
            # the bridge has a provider of its own in each model
            place = f"{provider}/{name.partition('/')[0]}" if provider == catalog_names.BRIDGE else provider
            found.setdefault(place, Choice(provider, name))
    own = [choice for choice in found.values() if choice.provider != catalog_names.BRIDGE]
    return own or list(found.values())


def _told(choices: Sequence[Choice]) -> str:
    names = [choice.name for choice in choices[:MOST_NAMED]]
    return ", ".join(names) + (f" and {len(choices) - MOST_NAMED} more" if len(choices) > MOST_NAMED else "")


def nearest(model: str, endpoints: Mapping[str, Endpoint]) -> str:
    """Say which models a mistaken name may mean, in route syntax."""
    wanted = model.lower()[:LONGEST_NAME]
    known: dict[str, str] = {}
    for key in catalog.names():
        known.setdefault(key.rpartition("/")[2].lower(), key.rpartition("/")[2])
    near = [known[name] for name in get_close_matches(wanted, known, n=MOST_NAMED)]
    told = dict.fromkeys(choice.name for name in near if (choice := _likeliest(name, endpoints)) is not None)
    if not told:
        return f"{WRITE} `detour models` lists what is known."
    return f"Did you mean {' or '.join(list(told)[:3])}? {WRITE}"


def _likeliest(model: str, endpoints: Mapping[str, Endpoint]) -> Choice | None:
    """Whom one would ask for it."""
    place = {name: number for number, name in enumerate(homes_of(model))}
    order = sorted(
        _listed(model, endpoints),
        key=lambda choice: (place.get(choice.provider, len(place)), not is_ready(endpoints[choice.provider])),
    )
    return order[0] if order else None
