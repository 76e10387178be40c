"""The pieces of benchmarks/, without Envoy, wrk or anything that takes time."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from benchmarks import gate
from benchmarks.client import load
from benchmarks.contenders import Running
from benchmarks.envoy import ACCESS_FIELDS, descriptor_set, envoy_config
from benchmarks.fairness import Waits
from benchmarks.farm import CannedFarm
from benchmarks.functions import ROOT, ROUND, functions, of_a_call, over_limit
from benchmarks.gate import FIGURES, PUBLISHED, slow_ones, table_of
from benchmarks.load import Load, percentile
from benchmarks.measure import Figures, Outcome, Round, figures, ratio
from benchmarks.process import running
from benchmarks.report import Fairness, Results, to_markdown
from benchmarks.scenarios import Call, Scenario, build_scenarios
from benchmarks.upstream import Answers, Canned, CannedServer
from benchmarks.verify import WrongAnswer, verify
from benchmarks.wrk import lua, parse_result, script_for
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from tests.support.needs import needs
from tests.support.servers import Gateway, gateway_for, token

SHOWS = Call(path="/show.ShowInterface/GetShows")
DESCRIPTORS = f"package:{OPENCUE_PACKAGE}"


@asynccontextmanager
async def canned_upstream(answers: Answers) -> AsyncIterator[str]:
    """The endpoint of the canned upstream, in this process."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: CannedServer(answers), "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def gateway_before(answers: Answers, **settings: Any) -> AsyncIterator[Gateway]:
    async with (
        canned_upstream(answers) as endpoint,
        gateway_for(endpoint, descriptor_source=DESCRIPTORS, **settings) as gateway,
    ):
        yield gateway


@needs("logs")
async def test_the_log_of_the_canned_farm_is_found(tmp_path: Path) -> None:
    path, name, answers = CannedFarm(1).log(str(tmp_path))
    (tmp_path / name).write_bytes(b"text\n")
    canned = {request: Canned(answer) for request, answer in answers.items()}
    async with gateway_before(canned, log_roots=str(tmp_path)) as gateway:
        assert (await gateway.client.get(path)).content == b"text\n"


async def test_canned_answers_are_chosen_by_the_message() -> None:
    large = os.urandom(3_000_000)
    answers = {
        b"a": Canned(b"of a"),
        b"large": Canned(large),
        b"none": Canned(status=5, text="no such job"),
    }
    async with canned_upstream(answers) as endpoint, grpc.aio.insecure_channel(endpoint) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/x.Y/Z")
        assert await call(b"a") == b"of a"
        assert await call(b"b") == b""
        many = await asyncio.gather(*(call(b"large") for _ in range(8)), call(b"a"))
        assert many == [large] * 8 + [b"of a"]
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call(b"none")
    assert error.value.code() is grpc.StatusCode.NOT_FOUND
    assert error.value.details() == "no such job"


@pytest.mark.slow
async def test_the_gateway_gives_every_answer_that_is_measured() -> None:
    scenarios = build_scenarios(CannedFarm(1000))
    answers = {call.message: call.answer for each in scenarios for call in each.calls}
    async with gateway_before(answers) as gateway:
        for each in scenarios:
            found = await load(gateway.port, counted(each), 0, token())
            assert found.wrong == 0, each.name
        got = await gateway.post("/job.JobInterface/GetJobs", {"r": {"shows": ["show100"]}})
    assert len(got.json()["jobs"]["jobs"]) == 100


def counted(scenario: Scenario) -> Scenario:
    return replace(scenario, connections=1, counted=len(scenario.calls))


async def test_the_client_counts_answers_and_wrong_ones() -> None:
    """The fallback sends as many requests as it is told, and tells of unexpected statuses.

    The calls go round over all connections: here each connection sends only one.
    """
    lost = Call(path="/job.JobInterface/Nothing", status=200)
    scenario = Scenario(name="x", title="x", calls=(SHOWS, lost), connections=20, counted=20)
    async with gateway_before({}) as gateway:
        found = await load(gateway.port, scenario, 0, token())
    assert (found.requests, found.wrong) == (20, 10)
    assert 0 < found.p50_ms <= found.p99_ms


@pytest.mark.slow
async def test_different_answers_are_not_measured(tmp_path: Path) -> None:
    """Two contenders with different JSON, or a status that was not expected, are an error."""
    with running([sys.executable, "-c", ""], {}, os.sched_getaffinity(0), tmp_path / "o") as child:
        farm = CannedFarm(10)
        async with gateway_before({b"": Canned(farm.shows())}) as one, gateway_before({}) as other:
            scenario = Scenario(name="x", title="x", calls=(SHOWS,))
            both = [Running("one", one.port, child), Running("other", other.port, child)]
            await asyncio.to_thread(verify, scenario, both[:1], token())
            with pytest.raises(WrongAnswer, match="one and other differ"):
                await asyncio.to_thread(verify, scenario, both, token())
            lost = Scenario(name="x", title="x", calls=(Call(path="/no.Such/Path"),))
            with pytest.raises(WrongAnswer, match="404, not 200"):
                await asyncio.to_thread(verify, lost, both[:1], token())


