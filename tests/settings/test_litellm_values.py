"""Values are read as litellm reads them, or the mistake says where it stands."""

from collections.abc import Callable
from typing import Any

import pytest

from addon.settings.litellm_values import (
    LONGEST_SHOWN,
    Converted,
    Mistake,
    Values,
    credential_of,
    flag,
    listed,
    mapping,
    needed,
    number,
    shown,
    text_of,
    whole,
    written,
)

READ: list[tuple[Callable[..., Any], Any, Any]] = [
    (text_of, None, None), (text_of, "", None), (text_of, "a", "a"), (text_of, 12, "12"),
    (written, "a", "a"), (written, None, None), (written, "os.environ/A_b1", "${A_b1}"),
    (credential_of, "sk-1", {"key": "sk-1"}), (credential_of, "os.environ/KEY", "${KEY}"),
    (number, None, None), (number, 0, 0.0), (number, 2.5, 2.5), (number, "1e-6", 1e-6),
    (flag, None, None), (flag, False, False), (flag, True, True),
    (mapping, None, {}), (mapping, {"a": 1}, {"a": 1}), (listed, None, []), (listed, [1], [1]),
]  # fmt: skip


@pytest.mark.parametrize(("read", "given", "value"), READ)
def test_a_value_is_read(read: Callable[..., Any], given: Any, value: Any) -> None:
    assert read(given, ("at", 0)) == value


WRONG: list[tuple[Callable[..., Any], Any]] = [
    (text_of, True), (text_of, 1.5), (text_of, ["a"]), (text_of, 10**5000), (written, "os.environ/A-B"),
    (written, "os.environ/"), (number, True), (number, -1), (number, "many"), (number, float("nan")),
    (number, 10**400), (number, []), (mapping, []), (mapping, "a"), (listed, {}), (listed, "a"),
    (flag, 1), (flag, "true"),
]  # fmt: skip


@pytest.mark.parametrize(("read", "given"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_value_is_told_by_its_path(read: Callable[..., Any], given: Any) -> None:
    with pytest.raises(Mistake, match=r"^at\.0: ") as raised:
        read(given, ("at", 0))
    assert raised.value.path == ("at", 0)


def test_what_is_needed_is_a_text() -> None:
    assert needed({"a": "b"}, "a", ()) == "b"
    with pytest.raises(Mistake, match=r"^at\.a: it is missing$"):
        needed({}, "a", ("at",))
    with pytest.raises(Mistake, match=r"^at\.a: a text is needed here$"):
        needed({"a": 1}, "a", ("at",))


def test_the_first_whole_number_of_several_counts_and_zero_is_none() -> None:
    assert whole({"b": "7", "c": 8}, ("a", "b", "c"), ()) == 7
    assert whole({"a": 0}, ("a",), ()) is None
    assert whole({}, ("a", "b"), ()) is None


def test_a_name_that_is_long_is_not_shown() -> None:
    assert shown("a" * LONGEST_SHOWN) == repr("a" * LONGEST_SHOWN)
    assert shown("a" * (LONGEST_SHOWN + 1)) == "the name"


DATA = {
    "environment_variables": {"A": "1", "B": "os.environ/C", "UNUSED": 3, "NONE": None},
    "credential_list": [
        {"credential_name": "one", "credential_values": {"api_key": "os.environ/A"}},
        {"credential_name": "two"},
    ],
}


def test_references_to_the_files_own_variables_are_filled_at_any_depth() -> None:
    values = Values.of(DATA)
    given = {"x": ["os.environ/A", {"y": "os.environ/B"}], "z": "os.environ/ELSEWHERE", "n": 1}
    assert values.filled(given) == {"x": ["1", {"y": "os.environ/C"}], "z": "os.environ/ELSEWHERE", "n": 1}


def test_a_deployment_takes_the_credential_that_it_names() -> None:
    values = Values.of(DATA)
    assert values.credential({"litellm_credential_name": "one"}, ()) == {"api_key": "os.environ/A"}
    assert values.credential({"litellm_credential_name": "two"}, ()) == {}
    assert values.credential({}, ()) == {}
    with pytest.raises(Mistake, match=r"^at\.litellm_credential_name: there is no credential of that name"):
        values.credential({"litellm_credential_name": "three"}, ("at",))


def test_what_nobody_refers_to_is_noted() -> None:
    values = Values.of(DATA)
    values.filled("os.environ/A")
    values.credential({"litellm_credential_name": "two"}, ())
    assert (values.variable("B"), values.variable("ELSEWHERE")) == ("os.environ/C", None)
    values.leftovers(made := Converted())
    assert [path for path, _ in made.ignored] == [("environment_variables", "UNUSED"), ("credential_list", 0)]


def test_the_reason_is_that_of_the_name_where_it_has_one() -> None:
    made = Converted()
    made.ignore(("a", "rpm"), "otherwise")
    made.ignore(("a", "b"), "otherwise")
    assert made.ignored == [
        (("a", "rpm"), "the deployments of one name are tried in the order written, not shuffled"),
        (("a", "b"), "otherwise"),
    ]
