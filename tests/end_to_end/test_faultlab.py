"""Every row of the table of faults is as it must be; `scripts/faultlab` shows the same to people."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.faultlab.faults import FAULTS
from tests.faultlab.judge import Shown, complaints
from tests.faultlab.lab import laboratory
from tests.faultlab.script import TEMPOS, Fault, Tempo

NIGHTLY = os.environ.get("DETOUR_TEST_PROFILE") == "nightly"

type Results = Mapping[tuple[Tempo, str], Shown]


async def played(folder: Path, faults: Sequence[Fault], tempos: Sequence[Tempo]) -> Results:
    shown: dict[tuple[Tempo, str], Shown] = {}
    async with laboratory(folder) as lab:
        for tempo in tempos:
            shown |= {(tempo, fault.name): each async for fault, each in lab.play(faults, tempo)}
    return shown


@pytest.fixture(scope="session")
def results(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """What the rows showed whose tests were chosen: most of a row is waiting, so they are played side by side."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function)]
    chosen = [item.callspec.params for item in items if item.originalname == ROW_TEST]
    faults = [fault for fault in FAULTS if any(each["fault"] is fault for each in chosen)]
    tempos = [tempo for tempo in TEMPOS if any(each["tempo"] is tempo for each in chosen)]
    return asyncio.run(played(tmp_path_factory.mktemp("faultlab"), faults, tempos))


@pytest.mark.xdist_group("faultlab")  # one worker plays all
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
@pytest.mark.parametrize("tempo", TEMPOS if NIGHTLY else TEMPOS[:1])
def test_a_fault_ends_as_it_must(results: Results, tempo: Tempo, fault: Fault) -> None:
    found = complaints(fault, results[tempo, fault.name])
    assert not found, "\n".join(found)


ROW_TEST = test_a_fault_ends_as_it_must.__name__


def test_the_names_of_rows_are_different() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
