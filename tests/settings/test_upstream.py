import pytest

from addon.protocol.errors import ConfigError
from addon.settings.upstream import Upstream, entries, exempts, is_loopback, parse

PROXIES = [
    ("http://proxy:3128", Upstream("http", "proxy", 3128)),
    ("http://proxy", Upstream("http", "proxy", 80)),
    ("HTTPS://proxy/", Upstream("https", "proxy", 443)),
    ("proxy.corp:3128", Upstream("http", "proxy.corp", 3128)),
    ("http://[::1]:3128", Upstream("http", "::1", 3128)),
    ("http://me:s%40cret@proxy:1", Upstream("http", "proxy", 1, "me:s@cret")),
    ("http://me@proxy:1", Upstream("http", "proxy", 1, "me:")),
]


@pytest.mark.parametrize(("text", "expected"), PROXIES)
def test_a_proxy_is_read_as_clients_read_it(text: str, expected: Upstream) -> None:
    assert parse("HTTPS_PROXY", text) == expected


@pytest.mark.parametrize(
    "text", ["socks5://proxy:1", "http://", "http://me:secret@proxy:many", "http://me:secret@[::1"]
)
def test_what_is_no_http_proxy_is_told_without_the_password(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY is .*: write an HTTP proxy like http://proxy:3128$") as caught:
        parse("HTTPS_PROXY", text)
    assert "secret" not in caught.value.message


def test_the_address_is_shown_without_the_password() -> None:
    upstream = parse("HTTPS_PROXY", "http://me:secret@[::1]:3128")
    assert upstream.url == "http://[::1]:3128"
    assert "secret" not in repr(upstream)


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("LOCALHOST", True), ("a", False)]
)
def test_loopback_is_told_by_address_or_name(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_exemptions_are_parted_by_commas_or_spaces() -> None:
    assert entries(" a, b\tc,,") == ["a", "b", "c"]


EXEMPTIONS = [
    ("*", "any.where", True),
    ("", "any.where", False),
    ("anthropic.com", "api.anthropic.com", True),
    (".anthropic.com", "api.anthropic.com", True),
    ("*.anthropic.com", "api.anthropic.com", True),
    ("API.Anthropic.com", "api.anthropic.COM.", True),
    ("api.anthropic.com:443", "api.anthropic.com", True),
    ("api.anthropic.com:8443", "api.anthropic.com", False),
    ("thropic.com", "api.anthropic.com", False),
    ("other,api.anthropic.com", "api.anthropic.com", True),
    (".", "api.anthropic.com", False),
    ("10.0.0.0/8", "10.1.2.3", True),
    ("10.0.0.0/8", "11.1.2.3", False),
    ("10.0.0.0/8", "ten.example", False),
    ("::1", "::1", True),
    ("[::1]", "::1", True),
    ("[::1]:443", "::1", True),
    ("[::1]:80", "::1", False),
    ("127.0.0.1", "127.0.0.1", True),
    ("127.0.0.1:443", "127.0.0.1", True),
]


@pytest.mark.parametrize(("exemptions", "host", "expected"), EXEMPTIONS)
def test_an_exemption_is_read_as_clients_read_it(exemptions: str, host: str, expected: bool) -> None:
    assert exempts(exemptions, host, 443) is expected
