"""What it costs to log and count a request: `python -m benchmarks.observe`.

CPU time per finished request, of its access line and of the interceptor behind `/metrics`
(METRICS=off has none), and the time that a whole answer of `/metrics` takes to make.
"""

import asyncio
import time
from pathlib import Path

from gateway.core.errors import Code
from gateway.core.logs import configure_logging
from gateway.core.pipeline.context import ReceivedBody, RequestContext, open_context, the_peer
from gateway.core.pipeline.interceptors import Interceptor, Interceptors
from gateway.features.access_log.request_logs import AccessLines
from gateway.features.metrics.metrics import RequestCounters
from gateway.features.metrics.metrics_page import AllNumbers, exposition

LINES = 20_000
AT_ONCE = 8
"""Requests that finish between two turns of the event loop, as they do under load."""
COUNTED = 100_000
METHODS = 300
"""As many as OpenCue has, roughly."""


def main() -> None:
    """Print one line for each figure."""
    with Path("/dev/null").open("w", encoding="utf-8") as stream:
        configure_logging("info", "json", stream)
        line = min(asyncio.run(write_lines(AccessLines(stream))) for _ in range(3))
    print(f"a log line   {line / LINES * 1e6:6.2f} µs")
    counters = RequestCounters(lambda path: "")
    contexts = [finished_request(f"/job.JobInterface/Method{number}") for number in range(METHODS)]
    none = min(seconds_of(contexts, []) for _ in range(5))
    some = min(seconds_of(contexts, [counters]) for _ in range(5))
    print(f"counting     {(some - none) / COUNTED * 1e6:6.2f} µs a request")
    metrics = AllNumbers(counters, None, dict)
    began = time.process_time()
    body, _ = exposition(metrics.all(), "")
    took = time.process_time() - began
    print(f"an answer    {took * 1e3:6.2f} ms, {len(body)} bytes, {METHODS} methods called")


def finished_request(rpc: str) -> RequestContext:
    """An ordinary request that has been answered."""
    context = open_context(
        method="POST",
        path=rpc,
        headers={},
        peer="127.0.0.1",
        client_of=the_peer,
        direct=None,
    )
    context.subject = "benchmark"
    context.body = ReceivedBody(2, True)
    context.call.rpc, context.call.with_cuebot = rpc, 0.002
    response = context.response
    response.status, response.code, response.bytes_out = 200, Code.OK, 1234
    return context


async def write_lines(log: AccessLines) -> float:
    """CPU seconds of so many access lines."""
    context = finished_request("/job.JobInterface/GetJobs")
    began = time.process_time()
    for _ in range(LINES // AT_ONCE):
        for _ in range(AT_ONCE):
            log.end(context)
        await asyncio.sleep(0)
    return time.process_time() - began


def seconds_of(contexts: list[RequestContext], listed: list[Interceptor]) -> float:
    """CPU seconds of closing so many requests."""
    interceptors = Interceptors(listed)
    began = time.process_time()
    for number in range(COUNTED):
        interceptors.end(contexts[number % METHODS])
    return time.process_time() - began


if __name__ == "__main__":
    main()
