"""mitmproxy's check of values: the same answers, and nothing left for the collector."""

import gc
import inspect
import typing
from collections.abc import Callable, Sequence

import pytest
from mitmproxy import http
from mitmproxy.utils import typecheck as theirs

from addon.proxy import typecheck

VALUES = [None, 1, 1.5, True, "a", b"a", ("a", 1), ["a"], http.Headers()]
WANTED = [
    bool,
    int,
    float,
    str,
    http.Headers,
    http.Headers | None,
    float | None,
    int | Sequence[str] | None,
    typing.Optional[str],  # noqa: UP045 - how mitmproxy writes its options
    Sequence[str],
    tuple[str, int],
    typing.Any,
]


def _answer(check: Callable[[str, object, object], None], value: object, wanted: object) -> str | None:
    try:
        check("the_name", value, wanted)
    except TypeError as error:
        return str(error)
    return None


@pytest.mark.parametrize("wanted", WANTED, ids=str)
def test_the_answers_are_mitmproxys(wanted: object) -> None:
    answers = [_answer(typecheck.check, value, wanted) for value in VALUES]
    assert answers == [_answer(theirs.check_option_type, value, wanted) for value in VALUES]
    assert None in answers
    assert wanted is typing.Any or any(answers)


def test_a_message_leaves_nothing_for_the_collector() -> None:
    def left_behind() -> int:
        gc.collect()
        gc.disable()
        try:
            http.Request.make("POST", "http://x/", b"a body")
            return gc.collect()
        finally:
            gc.enable()

    left_behind()  # what is made once
    assert left_behind() > 0
    typecheck.take_over()
    try:
        assert left_behind() == 0
    finally:
        typecheck.give_back()
    assert left_behind() > 0


def test_a_check_that_we_do_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(value: object, wanted: object) -> None:
        """One that takes other things."""

    monkeypatch.setattr(typecheck, "_CHECK", other)
    before = theirs.check_option_type
    typecheck.take_over()
    assert theirs.check_option_type is before
    assert list(inspect.signature(before).parameters) == ["name", "value", "typeinfo"]
