"""Which litellm may run."""

import importlib.metadata

import pytest

from addon.settings.litellm_library import INSTALL, MISSING, installed, unfit


def test_the_installed_one_may_run() -> None:
    assert installed() == importlib.metadata.version("litellm")
    assert unfit(installed()) is None


def test_where_there_is_none_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert unfit(installed()) == (MISSING, INSTALL)


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8"])
def test_the_two_that_stole_credentials_never_run(version: str) -> None:
    found = unfit(version)
    assert found is not None
    assert version in found[0]
    assert "change every key" in found[1]


@pytest.mark.parametrize("version", ["1.82.6", "1.82.9", "1.82.70", "1.106.2"])
def test_their_neighbours_may_run(version: str) -> None:
    assert unfit(version) is None
