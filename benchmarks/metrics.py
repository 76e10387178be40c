"""What counting a request costs: `python -m benchmarks.metrics`.

CPU time per finished request of the interceptor behind `/metrics` (METRICS=off has none), and the
time that a whole answer of `/metrics` takes to make.
"""

import time

from benchmarks.requests import finished_request
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor, Interceptors
from gateway.http.refusals import Refusals
from gateway.observe.metrics import RequestCounters
from gateway.observe.metrics_page import Metrics, exposition

REQUESTS = 100_000
METHODS = 300
"""As many as OpenCue has, roughly."""


def main() -> None:
    """Print one line for each figure."""
    counters = RequestCounters(lambda path: "", Refusals())
    contexts = [finished_request(f"/job.JobInterface/Method{number}") for number in range(METHODS)]
    none = min(seconds_of(contexts, []) for _ in range(5))
    some = min(seconds_of(contexts, [counters]) for _ in range(5))
    print(f"METRICS=off  {none / REQUESTS * 1e6:6.2f} µs a request, as without metrics")
    print(f"METRICS=on   {some / REQUESTS * 1e6:6.2f} µs a request")
    print(f"counting     {(some - none) / REQUESTS * 1e6:6.2f} µs a request")
    metrics = Metrics(counters, None, dict)
    began = time.process_time()
    body, _ = exposition(metrics.all(), "")
    took = time.process_time() - began
    print(f"an answer    {took * 1e3:6.2f} ms, {len(body)} bytes, {METHODS} methods called")


def seconds_of(contexts: list[RequestContext], listed: list[Interceptor]) -> float:
    """CPU seconds of closing so many requests."""
    interceptors = Interceptors(listed)
    began = time.process_time()
    for number in range(REQUESTS):
        interceptors.end(contexts[number % METHODS])
    return time.process_time() - began


if __name__ == "__main__":
    main()
