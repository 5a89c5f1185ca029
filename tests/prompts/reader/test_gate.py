import pytest

from addon.prompts.reader import gate

TOKEN, OTHER = "a" * 32, "b" * 32


def test_a_seal_opens_for_its_token_its_purpose_and_its_time() -> None:
    sealed = gate.seal(TOKEN, gate.CODE, 1000.9)
    assert gate.opens(TOKEN, gate.CODE, sealed, 1000)
    assert not gate.opens(TOKEN, gate.CODE, sealed, 1001)
    assert not gate.opens(TOKEN, gate.TICKET, sealed, 1000)
    assert not gate.opens(OTHER, gate.CODE, sealed, 1000)


def test_a_seal_holds_no_token() -> None:
    assert TOKEN not in gate.seal(TOKEN, gate.TICKET, 1)


@pytest.mark.parametrize(
    "text", ["", ".", "9", "9999999999.", "9999999999.00", "x.y", "١٢.a", "1e9.a", "9" * 30 + ".a"]
)
def test_anything_else_opens_nothing(text: str) -> None:
    assert not gate.opens(TOKEN, gate.CODE, text, 0)


def test_a_later_end_cannot_be_written_into_a_seal() -> None:
    _, _, mac = gate.seal(TOKEN, gate.CODE, 1000).partition(".")
    assert not gate.opens(TOKEN, gate.CODE, f"2000.{mac}", 1500)


def test_the_token_itself_is_known() -> None:
    assert gate.is_token(TOKEN, f" {TOKEN}\n")
    assert not gate.is_token(TOKEN, OTHER)
    assert not gate.is_token(TOKEN, "\udcff")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8080", True),
        ("127.9.9.9", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("detour.localhost:1", True),
        ("[::1]:8080", True),
        ("10.0.0.5:8080", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example", False),
        ("", False),
        ("[", False),
    ],
)
def test_only_this_machine_is_here(host: str, expected: bool) -> None:
    assert gate.is_here(host) is expected


def test_where_others_were_let_in_an_address_is_here_and_a_name_is_not() -> None:
    assert gate.is_here("10.0.0.5:8080", by_address=True)
    assert not gate.is_here("evil.example", by_address=True)


@pytest.mark.parametrize(
    ("origin", "site", "expected"),
    [
        ("http://127.0.0.1:8083", "same-origin", True),
        ("http://localhost:8083", "same-origin", True),
        ("http://[::1]:8083", None, True),
        ("http://127.0.0.1:3000", "same-site", False),
        ("http://127.0.0.1:3000", None, False),
        ("https://evil.example", "cross-site", False),
        ("https://127.0.0.1:8083", None, False),
        ("null", "same-origin", False),
        (None, "same-origin", True),
        (None, "none", True),
        (None, None, False),
        ("http://[", None, False),
        ("http://127.0.0.1:port", None, False),
    ],
)
def test_a_form_of_ours_is_told_from_any_other(origin: str | None, site: str | None, expected: bool) -> None:
    assert gate.is_own(origin, site, "127.0.0.1:8083") is expected


def test_no_origin_is_that_of_a_host_that_is_none() -> None:
    assert gate.is_here("127.0.0.1:99999")
    assert not gate.is_own("null", None, "127.0.0.1:99999")
