"""The gateway under mixed load for a while: it ends as it was when it was warm."""

from pathlib import Path

import pytest

from tests.chaos.soak import soak

pytestmark = pytest.mark.slow


async def test_a_short_soak(tmp_path: Path) -> None:
    """Some faults, all kinds of clients: no wrong answer, and nothing of it is left at rest."""
    report = await soak(tmp_path, seconds=15, every=3.5)
    assert report.problems == []
