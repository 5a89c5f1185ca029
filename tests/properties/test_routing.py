"""Routing is total and deterministic, and no credential leaves for a host that it does not belong to."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.test import tflow, tutils

from addon.protocol.errors import ConfigError, DetourError, Reply
from addon.proxy import record, transfer
from addon.proxy.intake import Incoming, Pass, Send, decide
from addon.proxy.routed_exchange import RoutedExchange
from addon.proxy.told import Told
from addon.routing.backends import BACKENDS
from addon.routing.call import EFFORTS, Call, Door, Kind
from addon.routing.config import Slot, Tier
from addon.routing.route import Route, choose
from addon.routing.settings import Decider, Settings
from addon.settings.assembly import configure
from addon.settings.document import Document
from addon.settings.switch import Switch
from tests.properties.blocks import JSON
from tests.properties.conversations import requests

type Json = dict[str, Any]

ROOT = Path(__file__).parents[2]

# -- what users write --------------------------------------------------------------------------------------------------

OWN = ("gpu", "far")  # providers that only the document knows
PROVIDERS = ("openai", "anthropic", "openrouter", "openrouter-anthropic", "deepseek-anthropic", "ollama", "vllm", *OWN)
ALIASES = ("fast", "my-opus", "claude-opus-5-5", "gpt-5")
CLAUDES = ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "claude-next")
MODELS = st.builds("{}/{}".format, st.sampled_from(PROVIDERS), st.sampled_from(["a", "b/c", "gpt-5.5"]))
ONE = MODELS | st.sampled_from(["anthropic", "bare", *ALIASES])
TARGETS = ONE | st.lists(ONE, min_size=1, max_size=3)
GLOBS = st.sampled_from(["*", "claude-*", "gpt-*", "*opus*", "ollama/*", "claude-via-*", "fast", "[x", "a*b*"])
SOME_GLOBS = GLOBS | st.lists(GLOBS, min_size=1, max_size=2)
WHEN: Mapping[str, st.SearchStrategy[Any]] = {
    "model": SOME_GLOBS,
    "tier": st.sampled_from(Tier) | st.lists(st.sampled_from(Tier), min_size=1, max_size=2),
    "kind": st.sampled_from(Kind) | st.lists(st.sampled_from(Kind), min_size=1, max_size=2),
    "agent": SOME_GLOBS,
    "door": st.sampled_from(Door),
    "session": SOME_GLOBS,
    "thinking": st.booleans(),
    "effort_at_least": st.sampled_from(EFFORTS),
    "tokens_at_least": st.integers(1, 5_000),
    "image": st.booleans(),
    "document": st.booleans(),
    "tool": SOME_GLOBS,
    "header": st.dictionaries(st.sampled_from(["X-Team", "x-api-key"]), SOME_GLOBS, min_size=1),
    "filter": st.just("~all"),
    "time": st.sampled_from(["22:00-06:00", "mon-fri", "sat 9:00-24:00"]),
    "probability": st.floats(0, 1),
}
CHANGES: Mapping[str, st.SearchStrategy[Any]] = {
    "effort": st.sampled_from(["off", *EFFORTS]),
    "max_tokens": st.integers(1, 100_000),
    "temperature": st.floats(0, 2),
    "body": st.dictionaries(st.sampled_from(["top_k", "options"]), JSON, max_size=2),
    "system": st.just({"append": "Be brief.", "replace": [{"pattern": "e", "with": "E"}]}),
    "drop_tools": SOME_GLOBS,
    "inline_tools": st.booleans(),
}


def some(fields: Mapping[str, st.SearchStrategy[Any]], most: int = 3) -> st.SearchStrategy[Json]:
    """An object with a few of the fields."""
    names = st.lists(st.sampled_from(sorted(fields)), unique=True, max_size=most)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: fields[name] for name in chosen}))


@st.composite
def rules(draw: st.DrawFn) -> Json:
    """A rule that answers, blocks or only changes."""
    rule: Json = {"when": draw(some(WHEN))}
    if draw(st.booleans()):
        rule["to"] = draw(TARGETS)
        if str(rule["when"].get("model")).count("*") == 1 and draw(st.booleans()):
            rule["to"] = draw(st.sampled_from(["ollama/*", "*", ["gpu/x-*", "anthropic"]]))
    elif draw(st.booleans()):
        return {**rule, "block": "No."}
    return {**rule, **draw(some(CHANGES))} if "to" in rule else {**rule, "max_tokens": 5, **draw(some(CHANGES))}


SCENARIOS = some(
    {**dict.fromkeys(("default", "background", "think", "web_search", "image"), TARGETS),
     "long_context": st.fixed_dictionaries({"to": TARGETS, "tokens": st.integers(1, 5_000)})}, 6,
)  # fmt: skip
SLOTS = some(dict.fromkeys(map(str, Slot), TARGETS))
ADDRESSES = st.sampled_from([f"http://{name}.test/v1" for name in "abc"])


@st.composite
def backends(draw: st.DrawFn) -> Json:
    """The user's own providers, and known ones with another address, key, or neither."""
    made: Json = {}
    for name in PROVIDERS:
        own = name in OWN
        if not own and draw(st.integers(0, 3)):
            continue
        backend: Json = {"address": draw(ADDRESSES)} if own or draw(st.booleans()) else {}
        if own:
            backend["dialect"] = draw(st.sampled_from(["openai_chat", "anthropic"]))
        if draw(st.booleans()):
            backend["credential"] = f"${{{key_of(name)}}}"
        made[name] = backend
    return made


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Any document that uses all there is for routing."""
    written: Json = {
        **draw(SLOTS),
        "backends": draw(backends()),
        "models": draw(st.dictionaries(st.sampled_from(ALIASES), MODELS | st.lists(MODELS, min_size=1, max_size=2))),
        "routes": draw(st.lists(rules(), max_size=5) | SCENARIOS),
        "presets": {"mine": {**draw(SLOTS), "routes": draw(st.lists(rules(), max_size=2))}},
    }
    if draw(st.booleans()):
        written["preset"] = draw(st.sampled_from(["mine", "local_ollama", "anthropic_pure"]))
    return written


# -- whose key is for which address ------------------------------------------------------------------------------------


def key_of(name: str) -> str:
    """The variable by which the document's backends name a key."""
    return f"MINE_{name.upper().replace('-', '_')}_KEY"


