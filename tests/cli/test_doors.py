import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from mitmproxy.proxy.mode_specs import ProxyMode

from addon.cli import doors
from addon.cli.doors import Doors, check_port, check_target, free_port, loopback_hosts
from addon.protocol.errors import ConfigError


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_there_is_one_listener_for_each_door_and_host() -> None:
    assert Doors().modes() == [
        "regular@127.0.0.1:8080",
        "regular@::1:8080",
        "reverse:https://api.anthropic.com@127.0.0.1:8082",
        "reverse:https://api.anthropic.com@::1:8082",
    ]


def test_mitmproxy_understands_every_listener() -> None:
    listeners = [ProxyMode.parse(mode) for mode in Doors(target="http://[::1]:9000").modes()]
    assert [(listener.custom_listen_host, listener.custom_listen_port) for listener in listeners] == [
        ("127.0.0.1", 8080),
        ("::1", 8080),
        ("127.0.0.1", 8082),
        ("::1", 8082),
    ]


def test_a_proxy_in_front_stands_before_door_one() -> None:
    first, second = map(ProxyMode.parse, Doors(("::1",), upstream="http://[::2]:3128").modes())
    assert (first.type_name, first.data, first.custom_listen_host) == ("upstream", "http://[::2]:3128", "::1")
    assert second.type_name == "reverse"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8082"),
        ("::1", "http://[::1]:8082"),
        ("0.0.0.0", "http://127.0.0.1:8082"),
        ("::", "http://127.0.0.1:8082"),
        ("proxy.lan", "http://proxy.lan:8082"),
    ],
)
def test_the_address_for_the_client_can_be_reached_from_this_machine(host: str, url: str) -> None:
    assert Doors((host,)).reverse_url() == url


def test_client_lines_can_be_pasted_into_a_shell() -> None:
    assert Doors().client_lines(Path("/home/a person/ca.pem")) == (
        "HTTPS_PROXY=http://127.0.0.1:8080 NODE_EXTRA_CA_CERTS='/home/a person/ca.pem' claude",
        "ANTHROPIC_BASE_URL=http://127.0.0.1:8082 claude",
    )


@pytest.mark.parametrize(
    "target",
    ["https://api.anthropic.com", "http://127.0.0.1:9000", "http://[::1]:9000"],
)
def test_a_target_is_scheme_host_and_perhaps_port(target: str) -> None:
    check_target(target)


@pytest.mark.parametrize(
    "target",
    [
        "",
        "api.anthropic.com",
        "ftp://host",
        "https://",
        "https://host/v1",
        "https://host?x",
        "https://host:port",
        "https://host:99999",
        "https://host:0",
        "https://user:word@host",
        "http://[::1",
    ],
)
def test_another_target_is_refused_with_the_flag_and_the_value(target: str) -> None:
    with pytest.raises(ConfigError, match="--target") as caught:
        check_target(target)
    assert repr(target) in caught.value.message


def test_a_taken_port_is_told_with_the_flag_that_changes_it(taken_port: int) -> None:
    with pytest.raises(ConfigError) as caught:
        check_port(["127.0.0.1"], taken_port, "--port")
    assert caught.value.message == (
        f"port {taken_port} on 127.0.0.1 is in use; end what listens there, or choose another with --port"
    )


def test_a_forbidden_port_is_told_with_the_flag_that_changes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    forbidden = PermissionError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(doors, "_listen_error", lambda _host, _port: forbidden)
    with pytest.raises(ConfigError, match=r"port 80 on 127\.0\.0\.1 may not be opened .* --port"):
        check_port(["127.0.0.1"], 80, "--port")


def test_an_address_of_another_machine_is_told_with_the_flag_that_changes_it() -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 192\.0\.2\.1: .* --host"):
        check_port(["192.0.2.1"], 8080, "--port")


def test_one_port_cannot_be_both_doors() -> None:
    with pytest.raises(ConfigError, match="--port and --reverse-port are both 8080"):
        Doors(reverse_port=8080).check()


def test_free_doors_pass_the_check() -> None:
    hosts = loopback_hosts()
    Doors(hosts, free_port(hosts), free_port(hosts)).check()


def test_a_preferred_port_is_taken_when_it_is_free() -> None:
    port = free_port(["127.0.0.1"])
    assert free_port(["127.0.0.1"], port) == port


def test_another_port_is_found_when_the_preferred_one_is_taken(taken_port: int) -> None:
    found = free_port(["127.0.0.1"], taken_port)
    assert found != taken_port
    check_port(["127.0.0.1"], found, "--port")


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "_listen_error", lambda _host, _port: OSError(errno.EADDRINUSE, "in use"))
    with pytest.raises(ConfigError, match=r"no port that is free on all of 127\.0\.0\.1"):
        free_port(["127.0.0.1"])


def test_a_machine_without_ipv6_opens_the_other_loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
    monkeypatch.setattr(doors, "_listen_error", lambda host, _port: absent if ":" in host else None)
    assert loopback_hosts() == ("127.0.0.1",)
