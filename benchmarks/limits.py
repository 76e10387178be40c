"""What counting a request costs: `python -m benchmarks.limits`.

CPU of the gateway and of the store for one request, and how long its answer takes: counted in
memory; with STATE, by the store for one or 64 clients at once; and while the store is away. The
store is a Redis or Valkey on this machine, which this starts.
"""

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvloop

from benchmarks.process import cpu_seconds_of
from gateway.core.rates import MemoryLimiter, Rate, Verdict
from gateway.core.shared_store import Link, RedisStore
from gateway.features.rate_limits.rate_limiter import Limiter
from gateway.features.rate_limits.shared_limiter import SharedLimiter
from gateway.features.settings import Settings

ROUNDS = 3
FAR = Rate(1e6, 1_000_000)
"""A limit that nobody reaches."""


def main() -> None:
    """Print a line for each way."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    print(f"{'':26}{'gateway':>10}{'store':>10}{'answer':>11}")
    with store() as (port, process):
        uvloop.run(measure(port, process))


async def measure(port: int, process: "subprocess.Popen[bytes]") -> None:
    settings = Settings.model_validate({"state": f"redis://127.0.0.1:{port}"})
    link = Link(RedisStore(settings))
    limiter = SharedLimiter(link, closed=False, processes=settings.workers)
    running = asyncio.gather(link.keep(), limiter.run())
    await link.first_look()
    await line("in memory", MemoryLimiter(), FAR, 200_000, 8, process)
    await line("by the store", limiter, FAR, 4_000, 1, process, clients=1000)
    await line("by the store, 64 at once", limiter, FAR, 40_000, 64, process, clients=1000)
    process.kill()
    process.wait()
    await line("store away", limiter, FAR, 200_000, 8, None)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


async def line(
    name: str,
    limiter: Limiter,
    rate: Rate,
    requests: int,
    at_once: int,
    process: "subprocess.Popen[bytes] | None",
    clients: int = 1,
) -> None:
    """Print the best of some rounds, with `at_once` requests between two turns of the loop."""
    names = [f"sub {name} {number}" for number in range(clients)]
    best = (float("inf"), 0.0, 0.0)
    for _ in range(ROUNDS):
        of_store = cpu_seconds_of(process.pid) if process is not None else 0.0
        began, cpu = time.perf_counter(), time.process_time()
        for first in range(0, requests, at_once):
            hits = [
                limiter.hit(names[number % clients], rate)
                for number in range(first, first + at_once)
            ]
            waiting = [each for each in hits if not isinstance(each, Verdict)]
            await (asyncio.gather(*waiting) if waiting else asyncio.sleep(0))
        cpu, took = time.process_time() - cpu, time.perf_counter() - began
        if process is not None:
            of_store = cpu_seconds_of(process.pid) - of_store
        best = min(best, (cpu / requests, of_store / requests, took / requests * at_once))
    gateway, of_store, answer = (each * 1e6 for each in best)
    print(f"{name:26}{gateway:7.1f} µs{of_store:7.1f} µs{answer / 1000:8.2f} ms")


@contextmanager
def store() -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """The port and the process of a store that keeps nothing."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        sys.exit("redis-server or valkey-server is needed (apt-get install redis-server)")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        given = f"--bind 127.0.0.1 --port {port} --appendonly no --dir {folder} --save".split()
        process = subprocess.Popen([program, *given, ""], stdout=subprocess.PIPE)  # noqa: S603
        assert process.stdout is not None
        try:
            for printed in process.stdout:
                if b"eady to accept connections" in printed:
                    break
            yield port, process
        finally:
            process.kill()
            process.wait()


if __name__ == "__main__":
    main()
