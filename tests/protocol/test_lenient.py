"""JSON that is not quite JSON."""

import pytest

from addon.protocol import lenient


def refuse(name: str) -> object:
    raise ValueError(name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb'{"a": "\ud83d"}', {"a": "\ufffd"}),
        (rb'{"a": "\ude00\ud83d"}', {"a": "\ufffd\ufffd"}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"\udc00": ["x\udfff"]}', {"\ufffd": ["x\ufffd"]}),
        (b'{"a": 123456789012345678901234567890}', {"a": 1.2345678901234568e29}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_text_from_javascript_is_read(text: bytes, expected: object) -> None:
    assert expected == lenient.loads(text, refuse)


@pytest.mark.parametrize("name", ["NaN", "Infinity", "-Infinity"])
def test_the_caller_says_what_a_number_that_is_none_becomes(name: str) -> None:
    assert lenient.loads(b"[%s]" % name.encode(), {name: "told"}.get) == ["told"]
    with pytest.raises(ValueError, match=name):
        lenient.loads(b"[%s]" % name.encode(), refuse)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff", b"[" * 100_000, b"[1e999]", b'{"a": 1} {}', b"[" * 2000 + b"]" * 2000]
)
def test_what_is_no_json_at_all_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own words
        lenient.loads(text, refuse)
