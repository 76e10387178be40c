"""`python -m benchmarks.costly_views`: how long others wait beside views that take all they can.

Some clients ask for one view of 20,000 jobs each, again and again, at the bounds of what a view may
ask for; others make small calls meanwhile, at fixed times. No view may hold them up.

With `--cpu`, nothing is sent: the answers are made in this process, and what is told is how much
CPU time a turn of the event loop takes, as whoever comes at any moment finds it. That does not
depend on what else the machine is doing.
"""

import argparse
import asyncio
import gc
import os
import time
from collections import Counter
from urllib.parse import parse_qsl

import uvloop
from starlette.types import Message

from benchmarks.contenders import Options, gateway
from benchmarks.costly_clients import (
    CLIENTS,
    MIXES,
    SETTINGS,
    WITHIN,
    Mix,
    answer,
    answer_call,
    asking,
    request,
    statuses,
)
from benchmarks.fairness import RATE, sample
from benchmarks.farm import CannedFarm
from benchmarks.load import percentile
from benchmarks.requests import request_to
from benchmarks.run import OTHER_CORES, prepared
from benchmarks.scenarios import MANY, Scenario, build_scenarios
from benchmarks.survival import LIGHT, ready, token_of
from gateway.access.load_shedding import LoadShedder
from gateway.calls.plan import Plan
from gateway.compat.build import build_catalog
from gateway.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.errors import GatewayError
from gateway.http.form import form_of
from gateway.http.request import CallRequest
from gateway.http.respond import Responder
from gateway.schema.selection import Selection

SECONDS = 10.0


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costly_views", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(MIXES), default=list(MIXES))
    parser.add_argument("--clients", type=int, default=CLIENTS, help=f"of each view ({CLIENTS})")
    parser.add_argument("--cpu", action="store_true", help="CPU time of the loop's turns")
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of load ({SECONDS:g})")
    arguments = parser.parse_args()
    farm = CannedFarm(MANY)
    if arguments.cpu:
        for name in arguments.only:
            mix = MIXES[name]
            if mix is not None:
                print(asyncio.run(turns(farm, name, mix, arguments.clients, arguments.seconds)))
        return
    os.sched_setaffinity(0, OTHER_CORES)
    small = next(each for each in build_scenarios(farm) if each.name == LIGHT).calls[0]
    calls = {name: answer_call(farm, name) for name in ("jobs", "long texts", "huge texts")}
    asked = Scenario(name="all", title="", calls=(small, *calls.values()))
    with (
        prepared([asked], 1, arguments.seconds) as bench,
        ready(bench, gateway, asked, Options(settings=SETTINGS)) as running,
    ):
        for name in arguments.only:
            mix = MIXES[name]
            requests = []
            if mix is not None:
                requests = [
                    request(calls[mix.rows], mix, token_of(f"costly{number}"))
                    for number in range(arguments.clients)
                ]
            before = running.child.resident_mb()
            running.child.reset_peak()
            with asking(running.port, requests) as answers:
                count = int(arguments.seconds * RATE)
                found = uvloop.run(sample(running.port, small, bench.token, count))
            peak = running.child.peak_mb() - before
            p50, p99, most = (each * 1e3 for each in (*quantiles(found), max(found)))
            print(
                f"{name:<13} {len(requests):>3} clients: others wait {p50:7.1f} ms, p99 {p99:7.1f},"
                f" at most {most:7.1f}; {statuses(answers)}; {peak:.0f} MB more",
                flush=True,
            )


async def turns(farm: CannedFarm, name: str, mix: Mix, clients: int, seconds: float) -> str:
    """What the turns of the loop take while so many clients get such an answer, in CPU time."""
    catalog = build_catalog(read_package(OPENCUE_PACKAGE), Selection())
    method, payload = catalog.routes["/job.JobInterface/GetJobs"], answer(farm, mix.rows)
    responder = Responder(http_timeout=60, load_shedder=LoadShedder(256))
    outcomes: Counter[str] = Counter()

    async def send(message: Message) -> None:
        pass

    async def ask(number: int) -> None:
        context = request_to(method.path, f"costly{number}")
        called = CallRequest(Plan(method, b""), WITHIN, catalog, None)
        try:
            asked = tuple(parse_qsl(mix.query))
            shown = method.views.compiled(asked) if asked else None
            form = form_of(context, called._replace(view=shown), payload)
            await responder.send(context, form, send, within=WITHIN)
            outcomes["200"] += 1
        except GatewayError as error:
            outcomes[str(error.status)] += 1
        await asyncio.sleep(0)

    async def loop(number: int) -> None:
        while time.thread_time() < end:
            await ask(number)

    gc.collect()
    gc.freeze()  # as the gateway does with what it has when it begins
    end = time.thread_time() + seconds
    asking = [asyncio.create_task(loop(number)) for number in range(clients)]
    taken = []
    while not all(each.done() for each in asking):
        began = time.thread_time()
        await asyncio.sleep(0)
        taken.append(time.thread_time() - began)
    await asyncio.gather(*asking)
    found = sorted(taken)
    half, most = weighted(found, 0.5), weighted(found, 0.99)
    return (
        f"{name:<13} {clients:>3} clients: a turn takes {half * 1e3:7.1f} ms, p99"
        f" {most * 1e3:7.1f}, at most {found[-1] * 1e3:7.1f}; {dict(outcomes)}"
    )


def weighted(found: list[float], part: float) -> float:
    """The turn that somebody finds who comes at any moment, since most come in long ones."""
    left = sum(found) * part
    for each in found:
        left -= each
        if left <= 0:
            return each
    return found[-1]


def quantiles(found: list[float]) -> tuple[float, float]:
    """The median, and what one in a hundred exceeds."""
    return percentile(found, 0.5), percentile(found, 0.99)


if __name__ == "__main__":
    main()
