"""What Cuebots answer to the questions, beside what a real one did.

The answers in `conversation.json` are those of OpenCue's Cuebot 1.30 (sources of 12 August 2026)
with PostgreSQL 15. `record.py` writes them.
"""

import os

import pytest

from tests.contract.record import QUESTIONS, answers_of
from tests.support.farms import running_farm

pytestmark = pytest.mark.anyio

LIVE = "CUEBOT_ENDPOINT"


async def differences(endpoint: str) -> str:
    """What this Cuebot answers otherwise than the recorded one did."""
    found = await answers_of(endpoint)
    assert len(found) == len(QUESTIONS), "two questions have one name"
    return "\n".join(
        f"{each.name}\n  recorded: {each.answer}\n  now:      {found[each.name]}"
        for each in QUESTIONS
        if found[each.name] != each.answer
    )


async def test_the_simulated_cuebot_answers_as_the_real_one() -> None:
    async with running_farm() as cuebot:
        assert await differences(cuebot.endpoint) == ""


@pytest.mark.skipif(LIVE not in os.environ, reason=f"{LIVE} names no Cuebot")
async def test_a_live_cuebot_answers_as_the_recorded_one() -> None:
    assert await differences(os.environ[LIVE]) == ""
