"""litellm's deployments: a backend, a target and facts of each entry of ``model_list``. Pure.

Source: litellm 1.106, ``router.py`` and ``litellm_core_utils/get_llm_provider_logic.py``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any
from urllib.parse import urlsplit

from addon.routing.backend import CHAT, NATIVE, Backend, Mint
from addon.routing.backends import BACKENDS, find
from addon.routing.config import LITELLM, nearest
from addon.routing.facts import COSTS
from addon.routing.litellm_providers import PROVIDERS
from addon.settings import litellm_names as names
from addon.settings.litellm_values import (
    Converted,
    Mistake,
    Path,
    Values,
    credential_of,
    flag,
    mapping,
    needed,
    number,
    shown,
    text_of,
    whole,
    written,
)

EVERYTHING = "*"  # a deployment of whatever provider the asked name speaks of
VERSIONED = re.compile(r"/v\d|\$\{")  # or what the environment will say
ANY_SERVER = "A server that speaks OpenAI's format: openai/MODEL, with its api_base."


@dataclass(frozen=True, slots=True)
class _Provider:
    """Who answers a deployment. ``word`` is litellm's; ``row`` None: a server of OpenAI's format."""

    word: str
    row: Backend | None
    model: str
    address: str | None

    @property
    def key_names(self) -> tuple[str, ...]:
        if self.word == "azure_ai":
            return ("AZURE_AI_API_KEY",)
        return self.row.key_names if self.row is not None else ()

    @property
    def is_at_home(self) -> bool:
        """Whether the key that the environment has for the provider may go to the address."""
        if self.row is None:
            return False
        own = self.row.base_url
        return (
            self.address is None
            or own is None
            or "{" in own
            or self.word.startswith("vertex_")
            or _same_host(own, self.address)
        )


@dataclass(slots=True)
class Deployments:
    """Makes a backend, a target and facts of each entry of the list."""

    made: Converted
    values: Values
    found: dict[str, list[tuple[float, str, Path]]] = field(default_factory=dict)

    def groups(self) -> dict[str, list[tuple[str, Path]]]:
        """The targets of each name, the lower ``order`` first, each with the deployment's path."""
        ordered = {name: sorted(targets, key=lambda each: each[0]) for name, targets in self.found.items()}
        return {name: [(target, path) for _, target, path in targets] for name, targets in ordered.items()}

    def add(self, path: Path, entry: Any) -> None:
        """Read one entry of the list. Raises: Mistake."""
        entry = mapping(self.values.filled(entry), path)
        name = needed(entry, "model_name", path)
        inner = (*path, "litellm_params")
        params = mapping(entry.get("litellm_params"), inner)
        given = {key: value for key, value in params.items() if value is not None}
        params = {**self.values.filled(self.values.credential(params, inner)), **given}
        info = mapping(entry.get("model_info"), (*path, "model_info"))
        if (mode := info.get("mode")) not in names.CONVERSATIONS or info.get("blocked") is True:
            why = "it is blocked" if mode in names.CONVERSATIONS else "only conversations are routed"
            self.made.ignore(path, why)
            return
        provider = self._provider(params, inner)
        order = number(params.get("order", info.get("order")), (*inner, "order"))
        organizations = params.get("organization")
        for organization in organizations if isinstance(organizations, list) and organizations else [organizations]:
            own = {**params, "organization": organization}
            target = self._target(name, provider, own, inner)
            self.found.setdefault(name, []).append((inf if order is None else order, target, path))
            self._facts(target, own, info, path)
        self._tell(entry, params, info, provider, path)

    def _provider(self, params: Mapping[str, Any], path: Path) -> _Provider:
        where = (*path, "model")
        text = needed(params, "model", path)
        if text.startswith(names.ENVIRON):
            raise Mistake(where, "write the model out: it decides what is made of the deployment")
        address = written(params.get("api_base", params.get("base_url")), (*path, "api_base"))
        custom = text_of(params.get("custom_llm_provider"), (*path, "custom_llm_provider"))
        word, slash, model = text.partition("/")
        if custom is not None:
            word, model = custom, model if slash and word == custom else text
        elif not slash or not _is_known(word):
            word, model = _guessed(text, address, where), text
        word = word.lower()
        if word in ("openai", "azure"):
            word, model = self._styled(word, model, address, where)
        if not model:
            raise Mistake(where, "the model is missing after the slash")
        row = _row(word, model, address, where)
        if row is not None and row.by_process:
            model = model if word == row.name else f"{word}/{model}"
        if word.startswith("vertex_"):
            address = _vertex_address(params, path)
        elif word == "azure_ai" and address is None:
            address = "${AZURE_AI_API_BASE}"
        elif address is None and row is not None:
            address = next(
                (given for name in row.base_names if (given := self.values.variable(name)) is not None), None
            )
            address = written(address, (names.VARIABLES,))
        name = row.name if row is not None else ""
        return _Provider(word, row, model, address and names.completed(name, address))

    def _styled(self, word: str, model: str, address: str | None, where: Path) -> tuple[str, str]:
        """Read which of OpenAI's formats is spoken, where litellm's user said so before the model's name."""
        found = names.CALLING_STYLES.match(model)
        if found is None:
            return word, model
        if found[0] == names.RESPONSES_STYLE and (address is None or word == "azure"):
            return f"{word}-responses", model[found.end() :]
        self.made.ignore(where, f"{found[0]} is left out of it: model and address say what is spoken")
        return word, model[found.end() :]

    def _target(self, name: str, provider: _Provider, params: Mapping[str, Any], path: Path) -> str:
        where = (*path, "model")
        stars = params["model"].count("*")
        if stars > 1 or (stars == 1 and name.count("*") != 1):
            raise Mistake(where, "one star can be filled, by what the one in model_name stands for")
        backend = self._backend(provider, params, path)
        if params["model"] != EVERYTHING or backend != "openai" or params.get("custom_llm_provider"):
            return f"{backend}/{provider.model}"
        if name != EVERYTHING:
            raise Mistake(where, "a star alone stands for provider and model at once: write PROVIDER/*")
        self.made.ignore(
            where, "beyond claude-* and gpt-*: a name with a provider needs no route, others are answered as ever"
        )
        return EVERYTHING

    def _backend(self, provider: _Provider, params: Mapping[str, Any], path: Path) -> str:
        """Return the name of the provider that is meant: a plain one, or one that is made for the deployment."""
        row = provider.row
        parts: dict[str, Any] = {}
        if provider.address is not None and (row is None or provider.address != row.base_url):
            parts["address"] = provider.address
        native = row is not None and row.dialect == NATIVE
        extras = {
            "headers": _headers(params, path),
            "body": self._body(params, path, row, native=native),
            "timeouts": self._timeouts(params, path),
        }
        parts.update((key, value) for key, value in extras.items() if value)
        credential = self._credential(provider, params, path, changed=bool(parts))
        if credential is not None:
            parts["credential"] = credential
        if row is not None and not parts:
            return row.name
        made = {"like": row.name, **parts} if row is not None else {"dialect": CHAT, **parts}
        for known, other in self.made.backends.items():
            if other == made:
                return known
        name = base = f"litellm-{int(path[1]) + 1}-{row.name if row is not None else provider.word.replace('_', '-')}"
        count = 1
        while name in self.made.backends:
            count += 1
            name = f"{base}-{count}"
        self.made.backends[name] = made
        self.made.origins["backends", name] = path
        return name

    def _credential(
        self, provider: _Provider, params: Mapping[str, Any], path: Path, *, changed: bool
    ) -> str | dict[str, str] | None:
        """Return where the key comes from; None where that is the provider's own affair."""
        where = (*path, "api_key")
        row, own = provider.row, provider.key_names
        if (key := text_of(params.get("api_key"), where)) is not None:
            given = credential_of(key, where)
            return None if not changed and own and given == f"${{{own[0]}}}" else given
        for name in own if provider.is_at_home else ():
            if (value := self.values.variable(name)) is not None:
                return credential_of(value, (names.VARIABLES, name))
        if row is None or not changed or row.by_process:
            return None
        if provider.is_at_home:
            is_googles = row.minting is not None and row.minting.mint is Mint.GOOGLE
            return {"mint": "google"} if is_googles else f"${{{own[0]}}}"
        if row.needs_key:
            self.made.ignore(where, f"none is given, and that of {own[0]} goes to {row.name}'s own address only")
        return None

    def _body(self, params: Mapping[str, Any], path: Path, row: Backend | None, *, native: bool) -> dict[str, Any]:
        body = {}
        for key in sorted(_fields(row, params) & params.keys()):
            if native and key not in names.NATIVE_BODY:
                self.made.ignore((*path, key), "Anthropic's format has no such field")
            else:
                body[key] = params[key]
        body.update(mapping(params.get("extra_body"), (*path, "extra_body")))
        for key in [key for key, value in body.items() if _refers(value)]:
            del body[key]
            self.made.ignore((*path, key), "a body holds no values of the environment")
        return body

    def _timeouts(self, params: Mapping[str, Any], path: Path) -> dict[str, float]:
        """One number, for the first byte and for each pause, as litellm hands it to its HTTP client."""
        name = "timeout" if params.get("stream_timeout") is None else "stream_timeout"
        value = params.get(name)
        if isinstance(value, str) and value.startswith(names.ENVIRON):
            self.made.ignored.append(((*path, name), "a number of seconds is needed here"))
            return {}
        if name == "stream_timeout" and params.get("timeout") is not None:
            self.made.ignored.append(((*path, "timeout"), "stream_timeout is what holds: replies are streamed"))
        seconds = number(value, (*path, name))
        if seconds == 0:
            raise Mistake((*path, name), "a number of seconds above 0 is needed here")
        return {} if seconds is None else {"first_byte": seconds, "idle": seconds}

    def _facts(self, target: str, params: Mapping[str, Any], info: Mapping[str, Any], path: Path) -> None:
        where = (*path, "model_info")
        facts: dict[str, Any] = {
            "window": whole(info, ("max_input_tokens",), where),
            "output": whole(info, ("max_output_tokens", "max_tokens"), where),
            **{ours: flag(info.get(theirs), (*where, theirs)) for ours, theirs in names.FLAGS.items()},
        }
        prices = {}
        for ours, theirs in COSTS.items():
            of_one = number(params.get(theirs, info.get(theirs)), (*where, theirs))
            if of_one is not None:
                prices[ours] = round(of_one * 1_000_000, 9)
        facts = {key: value for key, value in {**facts, "price": prices or None}.items() if value is not None}
        if not facts:
            return
        if "*" in target:
            self.made.ignore(where, "facts are those of one model, and a star means several")
        elif self.made.models.setdefault(target, facts) != facts:
            self.made.ignore(where, f"{shown(target)} has others already")
        else:
            self.made.origins["models", target] = where

    def _tell(
        self,
        entry: Mapping[str, Any],
        params: Mapping[str, Any],
        info: Mapping[str, Any],
        provider: _Provider,
        path: Path,
    ) -> None:
        """Note what of a deployment has no effect."""
        read = names.READ_PARAMETERS | _fields(provider.row, params)
        if provider.word.startswith("vertex_"):
            read |= names.VERTEX_PARAMETERS
        for place, given, known, why in (
            (path, entry, names.READ_DEPLOYMENT, names.OF_DEPLOYMENT),
            ((*path, "litellm_params"), params, read, names.OF_DEPLOYMENT),
            ((*path, "model_info"), info, names.READ_INFO, names.OF_INFO),
        ):
            for key, value in given.items():
                if key not in known and value is not None:
                    is_litellms = provider.row is not None and provider.row.by_process and given is params
                    told = names.BY_ENVIRONMENT if is_litellms and key not in names.REASONS else why
                    self.made.ignore((*place, str(key)), told)


