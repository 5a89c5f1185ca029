"""The shape of the file: what is taken and what is refused, and that editors are told the same by the JSON Schema."""

import dataclasses
from collections.abc import Iterator
from typing import Any, get_args

import jsonschema_rs
import pytest
from pydantic import BaseModel, SecretStr, ValidationError

from addon.dialects.profiles import Profile
from addon.routing.config import Limits, Retry, Streaming, Timeouts
from addon.routing.facts import Price
from addon.settings import document, document_limits, litellm_names
from addon.settings.document import Document

SCHEMA = jsonschema_rs.Draft202012Validator(dict(document.schema()))


def route(**keys: Any) -> dict[str, Any]:
    return {"routes": [keys]}


def when(**keys: Any) -> dict[str, Any]:
    return route(to="x", when=keys)


def backend(**keys: Any) -> dict[str, Any]:
    return {"backends": {"b": keys}}


def idle(value: Any) -> dict[str, Any]:
    return backend(timeouts={"idle": value})


def ping(value: Any) -> dict[str, Any]:
    return {"streaming": {"ping": value}}


TAKEN: list[dict[str, Any]] = [
    {"redact": {"staff": r"EMP-\d{5}", "code-name": "(?m)^project: (.*)$"}},
    {"redact": None},
    {},
    {"preset": "glm", "big": "x", "middle": ["a/b", "anthropic"], "small": "y", "provider": "google"},
    {"function": "my routes/a.py:choose_2"},
    dict.fromkeys(("backends", "models", "routes", "presets", "limits")),  # all under them is commented out
    {"backends": {}, "models": {}, "routes": [], "presets": {}, "limits": {}},
    {"record": "metadata", "limits": {"request_bytes": 1, "reply_bytes": 2}},
    {"timeouts": {"first_byte": "30s"}, "retry": {"attempts": 0, "longest_wait": "2s"}, "streaming": {"grace": 5}},
    dict.fromkeys(("timeouts", "retry", "streaming")),
    *(ping(time) for time in ("10s", "1m30s", "250ms", " 2 s ", 10, 0.5)),
    route(timeouts={"first_byte": "30s"}),
    route(timeouts={"idle": "300s"}),  # as it is anyway, and over the backend's
    route(to="x", timeouts=None),
    route(shadow={"to": "x", "share": 0.1}),
    {"shadow": {"requests_per_day": 5}},
    {"shadow": None},
    {"shadow": {"requests_per_day": 5, "dollars_per_day": 0.5}},
    backend(like="vllm"),
    backend(**dict.fromkeys(("timeouts", "headers", "body", "profile"))),
    backend(dialect="anthropic", address="http://x", proxy="http://p", headers={"a": ""}, body={"a": {"b": None}}),
    backend(credential="${KEY}"),
    backend(credential={"env": "KEY"}),
    backend(credential={"file": "~/k"}),
    backend(credential={"command": "print it", "lifetime": "none"}),
    backend(credential={"command": ["print", "it"], "lifetime": 3}),
    backend(credential={"key": "k"}),
    backend(profile={"effort_off": None, "call_id_limit": None, "required_choice": None, "reasoning": "toggle"}),
    backend(profile={"efforts": ["low"], "system_turns": "first_only", "stop_limit": 0, "images": False}),
    *(idle(time) for time in ("10s", "5m", "1h30m", "250ms", "1h 30m 2.5s 3ms", " 2 s ", "none", "None", 10, 0.5)),
    {
        "models": {
            "a": "x/y",
            "b": ["x", "y"],
            "c": {"window": 1, "output": 2, "price": {"input": 0, "cache_read": 0.1}},
        }
    },
    {"models": {"nothing is known": {}}},
    {"routes": {"default": "x", "background": ["a", "b"], "think": "x", "web_search": "x", "image": "x"}},
    {"routes": {"long_context": {"to": "x", "tokens": 5}}},
    {"routes": {"long_context": {"to": ["x"]}}},
    *(route(**{name: "x"}) for name in document.SCENARIOS),
    route(name="n", think="x"),
    route(to="x"),
    route(to="x", when=None, body=None, system=None),
    route(name="n", when={"kind": "title"}, block="no"),
    route(effort="off", max_tokens=5, temperature=0, body={"a": 1}, drop_tools="A*", inline_tools=True),
    route(system={"append": "x", "replace": [{"pattern": "(a)", "with": r"\1"}, {"pattern": "b", "with": ""}]}),
    when(model="*opus*", tier="opus", kind=["title", "main"], door="proxy", thinking=False, effort_at_least="max"),
    when(model=["a", "b"], tier=["opus", "haiku"], session="*", tokens_at_least=1, image=True, document=True, tool="x"),
    when(header={"x-team": "blue*", "x": ["a"]}, filter="~u x", time="22:00-06:00", probability=0.5, agent="*"),
    when(probability=1),
    {
        "presets": {
            "mine": {"about": "me", "big": "x", "routes": [{"default": "y"}]},
            "other": {"routes": {"think": "x"}},
        }
    },
    {"presets": {"mine": {"routes": None}}},
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"preest": "x"}, "extra_forbidden"),
    ({"big": None}, "no_value"),
    ({"big": " "}, "string_pattern_mismatch"),
    ({"big": []}, "too_short"),
    ({"big": 5}, "string_type"),
    ({"preset": None}, "no_value"),
    ({"function": "a.py"}, "value_error"),
    ({"function": "a:b"}, "value_error"),
    ({"record": "on"}, "literal_error"),
    ({"routes": "x"}, "list_type"),
    ({"routes": {"other": "x"}}, "extra_forbidden"),
    ({"routes": {"default": None}}, "no_value"),
    ({"routes": {"long_context": {"tokens": 5}}}, "missing"),
    ({"limits": {"request_bytes": 0}}, "greater_than"),
    ({"shadow": {}}, "missing"),
    ({"shadow": {"requests_per_day": 0}}, "greater_than"),
    ({"shadow": {"requests_per_day": 5, "dollars_per_day": 0}}, "greater_than"),
    (route(shadow=None), "no_value"),
    (route(shadow={"to": "x"}), "missing"),
    (route(shadow={"to": "x", "share": 0}), "greater_than"),
    (route(shadow={"to": "x", "share": 1.5}), "less_than_equal"),
    (route(shadow={"to": ["x", "y"], "share": 1}), "string_type"),
    ({"limits": {"request_bytes": "5"}}, "int_type"),
    ({"retry": {"attempts": -1}}, "greater_than_equal"),
    ({"retry": {"attempts": 11}}, "less_than_equal"),
    ({"retry": {"attempts": None}}, "no_value"),
    ({"retry": {"longest_wait": "none"}}, "value_error"),
    *((ping(time), "value_error") for time in ("none", "None", "soon", "0s", "")),
    (ping(0), "greater_than"),
    (ping(True), "float_type"),
    (ping(None), "no_value"),
    ({"models": {"a": 5}}, "string_type"),
    ({"models": {"a": {"windw": 5}}}, "extra_forbidden"),
    ({"models": {"a": {"window": "5"}}}, "int_type"),
    ({"models": {"a": {"price": {"input": -1}}}}, "greater_than_equal"),
    ({"models": {"a": {"price": None}}}, "no_value"),
    ({"models": {"": "x"}}, "string_too_short"),
    (backend(credentail="x"), "extra_forbidden"),
    (backend(credential=None), "no_value"),
    (backend(credential=5), "string_type"),
    (backend(credential={}), "value_error"),
    (backend(credential={"env": "A", "file": "b"}), "value_error"),
    (backend(credential={"env": None}), "no_value"),
    (backend(credential={"command": "a", "lifetime": "0s"}), "value_error"),
    (backend(dialect="bedrock"), "literal_error"),
    (backend(headers={"a": 5}), "string_type"),
    (backend(body={"model": "x"}), "value_error"),
    (backend(body=[]), "dict_type"),
    (backend(profile={"max_tokens_field": None}), "no_value"),
    (backend(profile={"efforts": []}), "too_short"),
    (backend(profile={"efforts": ["minimal", "low"]}), "literal_error"),
    (backend(profile={"reasoning": "loud"}), "enum"),
    (backend(profile={"images": "yes"}), "bool_type"),
    (idle("soon"), "value_error"),
    (idle(""), "value_error"),
    (idle("5"), "value_error"),
    (idle("m"), "value_error"),
    (idle("0s"), "value_error"),
    (idle("0h 0ms"), "value_error"),
    (idle("1.5m"), "value_error"),
    (idle("-5s"), "value_error"),
    (idle("30m1h"), "value_error"),
    (idle(0), "greater_than"),
    (idle(-1.5), "greater_than"),
    (idle(True), "float_type"),
    (idle(None), "no_value"),
    (idle([5]), "float_type"),
    (route(), "value_error"),
    (route(name="n", when={"kind": "title"}), "value_error"),
    (route(to=None), "no_value"),
    (route(block=None, when={"kind": "title"}), "no_value"),
    (route(block="x", to="y"), "value_error"),
    (route(block="x", effort="low"), "value_error"),
    (route(block="x", timeouts={"idle": "5s"}), "value_error"),
    (route(think="x", timeouts={"idle": "5s"}), "value_error"),
    (route(think="x", to="y"), "value_error"),
    (route(think="x", when={"kind": "title"}), "value_error"),
    (route(think="x", image="y"), "value_error"),
    (route(think="x", block="y"), "value_error"),
    (route(to="x", effort="most"), "literal_error"),
    (route(to="x", temperature=2.5), "less_than_equal"),
    (route(to="x", max_tokens=True), "int_type"),
    (route(to="x", inline_tools="yes"), "bool_type"),
    (route(to="x", drop_tools=[]), "too_short"),
    (route(to="x", body={"messages": []}), "value_error"),
    (route(to="x", system={"replace": [{"pattern": "a"}]}), "missing"),
    (route(to="x", system={"replace": [{"pattern": "", "with": "b"}]}), "string_too_short"),
    (route(to="x", system={"append": None}), "no_value"),
    (when(modell="x"), "extra_forbidden"),
    (when(model=None), "no_value"),  # left out, the rule would match everything
    (when(model=[]), "too_short"),
    (when(tier="opsu"), "enum"),
    (when(kind=[]), "too_short"),
    (when(kind=None), "no_value"),
    (when(door="front"), "enum"),
    (when(thinking=None), "no_value"),
    (when(thinking=1), "bool_type"),
    (when(header={}), "too_short"),
    (when(effort_at_least="off"), "literal_error"),
    (when(probability=1.5), "less_than_equal"),
    (when(probability=True), "float_type"),
    (when(tokens_at_least=0), "greater_than"),
    ({"redact": {"Staff No": "a-b"}}, "value_error"),
    ({"redact": {"a" * 41: "a-b"}}, "value_error"),
    ({"redact": {"staff": 5}}, "string_type"),
    ({"redact": {"staff": None}}, "string_type"),
    ({"redact": ["a-b"]}, "dict_type"),
    ({"presets": {"mine": {"address": "http://x"}}}, "extra_forbidden"),
    ({"presets": {"mine": {"credential": "x"}}}, "extra_forbidden"),
    ({"presets": {"mine": None}}, "model_type"),
]

