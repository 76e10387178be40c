"""The CPU time of the codec alone, with the jobs and shows of the simulated farm.

Run with `python -m benchmarks.codec`. Times are the median of many runs, in CPU time of this
thread. (On real hardware, the minimum would be less noisy. On a virtual machine with stolen time,
it can be a third of the truth, because the kernel subtracts that time late.) `benchmarks.run`
measures what the whole gateway costs per request.
"""

import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from statistics import median
from typing import Any

import orjson
from google.protobuf.message_factory import GetMessageClass

from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.studio import build_farm
from gateway.core.codec.body import parse
from gateway.core.codec.decode import Decoders, DecodeValue
from gateway.core.codec.encode import Encode, Encoders
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import read_package
from gateway.core.schema.description import build_pool

JOBS = 1000
"""Longer lists repeat these."""
SECONDS = 1.0
"""How long each measurement takes."""


def main() -> None:
    """Print the tables."""
    pool, _ = build_pool(read_package("opencue_proto").files)
    encoders, decoders = Encoders(pool), Decoders(pool)
    farm = build_farm(read_messages(), jobs=JOBS)
    jobs, shows = wire(farm.jobs.values()), wire(farm.shows.values())
    busy = wire(job for job in farm.jobs.values() if job.job_stats.running_frames)

    print(f"{'answer':<18}{'µs':>10}{'µs/item':>10}{'longest step, ms':>18}{'peak, MB':>10}")
    for name, kind, items in (
        ("nothing", "job.JobPauseResponse", []),
        ("3 shows", "show.ShowGetShowsResponse", shows[:3]),
        ("1 job", "job.JobGetJobsResponse", jobs[:1]),
        ("100 jobs", "job.JobGetJobsResponse", jobs[:100]),
        ("1000 jobs", "job.JobGetJobsResponse", jobs[:1000]),
        ("20000 jobs", "job.JobGetJobsResponse", jobs[:1000] * 20),
        ("1000 busy jobs", "job.JobGetJobsResponse", [*islice(cycle(busy), 1000)]),
    ):
        encode = encoders.encoder(pool.FindMessageTypeByName(kind))
        payload = record(b"".join(map(record, items))) if items else b""
        taken = typical(partial(exhaust, encode, payload))
        each = f"{taken / len(items):.2f}" if items else ""
        longest, peak = longest_step(encode, payload), peak_memory(encode, payload)
        print(f"{name:<18}{taken:>10.2f}{each:>10}{longest:>18.2f}{peak:>10.2f}")

    print(f"\n{'request':<18}{'µs':>10}")
    request = pool.FindMessageTypeByName("job.GroupReparentJobsRequest")
    decode_value = decoders.value_decoder(request)
    for name, body in (
        ("nothing", b"{}"),
        ("an id", b'{"group":{"id":"25764fb1-43a3-586d-835b-8b0c29407386"}}'),
        ("200 fields", echo(encoders, request, jobs[:4])),
    ):
        print(f"{name:<18}{typical(partial(decode, decode_value, body)):>10.2f}")


def decode(decode_value: DecodeValue, body: bytes) -> None:
    decode_value(parse(body), UnknownFieldPolicy.ARGUMENTS)


def wire(messages: Any) -> list[bytes]:
    return [message.SerializeToString() for message in messages]


def record(content: bytes) -> bytes:
    """A record of field 1, which is where OpenCue's answers and lists have their content."""
    length, varint = len(content), bytearray()
    while length > 0x7F:
        varint.append(length & 0x7F | 0x80)
        length >>= 7
    return b"\x0a" + bytes([*varint, length]) + content


def echo(encoders: Encoders, request: Any, jobs: Sequence[bytes]) -> bytes:
    """A request with whole jobs in it, of some 50 fields each, as CueWeb sends them."""
    body: Any = GetMessageClass(request)()
    for job in jobs:
        body.jobs.jobs.add().ParseFromString(job)
    return orjson.dumps(encoders.to_json(request)(body))


def exhaust(encode: Encode, payload: bytes) -> None:
    for _ in encode(payload):
        pass


def typical(function: Callable[[], object]) -> float:
    """The median CPU time of one call, in µs."""
    calls = 1
    while timed(function, calls) < 1e6:  # ns: the clock itself takes a few hundred
        calls *= 2
    times, end = [timed(function, calls)], time.monotonic() + SECONDS
    while time.monotonic() < end:
        times.append(timed(function, calls))
    return median(times) / calls / 1e3


def timed(function: Callable[[], object], calls: int) -> int:
    """CPU time in ns."""
    start = time.thread_time_ns()
    for _ in range(calls):
        function()
    return time.thread_time_ns() - start


def longest_step(encode: Encode, payload: bytes) -> float:
    """The longest time an event loop would be blocked, in ms: the median of several runs."""
    return median(longest_of_one(encode, payload) for _ in range(10)) / 1e6


def longest_of_one(encode: Encode, payload: bytes) -> int:
    longest, start = 0, time.thread_time_ns()
    for _ in encode(payload):
        now = time.thread_time_ns()
        longest, start = max(longest, now - start), time.thread_time_ns()
    return longest


def peak_memory(encode: Encode, payload: bytes) -> float:
    """What Python allocates in addition to the answer, in MB (upb's own memory is not counted)."""
    tracemalloc.start()
    try:
        exhaust(encode, payload)
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


if __name__ == "__main__":
    main()