def _fields(row: Backend | None, params: Mapping[str, Any]) -> frozenset[str]:
    """The parameters of a deployment that go into the body: where litellm is asked, whatever it has for a call."""
    if row is None or not row.by_process:
        return names.BODY
    others = params.keys() - names.READ_PARAMETERS - names.REASONS.keys()
    return frozenset(key for key in others if not names.SECRETIVE.search(key))


def _is_known(word: str) -> bool:
    return word in names.RENAMED or word in names.COMPATIBLE or word in PROVIDERS or find(word) is not None


def _guessed(text: str, address: str | None, where: Path) -> str:
    """The provider of a model that is written without one: by the address, else by how the name begins."""
    at_host = _at_host(address)
    if at_host is not None:
        return at_host.name
    word, slash, _ = text.partition("/")
    if slash:
        raise _unknown(word, where)
    found = "openai" if text == EVERYTHING else next((word for start, word in names.BARE if start.match(text)), None)
    if found is None:
        raise Mistake(where, f"{shown(text)} names no provider: write PROVIDER/MODEL. {ANY_SERVER}")
    return found


def _unknown(word: str, where: Path) -> Mistake:
    known = dict.fromkeys((*BACKENDS, *names.RENAMED, *names.COMPATIBLE))
    return Mistake(where, f"there is no provider {shown(word)}. {nearest(word, known)} {ANY_SERVER}")


