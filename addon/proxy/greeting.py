"""What is said at the start: the doors with their export lines, the routes in force, where the CA is."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from addon.routing import compaction, targets
from addon.routing.config import Tier
from addon.routing.settings import Settings
from addon.settings.instance_file import Door

CA_FILE = "mitmproxy-ca-cert.pem"
EVERY_INTERFACE = ("", "0.0.0.0", "::")  # noqa: S104 - compared, not bound


@dataclass(frozen=True, slots=True, order=True)
class Listener:
    """An open door; sorted, IPv4 comes before IPv6."""

    reverse: bool
    host: str
    port: int

    @property
    def is_open(self) -> bool:
        """Whether other machines can reach it."""
        return self.host in EVERY_INTERFACE


def lines(settings: Settings, listeners: Sequence[Listener], confdir: Path) -> Iterator[str]:
    """Yield the lines, one log entry each."""
    certificate = shlex.quote(str(confdir / CA_FILE))
    yield from _routes(settings)
    yield from _compaction(settings)
    for reverse, title in ((False, "Door one, HTTPS_PROXY"), (True, "Door two, base URL")):
        doors = [listener for listener in listeners if listener.reverse == reverse]
        if not doors:
            continue
        yield f"{title}: {', '.join(_where(door) for door in doors)}"
        url = f"http://{_where(doors[0])}"
        if reverse:
            yield f"    ANTHROPIC_BASE_URL={url} claude"
        else:
            yield f"    HTTPS_PROXY={url} NODE_EXTRA_CA_CERTS={certificate} claude"
    if urls := list(door_urls(listeners).values()):
        yield f"Every prompt, in the browser: {urls[0]}/_detour/ (`detour read` lets you in)"
    if any(listener.is_open for listener in listeners):
        yield "Other machines can reach these doors: Detour answers them 403 unless detour_clients lists them."
    yield f"CA certificate: {certificate}"


def door_urls(listeners: Sequence[Listener]) -> dict[Door, str]:
    """Return the address of each open door, the first of several; ``listeners`` is sorted."""
    doors: dict[Door, str] = {}
    for listener in listeners:
        doors.setdefault("reverse" if listener.reverse else "proxy", f"http://{_where(listener)}")
    return doors


def _routes(settings: Settings) -> Iterator[str]:
    if not settings.judges:
        yield "Detour: no model is set, everything passes to Anthropic untouched: inspection only."
        yield "    Set BIG_MODEL, MIDDLE_MODEL or SMALL_MODEL (provider/model) to choose who answers."
        return
    if settings.preset:
        yield f"Detour: preset {settings.preset}"
    for rule in settings.rules:
        yield f"Detour: {rule.name}: {rule.told} → {rule.outcome} ({rule.where})"
    if settings.decider is not None:
        yield f"Detour: {settings.decider.name} decides first"
    for tier in Tier:
        answer = settings.tiers.get(tier)
        if answer is None or answer.passes:
            yield f"Detour: {tier} → Anthropic, untouched"
            continue
        endpoint = settings.endpoints[answer.choices[0].provider]
        key = f", key {endpoint.credential.variable}" if endpoint.credential.is_sent else ""
        place = "" if endpoint.backend.by_process and endpoint.base_name is None else f" at {endpoint.base_url}"
        yield f"Detour: {tier} → {answer.name}{place} ({answer.setting}{key})"
    yield from _through_litellm(settings)
    if settings.leaves_anthropic and settings.searcher is not None:
        searcher = settings.searcher
        yield f"Detour: web search, where the model has none → {searcher.name} ({searcher.setting})"


def _through_litellm(settings: Settings) -> Iterator[str]:
    """Which models litellm's process answers: their flows show what it is asked, not what it makes of that."""
    names = {
        choice.name
        for choice in targets.configured(settings)
        if (endpoint := settings.endpoints.get(choice.provider)) is not None and endpoint.backend.by_process
    }
    if names:
        yield f"Detour: {', '.join(sorted(names))}: through litellm, a process that starts when it is first asked"


def _compaction(settings: Settings) -> Iterator[str]:
    """What Claude Code must be told about the windows of the models that lead its conversations."""
    for name, known in compaction.leading(settings).items():
        if known is None:
            yield f"Detour: nobody knows the window of {name}; in detour.yaml, `models: {{{name}: {{window: 131072}}}}`"
    advice = compaction.needed(settings)
    if advice is None:
        return
    takes = f"Detour: {advice.model} takes {advice.window:,} tokens"
    if advice.is_too_small:
        yield f"{takes}: Claude Code's own prompt with its tools has 13,000 and more"
        return
    yield f"{takes}; for Claude Code to compact before it is full (`detour claude` sees to it):"
    yield f"    export {advice.assignments}"


def _where(listener: Listener) -> str:
    host, port = listener.host, listener.port
    if host in ("", "0.0.0.0"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    elif host == "::":
        host = "::1"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
