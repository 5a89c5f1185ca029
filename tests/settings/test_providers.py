"""Providers of the user's own: where their keys go and where they do not, and what may be said of them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.dialects.profiles import ReasoningStyle, Takes
from addon.protocol.errors import ConfigError
from addon.routing.backend import CLOUD_PLATFORM, GCLOUD, Mint, Minting
from addon.routing.backends import BACKENDS
from addon.routing.config import Credential, Endpoint, Timeouts
from addon.settings import assembly, document, providers

KEYS = {name: f"key-of-{name}" for row in BACKENDS.values() for name in row.key_names}
BOX = "http://box:8000/v1"


def place(path: tuple[str | int, ...]) -> str:
    return f"detour.yaml, {'.'.join(map(str, path))}"


def secrets(credential: document.Credential) -> str | None:
    return f"read-from-{credential.file}"


def endpoints(written: Mapping[str, Any], values: Mapping[str, str] | None = None) -> Mapping[str, Endpoint]:
    found = document.Document.model_validate({"backends": written})
    return assembly.configure(found, values or {}, place, secrets).base.endpoints


def endpoint(values: Mapping[str, str] | None = None, name: str = "b", **written: Any) -> Endpoint:
    return endpoints({name: written}, values)[name]


def mistake(values: Mapping[str, str] | None = None, name: str = "b", **written: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        endpoints({name: written}, values)
    return caught.value.message


# -- where keys go -----------------------------------------------------------------------------------------------------

OPENAI_AT = "https://api.openai.com/v1"
GOES = [
    # a known provider at its own address keeps its key
    ("openai", {"headers": {"x": "y"}}, OPENAI_AT, "key-of-OPENAI_API_KEY"),
    ("openai", {"address": OPENAI_AT}, OPENAI_AT, "key-of-OPENAI_API_KEY"),
    ("openai", {"address": f"{OPENAI_AT}/"}, OPENAI_AT, "key-of-OPENAI_API_KEY"),
    # at another it does not, however the address is written
    ("openai", {"address": BOX}, BOX, None),
    ("openai", {"address": "${BOX_AT}"}, BOX, None),
    ("openai", {"address": "${NOWHERE:-http://box:8000/v1}"}, BOX, None),
    ("OpenAI", {"address": BOX}, BOX, None),
    ("openai-responses", {"address": BOX}, BOX, None),
    ("azure", {"address": "https://me.azure.com"}, "https://me.azure.com/openai/v1", None),
    ("google", {"address": BOX}, BOX, None),
    ("openai", {"address": "https://api.openai.com/v2"}, "https://api.openai.com/v2", None),
    ("openai", {"address": "http://api.openai.com/v1"}, "http://api.openai.com/v1", None),
    ("azure", {"address": BOX}, BOX, None),
    ("vertex", {"address": BOX}, BOX, None),
    # unless the user says which
    ("openai", {"address": BOX, "credential": "${BOX_KEY}"}, BOX, "key-of-box"),
    ("openai", {"address": BOX, "credential": "${OPENAI_API_KEY}"}, BOX, "key-of-OPENAI_API_KEY"),
    ("openai", {"credential": "${BOX_KEY}"}, OPENAI_AT, "key-of-box"),
    # a new one has no key but the one it is given
    ("mine", {"like": "openai"}, OPENAI_AT, None),
    ("mine", {"like": "openai", "address": BOX}, BOX, None),
    ("mine", {"like": "openai", "credential": {"env": "box_key"}}, OPENAI_AT, "key-of-box"),
    ("ark", {"like": "openai"}, OPENAI_AT, None),  # ARK_API_KEY is volcengine's
    ("mine", {"like": "openai"}, OPENAI_AT, None),
    ("box", {"address": BOX}, BOX, None),  # not even BOX_API_KEY
    # one known provider like another stays where it is
    ("groq", {"like": "openai"}, "https://api.groq.com/openai/v1", "key-of-GROQ_API_KEY"),
]
VALUES = {**KEYS, "BOX_KEY": "key-of-box", "BOX_API_KEY": "key-of-box-by-chance", "BOX_AT": BOX}


@pytest.mark.parametrize(("name", "written", "base_url", "key"), GOES)
def test_a_key_goes_to_the_address_it_was_set_for(
    name: str, written: dict[str, Any], base_url: str, key: str | None
) -> None:
    found = endpoints({name: written}, VALUES)
    made = found.get({"OpenAI": "openai", "google": "gemini"}.get(name, name))
    assert made is not None
    assert (made.base_url, made.credential.key) == (base_url, key)
    assert made.lack is None


def test_a_key_stays_at_the_address_that_the_environment_gives() -> None:
    values = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": BOX}
    assert endpoint(values, "openai", address=BOX).credential.key == "k"
    assert endpoint(values, "openai", address=OPENAI_AT).credential.key is None


@given(st.sampled_from(sorted(BACKENDS)), st.sampled_from(sorted(BACKENDS)), st.booleans())
def test_no_known_key_reaches_an_address_of_the_users(name: str, like: str, is_new: bool) -> None:
    written = {"like": like, "address": "http://elsewhere/v1"}
    made = endpoints({"new-one" if is_new else name: written}, KEYS)["new-one" if is_new else name]
    assert (made.base_url, made.credential.key) == ("http://elsewhere/v1", None)


# -- credentials -------------------------------------------------------------------------------------------------------

CREDENTIALS = [
    ("${BOX_KEY}", "BOX_KEY", "k-1"),
    (" ${box_key} ", "box_key", "k-1"),
    ("${BOX_KEY:-EMPTY}", "BOX_KEY", "k-1"),
    ("${NONE:-EMPTY}", "NONE", "EMPTY"),
    ("${NONE}", "NONE", None),
    ("${NONE:-}", "NONE", None),
    ("${BLANK}", "BLANK", None),
    ({"env": "BOX_KEY"}, "BOX_KEY", "k-1"),
    ({"env": "NONE"}, "NONE", None),
    ("sk-literal", "{detour.yaml: credential}", "sk-literal"),
    ({"key": "sk-literal"}, "{detour.yaml: credential}", "sk-literal"),
    ({"file": "~/k"}, "(cat ~/k)", "read-from-~/k"),
]


@pytest.mark.parametrize(("written", "variable", "key"), CREDENTIALS)
def test_a_key_is_read_from_where_the_user_keeps_it(written: Any, variable: str, key: str | None) -> None:
    made = endpoint({"BOX_KEY": "k-1", "BLANK": " "}, address=BOX, credential=written)
    assert made.credential == Credential("authorization", "Bearer ", variable, key)
    assert made.lack == (None if key else f"there is no key for b: set {variable}.")


COMMAND = Minting(Mint.COMMAND, command="pass show gpu", lifetime_s=1800.0)
MINTINGS = [
    ({"command": "pass show gpu"}, COMMAND, "(pass show gpu)"),
    ({"command": "pass show gpu", "lifetime": "none"}, replace(COMMAND, lifetime_s=None), "(pass show gpu)"),
    (
        {"command": ["pass", "show", "my gpu"], "lifetime": 60},
        replace(COMMAND, command=("pass", "show", "my gpu"), lifetime_s=60.0),
        "(pass show 'my gpu')",
    ),
    (
        {"mint": "google"},
        Minting(
            Mint.GOOGLE, CLOUD_PLATFORM, command=GCLOUD, settings=(("GOOGLE_APPLICATION_CREDENTIALS", "/sa.json"),)
        ),
        "(gcloud auth application-default print-access-token)",
    ),
    (
        {"mint": "aws", "service": "bedrock", "region": "eu-west-1", "profile": "dev"},
        Minting(Mint.AWS, "bedrock", "eu-west-1", "dev"),
        "(aws configure export-credentials --profile dev)",
    ),
]


@pytest.mark.parametrize(("written", "minting", "variable"), MINTINGS)
def test_a_credential_is_made_where_the_user_says_so_whatever_the_address(
    written: Any, minting: Minting, variable: str
) -> None:
    made = endpoint({"GOOGLE_APPLICATION_CREDENTIALS": "/sa.json"}, address=BOX, credential=written)
    assert (made.credential.minting, made.credential.variable) == (minting, variable)
    assert (made.credential.key, made.lack) == (None, None)


def test_a_minted_credential_stays_where_another_address_is_the_mints_own_too() -> None:
    values = {"VERTEX_PROJECT_ID": "p"}
    europe = endpoint(values, "vertex", address="https://europe-west4-aiplatform.googleapis.com/v1")
    assert europe.credential.minting == Minting(Mint.GOOGLE, CLOUD_PLATFORM, command=BACKENDS["vertex"].key_command)
    assert endpoint(values, "vertex", address=BOX).credential.minting is None
    assert endpoint(values, like="vertex").credential.minting == Minting(Mint.GOOGLE, CLOUD_PLATFORM)


HEADERS_OF = [
    ({"command": "az"}, ("api-key", "")),
    ({"command": "az", "bearer": True}, ("authorization", "Bearer ")),
    ({"env": "T", "bearer": True}, ("authorization", "Bearer ")),
    ({"mint": "google"}, ("authorization", "Bearer ")),
    ({"mint": "aws", "service": "s"}, ("authorization", "AWS4-HMAC-SHA256 ")),
]


@pytest.mark.parametrize(("written", "expected"), HEADERS_OF)
def test_a_token_goes_where_tokens_go(written: Any, expected: tuple[str, str]) -> None:
    credential = endpoint(like="azure", address=BOX, credential=written).credential
    assert (credential.header, credential.prefix) == expected


@pytest.mark.parametrize("written", ["$BOX_KEY", "Bearer ${BOX_KEY}", "${A}${B}", "os.environ/BOX_KEY", "$(pass x)"])
def test_what_refers_to_a_key_otherwise_is_not_sent_as_one(written: str) -> None:
    assert "write ${NAME} and no more" in mistake({}, address=BOX, credential=written)


HEADERS = [("azure", "api-key", ""), ("anthropic", "x-api-key", ""), ("vllm", "authorization", "Bearer ")]


@pytest.mark.parametrize(("like", "header", "prefix"), HEADERS)
def test_a_key_is_said_as_the_provider_that_it_is_like_wants_it(like: str, header: str, prefix: str) -> None:
    for name in ("b", "groq"):
        credential = endpoint({}, name, like=like, address=BOX, credential="k").credential
        assert (credential.header, credential.prefix) == (header, prefix)


# -- everything else ---------------------------------------------------------------------------------------------------


def test_a_provider_is_like_another() -> None:
    made = endpoint(like="deepseek", address=BOX)
    row = BACKENDS["deepseek"]
    assert (made.backend.name, made.backend.like, made.backend.dialect) == ("b", "deepseek", row.dialect)
    assert made.backend.profile == row.profile
    assert endpoint(like="GLM", address=BOX).backend.like == "zai"
    assert endpoint(like="vllm", address=BOX, dialect="anthropic").backend.dialect == "anthropic"
    assert endpoint(address=BOX).backend.like == ""


def test_a_place_is_filled_for_a_new_provider_too() -> None:
    made = endpoint({"VERTEX_PROJECT_ID": "p"}, like="vertex", credential="k")
    assert made.base_url is not None
    assert "/projects/p/" in made.base_url


def test_what_is_written_is_kept() -> None:
    made = endpoint(
        {"TEAM": "blue"},
        address=BOX,
        headers={"X-Team": "${TEAM}-${SIZE:-small}"},
        body={"top_k": 20},
        proxy="https://proxy",
        timeouts={"connect": "1s", "idle": "none"},
        profile={"reasoning": "toggle", "efforts": ["low", "max"], "effort_off": None},
    )
    assert made.headers == (("x-team", "blue-small"),)
    assert made.extra_body == {"top_k": 20}
    assert made.proxy == ("https", "proxy", 443)
    assert made.timeouts == Timeouts(1.0, None, None, None)
    assert made.profile == {"reasoning": ReasoningStyle.TOGGLE, "efforts": ("low", "max"), "effort_off": None}
    assert made.base_name == "address"
    bare = endpoint(address=BOX)
    assert (bare.headers, bare.extra_body, bare.proxy, bare.timeouts, bare.profile) == ((), {}, None, Timeouts(), {})


def test_timeouts_of_a_provider_lie_field_by_field_over_those_of_all() -> None:
    own = {"openai": {"timeouts": {"idle": "none"}}, "b": {"address": BOX, "timeouts": {"connect": "1s"}}}
    found = document.Document.model_validate({"backends": own, "timeouts": {"idle": "9s", "total": "1h"}})
    base = assembly.configure(found, {}, place, secrets).base
    assert base.timeouts == Timeouts(10.0, None, 9.0, 3600.0)
    assert {name: base.endpoints[name].timeouts for name in ("openai", "b", "groq")} == {
        "openai": Timeouts(10.0, None, None, 3600.0),
        "b": Timeouts(1.0, None, 9.0, 3600.0),
        "groq": base.timeouts,
    }


PROXIES = [
    ("http://proxy:3128", ("http", "proxy", 3128)),
    ("http://proxy", ("http", "proxy", 80)),
    ("${PROXY}", ("http", "box", 81)),
]


@pytest.mark.parametrize(("written", "proxy"), PROXIES)
def test_a_proxy_is_scheme_host_and_port(written: str, proxy: tuple[str, str, int]) -> None:
    assert endpoint({"PROXY": "http://box:81"}, address=BOX, proxy=written).proxy == proxy


SECRET = "sk-never-shown-0123456789"
MISTAKES: list[tuple[str, dict[str, Any], str]] = [
    ("B x", {"address": BOX}, "a provider's name has small letters"),
    ("Box", {"address": BOX}, "a provider's name has small letters"),
    ("b", {"like": "opnai"}, "like is 'opnai', which is no provider. Did you mean openai"),
    ("b", {}, "it has no address: write address, or like"),
    ("b", {"like": "azure"}, "it has no address"),
    ("b", {"like": "vertex"}, "it has no address"),
    ("b", {"address": "box:8000"}, "address is 'box:8000': write an address like https://host/v1"),
    ("b", {"address": f"http://me:{SECRET}@box"}, "address holds a credential in the address"),
    ("b", {"address": f"http://box?key={SECRET}"}, "address is 'http://box': write it without"),
    ("b", {"address": "http://${BOX}"}, "${BOX} is not set: set it, or write ${BOX:-default}"),
    ("b", {"address": BOX, "credential": f"{SECRET} x"}, "credential holds characters that no HTTP header takes"),
    ("b", {"address": BOX, "credential": {"key": f"{SECRET}\n"}}, "credential.key holds characters"),
    ("b", {"address": BOX, "credential": {"env": "BAD"}}, "BAD holds characters"),
    ("b", {"address": BOX, "headers": {"a b": "x"}}, "headers: 'a b' is no header's name"),
    ("b", {"address": BOX, "headers": {"Authorization": SECRET}}, "headers: Authorization cannot be set here"),
    ("b", {"address": BOX, "headers": {"host": "x"}}, "headers: host cannot be set here"),
    ("b", {"address": BOX, "headers": {"x": "${NONE}"}}, "${NONE} is not set"),
    ("b", {"address": BOX, "headers": {"x": f"{SECRET}\nx"}}, "headers: x holds characters"),
    ("b", {"address": BOX, "proxy": "http://p/path"}, "proxy is 'http://p/path': write it without a path"),
    ("b", {"address": BOX, "proxy": "socks5://p"}, "proxy is 'socks5://p': write an address"),
    ("b", {"address": BOX, "proxy": f"http://me:{SECRET}@p"}, "proxy holds a password, which is read from DETOUR_UP"),
    ("openai", {"address": "nope"}, "address is '...'"),
]


@pytest.mark.parametrize(("name", "written", "told"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_never_with_a_secret(
    name: str, written: dict[str, Any], told: str
) -> None:
    message = mistake({"BAD": f"{SECRET} x"}, name, **written)
    assert message.startswith(f"detour.yaml, backends.{name}: {name}: ")
    assert told in message
    assert SECRET not in message


def test_a_provider_is_written_once() -> None:
    with pytest.raises(ConfigError, match="gemini: it is the same provider as google: keep one of the two"):
        endpoints({"google": {"headers": {"a": "b"}}, "gemini": {"headers": {"c": "d"}}})


def test_a_name_that_the_environment_makes_is_taken() -> None:
    values = {"BIG_MODEL_NAME": "m", "BIG_MODEL_API_KEY": "k"}
    with pytest.raises(ConfigError, match="openai-big: a provider of that name is made of BIG_MODEL_NAME"):
        endpoints({"openai-big": {"address": BOX}}, values)
    assert endpoint({}, "openai-big", address=BOX).base_url == BOX


def test_providers_that_are_not_written_stay_as_they_are() -> None:
    assert endpoints({"b": {"address": BOX}}, KEYS).keys() - endpoints({}, KEYS).keys() == {"b"}
    assert endpoints({"b": {"address": BOX}}, KEYS)["openai"] == endpoints({}, KEYS)["openai"]


@pytest.mark.parametrize(
    ("written", "takes"),
    [({"claude": True}, Takes.ALL), ({"claude": True, "takes": "vertex"}, Takes.VERTEX), ({"images": False}, None)],
)
def test_a_gateway_to_claude_is_sent_what_claude_takes(written: dict[str, object], takes: Takes | None) -> None:
    assert providers.profile(document.Profile.model_validate(written)).get("takes") == takes


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
def test_the_users_word_on_the_format_holds_for_every_model_and_address(dialect: str) -> None:
    for name in ("openai", "xai", "b"):
        row = endpoint(name=name, dialect=dialect, address=BOX).backend
        assert {row.dialect_of(model, at) for model in ("gpt-5.5", "gpt-4.1") for at in (BOX, OPENAI_AT)} == {dialect}
