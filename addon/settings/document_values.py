"""What a value of ``detour.yaml`` may be: left out, a section that may be empty, a time; and how strict a part is.

``Maybe[T]`` may be left out, and must have a value where it is not; ``Section[T]`` is empty where nothing is written
under it; ``Duration`` is a time or ``none``, ``Span`` a time that ends. Both in seconds.
"""

import re
from typing import Annotated, Any, TypeVar

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

DURATION = re.compile(
    r" *(?:(?P<h>\d+) *h)? *(?:(?P<m>\d+) *m(?!s))? *(?:(?P<s>\d+(?:\.\d+)?) *s)? *(?:(?P<ms>\d+) *ms)? *"
)
UNIT_S = {"h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
FOR_EVER = "none"
# the same for JSON Schema, whose groups have no names; some digit must be more than 0
SPAN_SCHEMA = rf"(?=.*[1-9]){re.sub('[?]P<[a-z]+>', '', DURATION.pattern)}"
DURATION_SCHEMA = rf"^(?: *[Nn][Oo][Nn][Ee] *|{SPAN_SCHEMA})$"

T = TypeVar("T")


class _Written:
    """Marks what may be left out, and must have a value where it is not."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_written, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(schema)
        kinds = [kind for kind in made["anyOf"] if kind != {"type": "null"}]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


class _Section:
    """Marks what is empty where nothing is written under it."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_empty, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [handler(schema), {"type": "null"}]}


def _empty(value: Any) -> Any:
    return {} if value is None else value


def _written(value: Any) -> Any:
    if value is None:
        raise PydanticCustomError("no_value", "it has no value: write one, or take the line out")
    return value


def _seconds(value: Any) -> Any:
    """Read ``10s``, ``5m``, ``1h30m``, ``250ms``, a number of seconds, or ``none``."""
    if isinstance(value, str):
        if value.strip().lower() == FOR_EVER:
            return None
        found = DURATION.fullmatch(value)
        seconds = sum(float(amount) * UNIT_S[unit] for unit, amount in found.groupdict("0").items()) if found else 0
        if not seconds:
            raise ValueError("write a time such as 10s, 5m, 1h30m, or none")
        return seconds
    return _written(value)


def _span(value: Any) -> Any:
    """Read the same where it must end."""
    seconds = _seconds(value)
    if seconds is None:
        raise ValueError("write a time such as 10s or 1m30s; it cannot be none")
    return seconds


Maybe = Annotated[T | None, _Written()]
Section = Annotated[T, _Section()]
Duration = Annotated[
    Annotated[float, Field(gt=0, allow_inf_nan=False)] | None,
    BeforeValidator(_seconds),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": DURATION_SCHEMA}, {"type": "number", "exclusiveMinimum": 0}],
            "examples": ["10s", "5m", "1h30m", FOR_EVER],
        }
    ),
]
Span = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False),
    BeforeValidator(_span),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": f"^{SPAN_SCHEMA}$"}, {"type": "number", "exclusiveMinimum": 0}],
            "examples": ["10s", "1m30s"],
        }
    ),
]
Positive = Annotated[int, Field(gt=0)]
# of every part: what is not known is forbidden, for a misspelt key must not be a silent one
STRICT = ConfigDict(
    extra="forbid",
    strict=True,
    use_attribute_docstrings=True,
    protected_namespaces=(),
    defer_build=True,  # most runs have no file, and building costs 10 ms
)
