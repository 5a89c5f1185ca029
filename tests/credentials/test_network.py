"""Which way what makes credentials goes out."""

import pytest

from addon.credentials.network import Network
from addon.protocol.errors import ConfigError

PROXY = {"DETOUR_UPSTREAM": "http://me:p%40ss@proxy:3128"}
GOOGLE = "https://oauth2.googleapis.com/token"
WAYS = [
    ({}, GOOGLE, None),
    (PROXY, GOOGLE, "http://me:p%40ss@proxy:3128"),
    ({"DETOUR_UPSTREAM": "proxy:3128"}, GOOGLE, "http://proxy:3128"),
    ({**PROXY, "NO_PROXY": ".googleapis.com"}, GOOGLE, None),
    ({**PROXY, "no_proxy": "example.com", "NO_PROXY": "*"}, GOOGLE, "http://me:p%40ss@proxy:3128"),
    ({**PROXY, "NO_PROXY": "oauth2.googleapis.com:80"}, GOOGLE, "http://me:p%40ss@proxy:3128"),
    (PROXY, "http://127.0.0.1:1/token", None),
    (PROXY, "http://169.254.169.254/computeMetadata", None),
    (PROXY, "http://metadata.google.internal/computeMetadata", None),
    ({"HTTPS_PROXY": "http://127.0.0.1:8080"}, GOOGLE, None),  # may well be a door of ours
]


@pytest.mark.parametrize(("environment", "url", "expected"), WAYS)
def test_it_goes_the_way_that_all_of_detour_goes(environment: dict[str, str], url: str, expected: str | None) -> None:
    assert Network.of(environment, None).proxy_for(url) == expected


def test_a_proxy_that_is_none_is_a_mistake_and_its_password_does_not_show() -> None:
    with pytest.raises(ConfigError) as caught:
        Network.of({"DETOUR_UPSTREAM": "ftp://me:secret@x"}, None)
    assert "secret" not in caught.value.message
    assert "ss@" not in repr(Network.of(PROXY, "/ca.pem"))