def marker(variable: str) -> str:
    return f"sk-marker-of-{variable.lower()}-0123456789"


VARIABLES = sorted(
    {row.key_names[0] for name in PROVIDERS if (row := BACKENDS.get(name))} | {key_of(name) for name in PROVIDERS}
)
CLIENT_KEY = "sk-ant-client-marker-0123456789"
MARKERS = (CLIENT_KEY, *map(marker, VARIABLES))


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    """Keys, each of them known by sight, addresses and models."""
    missing = draw(st.sets(st.sampled_from(VARIABLES), max_size=2))
    values = {variable: marker(variable) for variable in VARIABLES if variable not in missing}
    values |= draw(some(dict.fromkeys(("OPENAI_BASE_URL", "VLLM_API_BASE", "ANTHROPIC_API_BASE"), ADDRESSES)))
    return values | draw(some(dict.fromkeys(("BIG_MODEL", "SMALL_MODEL"), ONE), 2))


@dataclass(frozen=True, slots=True)
class World:
    """A configuration and what it was made of."""

    written: Json
    values: Mapping[str, str]
    settings: Settings

    def owners(self, key: str) -> set[str]:
        """The addresses that a key was given for; told from what is written alone."""
        return set(self._owners(key))

    def _owners(self, key: str) -> Iterator[str]:
        for name in PROVIDERS:
            row, backend = BACKENDS.get(name), self.written["backends"].get(name, {})
            base = next((self.values[base] for base in (row.base_names if row else ()) if base in self.values), None)
            usual = base or (row.base_url if row else None)
            address = backend.get("address", usual)
            if "credential" in backend:
                if key == marker(key_of(name)):
                    yield str(address)
            elif row and key == marker(row.key_names[0]) and address == usual:
                yield str(address)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Any configuration that is taken; what the user's function says is part of it."""
    written, values = draw(documents()), draw(environments())
    says = draw(st.none() | st.just(None) | TARGETS | JSON)
    decider = Decider("mine.py:choose", lambda call: says) if draw(st.integers(0, 4)) == 0 else None
    switch = Switch(
        draw(st.sampled_from(["", "", "none", "mine", "local_ollama"])),
        draw(st.dictionaries(st.sampled_from(Slot), ONE, max_size=2)),
        tuple(draw(st.sets(st.sampled_from(Kind), max_size=1))),
    )
    try:
        found = configure(Document.model_validate(written), values, lambda path: "detour.yaml", decider=decider)
        return World(written, values, found.settings(switch))
    except ConfigError:
        return World(written | {"routes": []}, values, taken(written, values))


def taken(written: Json, values: Mapping[str, str]) -> Settings:
    """The parts of it that cannot be wrong: who may answer, for a client that names it."""
    plain = {key: value for key, value in values.items() if key not in ("BIG_MODEL", "SMALL_MODEL")}
    return configure(
        Document.model_validate({"backends": written["backends"]}), plain, lambda path: "detour.yaml"
    ).settings()


# -- what clients send -------------------------------------------------------------------------------------------------

NAMES = (
    st.sampled_from([*CLAUDES, *ALIASES, "nobody/x", "ollama/", "/", "", "claude-via-fast", "x"])
    | MODELS
    | MODELS.map("claude-via-{}".format)
    | st.text(max_size=5)
)
LONG = st.sampled_from(["", "", "[1m]"])
HEADERS = st.fixed_dictionaries(
    {"content-type": st.just("application/json")},
    optional={
        "x-api-key": st.just(CLIENT_KEY),
        "authorization": st.just(f"Bearer {CLIENT_KEY}"),
        "x-team": st.sampled_from(["claude-x", "gpt-5"]),
        "x-claude-code-session-id": st.sampled_from(["s", "fast", "\xe9"]),
        "x-claude-code-request-class": st.sampled_from([*Kind, "auxiliary", "x"]),
        "x-claude-code-agent-type": st.just("fast"),
    },
)
PATHS = st.sampled_from(["/v1/messages", "/v1/messages", "/v1/messages", "/v1/messages/count_tokens"])
CLOCK = st.sampled_from([datetime(2026, 11, 21, 23), datetime(2026, 11, 23, 12), None])
BODIES = st.builds(lambda body, name, suffix: {**body, "model": name + suffix}, requests(), NAMES, LONG)
ANY = st.dictionaries(st.sampled_from(["messages", "system", "tools", "metadata", "thinking", "output_config"]), JSON)
HOSTILE = st.builds(lambda body, name: {**body, "model": name}, ANY, NAMES)


