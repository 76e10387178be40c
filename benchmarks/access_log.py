"""What an access line costs: `python -m benchmarks.access_log`.

CPU time per finished request, of the two ways a line can take: written as JSON straight to the
stream, and through structlog and logging as all other lines are.
"""

import asyncio
import time
from pathlib import Path

from benchmarks.requests import finished_request
from gateway.observe.logs import configure_logging
from gateway.observe.request_logs import AccessLog

REQUESTS = 20_000
AT_ONCE = 8
"""Requests that finish between two turns of the event loop, as they do under load."""


def main() -> None:
    """Print one line for each way."""
    with Path("/dev/null").open("w", encoding="utf-8") as stream:
        configure_logging("info", "json", stream)
        for name, log in (("straight", AccessLog(stream)), ("structlog", AccessLog(None))):
            seconds = min(asyncio.run(finish(log)) for _ in range(3))
            print(f"{name:<10} {seconds / REQUESTS * 1e6:6.1f} µs")


async def finish(log: AccessLog) -> float:
    """CPU seconds of so many lines."""
    context = finished_request("/job.JobInterface/GetJobs")
    began = time.process_time()
    for _ in range(REQUESTS // AT_ONCE):
        for _ in range(AT_ONCE):
            log.end(context)
        await asyncio.sleep(0)
    return time.process_time() - began


if __name__ == "__main__":
    main()