def _row(word: str, model: str, address: str | None, where: Path) -> Backend | None:
    """Return the provider's row; None for a server of OpenAI's format that is nobody's in particular."""
    is_claude = "claude" in model.lower()
    if word in names.COMPATIBLE:
        if address is None:
            raise Mistake(where, f"{word} needs an api_base")
        return _at_host(address)
    if word == "openai" and address is not None:
        return _at_host(address) or (BACKENDS["openai"] if names.OPENAIS_OWN.match(model) else None)
    row = (
        BACKENDS["azure-claude"] if is_claude and word in ("azure", "azure_ai") else find(names.RENAMED.get(word, word))
    )
    if row is None and word in PROVIDERS:
        return BACKENDS[LITELLM]
    if row is None:
        raise _unknown(word, where)
    if row.name == "vertex" and address is not None:
        raise Mistake(where, f"{word} with an api_base is the address of one model, which Detour has no place for")
    if row.name == "gemini" and address is not None and not VERSIONED.search(address):
        raise Mistake(where, f"{word} needs an api_base with Google's version in it: https://HOST/v1beta")
    return row


def _at_host(address: str | None) -> Backend | None:
    """Return the chat-completions provider whose own host the address is at."""
    rows = (row for row in BACKENDS.values() if row.dialect == CHAT and row.base_url is not None)
    return next((row for row in rows if address is not None and _same_host(row.base_url or "", address)), None)


