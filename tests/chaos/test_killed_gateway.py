"""A gateway that is killed at any point makes no change twice."""

from pathlib import Path

import pytest

from tests.chaos.killed_gateway import place
from tests.support.stores import NEEDS_STORE

pytestmark = [pytest.mark.slow, pytest.mark.anyio, NEEDS_STORE]

KILLS = 2  # each of them once


async def test_no_key_leads_to_two_calls(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        outcome = await here.endure(KILLS)
    assert outcome.twice == ()
    assert outcome.lost == ()
    assert outcome.wrong == ()
    assert outcome.answered > KILLS
    assert outcome.answered + outcome.unknown == outcome.keys
