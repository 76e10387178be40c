"""Plans for large bodies, made in another process to keep the event loop free.

A thread would hold the interpreter during parsing, half a second for 16 MB of short values. XML to
be searched for names is planned there as well. The process starts with the first such body and
ends after some idle time, which releases its memory.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from subprocess import Popen
from typing import TypeVar

import structlog

from gateway.core.calls.for_caller import Caller, PlanForCaller
from gateway.core.calls.plan import Plan, Prior, steps_of
from gateway.core.calls.steps import Steps
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError, unavailable
from gateway.core.fair_quota import FairSemaphore, Weight, equal_weight
from gateway.core.offload.process import (
    LENGTH_PREFIX_BYTES,
    Done,
    Job,
    Outcome,
    Planned,
    Refusal,
    Returned,
    Work,
    packed,
    unpacked,
)
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method

PLANS_PER_PRINCIPAL = 1
"""Two if several principals have large bodies."""
MAX_WAITING_BODIES = 64
PLANNING_TIMEOUT_SECONDS = 60.0
PROCESS_IDLE_SECONDS = 30.0

COMMAND = f"""
import sys
sys.path[:] = {sys.path!r}
from gateway.core.offload.process import main
main()
"""
"""Not `-m`, which would import a package named `gateway` from the working directory."""

Result = TypeVar("Result")
log = structlog.stdlib.get_logger("gateway")


class Planner:
    def __init__(
        self, weight: Weight = equal_weight, *, idle: float = PROCESS_IDLE_SECONDS
    ) -> None:
        self._turns = FairSemaphore(PLANS_PER_PRINCIPAL, MAX_WAITING_BODIES, weight)
        self._idle_seconds = idle
        self._idle: list[PlanningProcess] = []
        self._jobs: set[asyncio.Task[Outcome]] = set()
        self._endings: set[asyncio.Task[None]] = set()

    async def plan(
        self,
        principal: str,
        catalog: Catalog,
        method: Method,
        body: bytes,
        policy: UnknownFieldPolicy,
        timeout: float,
        caller: Caller,
        *,
        media: bytes = b"",
        is_binary: bool = False,
    ) -> PlanForCaller:
        """Raises GatewayError: the plan's, and UNAVAILABLE after `timeout` seconds."""
        job = Job(None, method.path, body, policy, caller, media, is_binary)
        outcome = await self._outcome(principal, timeout, job, catalog)
        assert isinstance(outcome, Done)
        refusal = None if outcome.refusal is None else error_of(outcome.refusal)
        return PlanForCaller(plan_of(method, outcome.planned), caller, outcome.headers, refusal)

    async def run(self, principal: str, timeout: float, work: Callable[[], Result]) -> Result:
        """What `work` returns: a function, as `pickle` takes it. Raises GatewayError: its own, of
        which only the code and the message are left, and those of `plan`.
        """
        outcome = await self._outcome(principal, timeout, Work(work))
        assert isinstance(outcome, Returned)
        result: Result = outcome.value
        return result

    async def _outcome(
        self, principal: str, timeout: float, job: Job | Work, catalog: Catalog | None = None
    ) -> Done | Returned:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if not await self._turns.take(principal, 1, timeout):
            raise unavailable("too many large bodies are being decoded", "decoding")
        # A job goes on after its client has left: replacing a busy process costs more, and blocks
        # the event loop.
        task = asyncio.create_task(self._done(job, catalog))
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        task.add_done_callback(lambda _: self._turns.give_back(principal, 1))
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await asyncio.shield(task)
        except TimeoutError:
            raise unavailable("the body could not be decoded in time", "decoding") from None
        finally:
            del task  # its error would hold itself: traceback, frame, task
        if isinstance(outcome, Refusal):
            raise error_of(outcome)
        return outcome

    async def _done(self, job: Job | Work, catalog: Catalog | None) -> Outcome:
        process = self._idle.pop() if self._idle else PlanningProcess(self._rested)
        if process.has_ended:
            self._end(process)
            process = PlanningProcess(self._rested)
        try:
            async with asyncio.timeout(PLANNING_TIMEOUT_SECONDS):
                outcome = await process.do(job, catalog)
        except TimeoutError:
            self._end(process)
            problem = f"the body could not be decoded within {PLANNING_TIMEOUT_SECONDS:g} s"
            raise unavailable(problem, "decoding") from None
        except (OSError, EOFError, RuntimeError) as error:  # RuntimeError: uvloop's stream
            self._end(process)
            log.error("the process for large bodies has failed", reason=repr(error))
            problem = "the process that decodes large bodies has failed"
            raise unavailable(problem, "decoding") from None
        except BaseException:
            self._end(process)
            raise
        process.rest(self._idle_seconds)
        self._idle.append(process)
        return outcome

    def _rested(self, process: "PlanningProcess") -> None:
        self._idle.remove(process)
        self._end(process)

    def _end(self, process: "PlanningProcess") -> None:
        task = asyncio.create_task(process.end())
        self._endings.add(task)
        task.add_done_callback(self._endings.discard)

    async def close(self) -> None:
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        while self._idle:
            self._end(self._idle.pop())
        await asyncio.gather(*self._endings)


class PlanningProcess:
    """One process, one job at a time. `on_idle` is called after an idle period."""

    def __init__(self, on_idle: Callable[["PlanningProcess"], None]) -> None:
        self._on_idle = on_idle
        self._process: Popen[bytes] | None = None
        self._plans: asyncio.StreamReader
        self._jobs: asyncio.StreamWriter | None = None
        self._catalog: Catalog | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    async def do(self, job: Job | Work, catalog: Catalog | None) -> Outcome:
        """Raises OSError or EOFError if the process cannot start, or ends."""
        if self._timer is not None:
            self._timer.cancel()
        if self._jobs is None:
            self._jobs = await self._start()
        jobs, plans = self._jobs, self._plans
        if isinstance(job, Job) and catalog is not None and catalog is not self._catalog:
            job = job._replace(catalog=catalog.again)
        jobs.write(await asyncio.to_thread(packed, job))
        await jobs.drain()
        if catalog is not None:
            self._catalog = catalog
        length = int.from_bytes(await plans.readexactly(LENGTH_PREFIX_BYTES), "big")
        outcome = unpacked(await plans.readexactly(length))
        assert isinstance(outcome, Outcome)
        return outcome

    async def _start(self) -> asyncio.StreamWriter:
        """Not by uvloop, which forks: libraries' handlers run in the child before its program does,
        and grpcio's crash there while other threads make calls. `Popen` needs no handlers (vfork).
        """
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-c", COMMAND]
        with theirs:
            way = theirs.fileno()
            self._process = Popen(command, stdin=way, stdout=way)  # noqa: ASYNC220, S603 - it is us
        self._plans, jobs = await asyncio.open_unix_connection(sock=ours)
        return jobs

    def rest(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._on_idle, self)

    async def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._process is None:
            return
        self._process.kill()
        if self._jobs is not None:
            self._jobs.close()
        await asyncio.to_thread(self._process.wait)


def error_of(refusal: Refusal) -> GatewayError:
    return GatewayError(Code(refusal.code), refusal.message)


def plan_of(method: Method, found: Planned) -> Plan:
    after = Steps.of(method).after
    steps = steps_of(method) if found.look_ups else ()
    return Plan(
        method,
        found.payload,
        found.ignored,
        found.defaulted,
        found.most_rows,
        tuple(
            Prior(step := steps[number], plan_of(step.method, asked), item)
            for number, asked, item in found.look_ups
        ),
        tuple((after[number], payload) for number, payload in found.follow_ups),
        found.kept,
    )
