"""Every fault once, for a second: no wrong answer, no change made twice, and all is well again."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.faults import FAULTS
from tests.chaos.trial import Place, place

pytestmark = pytest.mark.slow

SECONDS = 1.0
PAUSE = 0.1
"""Of a client between two calls: some 75 calls a second, and not all that the machine can do."""


@pytest.fixture(scope="module")
async def here(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    folder: Path = tmp_path_factory.mktemp("chaos")
    async with place(folder, PAUSE) as started:
        yield started


@pytest.mark.parametrize("name", [*FAULTS, "killed", "address"])
async def test_a_fault_under_load(here: Place, name: str) -> None:
    """Every call has one answer, the right one or an error, and calls are answered afterwards."""
    outcome = await here.endure(name, SECONDS)
    assert outcome.wrong == ()
    assert outcome.twice == 0
    assert outcome.lost == 0
    assert outcome.right > 0
