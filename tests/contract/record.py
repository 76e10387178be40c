"""Write down what a Cuebot answers: `python -m tests.contract.record 127.0.0.1:8443`.

It should be a Cuebot of OpenCue with a new database and two hosts that are up, one with NIMBY.
"""

import asyncio
import json
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path

import grpc.aio

from cuebot_simulator.world.messages import read_messages
from tests.contract.asking import Facts, Interview
from tests.contract.questions import QUESTIONS

RECORDED = Path(__file__).with_name("answers.json")
AT_REST = 3.0
"""Seconds after which what comes later has come."""


def new_run() -> str:
    """A text that no name on a farm has in it yet."""
    return f"r{uuid.uuid4().hex[:5]}"


def recorded() -> dict[str, Facts]:
    """What was written down."""
    answers: dict[str, Facts] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return answers


async def answers_of(
    endpoint: str, expected: Mapping[str, Facts] | None = None
) -> dict[str, Facts]:
    """What counts of all answers, by the question's name.

    With what is expected, it waits for that where an answer comes later, and else for a while.
    """
    answers = {}
    async with grpc.aio.insecure_channel(endpoint) as channel:
        interview = Interview(channel, read_messages(), new_run())
        for question in QUESTIONS:
            if question.later and expected is None:
                await asyncio.sleep(AT_REST)
            wanted = expected.get(question.name) if expected else None
            answers[question.name] = await interview.ask(question, wanted)
    return answers


def write(answers: Mapping[str, Facts]) -> None:
    """One answer a line, in the order of the questions."""
    lines = (f" {json.dumps(name)}: {json.dumps(facts)}" for name, facts in answers.items())
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    write(asyncio.run(answers_of(sys.argv[1])))
