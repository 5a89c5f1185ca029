"""What is in force as rows for people: name, value, origin. Pure; no row holds a key."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field

from addon.routing.backends import BACKENDS, find
from addon.routing.config import TIMEOUTS, Endpoint, Tier, Timeouts, timeouts_told
from addon.routing.facts import ModelFacts, Price
from addon.routing.settings import Settings
from addon.settings import environment
from addon.settings.assembly import Configuration
from addon.settings.environment import PREFERRED
from addon.settings.switch import Switch

NO_KEY = "made, as no key is set"


@dataclass(frozen=True, slots=True)
class Row:
    """One setting in force."""

    name: str
    value: str
    origin: str
    key: str = field(default="", compare=False)  # by which it is known again, where another may have got its name


def rows(configuration: Configuration, settings: Settings, switch: Switch | None = None) -> Iterator[Row]:
    """Yield every setting that is in force, those of the start and those chosen while running."""
    switch = switch or Switch()
    if settings.preset is not None:
        origin = "chosen while running" if switch.preset else configuration.place(("preset",))
        yield Row("preset", settings.preset, origin)
    yield from _models(configuration, settings)
    if settings.searcher is not None:
        yield Row("search", settings.searcher.name, _origin(settings.searcher.setting, configuration))
    elif configuration.document.search is not None:
        yield Row("search", configuration.document.search, configuration.place(("search",)))
    if settings.decider is not None:
        yield Row("function", settings.decider.name, configuration.place(("function",)))
    if settings.shadow_budget is not None:
        yield Row("shadow", settings.shadow_budget.told, configuration.place(("shadow",)))
    for number, rule in enumerate(settings.rules, 1):
        yield Row(f"rule {number}", f"{rule.name}: {rule.told} → {rule.outcome}", rule.where, f"rule {rule.name}:")
    for name, choices in settings.aliases.items():
        yield Row(
            f"models.{name}", ", then ".join(choice.name for choice in choices), configuration.place(("models", name))
        )
    for name, facts in settings.facts.items():
        yield Row(f"models.{name}", _told(facts), configuration.place(("models", name)))
    named = {row.name if (row := find(name)) else name: name for name in configuration.document.backends}
    for name, endpoint in settings.endpoints.items():
        yield from _endpoint(name, named.get(name), endpoint, configuration)
    yield from _others(configuration, settings)


def _models(configuration: Configuration, settings: Settings) -> Iterator[Row]:
    for tier in Tier:
        answer = settings.tiers.get(tier)
        if answer is None:
            yield Row(str(tier), "anthropic", "no model is set")
        else:
            yield Row(str(tier), answer.name, _origin(answer.setting, configuration))
    if configuration.document.provider is not None and not configuration.origin(PREFERRED):
        yield Row("provider", settings.preferred, configuration.place(("provider",)))
    elif configuration.origin(PREFERRED):
        yield Row("provider", settings.preferred, _origin(PREFERRED, configuration))


ABILITIES: Mapping[str, tuple[str, str]] = {
    "vision": ("sees pictures", "sees no pictures"),
    "tools": ("calls tools", "calls no tools"),
    "reasoning": ("thinks", "does not think"),
}


def _told(facts: ModelFacts) -> str:
    price = facts.price or Price()
    known = {
        "window": facts.max_input_tokens,
        "reported as": facts.report_window,
        "output": facts.max_output_tokens,
        "price of input": price.input,
        "of output": price.output,
        "of cache reads": price.cache_read,
        "of cache writes": price.cache_write,
        "of cache writes for an hour": price.cache_write_hour,
        "of reasoning": price.reasoning,
    }
    told = [f"{name} {value:,}" for name, value in known.items() if value is not None]
    for flag, (does, does_not) in ABILITIES.items():
        if (can := getattr(facts, flag)) is not None:
            told.append(does if can else does_not)
    told += [f"{field} {value}" for field, value in (facts.profile or {}).items()]
    return ", ".join(told) or "nothing is known"


def _endpoint(name: str, key: str | None, endpoint: Endpoint, configuration: Configuration) -> Iterator[Row]:
    """Only what differs from the provider's row, and what its key is called. ``key`` is what the document calls it."""
    written = configuration.document.backends[key] if key is not None else None
    is_placed = endpoint.base_name is not None or endpoint.base_url != _own_address(endpoint)
    if endpoint.base_url is not None and is_placed:
        given = endpoint.base_name or next(
            (name for names in endpoint.backend.places.values() for name in names if configuration.origin(name)), ""
        )
        origin = _place(configuration, key, "address") or _origin(given, configuration)
        yield Row(f"backends.{name}.address", endpoint.base_url, origin)
    if endpoint.credential.is_sent and (endpoint.credential.minting is None or is_placed or key is not None):
        own = _origin(endpoint.credential.variable, configuration) if endpoint.credential.key else NO_KEY
        origin = _place(configuration, key, "credential") or own
        yield Row(f"backends.{name}.credential", f"${endpoint.credential.variable}", origin)
    told: Mapping[str, object] = {
        "dialect": endpoint.backend.dialect if written and written.dialect else None,
        "proxy": "{}://{}:{}".format(*endpoint.proxy) if endpoint.proxy else None,
        "headers": ", ".join(sorted(written.headers)).lower() if written else "",
        "body": dict(endpoint.extra_body),
        "profile": ", ".join(f"{field} {value}" for field, value in endpoint.profile.items()),
        "timeouts": _seconds(endpoint.timeouts) if endpoint.timeouts != configuration.base.timeouts else None,
    }
    for part, value in told.items():
        if value:
            yield Row(f"backends.{name}.{part}", str(value), _place(configuration, key, part))


