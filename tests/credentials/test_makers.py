"""Which mint makes what, what is said where it is not installed, and that an unused one costs nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from addon.credentials import makers
from addon.credentials.made import Unmade
from addon.credentials.makers import EXTRAS, Extra, install, is_installed, lack, make, wanted
from addon.credentials.network import Network
from addon.routing.backend import CLOUD_PLATFORM, Mint, Minting
from addon.settings import document
from addon.settings.assembly import configure

GOOGLE = Minting(Mint.GOOGLE, CLOUD_PLATFORM)
ROOT = Path(__file__).parents[2]


@pytest.fixture(name="bare")
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extras."""
    monkeypatch.setattr(makers, "is_installed", lambda extra: False)


@pytest.mark.parametrize("mint", EXTRAS)
def test_what_the_tests_need_is_installed(mint: Mint) -> None:
    assert is_installed(EXTRAS[mint])
    assert lack(Minting(mint, "x")) is None


def test_what_is_not_there_is_not_installed() -> None:
    assert not is_installed(Extra("no_such_package.auth", "p", "p"))
    assert not is_installed(Extra("no_such_package", "p", "p"))


def test_what_is_missing_is_told_with_the_command_that_installs_it(bare: None) -> None:
    python = sys.executable
    assert (
        lack(GOOGLE) == f"google-auth is not installed: run `{python} -m pip install 'google-auth[requests]>=2.40,<3'`"
    )
    told = lack(Minting(Mint.AWS, "bedrock"))
    assert told == f"botocore is not installed: run `{python} -m pip install 'botocore>=1.40,<2'`"
    assert lack(Minting(Mint.COMMAND, command="no-such-program")) is None
    with pytest.raises(Unmade) as caught:  # of a target that nobody had chosen at the start
        make(Minting(Mint.AWS, "bedrock"), Network())
    assert caught.value.message == told


def test_the_command_is_that_of_the_installation(tmp_path: Path) -> None:
    extra = EXTRAS[Mint.GOOGLE]
    assert install(extra, str(tmp_path), "/venv/python") == f"/venv/python -m pip install '{extra.package}'"
    (tmp_path / "uv-receipt.toml").touch()
    assert install(extra, str(tmp_path)) == "uv tool install 'claude-detour[vertex]'"
    (tmp_path / "uv-receipt.toml").unlink()
    (tmp_path / "pipx_metadata.json").touch()
    assert install(extra, str(tmp_path)) == f"pipx inject claude-detour '{extra.package}'"


def test_a_program_that_prints_the_same_stands_in_for_what_is_not_installed(bare: None) -> None:
    minting = Minting(Mint.GOOGLE, CLOUD_PLATFORM, command="echo a-token")
    assert lack(minting) is None
    made = make(minting, Network())
    assert (made.secrets, made.kind) == (("a-token",), "a command")
    assert lack(Minting(Mint.GOOGLE, CLOUD_PLATFORM, command="no-such-program x")) is not None


def test_only_what_chosen_targets_need_is_wanted() -> None:
    written = document.Document.model_validate(
        {
            "big": ["b/x", "a/y"],
            "small": "b/z",
            "routes": [{"to": "c/x", "when": {"agent": "*"}}],
            "backends": {
                **{name: {"address": "http://box", "credential": {"command": f"print {name}"}} for name in "abcd"},
                "k": {"address": "http://box", "credential": "key"},
            },
        }
    )
    settings = configure(written, {}, lambda path: "detour.yaml").settings()
    assert {name: minting.command for name, minting in wanted(settings)} == {
        "a": "print a",
        "b": "print b",
        "c": "print c",
    }


def test_a_search_endpoint_whose_key_is_made_is_wanted_too() -> None:
    written = document.Document.model_validate(
        {"big": "ollama/x", "search": "brave", "backends": {"brave": {"credential": {"command": "print brave"}}}}
    )
    settings = configure(written, {}, lambda path: "detour.yaml").settings()
    assert [name for name, _ in wanted(settings)] == ["brave"]


UNUSED = """
import sys
import addon.proxy.hooks
from addon.settings.assembly import parse
from addon.credentials.makers import lack, wanted
settings = parse({"BIG_MODEL": "vertex/gemini", "VERTEX_PROJECT_ID": "p"})
found = list(wanted(settings))
assert [lack(minting) for _, minting in found] == [None], found
loaded = {name.split(".")[0] for name in sys.modules} & {"google", "botocore", "boto3", "requests", "urllib3"}
loaded |= {name for name in sys.modules if name.startswith("addon.credentials.") and name.rpartition(".")[2] in LATE}
assert not {name for name in loaded if name != "google"}, loaded
assert "google.auth" not in sys.modules or not hasattr(sys.modules["google.auth"], "default")
"""


def test_a_mint_that_nobody_asks_imports_nothing() -> None:
    program = f"LATE = {('google', 'aws', 'commands')!r}\n{UNUSED}"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
