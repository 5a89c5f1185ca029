import dataclasses
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from addon.cli import wiring
from addon.cli.client_settings import SettingsFile
from addon.cli.surroundings import Surroundings
from addon.protocol.errors import ConfigError
from addon.settings import instance_file
from addon.settings.instance_file import Door, Instance


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with Detour's CA and the user's own authority."""
    (tmp_path / "mitmproxy-ca-cert.pem").write_text("OURS\n")
    (tmp_path / "theirs.pem").write_text("THEIRS\n")
    return tmp_path


def instance(confdir: Path, **doors: str) -> Instance:
    known: dict[Door, str] = {"proxy": "http://127.0.0.1:1", "reverse": "http://127.0.0.1:2"}
    return Instance(7, "", {door: doors.get(door, url) for door, url in known.items()}, str(confdir), "")


@pytest.fixture
def door() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_the_home_is_the_one_that_a_detour_here_would_use(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("DETOUR_HOME=/from/the/file\n")
    assert wiring.home_folder(tmp_path, {}) == Path("/from/the/file")
    assert wiring.home_folder(tmp_path, {"DETOUR_HOME": "/from/around"}) == Path("/from/around")
    usual = wiring.home_folder(tmp_path / "elsewhere", {})
    assert wiring.home_folder(tmp_path, {"DETOUR_HOME": ""}) == usual
    assert usual.name == "claude-detour"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("", False),
        ("BIG_MODEL=ollama/a\nSMALL_MODEL=ollama/b", True),
        ("BIG_MODEL=ollama/a", False),
        ("BIG_MODEL=anthropic\nSMALL_MODEL=ollama/b", False),
    ],
)
def test_nobody_needs_an_account_where_all_is_answered_elsewhere(tmp_path: Path, lines: str, expected: bool) -> None:
    (tmp_path / ".env").write_text(lines)
    assert wiring.answers_all(tmp_path) is expected


def test_a_detour_is_found_by_the_door_that_is_wanted(tmp_path: Path, door: str) -> None:
    found = Instance(os.getpid(), "", {"proxy": door}, "", "")
    instance_file.write(tmp_path, found)
    assert wiring.find_instance(tmp_path, "proxy") == found
    assert wiring.find_instance(tmp_path, "reverse") is None


def test_the_usual_detour_is_the_one_that_is_started_with_no_flag(tmp_path: Path) -> None:
    usual = wiring.usual_instance(tmp_path)
    assert usual.doors == {"proxy": "http://127.0.0.1:8080", "reverse": "http://127.0.0.1:8082"}
    assert usual.confdir.endswith("/.mitmproxy")
    assert usual.compaction == {}


def test_the_usual_detour_has_the_models_of_this_folder(tmp_path: Path) -> None:
    (tmp_path / "detour.yaml").write_text("big: ollama/a\nmodels: {ollama/a: {window: 131072}}\n")
    assert wiring.usual_instance(tmp_path).compaction == {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "131072"}
    (tmp_path / "detour.yaml").write_text("big: [")
    assert wiring.usual_instance(tmp_path).compaction == {}


SMALL = {"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "54"}
LATE = ("CLAUDE_CODE_AUTO_COMPACT_WINDOW of yours stays: Claude Code compacts at 167,000 tokens, and should at 43,200",)
OWN: list[tuple[dict[str, str], dict[str, str], dict[str, str | None], tuple[str, ...]]] = [
    ({}, SMALL, dict(SMALL), ()),
    ({}, {}, {}, ()),
    ({"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "200000"}, SMALL, {}, LATE),
    ({"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "200000"}, {}, {}, ()),
    ({"CLAUDE_CODE_AUTO_COMPACT_WINDOW": "100000", "CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "20"}, SMALL, {}, ()),
    ({"CLAUDE_AUTOCOMPACT_PCT_OVERRIDE": "4"}, SMALL, {}, ()),
]


@pytest.mark.parametrize("door_name", ["proxy", "reverse"])
@pytest.mark.parametrize(("known", "advice", "told", "notes"), OWN)
def test_a_client_is_made_to_compact_in_time_unless_its_user_has_a_say(
    machine: Path,
    door_name: Door,
    known: dict[str, str],
    advice: dict[str, str],
    told: dict[str, str | None],
    notes: tuple[str, ...],
) -> None:
    there = dataclasses.replace(instance(machine), compaction=advice)
    wired = wiring.wire(door_name, there, machine, known)
    assert {name: value for name, value in wired.changes.items() if name in SMALL} == told
    assert wired.notes == notes


def test_each_door_is_wired_to_its_own_address(machine: Path) -> None:
    one = wiring.wire("proxy", instance(machine), machine, {})
    two = wiring.wire("reverse", instance(machine), machine, {}, token=True)
    assert one.changes["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert one.changes["NODE_EXTRA_CA_CERTS"] == str(machine / "mitmproxy-ca-cert.pem")
    assert two.changes["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:2"
    assert "ANTHROPIC_AUTH_TOKEN" in two.changes


def test_the_users_own_authority_is_kept_beside_ours(machine: Path) -> None:
    home = machine / "home"
    known = {"NODE_EXTRA_CA_CERTS": str(machine / "theirs.pem")}
    told = wiring.wire("proxy", instance(machine), home, known)
    assert told.changes["NODE_EXTRA_CA_CERTS"] == str(home / "client-ca.pem")
    assert (home / "client-ca.pem").read_text() == "OURS\nTHEIRS\n"
    again = wiring.wire("proxy", instance(machine), home, {"NODE_EXTRA_CA_CERTS": str(home / "client-ca.pem")})
    assert again.changes == told.changes
    assert (home / "client-ca.pem").read_text() == "OURS\nTHEIRS\n"
    assert [path.name for path in home.iterdir()] == ["client-ca.pem"]


@pytest.mark.parametrize("theirs", ["", "absent.pem", "mitmproxy-ca-cert.pem"])
def test_without_another_authority_ours_is_named_itself(machine: Path, theirs: str) -> None:
    authority = machine / "mitmproxy-ca-cert.pem"
    known = {"NODE_EXTRA_CA_CERTS": str(machine / theirs) if theirs else ""}
    assert wiring.client_authority(authority, machine, known) == authority


def test_an_authority_that_is_not_made_yet_is_named_all_the_same(machine: Path) -> None:
    known = {"NODE_EXTRA_CA_CERTS": str(machine / "theirs.pem")}
    assert wiring.client_authority(machine / "to come.pem", machine, known) == machine / "to come.pem"


def test_detour_believes_the_authorities_that_the_user_gave_the_client(machine: Path) -> None:
    known = {"NODE_EXTRA_CA_CERTS": str(machine / "theirs.pem"), "SSL_CERT_FILE": str(machine / "absent.pem")}
    trusted = wiring.trusted_authorities(machine / "home", known)
    assert trusted == machine / "home" / "upstream-ca.pem"
    text = trusted.read_text()
    assert text.endswith("\nTHEIRS\n")
    assert text.count("BEGIN CERTIFICATE") > 100, "and those of the world"
    assert wiring.trusted_authorities(machine, {}) is None


CORPORATE = "http://me:secret@proxy:3128"
UPSTREAMS: list[tuple[dict[str, str], str | None, str, str]] = [
    ({}, None, "", ""),
    ({"HTTPS_PROXY": CORPORATE}, None, CORPORATE, "Detour goes out through http://proxy:3128 (HTTPS_PROXY)"),
    ({"HTTPS_PROXY": CORPORATE}, "none", "", ""),
    ({"HTTPS_PROXY": CORPORATE}, "", "", ""),
    ({"HTTPS_PROXY": CORPORATE}, "other:1", "other:1", ""),
    (
        {"HTTPS_PROXY": CORPORATE, "DETOUR_UPSTREAM": "http://a:1"},
        None,
        "http://a:1",
        "Detour goes out through http://a:1 (DETOUR_UPSTREAM)",
    ),
    (
        {"HTTPS_PROXY": "http://a:1", "https_proxy": "http://b:2"},
        None,
        "http://b:2",
        "Detour goes out through http://b:2 (https_proxy)",
    ),
    (
        {"HTTPS_PROXY": "http://localhost:8080"},
        None,
        "",
        "HTTPS_PROXY leads to a door of Detour, which does not go through itself: it goes out directly",
    ),
    (
        {"HTTPS_PROXY": "http://localhost:3128"},
        None,
        "http://localhost:3128",
        "Detour goes out through http://localhost:3128 (HTTPS_PROXY)",
    ),
]


@pytest.mark.parametrize(("known", "wished", "expected", "note"), UPSTREAMS)
def test_the_proxy_of_the_user_becomes_that_of_detour(
    known: dict[str, str], wished: str | None, expected: str, note: str
) -> None:
    assert wiring.find_upstream(known, wished, {8080, 8082}) == (expected, note)


def test_a_proxy_that_none_can_use_is_told_with_the_way_out() -> None:
    with pytest.raises(ConfigError, match=r"^HTTPS_PROXY is 'socks5://a:1': .*, or say --upstream none$"):
        wiring.find_upstream({"HTTPS_PROXY": "socks5://a:1"}, None, ())
    with pytest.raises(ConfigError, match=r"^--upstream is 'socks5://a:1'"):
        wiring.find_upstream({}, "socks5://a:1", ())


TOLD = Surroundings({"ANTHROPIC_BASE_URL": None, "HTTPS_PROXY": "http://127.0.0.1:1"})


def settings_file(**env: str) -> SettingsFile:
    return SettingsFile(Path("/settings.json"), env=env)


@pytest.mark.parametrize("env", [{}, {"OTHER": "x"}, {"HTTPS_PROXY": "http://127.0.0.1:1"}, {"ANTHROPIC_BASE_URL": ""}])
def test_a_settings_file_that_does_not_contradict_is_left_alone(env: dict[str, str]) -> None:
    assert wiring.overriding(TOLD, [settings_file(**env)], ["-p"]) == ([], [])


def test_a_settings_file_that_contradicts_is_overruled() -> None:
    files = [settings_file(ANTHROPIC_BASE_URL="http://a"), settings_file(HTTPS_PROXY="http://b", OTHER="x")]
    arguments, notes = wiring.overriding(TOLD, files, ["-p"])
    assert arguments[0] == "--settings"
    assert json.loads(arguments[1]) == {"env": {"ANTHROPIC_BASE_URL": "", "HTTPS_PROXY": "http://127.0.0.1:1"}}
    assert notes == ["ANTHROPIC_BASE_URL, HTTPS_PROXY of a settings file is overruled for this client"]


@pytest.mark.parametrize("own", ["--settings", "--settings={}"])
def test_settings_that_the_user_gives_are_not_doubled(own: str) -> None:
    arguments, notes = wiring.overriding(TOLD, [settings_file(HTTPS_PROXY="http://b")], [own])
    assert arguments == []
    assert notes == ["a settings file sets HTTPS_PROXY, which wins; with --settings of yours nothing is done to it"]


def test_a_managed_settings_file_is_told_for_nothing_overrules_it() -> None:
    managed = SettingsFile(Path("/managed.json"), managed=True, env={"HTTPS_PROXY": "http://b", "OTHER": "x"})
    _, notes = wiring.overriding(TOLD, [managed], [])
    assert notes[0] == "HTTPS_PROXY in /managed.json wins over what Detour says; ask who manages this machine"


def test_the_ports_of_all_doors_are_known() -> None:
    assert wiring.ports([instance(Path("/")), instance(Path("/"), proxy="http://[::1]:3")]) == {1, 2, 3}