def _place(configuration: Configuration, key: str | None, part: str) -> str:
    return configuration.place(("backends", key, part)) if key is not None else ""


def _own_address(endpoint: Endpoint) -> str | None:
    """Its row's address where nobody says anything, not even of its place."""
    row = BACKENDS.get(endpoint.backend.name) or BACKENDS.get(endpoint.backend.like)
    return environment.endpoint(row, {}).base_url if row else None


def _seconds(timeouts: Timeouts) -> str:
    return timeouts_told({name: value for name, value in asdict(timeouts).items() if value is not None})


def _others(configuration: Configuration, settings: Settings) -> Iterator[Row]:
    if settings.home is not None:
        yield Row("DETOUR_HOME", settings.home, configuration.origin("DETOUR_HOME"))
    limits = configuration.document.limits.model_dump(exclude_none=True)
    for name, value in limits.items():
        yield Row(f"limits.{name}", f"{value:,}", configuration.place(("limits", name)))
    yield from _recording(configuration, settings)
    if settings.timeouts != TIMEOUTS:
        yield Row("timeouts", _seconds(settings.timeouts), configuration.place(("timeouts",)))
    for part in ("retry", "streaming"):
        for name in getattr(configuration.document, part).model_dump(exclude_none=True):
            held = getattr(settings, part)
            value = getattr(held, name) if hasattr(held, name) else f"{getattr(held, f'{name}_s'):g} s"
            yield Row(f"{part}.{name}", str(value), configuration.place((part, name)))
    logging = settings.logging
    for name, level in (("CONSOLE_LOG_LEVEL", logging.console_level), ("FILE_LOG_LEVEL", logging.file_level)):
        if level is not None:
            yield Row(name, level, configuration.origin(name))
    for name, flag in (("LOG_REQUEST_BODY", logging.request_bodies), ("LOG_RESPONSE_BODY", logging.response_bodies)):
        if flag:
            yield Row(name, "true", configuration.origin(name))


def _recording(configuration: Configuration, settings: Settings) -> Iterator[Row]:
    if configuration.document.record is not None:
        yield Row("record", settings.recording.mode, configuration.place(("record",)))
    if settings.recording.folders:
        yield Row("record_folders", ", ".join(settings.recording.folders), configuration.place(("record_folders",)))
    for name, value in configuration.document.retention.model_dump(exclude_none=True).items():
        yield Row(f"retention.{name}", f"{value:,}", configuration.place(("retention", name)))
    for pattern in settings.redact:
        place = configuration.place(("redact", pattern.name))
        yield Row(f"redact.{pattern.name}", f"{len(pattern.expression)} characters", place)  # rows go into logs


def _origin(setting: str, configuration: Configuration) -> str:
    """Where a setting stands: a name of the environment with its origin, or what it says of itself."""
    origin = configuration.origin(setting)
    return f"{setting}, {origin}" if origin else setting


def difference(before: list[Row], after: list[Row]) -> str:
    """Say in one line what changed; empty when nothing did."""
    old, new = ({row.key or row.name: _bare(row) for row in found} for found in (before, after))
    changed = [
        f"{name} {new[name]} (was {old[name]})" if name.endswith(":") else f"{name} {old[name]} → {new[name]}"
        for name in new
        if name in old and old[name] != new[name]
    ]
    added = [f"{name} {new[name]}" for name in new if name not in old]
    gone = [f"no {name.removesuffix(':')}" for name in old if name not in new]
    moved = list(old) != list(new) and set(old) == set(new)
    return "; ".join((*changed, *added, *gone, *(["the order of the rules"] if moved else [])))


def _bare(row: Row) -> str:
    """The value without the name that the key says already."""
    return row.value.removeprefix(f"{row.key.removeprefix('rule ')} ") if row.key else row.value
