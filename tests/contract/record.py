"""Write down what a Cuebot answers: `python -m tests.contract.record 127.0.0.1:8443`.

It should be a Cuebot of OpenCue with a new database and two hosts that are up, one with NIMBY.
`conversation.json` has each question with its answer, `specs.py` the job specs that it names.
"""

import asyncio
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import grpc.aio

from cuebot_simulator.world.messages import read_messages
from tests.contract.asking import Facts, Interview, Question
from tests.contract.specs import SPECS

CONVERSATION = Path(__file__).with_name("conversation.json")


def question_of(exchange: dict[str, Any]) -> Question:
    if exchange["method"].startswith("job.JobInterface/LaunchSpec"):
        spec = SPECS[exchange["name"].removeprefix("launch: ")]
        return Question(**exchange, request={"spec": spec})
    return Question(**exchange)


EXCHANGES: list[dict[str, Any]] = json.loads(CONVERSATION.read_text(encoding="utf-8"))
QUESTIONS = tuple(map(question_of, EXCHANGES))


async def answers_of(endpoint: str, *, anew: bool = False) -> dict[str, Facts]:
    """What counts of all answers, by the question's name."""
    async with grpc.aio.insecure_channel(endpoint) as channel:
        interview = Interview(channel, read_messages(), run=f"r{uuid.uuid4().hex[:5]}")
        return {each.name: await interview.ask(each, anew=anew) for each in QUESTIONS}


def write(answers: dict[str, Facts]) -> None:
    """Two lines for each question: what is asked, and the answer."""
    lines = []
    for exchange in EXCHANGES:
        asked = {name: value for name, value in exchange.items() if name != "answer"}
        answer = json.dumps(answers[exchange["name"]])
        lines.append(f'{json.dumps(asked)[:-1]},\n "answer": {answer}}}')
    CONVERSATION.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    write(asyncio.run(answers_of(sys.argv[1], anew=True)))