# what only the models can tell
REFUSED_BY_MODELS = [
    {"redact": {"staff": "(a+)+"}},
    {"redact": {"staff": ".*"}},
    {"redact": {"staff": "(?<="}},
    route(body={}),
    route(inline_tools=False),
    route(system={}, name="x"),
    route(timeouts={}),
    idle(float("inf")),
    ping(float("inf")),
]


@pytest.mark.parametrize("written", TAKEN, ids=str)
def test_what_is_right_is_taken_by_models_and_schema(written: dict[str, Any]) -> None:
    Document.model_validate(written)
    assert [error.message for error in SCHEMA.iter_errors(written)] == []


@pytest.mark.parametrize(("written", "kind"), REFUSED, ids=str)
def test_what_is_wrong_is_refused_by_models_and_schema(written: dict[str, Any], kind: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Document.model_validate(written)
    assert kind in {error["type"] for error in caught.value.errors()}
    assert not SCHEMA.is_valid(written)


@pytest.mark.parametrize("written", REFUSED_BY_MODELS, ids=str)
def test_the_models_refuse_more(written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Document.model_validate(written)


def test_what_is_not_written_is_as_the_code_has_it() -> None:
    timeouts = Timeouts()
    written = document.Timeouts()
    assert (written.connect, written.first_byte, written.idle, written.total) == (
        timeouts.connect_s,
        timeouts.first_byte_s,
        timeouts.idle_s,
        timeouts.total_s,
    )
    assert Document.model_construct() == Document()


@pytest.mark.parametrize(
    ("part", "fields"), [(document.Profile, Profile), (document.Price, Price), (document_limits.Limits, Limits)]
)
def test_every_field_that_there_is_can_be_written(part: type[BaseModel], fields: Any) -> None:
    of_the_catalogue = {"above", "long"}  # what long prompts cost: what the user says holds for every length
    assert set(part.model_fields) == {field.name for field in dataclasses.fields(fields)} - of_the_catalogue


@pytest.mark.parametrize(
    ("part", "fields"),
    [(document.Timeouts, Timeouts), (document_limits.Retry, Retry), (document_limits.Streaming, Streaming)],
)
def test_every_field_in_seconds_can_be_written(part: type[BaseModel], fields: Any) -> None:
    assert set(part.model_fields) == {field.name.removesuffix("_s") for field in dataclasses.fields(fields)}


def test_a_profile_has_nothing_where_it_may_have_nothing() -> None:
    empty = {"type": "null"}
    properties = document.schema()["$defs"]["Profile"]["properties"]
    nullable = {name for name, shape in properties.items() if empty in shape.get("anyOf", ())}
    assert nullable == {field.name for field in dataclasses.fields(Profile) if type(None) in get_args(field.type)}


def test_a_model_has_no_spaces_around_it() -> None:
    assert Document(big=" openai/x ").big == "openai/x"


def test_a_key_in_the_file_is_not_shown() -> None:
    assert "sk-secret" not in repr(Document.model_validate(backend(credential={"key": "sk-secret"})))


def models(part: Any) -> Iterator[type[BaseModel]]:
    """Every model inside an annotation or a model."""
    if isinstance(part, type) and issubclass(part, BaseModel):
        yield part
        for field in part.model_fields.values():
            yield from models(field.annotation)
    for inner in get_args(part):
        yield from models(inner)


def test_a_preset_has_no_place_for_an_address_or_a_key() -> None:
    inside = set(models(document.Preset))
    assert inside & {document.Backend, document.Credential} == set()
    assert not any(SecretStr in get_args(field.annotation) for part in inside for field in part.model_fields.values())


def test_every_field_of_the_schema_is_one_of_the_models() -> None:
    shapes = {part.__name__: part for part in models(Document)}
    for name, shape in document.schema()["$defs"].items():
        if name in shapes:
            assert set(shape["properties"]) == {
                field.alias or key for key, field in shapes[name].model_fields.items()
            }, name


def test_a_litellm_list_may_stand_beside_and_its_settings_not_alone() -> None:
    listed = [{"model_name": "x", "litellm_params": {"model": "openai/x"}}]
    assert SCHEMA.is_valid({"model_list": listed, "router_settings": {}, "big": "x"})
    assert not SCHEMA.is_valid({"router_settings": {}})
    assert set(document.schema()["properties"]) == {*Document.model_fields, *litellm_names.SECTIONS}


def test_the_schema_is_one() -> None:
    jsonschema_rs.meta.validate(dict(document.schema()))
