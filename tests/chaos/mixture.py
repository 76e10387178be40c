"""Clients besides those of small calls: they want much, read slowly, go away, or are wrong."""

import asyncio
import csv
import itertools
import json
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any, cast
from urllib.parse import quote
from uuid import UUID

from tests.chaos.load import ERRORS, FIND_JOB, Load, ask, connection, get, request
from tests.support.patience import PATIENCE
from tests.support.servers import token
from tests.support.wire import Wire

GET_JOBS = "/job.JobInterface/GetJobs"
PAUSE = 0.5  # seconds between two calls of such a client
PIECE = 8192  # bytes that a slow reader takes at once
PADDING = (30_000, 1000, 1000, 1000)
"""Ids that no job has, in large requests: 1 MB, which another process reads, or 40 KB."""
PAGES = ("/openapi.json", "/status.json", "/metrics", "/healthz")
WAIT = 2  # seconds that somebody waits for another answer

NamesIn = Callable[[bytes], list[str]]  # the names of the jobs in an answer's body
FORMATS: dict[str, NamesIn] = {
    "json": lambda body: [job["name"] for job in json.loads(body)["jobs"]["jobs"]],
    "ndjson": lambda body: [json.loads(line)["name"] for line in body.splitlines()],
    "csv": lambda body: [name for (name,) in csv.reader(body.decode().splitlines()[1:])],
}

BAD = {
    400: (
        *(request(GET_JOBS, body) for body in (b'{"r": ', b'{"r": {"ids": 7}}')),
        *(request(GET_JOBS, b"{}", line) for line in ("Host: two", "A : b")),
        b"\x16\x03\x01 not HTTP\r\n\r\n",
    ),
    401: (f"POST {GET_JOBS} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n".encode(),),
    404: (request("/job.JobInterface/GetJobz", b"{}"), request("/nothing", b"{}")),
    413: (request(GET_JOBS, b'{"r": "' + b"x" * (5 * 2**20) + b'"}'),),
    415: (request(GET_JOBS, b"{}", "Content-Encoding: br"),),
    431: (request(GET_JOBS, b"{}", *["A: b"] * 120),),
}
"""Bad requests by the status that they have to get."""


async def lists(running: Load, random: Random, *, slowly: bool = False) -> None:
    """Ask for all jobs again and again, each time on a connection of its own."""

    def right(found: Any) -> bool:
        jobs = {job["id"]: job["name"] for job in found["jobs"]["jobs"]}
        return running.jobs.items() <= jobs.items()

    while True:
        async with connection(running.port) as wire:
            with running.call(GET_JOBS, right) as call:
                coding = random.choice(("identity", "gzip;q=0"))
                await wire.send(request(GET_JOBS, b"{}", f"Accept-Encoding: {coding}"))
                if slowly:
                    wire = Wire(cast(asyncio.StreamReader, SlowReader(wire.reader)), wire.writer)
                call.answer = await wire.answer()
        await asyncio.sleep(random.random() * PAUSE)


