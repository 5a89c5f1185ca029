"""What a value of the file may be. What is taken and refused in a whole file: test_document."""

import jsonschema_rs
import pytest
from pydantic import TypeAdapter, ValidationError

from addon.settings.document_values import Duration, Maybe, Section, Span

DURATION: TypeAdapter[float | None] = TypeAdapter(Duration)
SPAN: TypeAdapter[float] = TypeAdapter(Span)
TIMES = [("10s", 10), ("5m", 300), ("1h30m", 5400), ("250ms", 0.25), ("1h 1m 1.5s 5ms", 3661.505), (7, 7), (0.5, 0.5)]


@pytest.mark.parametrize(("written", "seconds"), TIMES)
def test_a_time_is_seconds(written: str | float, seconds: float) -> None:
    assert DURATION.validate_python(written) == SPAN.validate_python(written) == seconds


@pytest.mark.parametrize("written", ["none", "None", " NONE "])
def test_only_a_duration_may_be_without_an_end(written: str) -> None:
    assert DURATION.validate_python(written) is None
    with pytest.raises(ValidationError, match="write a time such as 10s or 1m30s; it cannot be none"):
        SPAN.validate_python(written)


@pytest.mark.parametrize("written", ["soon", "", "5", "m", "0s", "1.5m", "-5s", "30m1h", None, 0, -1, float("inf")])
def test_what_is_no_time_is_refused(written: object) -> None:
    for adapter in (DURATION, SPAN):
        with pytest.raises(ValidationError):
            adapter.validate_python(written)


@pytest.mark.parametrize("adapter", [DURATION, SPAN])
def test_the_schema_knows_times(adapter: TypeAdapter[float | None]) -> None:
    schema = jsonschema_rs.Draft202012Validator(adapter.json_schema())
    assert all(schema.is_valid(written) for written, _ in TIMES)
    assert schema.is_valid("none") is (adapter is DURATION)


def test_what_may_be_left_out_has_a_value_where_it_is_not() -> None:
    maybe: TypeAdapter[int | None] = TypeAdapter(Maybe[int])
    assert maybe.validate_python(5) == 5
    with pytest.raises(ValidationError, match="it has no value: write one, or take the line out"):
        maybe.validate_python(None)
    assert maybe.json_schema() == {"type": "integer"}


def test_a_section_may_be_empty() -> None:
    section: TypeAdapter[dict[str, int]] = TypeAdapter(Section[dict[str, int]])
    assert section.validate_python(None) == {}
