import os
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import override

import pytest
from mitmproxy.certs import CertStore

from addon.cli import checkup_doors as checkup
from addon.cli.finding import Finding, Level, Machine
from tests.cli.machines import instance, levels, machine

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL
CLOSED = 1  # no program of a user's listens there


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_the_detours_that_run_are_named(tmp_path: Path) -> None:
    assert levels(checkup.instances(machine(tmp_path))) == [OK]
    [finding] = checkup.instances(machine(tmp_path, instances=(instance(tmp_path, proxy=1, reverse=2),)))
    assert finding.what.endswith(f"(process {os.getpid()}): proxy http://127.0.0.1:1, reverse http://127.0.0.1:2")


# -- ports -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch, open_port: int) -> int:
    """Door one is taken, by us or by another; the others are free."""
    monkeypatch.setattr(checkup, "loopback_hosts", lambda: ("127.0.0.1", "::1"))
    monkeypatch.setattr(checkup, "_is_free", lambda host, port: port != open_port or host == "::1")
    monkeypatch.setattr(checkup, "PORTS", {open_port: ("door one", "--port"), CLOSED: ("door two", "--reverse-port")})
    return open_port


def test_a_port_that_another_program_has_is_told_with_the_address(tmp_path: Path, usual: int) -> None:
    findings = list(checkup.ports(machine(tmp_path)))
    assert levels(findings) == [WARN, OK]
    assert findings[0].what == f"port {usual} (door one) is in use by another program on 127.0.0.1"
    assert findings[1].what == f"port {CLOSED} (door two) is free on 127.0.0.1 and ::1"


def test_a_port_that_is_ours_is_fine(tmp_path: Path, usual: int) -> None:
    findings = list(checkup.ports(machine(tmp_path, instances=(instance(tmp_path, proxy=usual),))))
    assert levels(findings) == [OK, OK]
    assert f"port {usual} is proxy of the Detour that runs" in findings[0].what


def test_the_port_of_the_pages_may_be_that_of_a_detour_that_runs(
    tmp_path: Path, usual: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkup, "WEB_PORT", usual)
    assert levels(checkup.ports(machine(tmp_path, instances=(instance(tmp_path, proxy=9),)))) == [OK, OK]
    assert levels(checkup.ports(machine(tmp_path))) == [WARN, OK]


def test_a_machine_without_one_loopback_says_so(tmp_path: Path, usual: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "loopback_hosts", lambda: ("127.0.0.1",))
    assert next(iter(checkup.ports(machine(tmp_path)))) == Finding(OK, "this machine has no ::1; 127.0.0.1 does")


def test_a_port_is_free_when_one_can_listen_there(open_port: int) -> None:
    assert not checkup._is_free("127.0.0.1", open_port)
    assert checkup._is_free("127.0.0.1", 0)


# -- the authority -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("authority")
    CertStore.from_store(folder, "mitmproxy", 2048)
    return folder / "mitmproxy-ca-cert.pem"


@pytest.fixture
def certificate(tmp_path: Path, store: Path) -> Path:
    (tmp_path / "confdir").mkdir()
    path = tmp_path / "confdir" / "mitmproxy-ca-cert.pem"
    path.write_bytes(store.read_bytes())
    return path


def authority(folder: Path, **known: str) -> list[Finding]:
    here = machine(folder, known, instances=(instance(folder, proxy=8080),))
    return list(checkup.authority(here))


def test_a_ca_that_is_not_made_yet_will_be(tmp_path: Path) -> None:
    assert levels(authority(tmp_path)) == [WARN]


def test_a_ca_that_is_no_certificate_is_broken(tmp_path: Path, certificate: Path) -> None:
    certificate.write_text("-----BEGIN CERTIFICATE-----")
    assert levels(authority(tmp_path)) == [FAIL]


@pytest.mark.parametrize(
    ("days", "level", "word"), [(0, OK, "valid until"), (-4000, FAIL, "clock is behind"), (9000, FAIL, "ended on")]
)
def test_a_ca_has_its_days(
    tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch, days: int, level: Level, word: str
) -> None:
    class Clock(datetime):
        @classmethod
        @override
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # asked for UTC only
            return datetime.now(UTC) + timedelta(days=days)

    monkeypatch.setattr(checkup, "datetime", Clock)
    first, trust = authority(tmp_path)
    assert (first.level, trust.level) == (level, OK)
    assert word in first.what


def test_a_client_that_reads_the_ca_trusts_it(tmp_path: Path, certificate: Path) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("THEIRS\n" + certificate.read_text())
    for name in ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"):
        assert authority(tmp_path, **{name: str(bundle)})[1] == Finding(OK, f"a client trusts it: {name}")


