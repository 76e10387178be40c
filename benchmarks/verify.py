"""Checks that both sides give the right answers, before anything is measured."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence

import orjson

from benchmarks.client import connect, wire
from benchmarks.contenders import Running
from benchmarks.scenarios import Call, Scenario

START = 30
"""Seconds within which a contender must be ready."""


class WrongAnswer(Exception):
    """A contender does not do what it is measured for."""


def wait_until_listening(contender: Running) -> None:
    """Wait until the contender accepts connections. Raises WrongAnswer after START seconds."""

    async def problem() -> str:
        try:
            (await connect(contender.port)).close()
        except OSError as error:
            return str(error)
        return ""

    wait_until(contender, problem)


def wait_until_answering(contender: Running, call: Call, token: str) -> None:
    """Wait until the call is answered as expected. Raises WrongAnswer after START seconds."""

    async def problem() -> str:
        status, body = await ask(contender.port, call, token)
        return "" if status == call.status else f"{call.path}: {status}, {body[:500]!r}"

    wait_until(contender, problem)


def wait_until(contender: Running, problem: Callable[[], Coroutine[None, None, str]]) -> None:
    """Retry until there is no problem."""
    deadline = time.monotonic() + START
    while text := asyncio.run(problem()):
        contender.child.check()
        if time.monotonic() > deadline:
            raise WrongAnswer(f"{contender.name}: {text}\n{contender.child.last_lines()}")
        time.sleep(0.05)


def verify(scenario: Scenario, contenders: Sequence[Running], token: str) -> None:
    """Raises WrongAnswer unless all contenders answer all calls with the same JSON.

    Members that are null count as absent: Envoy prints no message that is not set. Only this
    gateway has views: of the other answers, what they would show is compared.
    """
    for call in scenario.calls:
        answers = {each.name: asyncio.run(ask(each.port, call, token)) for each in contenders}
        for name, (status, body) in answers.items():
            if status != call.status:
                raise WrongAnswer(
                    f"{name}: {call.path}: {status}, not {call.status}: {body[:500]!r}"
                )
        if call.status == 200:
            parsed = {
                name: without_nulls(orjson.loads(body)) for name, (_, body) in answers.items()
            }
            if call.view is not None:
                parsed = {
                    name: answer if name == "gateway" else call.view(answer)
                    for name, answer in parsed.items()
                }
            first, *others = parsed
            for other in others:
                if parsed[first] != parsed[other]:
                    raise WrongAnswer(
                        f"{call.path}: {first} and {other} differ:\n"
                        f"{str(parsed[first])[:1000]}\n{str(parsed[other])[:1000]}"
                    )


async def ask(port: int, call: Call, token: str) -> tuple[int, bytes]:
    """The status and the body of one answer."""
    connection = await connect(port)
    try:
        status = await connection.ask(wire(call, token), keep=True)
        return status, bytes(connection.body)
    finally:
        connection.close()


def without_nulls(value: object) -> object:
    """The same JSON, without members that are null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