def test_envoys_configuration_says_what_is_measured() -> None:
    def render(access_log: Path | None) -> str:
        services, secret = ("show.ShowInterface",), b"secret"
        more: dict[str, Any] = {"services": services, "secret": secret, "access_log": access_log}
        config = envoy_config(port=1, upstream_port=2, descriptors=Path("d.binpb"), **more)
        return str(json.loads(config))

    quiet, logged = render(None), render(Path("access.log"))
    for part in ("'auto_mapping': True", "'always_print_primitive_fields': True", "d.binpb"):
        assert part in quiet
    assert '"k":"c2VjcmV0"' in quiet
    assert "access.log" not in quiet
    assert "access.log" in logged
    assert all(name in logged for name in ACCESS_FIELDS)


def test_no_file_comes_before_one_that_it_imports() -> None:
    seen: set[str] = set()
    files = FileDescriptorSet.FromString(descriptor_set(read_package(OPENCUE_PACKAGE))).file
    for file in files:
        assert seen.issuperset(file.dependency)
        seen.add(file.name)
    assert len(seen) > 10


def test_wrks_result_is_read() -> None:
    output = (
        "Running 2s test @ http://x\n"
        'RESULT {"requests": 900, "us": 2000000, "p50": 1500, "p99": 9000,'
        ' "status": 890, "broken": 2}\n'
    )
    found = parse_result(output, fails=False)
    assert found == Load(requests=900, seconds=2.0, p50_ms=1.5, p99_ms=9.0, wrong=892)
    assert parse_result(output, fails=True).wrong == 12
    with pytest.raises(RuntimeError, match="unable to connect"):
        parse_result("unable to connect", fails=False)


def test_wrks_script_holds_the_calls_escaped() -> None:
    assert lua('"\n]]') == r'"\034\010\093\093"'
    assert "wrk.body" in script_for((SHOWS,), "token")
    assert script_for((SHOWS, SHOWS), "token").count("wrk.format") == 2
    assert "math.random(0, 7)" in script_for((SHOWS,), "token", 7)
    assert "delay" not in script_for((SHOWS,), "token")


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_the_smallest_value_that_the_share_does_not_exceed(
    share: float, expected: float
) -> None:
    assert percentile(list(range(100, 0, -1)), share) == expected


BURNING = """
import socket, sys, time
while time.process_time() < 0.2: pass
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))):
    sys.stdin.read()
"""
PARENT = """
import subprocess, sys
subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE).wait()
"""


