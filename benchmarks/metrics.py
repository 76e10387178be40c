"""What counting a request costs: `python -m benchmarks.metrics`.

CPU time per finished request of the reporter behind `/metrics` (METRICS=off has none), and the time
that a whole answer of `/metrics` takes to make.
"""

import time

from gateway.errors import Code
from gateway.http.exchange import Exchange, Reporter, close
from gateway.observe.exposition import exposition
from gateway.observe.metrics import Metrics
from gateway.observe.request_counters import RequestCounters

REQUESTS = 100_000
METHODS = 300
"""As many as OpenCue has, roughly."""


def main() -> None:
    """Print one line for each figure."""
    counters = RequestCounters(lambda path: "")
    exchanges = [exchange_with(f"/job.JobInterface/Method{number}") for number in range(METHODS)]
    none = min(seconds_of(exchanges, []) for _ in range(5))
    some = min(seconds_of(exchanges, [counters]) for _ in range(5))
    print(f"METRICS=off  {none / REQUESTS * 1e6:6.2f} µs a request, as without metrics")
    print(f"METRICS=on   {some / REQUESTS * 1e6:6.2f} µs a request")
    print(f"counting     {(some - none) / REQUESTS * 1e6:6.2f} µs a request")
    metrics = Metrics(counters, [], None)
    began = time.process_time()
    body, _ = exposition(metrics.all(), "")
    took = time.process_time() - began
    print(f"an answer    {took * 1e3:6.2f} ms, {len(body)} bytes, {METHODS} methods called")


def seconds_of(exchanges: list[Exchange], reporters: list[Reporter]) -> float:
    """CPU seconds of closing so many exchanges."""
    began = time.process_time()
    for number in range(REQUESTS):
        close(exchanges[number % METHODS], reporters)
    return time.process_time() - began


def exchange_with(rpc: str) -> Exchange:
    """An ordinary finished request."""
    return Exchange(
        request_id="0123456789abcdef0123456789abcdef",
        client="127.0.0.1",
        http_method="POST",
        path=rpc,
        headers={},
        started=time.monotonic(),
        with_cuebot=0.002,
        subject="benchmark",
        rpc=rpc,
        status=200,
        code=Code.OK,
        bytes_in=2,
        bytes_out=1234,
    )


if __name__ == "__main__":
    main()
