"""The planning process: what the gateway tells it, and what it answers.

It reads jobs from its input and writes plans to its output until the input ends, which it does
with the gateway, however that ends. Both are pickled, behind their length: both ends are this
program, and nothing of a client is unpickled but strings and bytes.
"""

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO, NamedTuple

from gateway.calls.caller import Caller, with_caller
from gateway.calls.plan import Plan, plan
from gateway.codec.unknown import UnknownFieldPolicy
from gateway.errors import Code, GatewayError
from gateway.schema.catalog import Catalog

LENGTH_BYTES = 8
NICE = 10
"""The event loop comes first."""


class Job(NamedTuple):
    """A body to be planned."""

    catalog: Callable[[], Catalog] | None
    """Makes the catalog, if it is another one than for the job before."""
    path: str
    """A path of the method."""
    body: bytes
    policy: UnknownFieldPolicy
    caller: Caller


class Refusal(NamedTuple):
    """What is wrong with a body; see GatewayError."""

    code: int
    message: str


class Planned(NamedTuple):
    """A plan whose steps are numbers: those of the method's look-ups and follow-ups."""

    payload: bytes
    ignored: tuple[str, ...]
    defaulted: tuple[str, ...]
    most_rows: int | None
    look_ups: "tuple[tuple[int, Planned], ...]"
    follow_ups: tuple[tuple[int, bytes], ...]


class Done(NamedTuple):
    """What has come of a job; see `gateway.calls.caller.Named`."""

    planned: Planned
    replaced: tuple[str, ...]
    refusal: Refusal | None


def packed(message: Job | Done | Refusal) -> bytes:
    """A message behind its length."""
    content = pickle.dumps(message, protocol=5)
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def unpacked(content: bytes) -> object:
    """A message, from what stands behind its length."""
    return pickle.loads(content)  # noqa: S301 - see above


def refusal_of(error: GatewayError) -> Refusal:
    """An error of planning, which has nothing but a code and a message."""
    return Refusal(int(error.code), error.message)


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
    while len(length := jobs.read(LENGTH_BYTES)) == LENGTH_BYTES:
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