def test_the_kernel_accounts_for_a_process_and_its_children(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as burnt:
        burnt.settimeout(60)
        port = str(burnt.getsockname()[1])
        command = [sys.executable, "-c", PARENT, sys.executable, "-c", BURNING, port]
        everywhere = os.sched_getaffinity(0)
        with running(command, {}, everywhere, tmp_path / "output") as child, burnt.accept()[0]:
            assert child.cpu_seconds() >= 0.2
            assert len(child.family()) == 2
            child.reset_peak()
            assert 1 < child.peak_mb() < 1000


def test_the_cheapest_round_counts(tmp_path: Path) -> None:
    """What others on the machine add to a round is left out of the figures and of the ratio."""
    some = Load(requests=1, seconds=1, p50_ms=1, p99_ms=1, wrong=0)
    with running(["sleep", "60"], {}, os.sched_getaffinity(0), tmp_path / "output") as child:
        one = Running("gateway", 1, child)

        def of(*costs: float) -> Figures:
            return figures([Round(load=some, cpu_us=us, busy=1, crowded=0) for us in costs], one)

        found = {"gateway": of(25, 20, 200), "envoy": of(90, 10, 11)}
    assert found["gateway"].cpu_us == 20
    assert ratio(found) == 2
    assert ratio({"gateway": found["gateway"]}) is None


def test_functions_of_a_call_are_those_of_more_calls() -> None:
    """What a start passes is not counted, nor are timers, which slow machines meet more often."""
    start, timer, call = ("start.py", "start"), ("timer.py", "tick"), ("call.py", "answer")
    few = {start: 903, timer: 10, call: 50}
    many = {start: 900, timer: 10 + ROUND // 4, call: 50 + 2 * ROUND}
    assert of_a_call(many, few) == {call: 2}


def test_each_function_is_counted(tmp_path: Path) -> None:
    """Constructors of named tuples, too, which have the same file, line and name."""
    program = [
        "from typing import NamedTuple",
        "class One(NamedTuple): a: int",
        "class Another(NamedTuple): b: int",
        "[One(1), One(2), Another(3)]",
        "raise SystemExit(7)",
    ]
    (tmp_path / "counted.py").write_text("\n".join(program))
    output = tmp_path / "calls.json"
    command = [sys.executable, "-m", "benchmarks.count_calls", str(output), "counted"]
    environ = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    assert subprocess.run(command, env=environ, cwd=tmp_path, check=False).returncode == 7  # noqa: S603
    rows = json.loads(output.read_text())
    assert sum(calls for file, name, calls in rows if (file, name) == ("<string>", "<lambda>")) == 3


def test_a_refused_call_passes_no_codec_and_no_upstream() -> None:
    (refused,) = functions(["refused"]).values()
    passed = {module.rpartition("/")[0] for module, _ in refused}
    assert "gateway/core/pipeline" in passed
    assert not passed & {"gateway/core/codec", "gateway/core/schema", "gateway/core/upstream"}


def test_a_call_of_too_many_functions_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    one, another = ("a.py", "one"), ("b.py", "another")
    counted = {"empty": {one: 60, another: 40}, "job1": {one: 101}}
    monkeypatch.setattr(sys, "version_info", (3, 11, 0))
    assert over_limit(counted) == ["job1 passes 101, at most 100 are wanted"]
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    assert over_limit(counted) == []


def test_the_gates_figures_are_the_published_ones() -> None:
    figures = json.loads(FIGURES.read_bytes())
    assert all(type(ratio) is float for found in figures.values() for ratio in found.values())
    assert table_of(figures) in PUBLISHED.read_text(encoding="utf-8")


def test_the_gate_compares_with_the_figures_of_the_processor(
    capsys: pytest.CaptureFixture[str],
) -> None:
    attempts = {"slow": lambda: 1.26, "quick": lambda: 1.24, "new": lambda: 7.0}
    assert slow_ones(attempts, {"slow": 1.0, "quick": 1.0}) == ["slow"]
    assert re.findall(r"^new .*7.00  \(no figure\)$", capsys.readouterr().out, re.MULTILINE)


def without_measuring(
    monkeypatch: pytest.MonkeyPatch, folder: Path, here: str, *arguments: str
) -> None:
    """The gate on a processor of this name, with figures for another one."""

    @contextmanager
    def requests(farm: object) -> Iterator[dict[str, Callable[[], float]]]:
        yield {"request": lambda: 9.0}

    figures, page = folder / "figures.json", folder / "README.md"
    if not figures.exists():
        figures.write_text('{"A": {"request": 1.0}}', encoding="utf-8")
        page.write_text(f"Before\n\n{table_of({})}\nAfter\n", encoding="utf-8")
    found = {
        "FIGURES": figures,
        "PUBLISHED": page,
        "processor": lambda: here,
        "CannedFarm": lambda jobs: None,
        "request_attempts": requests,
        "codec_attempts": lambda farm: {},
        "slow_commands": lambda: ["cuectl call"],
        "long_calls": list,
    }
    for name, value in found.items():
        monkeypatch.setattr(f"benchmarks.gate.{name}", value)
    monkeypatch.setattr("sys.argv", ["gate", *arguments])
    gate.main()


def test_a_processor_without_figures_does_not_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told how to get some, which leaves those of others as they are."""
    with pytest.raises(SystemExit, match="request, cuectl call: 4 times above"):
        without_measuring(monkeypatch, tmp_path, "A")
    without_measuring(monkeypatch, tmp_path, "B")
    said = capsys.readouterr().out
    assert "NOT CHECKED: figures.json has no figures for B, only for A." in said
    assert "run: python -m benchmarks.gate --write" in said
    without_measuring(monkeypatch, tmp_path, "B", "--write")
    figures = {"A": {"request": 1.0}, "B": {"request": 9.0}}
    assert json.loads((tmp_path / "figures.json").read_bytes()) == figures
    page = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert page == f"Before\n\n{table_of(figures)}\nAfter\n"


def test_the_report_marks_what_is_missed_or_doubtful() -> None:
    """A missed target is bold, and a contender that was idle or crowded has its mark."""
    report = to_markdown(
        Results(
            surroundings={"machine": "a fast one"},
            rounds=1,
            seconds=1,
            quiet=[outcome(1.5), outcome(1.2)],
            logged=[],
            paced=[],
            scale=[],
            fairness=Fairness(waits={"gateway": waits(1), "envoy": waits(4)}),
            notes=["wrk is not installed"],
        )
    )
    for part in ("**1.50**", "1.20 |", "50% (!) (~)", "wrk is not installed", "Envoy's: 0.25"):
        assert part in report
    assert "With access log" not in report


def outcome(found: float) -> Outcome:
    times = {"cpu_us": 1, "requests_per_second": 1, "p50_ms": 1, "p99_ms": 1, "peak_mb": 1}
    idle = Figures(**times, cpu_us_rounds=(1,), busy=0.5, crowded=0.3)
    both = {"gateway": idle, "envoy": idle}
    return Outcome(scenario="x", title="x", connections=1, target=1.4, figures=both, ratio=found)


def waits(p99_ms: float) -> Waits:
    return Waits(p50_ms=1, p99_ms=p99_ms, longest_ms=p99_ms)
