"""``detour route explain``: how a request would be answered, and why, without sending it."""

import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from addon.cli.configuration import kept_switch
from addon.protocol import messages
from addon.protocol.errors import BadRequest, Blocked, ConfigError, DetourError
from addon.routing import changes, route, rules, searching
from addon.routing.call import Call, Door
from addon.routing.route import Route
from addon.routing.searching import Unasked
from addon.routing.settings import Settings
from addon.settings import settings_file
from addon.settings.switch import Switch


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beside the request: the way it comes in, and what would be in force."""

    file: str | None = None
    headers: Sequence[str] = ()
    door: Door = Door.REVERSE
    path: str = "/v1/messages"
    preset: str | None = None


def explain(request: bytes, question: Question, *, as_json: bool) -> None:
    """Print who would answer ``request``, and why. Raises: ConfigError."""
    reading = settings_file.read(Path.cwd(), question.file)
    switch = Switch(preset=question.preset) if question.preset else kept_switch(reading)
    call = Call(
        _body(request),
        headers=_headers(question.headers),
        path=question.path,
        door=question.door,
        now=datetime.now().astimezone(),
        matches_filter=_filter(request, question),
    )
    told = explanation(call, reading.configuration.settings(switch))
    typer.echo(json.dumps(told, indent=1, ensure_ascii=False) if as_json else "\n".join(_lines(told)))


def _filter(request: bytes, question: Question) -> Callable[[str], bool]:
    """Return mitmproxy's own answer for a flow as the proxy would see it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # pyparsing's, in mitmproxy's filters
        from mitmproxy import connection, flowfilter, http
    client = connection.Client(peername=("127.0.0.1", 0), sockname=("127.0.0.1", 0), timestamp_start=0.0)
    flow = http.HTTPFlow(client, connection.Server(address=("api.anthropic.com", 443)))
    given = {"content-type": "application/json", **_headers(question.headers)}
    headers = http.Headers([(name.encode(), value.encode()) for name, value in given.items()])
    flow.request = http.Request.make("POST", f"https://api.anthropic.com{question.path}", request, headers)
    return lambda expression: bool(flowfilter.parse(expression)(flow))


def explanation(call: Call, settings: Settings) -> dict[str, Any]:
    """Return the facts of the call, each rule that is asked with what came of it, and the outcome."""
    named = route.is_named(call, settings)
    asked = [
        {
            "rule": rule.title,
            "matches": failed is None,
            "because": rule.told if failed is None else f"not: {failed.told}",
        }
        for rule, failed in rules.trace(settings.rules, call, named=named)
    ]
    facts = {
        "model": call.model,
        "kind": str(call.kind),
        "tier": str(call.tier) if call.tier else None,
        "named by the client": named,
        "thinking": call.thinking,
        "effort": call.effort,
        "input tokens, about": call.input_tokens,
    }
    return {"call": facts, "asked": asked, "outcome": _outcome(call, settings)}


def _outcome(call: Call, settings: Settings) -> dict[str, Any]:
    try:
        chosen = route.choose(call, settings)
        return {
            "answers": chosen.name,
            "reason": chosen.reason,
            **_sending(chosen, call, settings),
            **_shadow(call, settings),
        }
    except Blocked as blocked:
        return {"status": blocked.status, "blocked": blocked.message, "reason": blocked.why}
    except DetourError as error:
        return {"status": error.status, "error": error.message}


def _shadow(call: Call, settings: Settings) -> dict[str, Any]:
    """Who may be asked too: that is drawn for each request, so it is not said of this one."""
    rule = rules.first(settings.rules, call, named=route.is_named(call, settings))
    return {"in the background": rule.shadow.told} if rule is not None and rule.shadow is not None else {}


def _sending(chosen: Route, call: Call, settings: Settings) -> dict[str, Any]:
    """What would be sent, but for the words; a search may be made by another than the route chose."""
    if chosen.destination is None:
        return {}
    asked = messages.check(call.body)
    settled = searching.settle(chosen, asked, settings)
    if isinstance(settled, Unasked):
        return {"answers": "Detour itself", "reason": settled.why}
    destination = settled.destination or chosen.destination
    request, changed = changes.apply(settled.changes, asked)
    encoded = destination.dialect.encode(request, None, destination.target)
    credential = destination.credential
    return {
        "answers": settled.name,
        "reason": settled.reason,
        "address": encoded.wire.url,
        "key": f"${credential.variable}" if credential.is_sent else None,
        "when it cannot": [choice.name for choice in settled.others],
        "changed": [f"{change.path}: {change.what}" for change in changed],
        "lost": [f"{loss.path}: {loss.what}" for loss in encoded.losses if not loss.routine],
    }


def _body(text: bytes) -> messages.Json:
    try:
        parsed = messages.parse_json(text)
    except BadRequest as error:
        raise ConfigError(error.message) from None
    if not messages.has_model(parsed):
        raise ConfigError('standard input holds no request: it is a JSON object with a "model"')
    return parsed


def _headers(given: Sequence[str]) -> Mapping[str, str]:
    pairs = [text.partition(":") for text in given]
    if wrong := [name for name, colon, _ in pairs if not colon]:
        raise ConfigError(f"--header {wrong[0]!r}: write NAME: VALUE")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _lines(told: Mapping[str, Any]) -> Iterator[str]:
    for name, value in told["call"].items():
        if value not in (None, False):
            yield f"{name}: {value if value is not True else 'yes'}"
    yield ""
    for each in told["asked"]:
        yield f"{'✓' if each['matches'] else '·'} {each['rule']}: {each['because']}"
    if told["asked"]:
        yield ""
    for name, value in told["outcome"].items():
        for text in value if isinstance(value, list) else [value]:
            if text is not None:
                yield f"{name}: {text}"
