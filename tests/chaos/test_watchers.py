"""Watchers under faults: whoever reads has the latest, and knows when Cuebot is away."""

import pytest

from tests.chaos.watchers import endure

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_watchers_survive_what_happens_to_cuebot() -> None:
    assert await endure(watchers=40, questions=3, jobs=50)
