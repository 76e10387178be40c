"""The planning process, which the gateway starts.

It reads jobs from its input and writes plans to its output until the input ends, which it does
with the gateway, however that ends.
"""

import os
import signal
import sys
import traceback
from typing import BinaryIO

from gateway.calls.aside.messages import (
    LENGTH,
    Done,
    Job,
    Planned,
    Refusal,
    packed,
    refusal_of,
    unpacked,
)
from gateway.calls.caller import with_caller
from gateway.calls.plan import Plan, plan
from gateway.errors import Code, GatewayError
from gateway.schema.catalog import Catalog

NICE = 10
"""The event loop comes first."""


def main() -> None:
    """Do jobs until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # those of a terminal, or of a service, are for
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the gateway, which lets requests finish
    os.nice(NICE)
    jobs, plans = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    work(jobs, plans)


def work(jobs: BinaryIO, plans: BinaryIO) -> None:
    """Answer each job in `jobs` with a message in `plans`."""
    catalog: Catalog | None = None
    while len(length := jobs.read(LENGTH)) == LENGTH:
        job = unpacked(jobs.read(int.from_bytes(length, "big")))
        assert isinstance(job, Job)
        if job.catalog is not None:
            catalog = job.catalog()
        assert catalog is not None
        plans.write(packed(planned(job, catalog)))
        plans.flush()


def planned(job: Job, catalog: Catalog) -> Done | Refusal:
    """The plan for a job, as its caller's, or what is wrong with its body."""
    method = catalog.routes[job.path]
    try:
        named = with_caller(plan(method, job.body, job.policy), job.caller)
        refusal = None if named.refusal is None else refusal_of(named.refusal)
        return Done(without_steps(named.plan), named.replaced, refusal)
    except GatewayError as error:
        return refusal_of(error)
    except Exception:  # the next one would end in the same way, in the next process
        traceback.print_exc()
        return Refusal(Code.INTERNAL, "the gateway failed; its log has the cause")


def without_steps(found: Plan) -> Planned:
    """The plan as a message."""
    method = found.method
    after = method.steps.after if method.steps else ()
    return Planned(
        found.payload,
        found.ignored,
        found.defaulted,
        found.most_rows,
        tuple((method.look_ups.index(step), without_steps(plan)) for step, plan in found.look_ups),
        tuple((after.index(step), payload) for step, payload in found.follow_ups),
    )


if __name__ == "__main__":
    main()
