import json
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from addon.cli.surroundings import Shell, Surroundings, guess_shell, in_settings, render, through_proxy, through_reverse

URL = "http://127.0.0.1:8082"
PROXY = {
    "HTTPS_PROXY": URL,
    "https_proxy": URL,
    "NODE_EXTRA_CA_CERTS": "/ca.pem",
    "ANTHROPIC_BASE_URL": None,
    "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
}
REVERSE = {
    "ANTHROPIC_BASE_URL": URL,
    "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
    "no_proxy": "127.0.0.1,localhost,::1",
    "NO_PROXY": "127.0.0.1,localhost,::1",
    "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1",
}


def test_door_one_is_named_as_the_proxy_in_either_case() -> None:
    assert through_proxy(URL, "/ca.pem", {}) == Surroundings(PROXY)


def test_through_door_one_the_client_talks_to_anthropic_itself() -> None:
    told = through_proxy(URL, "/ca.pem", {"ANTHROPIC_BASE_URL": "http://gateway"})
    assert told.changes == PROXY
    assert told.notes == (
        "ANTHROPIC_BASE_URL is taken out: through door one the client must believe that it talks to Anthropic",
    )


EXEMPTING = [
    ({"NO_PROXY": "corp.example,localhost"}, {}),
    ({"NO_PROXY": "corp.example, .anthropic.com"}, {"NO_PROXY": "corp.example"}),
    ({"NO_PROXY": "*"}, {"NO_PROXY": ""}),
    ({"no_proxy": "api.anthropic.com:443 a", "NO_PROXY": "b"}, {"no_proxy": "a"}),
]


@pytest.mark.parametrize(("known", "expected"), EXEMPTING)
def test_door_one_is_not_passed_by_for_anthropic(known: dict[str, str], expected: dict[str, str]) -> None:
    told = through_proxy(URL, "/ca.pem", known)
    assert told.changes == {**PROXY, **expected}
    assert [note.partition(" ")[0] for note in told.notes] == list(expected)


def test_door_two_is_the_base_url_and_no_proxy_is_asked_for_it() -> None:
    assert through_reverse(URL, {"HTTPS_PROXY": "http://corp:1"}) == Surroundings(REVERSE)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"NO_PROXY": "corp.example localhost"}, "corp.example,localhost,127.0.0.1,::1"),
        ({"no_proxy": "a", "NO_PROXY": "b"}, "a,127.0.0.1,localhost,::1"),
        ({"no_proxy": "", "NO_PROXY": "b"}, "b,127.0.0.1,localhost,::1"),
        ({"NO_PROXY": "*"}, "*"),
        ({"NO_PROXY": "127.0.0.0/8,localhost"}, "127.0.0.0/8,localhost,::1"),
    ],
)
def test_what_is_exempt_stays_exempt(known: dict[str, str], expected: str) -> None:
    changes = through_reverse(URL, known).changes
    assert (changes["NO_PROXY"], changes["no_proxy"]) == (expected, expected)


def test_a_client_without_a_key_is_given_one_that_opens_nothing() -> None:
    changes = through_reverse(URL, {}, token=True).changes
    assert changes == {**REVERSE, "ANTHROPIC_AUTH_TOKEN": "detour-needs-no-key"}


def test_nothing_leads_past_either_door() -> None:
    known = {"CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_USE_VERTEX": ""}
    for told in (through_reverse(URL, known), through_proxy(URL, "/ca.pem", known)):
        assert told.changes["CLAUDE_CODE_USE_BEDROCK"] is None
        assert "CLAUDE_CODE_USE_VERTEX" not in told.changes
        assert told.notes == ("CLAUDE_CODE_USE_BEDROCK is taken out: it leads the client past Detour",)


def test_the_environment_of_the_client_keeps_what_is_not_changed() -> None:
    told = Surroundings({"A": "new", "B": None, "C": "added"})
    assert told.environment({"A": "old", "B": "gone", "D": "kept"}) == {"A": "new", "C": "added", "D": "kept"}


CHANGES = {"A": "it's \\ $HOME", "B": None}
RENDERED = [
    (Shell.SH, "export A='it'\"'\"'s \\ $HOME'\nunset B\n"),
    (Shell.FISH, "set -gx A 'it\\'s \\\\ $HOME'\nset -e B\n"),
    (Shell.POWERSHELL, "$env:A = 'it''s \\ $HOME'\nRemove-Item Env:B -ErrorAction SilentlyContinue\n"),
    (Shell.JSON, '{\n  "A": "it\'s \\\\ $HOME",\n  "B": null\n}\n'),
    (Shell.SETTINGS, '{\n  "env": {\n    "A": "it\'s \\\\ $HOME",\n    "B": ""\n  }\n}\n'),
]


@pytest.mark.parametrize(("shell", "expected"), RENDERED)
def test_each_shell_is_written_to_in_its_own_way(shell: Shell, expected: str) -> None:
    assert render(CHANGES, shell) == expected


def test_powershell_takes_a_typographic_quote_for_a_quote() -> None:
    assert render({"A": "\u2018x\u2019"}, Shell.POWERSHELL) == "$env:A = '\u2018\u2018x\u2019\u2019'\n"


VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(VALUES)
@examples(max_examples=50)  # each starts a shell
def test_sh_reads_what_was_meant(value: str) -> None:
    script = render({"WANTED": value, "UNWANTED": None}, Shell.SH) + 'printf "%s|%s" "$WANTED" "${UNWANTED-gone}"'
    result = subprocess.run(
        ["sh", "-c", script], env={"PATH": os.defpath, "UNWANTED": "x"}, capture_output=True, check=True
    )
    assert result.stdout == f"{value}|gone".encode()


@given(VALUES)
def test_fish_and_powershell_are_quoted_by_their_rules(value: str) -> None:
    """Read back by the rules: in fish a backslash before a backslash or a quote; in PowerShell two quotes for one."""
    fish = render({"A": value}, Shell.FISH).removeprefix("set -gx A '").removesuffix("'\n")
    assert fish.replace("\\\\", "\0").replace("\\'", "\1").count("'") == 0
    assert fish.replace("\\\\", "\0").replace("\\'", "'").replace("\0", "\\") == value
    powershell = render({"A": value}, Shell.POWERSHELL).removeprefix("$env:A = '").removesuffix("'\n")
    for quote in "'\u2018\u2019\u201a\u201b":
        powershell = powershell.replace(quote * 2, "\0").replace("\0", quote)
    assert powershell == value


@given(VALUES)
def test_json_is_json(value: str) -> None:
    assert json.loads(render({"A": value, "B": None}, Shell.JSON)) == {"A": value, "B": None}
    assert json.loads(render({"A": value, "B": None}, Shell.SETTINGS)) == {"env": in_settings({"A": value, "B": None})}


@pytest.mark.parametrize(
    ("shell", "windows", "expected"),
    [
        ("/bin/bash", False, Shell.SH),
        ("/usr/bin/fish", False, Shell.FISH),
        ("/usr/bin/pwsh", False, Shell.POWERSHELL),
        ("", False, Shell.SH),
        ("", True, Shell.POWERSHELL),
        ("/usr/bin/bash", True, Shell.SH),
    ],
)
def test_the_shell_is_guessed(shell: str, windows: bool, expected: Shell) -> None:
    assert guess_shell({"SHELL": shell}, windows=windows) is expected