def _same_host(one: str, other: str) -> bool:
    try:
        return urlsplit(one).netloc.lower() == urlsplit(other).netloc.lower()
    except ValueError:  # a bracket that is not closed: whoever reads the address says so
        return False


def _vertex_address(params: Mapping[str, Any], path: Path) -> str | None:
    project, location = (
        next((text for name in given if (text := written(params.get(name), (*path, name))) is not None), None)
        for given in (names.VERTEX_PROJECT, names.VERTEX_LOCATION)
    )
    if project is None and location is None:
        return None
    filled = names.VERTEX.format(
        project=project or "${GOOGLE_CLOUD_PROJECT}", location=location or "${GOOGLE_CLOUD_LOCATION:-us-central1}"
    )
    return filled.replace("//global-", "//")


def _headers(params: Mapping[str, Any], path: Path) -> dict[str, str]:
    headers = {}
    for key in ("headers", "extra_headers"):
        for name, value in mapping(params.get(key), (*path, key)).items():
            where = (*path, key, str(name))
            if (text := written(str(value) if isinstance(value, float) else value, where)) is not None:
                headers[str(name)] = text
    if (organization := written(params.get("organization"), (*path, "organization"))) is not None:
        headers["openai-organization"] = organization
    return headers


def _refers(value: Any) -> bool:
    """Whether a value refers to the environment, at any depth."""
    match value:
        case dict():
            return any(map(_refers, value.values()))
        case list():
            return any(map(_refers, value))
        case _:
            return isinstance(value, str) and value.startswith(names.ENVIRON)