@pytest.mark.parametrize(
    ("known", "level"),
    [
        ({"NODE_TLS_REJECT_UNAUTHORIZED": "0"}, WARN),
        ({"NODE_EXTRA_CA_CERTS": "/no/such/file"}, WARN),
        ({"NODE_EXTRA_CA_CERTS": "{other}"}, OK),
        ({"SSL_CERT_FILE": "/no/such/file"}, OK),
        ({"HTTPS_PROXY": "http://127.0.0.1:8080"}, FAIL),
        ({"HTTPS_PROXY": "http://127.0.0.1:9"}, OK),
        ({"HTTPS_PROXY": "http://elsewhere:8080"}, OK),
        ({"HTTPS_PROXY": "http://127.0.0.1:many"}, OK),
        (
            {"HTTPS_PROXY": "http://127.0.0.1:8080", "CLAUDE_CODE_CERT_STORE": "bundled", "SSL_CERT_FILE": "{own}"},
            FAIL,
        ),
    ],
)
def test_a_client_that_does_not_trust_the_ca_matters_where_it_is_led_there(
    tmp_path: Path, certificate: Path, known: dict[str, str], level: Level
) -> None:
    (tmp_path / "other.pem").write_text("THEIRS")
    places = {"other": str(tmp_path / "other.pem"), "own": str(certificate)}
    findings = authority(tmp_path, **{name: value.format(**places) for name, value in known.items()})
    assert levels(findings) == [OK, level]


def test_the_systems_authorities_count(tmp_path: Path, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = ssl.PEM_cert_to_DER_cert(certificate.read_text().strip())

    class System:
        def get_ca_certs(self, binary_form: bool) -> list[bytes]:
            assert binary_form
            return [known]

    monkeypatch.setattr(ssl, "create_default_context", System)
    assert "the system's authorities" in authority(tmp_path)[1].what
    assert "does not trust it" in authority(tmp_path, CLAUDE_CODE_CERT_STORE="bundled")[1].what


# -- variables ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def doors(tmp_path: Path) -> Machine:
    return machine(tmp_path, instances=(instance(tmp_path, proxy=8080, reverse=8082),))


def with_variables(doors: Machine, known: dict[str, str]) -> Machine:
    return machine(doors.folder, known, instances=doors.instances)


PROXIES = [
    ({}, [OK]),
    ({"HTTPS_PROXY": "http://corp:3128"}, [OK]),
    ({"HTTPS_PROXY": "http://127.0.0.1:8080"}, [OK]),
    ({"HTTPS_PROXY": "http://127.0.0.1:8082"}, [FAIL]),
    ({"HTTPS_PROXY": "http://127.0.0.1:1"}, [FAIL]),
    ({"HTTPS_PROXY": "socks5://corp:3128"}, [FAIL]),
    ({"DETOUR_UPSTREAM": "http://localhost:8080"}, [FAIL]),
    ({"DETOUR_UPSTREAM": "http://corp:3128"}, [OK]),
    ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:1"}, [OK, OK, WARN]),
    ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://a:1"}, [OK, OK]),
    ({"no_proxy": "a", "NO_PROXY": "b"}, [OK, WARN]),
    ({"HTTPS_PROXY": "http://127.0.0.1:8080", "NO_PROXY": ".anthropic.com"}, [OK, WARN]),
]


@pytest.mark.parametrize(("known", "expected"), PROXIES)
def test_no_proxy_leads_in_circles_or_nowhere(doors: Machine, known: dict[str, str], expected: list[Level]) -> None:
    assert levels(checkup.proxies(with_variables(doors, known))) == expected


def test_a_proxy_on_this_machine_that_listens_is_one(doors: Machine, open_port: int) -> None:
    assert levels(checkup.proxies(with_variables(doors, {"http_proxy": f"http://localhost:{open_port}"}))) == [OK]


def test_a_password_in_a_variable_is_not_shown(doors: Machine) -> None:
    for value in ("http://me:secret@corp:3128", "socks5://me:secret@corp:1"):
        assert "secret" not in str(list(checkup.proxies(with_variables(doors, {"HTTPS_PROXY": value}))))


BASES = [
    ({}, [OK]),
    ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:8082"}, [OK]),
    ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:8080"}, [FAIL]),
    ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}, [FAIL]),
    ({"ANTHROPIC_BASE_URL": "https://gateway.example"}, [WARN]),
    ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:many"}, [WARN]),
    ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:8082", "HTTPS_PROXY": "http://corp:1"}, [OK, FAIL]),
    ({"ANTHROPIC_BASE_URL": "http://127.0.0.1:8082", "HTTPS_PROXY": "http://corp:1", "NO_PROXY": "127.0.0.1"}, [OK]),
]


@pytest.mark.parametrize(("known", "expected"), BASES)
def test_the_base_url_leads_to_door_two(doors: Machine, known: dict[str, str], expected: list[Level]) -> None:
    assert levels(checkup.base_url(with_variables(doors, known))) == expected


def test_a_base_url_may_lead_to_a_detour_that_we_do_not_know(doors: Machine, open_port: int) -> None:
    [finding] = checkup.base_url(with_variables(doors, {"ANTHROPIC_BASE_URL": f"http://localhost:{open_port}"}))
    assert finding.level is OK
    assert "something else than a known Detour" in finding.what
