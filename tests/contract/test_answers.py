"""What Cuebots answer to the questions, beside what a real one did.

The answers in `conversation.json` are those of OpenCue's Cuebot 1.30 (sources of 12 August 2026)
with PostgreSQL 15. `record.py` writes them.
"""

import os
from collections.abc import AsyncIterator

import pytest

from tests.contract.asking import Facts, Question
from tests.contract.record import QUESTIONS, answers_of
from tests.support.farms import running_farm

pytestmark = pytest.mark.anyio

LIVE = "CUEBOT_ENDPOINT"


@pytest.fixture(scope="module")
async def simulated() -> AsyncIterator[dict[str, Facts]]:
    async with running_farm() as cuebot:
        yield await answers_of(cuebot.endpoint)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
async def test_the_simulated_cuebot_answers_as_the_real_one(
    simulated: dict[str, Facts], question: Question
) -> None:
    assert simulated[question.name] == question.answer


def test_each_question_has_a_name_of_its_own() -> None:
    assert len({question.name for question in QUESTIONS}) == len(QUESTIONS)


@pytest.mark.skipif(LIVE not in os.environ, reason=f"{LIVE} names no Cuebot")
async def test_a_live_cuebot_answers_as_the_recorded_one() -> None:
    live = await answers_of(os.environ[LIVE])
    different = [each for each in QUESTIONS if live[each.name] != each.answer]
    for each in different:
        print(f"{each.name}\n  recorded: {each.answer}\n  now:      {live[each.name]}")
    assert different == []
