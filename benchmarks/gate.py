"""`make gate`: whether the codec or a whole request has become much slower.

Times depend on the machine and on what else it is doing. So it compares ratios, measured in the
same second: the codec with a plain Python function over the same data, and a request with one to
the floor (uvicorn and grpc.aio alone). `figures.json` has the expected ratios; more than MARGIN
times that fails. `python -m benchmarks.gate --write` replaces them.
"""

import argparse
import gc
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from benchmarks.client import load_with_client
from benchmarks.contenders import SECRET, SUBJECT, Options, Place, floor, gateway
from benchmarks.descriptors import descriptor_set
from benchmarks.farm import CannedFarm
from benchmarks.measure import one_round
from benchmarks.scenarios import build_scenarios
from benchmarks.upstream import running_upstream
from benchmarks.verify import verify, wait_until_answering, wait_until_listening
from gateway.access.tokens import TokenRules
from gateway.calls.plan import plan
from gateway.codec.unknown import Reject
from gateway.compat.build import build_catalog
from gateway.discovery.package import OPENCUE_PACKAGE, read_package
from gateway.schema.selection import Selection
from gateway_cli.minting import mint_token

FIGURES = Path(__file__).parent / "figures.json"
MARGIN = 1.5
CODEC_ROUNDS = 25
REQUEST_ROUNDS = 9
REQUEST_SECONDS = 0.4
ECHOED = 20
"""Jobs in the body that is decoded."""

Work = Callable[[], object]


def main() -> None:
    """Compare, and exit with status 1 if something is too slow."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the checked-in figures")
    write = parser.parse_args().write
    farm = CannedFarm(1000)
    found = dict(codec_ratios(farm)) | {"request": request_ratio(farm)}
    if write:
        rounded = {name: round(ratio, 2) for name, ratio in found.items()}
        FIGURES.write_bytes(
            orjson.dumps(rounded, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )
    figures = orjson.loads(FIGURES.read_bytes())
    slow = [name for name, ratio in found.items() if ratio > figures[name] * MARGIN]
    for name, ratio in found.items():
        verdict = "TOO SLOW" if name in slow else "ok"
        print(f"{name:<14} {ratio:6.2f}  (figure {figures[name]:.2f})  {verdict}")
    if slow:
        sys.exit(
            f"gate: {', '.join(slow)}: more than {MARGIN} times the figure in {FIGURES.name}."
            " If the change is worth that price, say so in the commit message and run:"
            " python -m benchmarks.gate --write"
        )


def codec_ratios(farm: CannedFarm) -> Iterator[tuple[str, float]]:
    """The codec's functions by name, as multiples of plain Python over the same data.

    The unit for 1000 jobs is 100 jobs: with more, it would measure the allocator.
    """
    catalog = build_catalog(read_package(OPENCUE_PACKAGE), Selection())
    encode = catalog.routes["/job.JobInterface/GetJobs"].encode
    reparent = catalog.routes["/job.GroupInterface/ReparentJobs"]
    hundred, thousand = farm.jobs(100), farm.jobs(1000)
    body = orjson.dumps({"jobs": {"jobs": farm.jobs_as_json(ECHOED)}})
    yield "encode", ratio(lambda: b"".join(encode(hundred)), plain(farm, 100))
    yield "encode-slices", ratio(lambda: b"".join(encode(thousand)), plain(farm, 100))
    yield "decode", ratio(lambda: plan(reparent, body, Reject.NOTHING), plain(farm, ECHOED))


def plain(farm: CannedFarm, count: int) -> Work:
    """The codec's unit: copy `count` jobs, with all values as text, and write them as JSON."""
    jobs = farm.jobs_as_json(count)

    def copy(value: Any) -> Any:
        if type(value) is dict:
            return {key: copy(item) for key, item in value.items()}
        return str(value)

    return lambda: orjson.dumps([copy(job) for job in jobs])


def ratio(work: Work, unit: Work) -> float:
    """The CPU time of the work in units: the median over rounds that take both in turn."""
    gc.collect()
    gc.disable()  # when it runs depends on everything that ran before
    try:
        repeat = max(1, round(0.01 / seconds_of(unit, 3)))
        return statistics.median(
            seconds_of(work, repeat) / seconds_of(unit, repeat) for _ in range(CODEC_ROUNDS)
        )
    finally:
        gc.enable()


def seconds_of(work: Work, repeat: int) -> float:
    """CPU time of one call, the mean of `repeat`."""
    start = time.process_time()
    for _ in range(repeat):
        work()
    return (time.process_time() - start) / repeat


def request_ratio(farm: CannedFarm) -> float:
    """A request for 3 shows, as a multiple of one to the floor."""
    schema = read_package(OPENCUE_PACKAGE)
    token = mint_token(SECRET.encode(), TokenRules(), SUBJECT, 3600)
    shows = next(each for each in build_scenarios(farm) if each.name == "shows3")
    answers = {call.message: call.answer for call in shows.calls}
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cuebot-gate-")))
        descriptors = folder / "opencue.binpb"
        descriptors.write_bytes(descriptor_set(schema))
        place = Place(
            folder=folder,
            descriptors=descriptors,
            services=tuple(schema.services),
            upstream_port=stack.enter_context(running_upstream(answers, {cores[-1]})),
            core={cores[0]},
        )
        running = [stack.enter_context(start(place, Options())) for start in (gateway, floor)]
        for each in running:
            wait_until_listening(each)
        wait_until_answering(running[0], shows.calls[0], token)
        verify(shows, running[:1], token)
        stack.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, {cores[-1]})
        ratios = []
        for _ in range(REQUEST_ROUNDS + 1):
            ours, least = (
                one_round(
                    each,
                    shows,
                    lambda one, scenario, seconds: load_with_client(
                        one.port, scenario, seconds, token
                    ),
                    REQUEST_SECONDS,
                )
                for each in running
            )
            ratios.append(ours.cpu_us / least.cpu_us)
    return statistics.median(ratios[1:])  # the first is the warm-up


if __name__ == "__main__":
    main()
