"""What a command's words say of the token in them, and when something is made anew."""

import base64
import json
from datetime import UTC, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addon.credentials import lifetime
from addon.credentials.lifetime import EARLY_S, LAST_S, Unreadable, fresh_until, is_over, read

NOW = 1_795_000_000.0


def jwt(**claims: object) -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part(claims)}.c2lnbmF0dXJl"


AZ = {"accessToken": "az-token", "expiresOn": "2026-11-27 05:00:00.000000", "expires_on": 1_795_755_600}
PRINTED = [
    ("key\n", ("key", NOW + 60)),
    ("\n key \nuser: me\n", ("key", NOW + 60)),
    (jwt(exp=NOW + 900), (jwt(exp=NOW + 900), NOW + 900)),
    (jwt(sub="no end"), (jwt(sub="no end"), NOW + 60)),
    ("a.b.c", ("a.b.c", NOW + 60)),
    ("a.W10.c", ("a.W10.c", NOW + 60)),  # [] in the middle
    (json.dumps(AZ), ("az-token", 1_795_755_600.0)),
    (json.dumps({**AZ, "expires_on": None}), ("az-token", 1_795_755_600.0)),  # older az: a time without a zone
    (json.dumps({"access_token": "t", "expires_in": 3599}), ("t", NOW + 3599)),
    (json.dumps({"access_token": "t", "expires_in": "3599"}), ("t", NOW + 3599)),
    (
        json.dumps({"credential": {"access_token": "g", "token_expiry": "2026-11-27T05:00:00Z"}}),
        ("g", 1_795_755_600.0),
    ),
    (
        json.dumps({"status": {"token": "k", "expirationTimestamp": "2026-11-27T05:00:00+00:00"}}),
        ("k", 1_795_755_600.0),
    ),
    (json.dumps({"token": "t", "expiresAt": 1_795_755_600_000}), ("t", 1_795_755_600.0)),  # milliseconds
    (json.dumps({"token": jwt(exp=NOW + 5)}), (jwt(exp=NOW + 5), NOW + 5)),
    (json.dumps({"token": "t", "expires_in": True, "expiresOn": "soon"}), ("t", NOW + 60)),
    (json.dumps({"token": "t", "expires_in": "nan"}), ("t", NOW + 60)),
]


@pytest.mark.parametrize(("printed", "expected"), PRINTED)
def test_a_token_and_its_end_are_found_in_what_is_printed(printed: str, expected: tuple[str, float]) -> None:
    assert read(printed, NOW, 60.0, UTC) == expected


def test_a_time_without_a_zone_is_this_machines() -> None:
    told = json.dumps({"accessToken": "t", "expiresOn": "2026-11-27 06:00:00.000000"})
    assert read(told, NOW, None, timezone(timedelta(hours=1))) == ("t", 1_795_755_600.0)
    assert read(told, NOW, None)[1] is not None


def test_what_says_nothing_may_be_good_for_ever() -> None:
    assert read("key", NOW, None) == ("key", None)


@pytest.mark.parametrize("printed", ["", "\n", "{}", "{", '{"token": ""}', '{"token": 5}', '{"credential": []}'])
def test_what_holds_no_token_is_said_without_quoting_it(printed: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read(printed, NOW, None)
    assert str(caught.value) in ("nothing", "JSON without a token", "something that begins like JSON and is none")


@given(st.text() | st.dictionaries(st.sampled_from([*lifetime.TOKENS, *lifetime.MOMENTS]), st.text()).map(json.dumps))
def test_whatever_is_printed_is_read_or_refused(printed: str) -> None:
    try:
        token, _ = read(printed, NOW, None)
    except Unreadable:
        return
    assert token


ANEW = [(3600.0, EARLY_S), (600.0, 60.0), (0.0, 0.0), (-5.0, 0.0)]


@pytest.mark.parametrize(("lasts", "early"), ANEW)
def test_what_expires_is_made_anew_before(lasts: float, early: float) -> None:
    assert fresh_until(NOW, NOW + lasts) == NOW + lasts - early


def test_what_does_not_expire_is_not_made_anew() -> None:
    assert fresh_until(NOW, None) is None
    assert not is_over(None, NOW)


def test_nothing_is_sent_with_what_expires_on_its_way() -> None:
    assert not is_over(NOW + LAST_S + 1, NOW)
    assert is_over(NOW + LAST_S, NOW)
