"""Clients that ask for views of 20,000 jobs again and again, at the bounds of what is allowed."""

import asyncio
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import orjson
import uvloop

from benchmarks.client import LONGEST_ANSWER, connect, wire
from benchmarks.farm import CannedFarm
from benchmarks.scenarios import MANY, Call
from benchmarks.upstream import Canned

CLIENTS = 4
WITHIN = 30.0
"""Seconds: the deadline of a view, as GRPC_TIMEOUT has it."""
LONG_TEXT = "/shots/a-long-way-that-all-of-them-have-in-common" * 4
"""Of 196 characters, before the number that tells one text from another."""
SETTINGS = {"MAX_ANSWER_MEMORY": "256MB"}
"""All clients are taken on: those that wait for memory would cost nothing."""
LATE = "late"
BROKEN_OFF = "broken off"

Answers = Counter[tuple[str, bytes]]
"""How often each came, by its status and its body. LATE and BROKEN_OFF stand for the status of
answers that ended in the middle, at the deadline of a view or earlier."""


def pattern(number: int) -> str:
    """One of eight at the bound, which look at every way to read a text."""
    return f"name~'(?:.?.?.?.?.?){{44}}!{number}'"


PATTERNS = " or ".join(map(pattern, range(8)))


@dataclass(frozen=True, slots=True)
class Mix:
    """A view, and the answer that it is of."""

    rows: str
    query: str


VIEWS = {
    "patterns": Mix("jobs", f"_where={quote(PATTERNS)}"),
    "sort": Mix("long texts", "_sort=name,-logDir,group&_fields=name"),
    "csv": Mix("jobs", "_format=csv"),
}


def answer_call(farm: CannedFarm, rows: str) -> Call:
    """GetJobs, answered with such rows."""
    name = rows.replace(" ", "-")
    criteria = farm.messages.new("job.JobSearchCriteria", shows=[name])
    return Call(
        path="/job.JobInterface/GetJobs",
        body=orjson.dumps({"r": {"shows": [name]}}),
        message=farm.message("job.JobGetJobsRequest", r=criteria),
        answer=Canned(answer(farm, rows)),
    )


def answer(farm: CannedFarm, rows: str) -> bytes:
    """The bytes of these rows."""
    if rows == "jobs":
        return farm.jobs(MANY)
    answer: Any = farm.messages.new("job.JobGetJobsResponse")
    answer.ParseFromString(farm.jobs(MANY))
    for number, job in enumerate(answer.jobs.jobs):
        end = f"{number * 7919 % MANY:06}"
        job.name = job.log_dir = job.group = LONG_TEXT + end
    return bytes(answer.SerializeToString())


def request(call: Call, mix: Mix, token: str) -> bytes:
    """The call with the view that is wanted, over HTTP."""
    return wire(replace(call, path=f"{call.path}?{mix.query}"), token)


@contextmanager
def asking(port: int, requests: list[bytes]) -> Iterator[Answers]:
    """A process whose clients send one of the requests each, in a loop; then, what came.

    In the end, what has been sent is answered.
    """
    context = multiprocessing.get_context("spawn")
    answers = Answers()
    begun, stop, told = context.Event(), context.Event(), context.Queue()
    arguments = (port, requests, begun, stop, told)
    process = context.Process(target=ask, args=arguments, daemon=True)
    process.start()
    try:
        if not begun.wait(2 * LONGEST_ANSWER):
            raise TimeoutError("the clients do not connect")
        yield answers
        stop.set()
        answers.update(told.get(timeout=2 * LONGEST_ANSWER))
    finally:
        process.terminate()
        process.join()


def ask(port: int, requests: list[bytes], begun: Any, stop: Any, told: Any) -> None:
    """Ask until told to stop; then tell what was answered. `begun` is set with the last client."""
    answers = Answers()

    async def loop(request: bytes) -> None:
        while not stop.is_set():
            connection = await connect(port)
            if request is requests[-1]:
                begun.set()
            began = time.monotonic()
            try:
                status = str(await connection.ask(request, keep=True))
                answers[status, bytes(connection.body)] += 1
            except TimeoutError:
                answers[f"no end within {LONGEST_ANSWER} s", b""] += 1
            except OSError:
                is_late = time.monotonic() - began >= WITHIN
                answers[LATE if is_late else BROKEN_OFF, b""] += 1
                await asyncio.sleep(0.1)
            finally:
                connection.close()

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(loop(request))

    uvloop.run(all_of_them())
    told.put(dict(answers))


def statuses(answers: Mapping[tuple[str, bytes], int]) -> dict[str, int]:
    """How often each status came."""
    found: Counter[str] = Counter()
    for (status, _), count in answers.items():
        found[status] += count
    return dict(found)
