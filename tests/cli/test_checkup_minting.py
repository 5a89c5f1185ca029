"""What `detour doctor` says of credentials that are made: their kind and their end, and never what they are."""

import json
from pathlib import Path

import pytest

from addon.cli import checkup_backends
from addon.cli.checkup_minting import _network, minted
from addon.cli.finding import Finding, Level, Machine
from addon.credentials import makers
from addon.settings import settings_file
from tests.cli.machines import levels, machine
from tests.credentials.clouds import service_account, token_server, tokens

TOKEN = "ya29.token-that-nobody-may-see"
DOCUMENT = "big: b/x\nbackends: {{b: {{address: 'http://127.0.0.1:1', credential: {credential}}}}}\n"


def configured(folder: Path, credential: str, known: dict[str, str] | None = None, env: str = "") -> Machine:
    (folder / "detour.yaml").write_text(DOCUMENT.format(credential=credential))
    (folder / ".env").write_text(env)
    return machine(folder, known, settings=settings_file.read(folder).configuration.settings())


def test_where_none_is_made_there_is_nothing_to_check(tmp_path: Path) -> None:
    assert levels(minted(configured(tmp_path, "key-of-b"))) == [Level.OK]


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ({"expires_in": 1800}, "expires in 30 minutes"),
        ({"expires_in": 90_000}, "expires in 25 hours"),
        ({}, "does not expire"),
    ],
)
def test_what_was_made_is_told_by_its_kind_and_its_end(tmp_path: Path, told: dict[str, int], end: str) -> None:
    (tmp_path / "printed").write_text(json.dumps({"access_token": TOKEN, **told}))
    here = configured(tmp_path, f"{{command: cat {tmp_path}/printed, lifetime: none}}")
    assert list(minted(here)) == [Finding(Level.OK, f"b: made of a command, {end}")]
    assert [each.what for each in checkup_backends.credentials(here)] == [
        "anthropic: the client's own key or login is used",
        f"b: its credential is made: (cat {tmp_path}/printed)",
    ]


def test_googles_are_made_as_the_proxy_makes_them(tmp_path: Path) -> None:
    with token_server(tokens(TOKEN)) as server:
        file = service_account(tmp_path / "sa.json", f"{server.url}/token")
        found = list(minted(configured(tmp_path, "{mint: google}", env=f"GOOGLE_APPLICATION_CREDENTIALS={file}")))
    assert found == [Finding(Level.OK, "b: made of a service account's file, expires in 60 minutes")]


def test_what_cannot_be_made_is_told_with_why(tmp_path: Path) -> None:
    (finding,) = minted(configured(tmp_path, "{command: exit 3}"))
    assert finding.what == "b: (exit 3): `exit 3` ended with 3 and said: nothing"
    assert levels([finding]) == [Level.FAIL]


def test_a_fault_that_nobody_thought_of_is_told_without_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(minting: object, network: object) -> None:
        raise KeyError(TOKEN)

    monkeypatch.setattr(makers, "make", make)
    (finding,) = minted(configured(tmp_path, "{command: print it}"))
    assert finding.what == "b: (print it): KeyError"


def test_what_is_not_installed_is_told_with_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = configured(tmp_path, "{mint: aws, service: bedrock}")
    monkeypatch.setattr(makers, "is_installed", lambda extra: False)
    (finding,) = minted(here)
    assert "botocore is not installed: run `" in finding.what
    assert levels([finding]) == [Level.FAIL]


def test_it_goes_the_way_that_a_proxy_started_now_would_go(tmp_path: Path) -> None:
    (tmp_path / "mine.pem").write_text("-----MY AUTHORITY-----")
    known = {
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "sts.googleapis.com",
        "SSL_CERT_FILE": str(tmp_path / "mine.pem"),
    }
    network = _network(machine(tmp_path, known), tmp_path)
    assert network.proxy_for("https://oauth2.googleapis.com/token") == "http://proxy:3128"
    assert network.proxy_for("https://sts.googleapis.com/token") is None
    assert "-----MY AUTHORITY-----" in Path(network.authorities or "").read_text()
    wrong = _network(machine(tmp_path, {"DETOUR_UPSTREAM": "ftp://x"}), tmp_path)
    assert (wrong.proxy, wrong.authorities) == (None, None)
    own = _network(machine(tmp_path, {"HTTPS_PROXY": "http://127.0.0.1:8080"}), tmp_path)
    assert own.proxy is None
