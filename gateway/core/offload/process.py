"""The planning process, and its messages.

Jobs come from standard input and outcomes go to standard output, until the input ends, at the
latest with the gateway. Both are pickled behind a length: both ends are this program, and of a
client's data only strings, bytes and integers are unpickled.
"""

import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from gateway.core.calls.body_forms import as_json
from gateway.core.calls.for_caller import Caller, ForCaller, PlanForCaller
from gateway.core.calls.messages import check_size
from gateway.core.calls.plan import Plan, plan, plan_message, steps_of
from gateway.core.calls.steps import Steps
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import GatewayError, own_failure
from gateway.core.schema.catalog import Catalog

LENGTH_PREFIX_BYTES = 8
PROCESS_NICENESS = 10
"""Lets the event loop's process go first."""


class Job(NamedTuple):
    catalog: Callable[[], Catalog] | None
    """Makes the catalog, if it differs from the previous job's."""
    path: str
    body: bytes
    policy: UnknownFieldPolicy
    caller: Caller
    media: bytes = b""
    """The body's media type."""
    is_binary: bool = False


class Work(NamedTuple):
    """Any other work."""

    begin: Callable[[], Any]


class Refusal(NamedTuple):
    code: int
    message: str


class Planned(NamedTuple):
    """A plan with numbers for look-ups and follow-ups, by their position in the method."""

    payload: bytes
    ignored: tuple[str, ...]
    defaulted: tuple[str, ...]
    most_rows: int | None
    look_ups: "tuple[tuple[int, Planned, int | None], ...]"
    """Each with the number of the item that it is for."""
    follow_ups: tuple[tuple[int, bytes], ...]
    kept: tuple[tuple[str, str], ...]


class Done(NamedTuple):
    """The result of a job; see `PlanForCaller`."""

    planned: Planned
    headers: tuple[tuple[bytes, bytes], ...]
    refusal: Refusal | None


class Returned(NamedTuple):
    value: Any


Outcome = Done | Returned | Refusal


def packed(message: Job | Work | Outcome) -> bytes:
    content = pickle.dumps(message, protocol=5)
    return len(content).to_bytes(LENGTH_PREFIX_BYTES, "big") + content


def unpacked(content: bytes) -> object:
    return pickle.loads(content)  # noqa: S301 - see the module


def refusal_of(error: GatewayError) -> Refusal:
    """Errors of planning have only a code and a message."""
    return Refusal(int(error.code), error.message)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # signals to the process group are
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # for the gateway, which drains
    os.nice(PROCESS_NICENESS)
    jobs, plans = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    work(jobs, plans)


def work(jobs: BinaryIO, plans: BinaryIO) -> None:
    catalog: Catalog | None = None
    while len(length := jobs.read(LENGTH_PREFIX_BYTES)) == LENGTH_PREFIX_BYTES:
        job = unpacked(jobs.read(int.from_bytes(length, "big")))
        if isinstance(job, Work):
            outcome = outcome_of(partial(returned, job))
        else:
            assert isinstance(job, Job)
            if job.catalog is not None:
                catalog = job.catalog()
            assert catalog is not None
            outcome = outcome_of(partial(planned, job, catalog))
        plans.write(packed(outcome))
        plans.flush()


def outcome_of(work: Callable[[], Outcome]) -> Outcome:
    try:
        return work()
    except GatewayError as error:
        return refusal_of(error)
    except Exception:  # a retry in a new process would fail as well
        traceback.print_exc()
        return refusal_of(own_failure())


def planned(job: Job, catalog: Catalog) -> Done:
    method = catalog.routes[job.path]
    if job.is_binary:
        check_size(method.descriptor.input_type, job.body)
        asked = plan_message(method, job.body, job.policy)
    else:
        asked = plan(method, job.body, job.policy, partial(as_json, job.media))
        check_size(method.descriptor.input_type, asked.payload)
    each: ForCaller | None = method.aspects.get(ForCaller)
    done = PlanForCaller(asked, job.caller) if each is None else each.change(asked, job.caller)
    refusal = None if done.refusal is None else refusal_of(done.refusal)
    return Done(without_steps(done.plan), done.headers, refusal)


def returned(job: Work) -> Returned:
    return Returned(job.begin())


def without_steps(found: Plan) -> Planned:
    method = found.method
    after = Steps.of(method).after
    steps = steps_of(method) if found.look_ups else ()
    return Planned(
        found.payload,
        found.ignored,
        found.defaulted,
        found.most_rows,
        tuple(
            (steps.index(each.step), without_steps(each.plan), each.item) for each in found.look_ups
        ),
        tuple((after.index(step), payload) for step, payload in found.follow_ups),
        found.kept,
    )


if __name__ == "__main__":
    main()
