"""The bounds that a document sets: each may be left out, and none is a number that bounds nothing."""

from typing import Any

import pytest
from pydantic import ValidationError

from addon.settings.document_limits import Bound, Limits, Retention, Retry, Streaming


@pytest.mark.parametrize("part", [Limits, Retention, Retry, Streaming])
def test_all_of_it_may_be_left_out_and_nothing_else_stands_there(part: type[Bound]) -> None:
    assert part().model_dump(exclude_none=True) == {}
    with pytest.raises(ValidationError, match="extra_forbidden"):
        part.model_validate({"other": 1})


WRONG: list[tuple[type[Bound], dict[str, Any]]] = [
    (Limits, {"request_bytes": 0}),
    (Retention, {"days": -1}),
    (Retry, {"attempts": 11}),
    (Retry, {"longest_wait": "none"}),
    (Streaming, {"ping": "soon"}),
]


@pytest.mark.parametrize(("part", "written"), WRONG)
def test_what_bounds_nothing_is_refused(part: type[Bound], written: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        part.model_validate(written)
