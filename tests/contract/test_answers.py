"""What Cuebots answer to the questions, beside what a real one did.

The answers in `answers.json` are those of OpenCue's Cuebot 1.30 (sources of 12 August 2026) with
PostgreSQL 15. `record.py` writes them.
"""

import os
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.asking import Facts, Question
from tests.contract.questions import QUESTIONS
from tests.contract.record import answers_of, recorded
from tests.support.farms import running_farm

pytestmark = pytest.mark.anyio

LIVE = "CUEBOT_ENDPOINT"
RECORDED = recorded()


@pytest.fixture(scope="module")
async def simulated() -> AsyncIterator[dict[str, Facts]]:
    """All answers of the demo's Cuebot."""
    async with running_farm() as cuebot:
        yield await answers_of(cuebot.endpoint, RECORDED)


def test_every_question_has_one_answer() -> None:
    """The names of the questions are those of the answers, in the same order."""
    assert [question.name for question in QUESTIONS] == list(RECORDED)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
async def test_the_simulated_cuebot_answers_as_the_real_one(
    simulated: dict[str, Facts], question: Question
) -> None:
    """Status, message, shape, and the values that were noted."""
    assert simulated[question.name] == RECORDED[question.name]


@pytest.mark.skipif(LIVE not in os.environ, reason=f"{LIVE} names no Cuebot")
async def test_a_live_cuebot_answers_as_the_recorded_one() -> None:
    """Each difference is printed. It makes shows, jobs and the like, which stay."""
    live = await answers_of(os.environ[LIVE], RECORDED)
    different = [name for name in RECORDED if live[name] != RECORDED[name]]
    for name in different:
        print(told(name, RECORDED[name], live[name]))
    assert different == []


def told(name: str, expected: Any, found: Any) -> str:
    return f"{name}\n  recorded: {expected}\n  now:      {found}"
