import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mitmproxy.certs import CertStore

from addon.cli import checkup_backends as checkup
from addon.cli.finding import Finding, Level, Machine
from addon.protocol.errors import ConfigError
from addon.settings import litellm_library, settings_file
from tests.cli.machines import instance, levels, machine

OK, WARN, FAIL = Level.OK, Level.WARN, Level.FAIL


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "BIG_MODEL", "SMALL_MODEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setattr(checkup, "CONNECT_S", 1.0)


@pytest.fixture
def open_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def configured(
    folder: Path, *lines: str, known: dict[str, str] | None = None, doors: dict[str, int] | None = None
) -> Machine:
    """A machine whose ``.env`` says this; each tier is answered by one provider."""
    (folder / ".env").write_text("\n".join(lines))
    settings = settings_file.read(folder).configuration.settings()
    return machine(folder, known, settings=settings, instances=(instance(folder, **doors),) if doors else ())


def at(port: int, scheme: str = "http") -> tuple[str, ...]:
    address = f"OPENAI_BASE_URL={scheme}://127.0.0.1:{port}/v1"
    return ("BIG_MODEL=openai/a", "SMALL_MODEL=openai/b", "OPENAI_API_KEY=sk-secret", address)


def test_settings_with_a_mistake_are_told(tmp_path: Path) -> None:
    odd = machine(tmp_path, settings=ConfigError("BIG_MODEL is odd"))
    assert [finding.what for finding in checkup.settings(odd)] == ["BIG_MODEL is odd"]
    assert levels(checkup.settings(odd)) == [FAIL]


def test_who_answers_is_told(tmp_path: Path) -> None:
    assert levels(checkup.settings(machine(tmp_path))) == [OK]
    told = [finding.what for finding in checkup.settings(configured(tmp_path, *at(1)))]
    assert [what.partition(" (")[0] for what in told] == ["opus: openai/a", "sonnet: openai/a", "haiku: openai/b"]


