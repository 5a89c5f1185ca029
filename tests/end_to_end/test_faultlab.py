"""Every row of the table of faults is as it must be; `scripts/faultlab` shows the same to people."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.faultlab.faults import FAULTS, PENDING
from tests.faultlab.judge import Shown, complaints
from tests.faultlab.lab import laboratory
from tests.faultlab.script import Fault


async def played(folder: Path, faults: Sequence[Fault]) -> Mapping[str, Shown]:
    async with laboratory(folder) as lab:
        return {fault.name: shown async for fault, shown in lab.play(faults)}


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Shown]:
    """What the rows showed whose tests were chosen: most of a row is waiting, so they are played side by side."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    chosen = {item.callspec.id for item in items if item.originalname == ROW_TEST}
    return asyncio.run(played(tmp_path_factory.mktemp("faultlab"), [row for row in PLAYED if row.name in chosen]))


PLAYED = [fault for fault in FAULTS if fault.name not in PENDING]


@pytest.mark.xdist_group("faultlab")  # one worker plays all
@pytest.mark.parametrize("fault", PLAYED, ids=[fault.name for fault in PLAYED])
def test_a_fault_ends_as_it_must(results: Mapping[str, Shown], fault: Fault) -> None:
    found = complaints(fault, results[fault.name])
    assert not found, "\n".join(found)


ROW_TEST = test_a_fault_ends_as_it_must.__name__


def test_the_names_of_rows_are_different_and_those_that_wait_are_rows() -> None:
    names = {fault.name for fault in FAULTS}
    assert len(names) == len(FAULTS)
    assert names >= set(PENDING)