class SlowReader:
    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.readline = reader.readline

    async def readexactly(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            found += await self._reader.readexactly(min(PIECE, size - len(found)))
            await asyncio.sleep(0.01)
        return found


async def large_requests(running: Load, random: Random) -> None:
    """Ask for a few jobs and for very many that there are not, on one connection."""
    async with connection(running.port) as wire:
        for padding in itertools.cycle(PADDING):
            wanted = set(random.sample(list(running.jobs), 5))
            others = (str(UUID(int=random.getrandbits(128))) for _ in range(padding))
            ids = [*wanted, *others]

            def right(found: Any, wanted: set[str] = wanted) -> bool:
                return {job["id"] for job in found["jobs"]["jobs"]} == wanted

            with running.call("jobs by id", right) as call:
                call.answer = await ask(wire, GET_JOBS, json.dumps({"r": {"ids": ids}}).encode())
            await asyncio.sleep(random.random() * PAUSE)


async def gone_clients(running: Load, random: Random) -> None:
    """Go away: within a request, before the answer, or within it."""
    whole = request(GET_JOBS, b"{}")
    while True:
        async with connection(running.port) as wire:
            with running.call("gone", lambda found: True), suppress(ConnectionError):
                sent = random.choice((len(whole), random.randrange(len(whole))))
                await wire.send(whole[:sent])
                if sent == len(whole) and random.random() < 0.5:
                    async with asyncio.timeout(PATIENCE):
                        await wire.reader.read(PIECE)
        await asyncio.sleep(random.random() * PAUSE / 2)


async def bad_requests(running: Load, random: Random) -> None:
    """Send what is wrong, which gets the status for it, whatever goes on with Cuebot."""
    while True:
        status = random.choice(list(BAD))
        async with connection(running.port) as wire:
            with running.call("bad", lambda found: True):
                with suppress(ConnectionError):  # the answer may come before all is sent
                    await wire.send(random.choice(BAD[status]))
                try:
                    answer = await wire.answer()
                except ConnectionError:  # the rest of a body that is too large was still coming
                    continue
                if answer.status != status:
                    what = f"{answer.status} instead of {status}: {answer.body[:200]!r}"
                    running.tally.wrong.append(what)
        await asyncio.sleep(random.random() * PAUSE / 2)


async def views(running: Load, random: Random) -> None:
    while True:
        async with connection(running.port) as wire:
            for _ in range(5):
                name = random.choice(list(running.jobs.values()))
                conditions = (f"name={name}", f"name~'^{name}$'", "name=nobody", "")
                await view(running, random, wire, random.choice(conditions), name)
                await asyncio.sleep(random.random() * PAUSE)


async def view(running: Load, random: Random, wire: Wire, condition: str, name: str) -> None:
    """The names of jobs that fit: this one, nobody's or, without a condition, all there are."""
    form, names_in = random.choice(list(FORMATS.items()))
    where = f"&_where={quote(condition)}" if condition else ""
    with running.call("view", lambda found: True):
        target = f"{GET_JOBS}?_fields=name&_format={form}{where}"
        lines = random.choice(((), ("Accept-Encoding: identity",)))
        await wire.send(get(target, *lines, bearer=new_token(random)))
        answer = await wire.answer()
        if answer.status in ERRORS:
            return
        found = set(names_in(answer.body)) if answer.status == 200 else None
        expected = {name} if name in condition else set()
        if found is None or (not condition and not found >= set(running.jobs.values())):
            running.tally.wrong.append(f"view: {answer.status} {answer.body[:200]!r}")
        elif condition and found != expected:
            running.tally.wrong.append(f"{condition}: {answer.body[:200]!r}")


async def new_tokens(running: Load, random: Random) -> None:
    async with connection(running.port) as wire:
        while True:
            id_, name = random.choice(list(running.jobs.items()))

            def right(found: Any, id_: str = id_) -> bool:
                return bool(found["job"]["id"] == id_)

            with running.call("new token", right) as call:
                body = json.dumps({"name": name}).encode()
                await wire.send(request(FIND_JOB, body, bearer=new_token(random)))
                call.answer = await wire.answer()
            await asyncio.sleep(running.pause)


def new_token(random: Random) -> str:
    return token(f"user-{random.getrandbits(48):x}", seconds=10**6)


async def pages(running: Load, random: Random) -> None:
    async with connection(running.port) as wire:
        while True:
            with running.call("page", lambda found: True):
                page = random.choice(PAGES)
                await wire.send(get(page))
                answer = await wire.answer()
                if answer.status not in (200, *ERRORS):
                    running.tally.wrong.append(f"{page}: {answer.status} {answer.body[:200]!r}")
            await asyncio.sleep(random.random() * PAUSE)


async def watchers(running: Load, random: Random) -> None:
    target = f"{GET_JOBS}?_fields=name"
    async with connection(running.port) as wire:
        etag = ""
        while True:
            with running.call("watch", lambda found: True):
                waits = f"If-None-Match: {etag}", f"Prefer: wait={WAIT}"
                await wire.send(get(target, *(waits if etag else ())))
                answer = await wire.answer()
                if answer.status not in (200, 304, *ERRORS):
                    running.tally.wrong.append(f"watch: {answer.status} {answer.body[:200]!r}")
                etag = answer.headers.get("etag", etag)
            await asyncio.sleep(random.random() * PAUSE)


ALL = (
    *(lists, partial(lists, slowly=True), large_requests, gone_clients, bad_requests),
    *(views, new_tokens, pages, watchers),
)