def test_what_is_odd_about_the_settings_is_told(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text(
        "big: ollama/a\nroutes:\n- {when: {}, to: ollama/a}\n- {when: {kind: title}, to: ollama/b}\n"
    )
    assert WARN in levels(checkup.settings(configured(tmp_path)))


def test_a_key_is_told_by_its_name(tmp_path: Path) -> None:
    findings = list(checkup.credentials(configured(tmp_path, *at(1))))
    assert findings == [Finding(OK, "openai: its key is in OPENAI_API_KEY")]
    local = configured(tmp_path, "BIG_MODEL=ollama/a")
    assert [finding.what for finding in checkup.credentials(local)] == [
        "anthropic: the client's own key or login is used",
        "ollama: no key is set in OLLAMA_API_KEY, and none is needed",
    ]


def test_a_key_that_is_missing_is_told(tmp_path: Path) -> None:
    here = configured(tmp_path, *at(1))
    lacking = here.backends["openai"]
    object.__setattr__(lacking.credential, "key", None)  # a tier without its key does not get past the settings
    assert levels(checkup.credentials(here)) == [FAIL]


def test_litellm_is_there_and_finds_its_keys_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    through = configured(tmp_path, "BIG_MODEL=watsonx/llama", "SMALL_MODEL=litellm/watsonx/llama")
    assert levels([*checkup.credentials(through), *checkup.reach(through)]) == [OK, OK]
    monkeypatch.setattr(litellm_library, "installed", lambda: "1.82.8")
    [finding] = checkup.reach(through)
    assert finding.level is FAIL
    assert "stole credentials" in finding.what
    assert "change every key" in finding.remedy


def test_without_backends_there_is_nothing_to_reach(tmp_path: Path) -> None:
    assert levels(checkup.reach(machine(tmp_path, settings=ConfigError("odd")))) == [OK]


def test_a_backend_that_listens_is_reached(tmp_path: Path, open_port: int) -> None:
    [finding] = checkup.reach(configured(tmp_path, *at(open_port)))
    assert finding == Finding(OK, f"openai at 127.0.0.1:{open_port}: 127.0.0.1:{open_port} accepts connections")


def test_a_backend_that_does_not_listen_is_told(tmp_path: Path) -> None:
    [finding] = checkup.reach(configured(tmp_path, *at(1)))
    assert (finding.level, finding.remedy) == (FAIL, "start it, or correct its address")
    assert finding.what == "openai at 127.0.0.1:1 cannot be reached: Connection refused"


@pytest.mark.parametrize(
    ("error", "what", "remedy"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known", "see that the name is right"),
        (TimeoutError("timed out"), "no answer in time", "see that this machine reaches it"),
        (OSError("no route"), "no route", "see that this machine reaches it"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_each_way_not_to_be_reached_has_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, what: str, remedy: str, scheme: str
) -> None:
    def refuse(_address: object, timeout: float) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", refuse)
    [finding] = checkup.reach(configured(tmp_path, *at(1, scheme)))
    assert finding.what.endswith(f"cannot be reached: {what}")
    assert finding.remedy.startswith(remedy)


def test_a_backend_that_is_a_door_of_ours_is_a_circle(tmp_path: Path) -> None:
    [finding] = checkup.reach(configured(tmp_path, *at(8082), doors={"reverse": 8082}))
    assert finding.level is FAIL
    assert "in circles" in finding.what


def elsewhere(folder: Path, *lines: str, known: dict[str, str]) -> Machine:
    return configured(folder, *at(1)[:3], "OPENAI_BASE_URL=https://backend.invalid/v1", *lines, known=known)


def test_through_a_proxy_only_the_proxy_is_tried(tmp_path: Path, open_port: int) -> None:
    known = {"HTTPS_PROXY": f"http://me:secret@127.0.0.1:{open_port}"}
    [finding] = checkup.reach(elsewhere(tmp_path, known=known))
    assert finding == Finding(
        OK,
        f"openai at backend.invalid:443, through http://127.0.0.1:{open_port}: "
        f"127.0.0.1:{open_port} accepts connections",
    )


def test_what_is_exempt_is_tried_itself(tmp_path: Path, open_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def note(address: object, timeout: float) -> socket.socket:
        tried.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", note)
    known = {"HTTPS_PROXY": f"http://127.0.0.1:{open_port}", "NO_PROXY": "backend.invalid"}
    assert levels(checkup.reach(elsewhere(tmp_path, known=known))) == [FAIL]
    known = {"HTTPS_PROXY": "socks5://odd:1"}  # told elsewhere
    assert levels(checkup.reach(elsewhere(tmp_path, known=known))) == [FAIL]
    assert tried == [("backend.invalid", 443), ("backend.invalid", 443)]


def test_a_backend_with_a_proxy_of_its_own_is_tried_through_that(tmp_path: Path, open_port: int) -> None:
    (tmp_path / "detour.yaml").write_text(
        f"big: far/a\nsmall: far/b\nbackends: {{far: {{like: vllm, address: 'http://far.invalid/v1', "
        f"proxy: 'http://127.0.0.1:{open_port}'}}}}\n"
    )
    [finding] = checkup.reach(configured(tmp_path))
    assert finding.level is OK
    assert f"far at far.invalid:80, through its proxy 127.0.0.1:{open_port}" in finding.what


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shaking(tmp_path: Path) -> Iterator[int]:
    """A server whose certificate is of an authority of its own."""
    store = CertStore.from_store(tmp_path, "own", 2048)
    entry = store.get_cert("127.0.0.1", [x509.IPAddress(ip_address("127.0.0.1"))])
    key = entry.privatekey.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "host.pem").write_bytes(key + entry.cert.to_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "host.pem")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as inside:
                        assert inside.recv(1) == b"", "something was sent"

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_a_certificate_of_an_unknown_authority_is_told(tmp_path: Path, shaking: int) -> None:
    [finding] = checkup.reach(configured(tmp_path, *at(shaking, "https")))
    assert finding.level is FAIL
    assert "its certificate is not trusted" in finding.what
    assert "SSL_CERT_FILE" in finding.remedy


def test_an_authority_that_the_user_named_is_believed(tmp_path: Path, shaking: int) -> None:
    known = {"NODE_EXTRA_CA_CERTS": str(tmp_path / "own-ca-cert.pem")}
    [finding] = checkup.reach(configured(tmp_path, *at(shaking, "https"), known=known))
    assert finding.level is OK
    assert finding.what.endswith("it accepts connections, and its certificate is good")
    assert not (tmp_path / "home").exists(), "a check writes nothing"