@st.composite
def incomings(draw: st.DrawFn, bodies: st.SearchStrategy[Json]) -> Incoming:
    return Incoming(
        "POST",
        draw(PATHS),
        draw(HEADERS),
        json.dumps(draw(bodies)).encode(),
        "127.0.0.1",
        draw(st.sampled_from(Door)),
        draw(CLOCK),
        "lot",
        draw(st.sampled_from([None, "~all".__eq__])),
    )


# -- properties --------------------------------------------------------------------------------------------------------


@given(worlds(), incomings(HOSTILE | BODIES))
def test_every_call_has_a_route_or_a_refusal_in_words_and_always_the_same(world: World, incoming: Incoming) -> None:
    body = json.loads(incoming.body)
    assert outcome(incoming.call(body), world.settings) == outcome(
        incoming.call(json.loads(incoming.body)), world.settings
    )
    assert body == json.loads(incoming.body)
    with suppress(DetourError):
        assert isinstance(decide(incoming, world.settings), Pass | Reply | Told | Send)


def outcome(call: Call, settings: Settings) -> tuple[object, ...]:
    try:
        route = choose(call, settings)
    except DetourError as error:
        return type(error), error.message, error.status
    assert isinstance(route, Route)
    assert route.reason
    orjson.dumps([route.asked, route.name, route.title])
    place = route.destination.target.base_url if route.destination else None
    return route.name, route.reason, route.changes, route.others, route.kind, route.session, place


@given(worlds(), incomings(BODIES), st.booleans())
def test_a_key_goes_to_the_address_it_was_given_for_and_shows_nowhere(
    world: World, incoming: Incoming, masked: bool
) -> None:
    refusal: DetourError | None = None
    send: object = None
    try:
        send = decide(incoming, world.settings)
    except DetourError as error:
        refusal = error
    if not isinstance(send, Send):
        assert not shown(repr(refusal.reply()) if refusal else repr(send))
        return
    credential, target = send.destination.credential, send.destination.target
    if credential.key is not None:
        assert target.base_url in world.owners(credential.key)
    assert send.encoded.wire.url.startswith(target.base_url)
    assert not shown(repr(send))
    put_on_a_flow(incoming, send, masked=masked)


def shown(text: str) -> list[str]:
    return [each for each in MARKERS if each in text]


def put_on_a_flow(incoming: Incoming, send: Send, *, masked: bool) -> None:
    """As the hook does it: what stands on the flow, and what is kept of it."""
    if send.destination.is_home:
        assert send.destination.credential.key is None
        return
    headers = [(name.encode(), value.encode()) for name, value in incoming.headers.items()]
    flow = tflow.tflow(req=tutils.treq(host="api.anthropic.com", port=443, scheme=b"https", headers=headers))
    flow.request.path, flow.request.content = incoming.path, incoming.body
    at_home = transfer.goes_home(flow.request, send.encoded.wire)
    credential = send.destination.credential
    if not at_home or credential.value:
        transfer.strip_credentials(flow.request)
    record.keep_original(flow, send)
    (transfer.send_home if at_home else transfer.send_away)(flow.request, send, masked=masked)
    record.keep_reply(flow, RoutedExchange("x", send.route, 0.0, send=send))
    on_the_wire = {name.lower(): value for name, value in flow.request.headers.items()}
    if credential.value:
        expected = credential.mask if masked else credential.value
        assert on_the_wire.pop(credential.header) == expected
    if not at_home:
        assert flow.request.host == urlsplit(send.encoded.wire.url).hostname
    if not at_home or credential.value:
        assert not shown(repr(on_the_wire) + flow.request.url + repr(flow.request.content) + repr(flow.metadata))


DRAWS = """
import json, sys
from addon.routing.route import choose
from addon.routing.call import Call
from addon.settings.assembly import configure
from addon.settings.document import Document
routes = [{"name": f"r{n}", "when": {"probability": n / 20}, "to": f"ollama/{n}"} for n in range(1, 20)]
settings = configure(Document(routes=routes), {}, lambda path: "detour.yaml").settings()
names = [choose(Call({"model": "m"}, headers={"x-claude-code-session-id": f"s{n}"}), settings).name for n in range(300)]
print(json.dumps(names))
"""


def test_a_session_draws_the_same_in_every_process() -> None:
    """Python's own hashes differ from process to process; a draw must not."""
    runs = {
        subprocess.run(
            [sys.executable, "-c", DRAWS],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    (names,) = runs
    assert len(set(json.loads(names))) > 5
