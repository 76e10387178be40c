"""`cuebot-gateway demo`, and `serve` in front of its Cuebot: child processes, used as one would."""

import asyncio
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from gateway.discovery.reflection import PATH, VERSIONS, ReflectionSource
from tests.support.http2_server import upstream_to
from tests.support.opencue import message_class
from tests.support.servers import SECRET, bearer, clean_environment, free_port

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATIENCE = 30
"""Seconds that anything here may take before it counts as stuck."""
STOPPING = 10
"""Seconds that a command may take to end after a signal."""
LOOPBACK = "127.0.0.1"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@dataclass
class Child:
    """A command that runs, and what it has printed so far."""

    process: Process
    printed: str = ""

    async def print_until(self, pattern: str) -> re.Match[str]:
        """Read its standard output until a line fits, and give the match."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stdout.readline()).decode():
                self.printed += line
                if found := re.search(pattern, line):
                    return found
        _, err = await self.process.communicate()
        raise AssertionError(f"it ended without {pattern!r}: {self.printed}{err.decode()}")

    async def stop(self, number: signal.Signals) -> tuple[int | None, str]:
        """Send a signal: its exit status, and all of its standard error."""
        self.process.send_signal(number)
        async with asyncio.timeout(STOPPING):
            out, err = await self.process.communicate()
        self.printed += out.decode()
        return self.process.returncode, err.decode()


@asynccontextmanager
async def started(*arguments: str, **environ: str) -> AsyncIterator[Child]:
    """A running command, which does not outlive the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "gateway",
        *arguments,
        env=clean_environment(**environ),
        stdin=subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, **environ: str) -> tuple[int | None, str, str]:
    """Run a command to its end: exit status, standard output, standard error."""
    async with started(*arguments, **environ) as child, asyncio.timeout(PATIENCE):
        out, err = await child.process.communicate()
        return child.process.returncode, out.decode(), err.decode()


@dataclass
class Demo(Child):
    """A demo that is up, and what its banner says."""

    url: str = ""
    endpoint: str = ""
    token: str = ""

    @property
    def block(self) -> str:
        """What there is to paste: all between the banner's first line and its last three."""
        _, _, rest = self.printed.partition("Paste this to try it:\n")
        return rest.partition("With the same")[0]

    def commands(self) -> list[str]:
        """The shell commands of the block, one by one, as they are printed."""
        parts = re.split(r"\n\s*\n", self.block.strip("\n"))
        return ["\n".join(filter(is_code, part.splitlines())) for part in parts]


def is_code(line: str) -> bool:
    return not line.lstrip().startswith("#")


@asynccontextmanager
async def running_demo(*arguments: str, **environ: str) -> AsyncIterator[Demo]:
    """The demo on a free port, once its banner is complete."""
    async with started("demo", "--port", "0", *arguments, **environ) as child:
        demo = Demo(child.process)
        demo.token = (await demo.print_until(r"export TOKEN=(\S+)$"))[1]
        found = await demo.print_until(r"^Base URL: (\S+)\s.*: (\S+)$")
        demo.url, demo.endpoint = found.groups()
        await demo.print_until("^Stop with Ctrl-C")
        yield demo


@asynccontextmanager
async def running_cuebot(*arguments: str) -> AsyncIterator[tuple[Child, str]]:
    """The simulated Cuebot alone on a free port, and its endpoint."""
    async with started("demo", "--cuebot-only", "--port", "0", *arguments) as child:
        found = await child.print_until(r"simulated Cuebot listens on (\S+:\d+) ")
        yield child, found[1]


async def shell(script: str) -> tuple[int | None, str, str]:
    """Run a script as a terminal would, given it to paste: exit status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-e", "-u", stdin=PIPE, stdout=PIPE, stderr=PIPE, env=clean_environment()
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(script.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, out.decode(), err.decode()


def documents(text: str) -> list[Any]:
    """The JSON documents in a text that has nothing else."""
    decoder, found = json.JSONDecoder(), []
    while text := text.strip():
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found


# --- demo -----------------------------------------------------------------------------------


async def test_the_demo_prints_what_is_needed() -> None:
    """The banner has a base URL that answers with its token, curl lines, and how to stop."""
    async with running_demo() as demo:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", demo.url)
        exports, *curls = demo.commands()
        assert [line.strip() for line in exports.splitlines()] == [
            f"export GATEWAY_URL={demo.url}",
            f"export TOKEN={demo.token}",
        ]
        assert len(curls) == 3
        assert all(line.strip().startswith("curl -sS -w '\\n' $GATEWAY_URL/") for line in curls)
        async with httpx.AsyncClient(base_url=demo.url, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {demo.token}"}
            answer = await client.post("/show.ShowInterface/GetShows", headers=headers)
            assert answer.status_code == 200
            assert len(answer.json()["shows"]["shows"]) == 3
            assert (await client.post("/show.ShowInterface/GetShows")).status_code == 401
            ready = {"status": "ok", "cuebot": "reachable", "schema": "confirmed"}
            assert (await client.get("/readyz")).json() == ready
        async with grpc.aio.insecure_channel(demo.endpoint) as channel:
            assert len(await show_names(channel)) == 3
        assert await demo.stop(signal.SIGTERM) == (0, "")


@needs_curl
async def test_the_printed_lines_work_when_pasted() -> None:
    """All lines succeed in a shell, and after the one that pauses, the job is paused."""
    async with running_demo() as demo:
        status, out, err = await shell(demo.block)
        assert (status, err) == (0, "")
        shows, paused, found = documents(out)
        names = [show["name"] for show in shows["shows"]["shows"]]
        assert names == ["demo", "harbor", "northwind"]
        assert paused == {}
        assert found["job"]["isPaused"] is True


@needs_curl
async def test_the_printed_lines_work_over_https() -> None:
    """With --tls they name the CA, which curl, and any client that is told of it, trusts."""
    async with running_demo("--tls") as demo:
        assert demo.url.startswith("https://127.0.0.1:")
        status, out, err = await shell(demo.block)
        assert (status, err) == (0, "")
        shows, paused, found = documents(out)
        assert shows["shows"]["shows"]
        assert (paused, found["job"]["isPaused"]) == ({}, True)
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get(demo.url)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
async def test_a_signal_ends_the_demo(number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end it with status 0 and no more words, a connected client or not."""
    async with running_demo() as demo:
        headers = {"Authorization": f"Bearer {demo.token}"}
        async with httpx.AsyncClient(base_url=demo.url, trust_env=False) as client:
            answer = await client.post("/show.ShowInterface/GetShows", headers=headers)
            assert answer.status_code == 200
            before = demo.printed
            assert await demo.stop(number) == (0, "")
            assert demo.printed.rstrip() == before.rstrip()


async def test_the_demo_has_settings_of_its_own() -> None:
    """The gateway's environment variables, right or wrong, are not the demo's."""
    environ = {"JWT_SECRET": SECRET, "REST_PORT": "http", "CUEBOT_ENDPOINT": "nowhere:1"}
    async with running_demo(**environ) as demo, httpx.AsyncClient(trust_env=False) as client:
        url = f"{demo.url}/show.ShowInterface/GetShows"
        assert (await client.post(url, headers=bearer())).status_code == 403
        headers = {"Authorization": f"Bearer {demo.token}"}
        assert (await client.post(url, headers=headers)).status_code == 200


async def test_a_farm_of_any_size_and_seed() -> None:
    """--jobs is how many jobs there are; --seed decides their ids, the same ones every time."""
    found = []
    for seed in ("5", "5", "6"):
        async with running_demo("--jobs", "300", "--seed", seed) as demo:
            async with httpx.AsyncClient(base_url=demo.url, trust_env=False) as client:
                answer = await client.post(
                    "/job.JobInterface/GetJobs",
                    json={"r": {"include_finished": True}},
                    headers={"Authorization": f"Bearer {demo.token}"},
                )
            found.append({job["id"] for job in answer.json()["jobs"]["jobs"]})
    assert [len(ids) for ids in found] == [300, 300, 300]
    assert found[0] == found[1]
    assert found[0].isdisjoint(found[2])


async def test_the_demo_without_reflection() -> None:
    """With --no-reflection it serves all the same, and says that the schema is assumed."""
    async with running_demo("--no-reflection") as demo:
        assert "no reflection" in demo.printed
        assert "assumed" in demo.printed.partition("Paste this")[0]
        async with httpx.AsyncClient(base_url=demo.url, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {demo.token}"}
            answer = await client.post("/show.ShowInterface/GetShows", headers=headers)
            assert answer.status_code == 200
            assert (await client.get("/readyz")).json()["schema"] == "assumed"


@pytest.mark.parametrize("arguments", [(), ("--cuebot-only",)], ids=["gateway", "cuebot"])
async def test_a_port_in_use_is_one_line(arguments: tuple[str, ...]) -> None:
    """When somebody has the port, one line on standard error names it, and the status is 2."""
    with socket.create_server((LOOPBACK, 0)) as other:
        port = str(other.getsockname()[1])
        status, out, err = await run("demo", "--port", port, *arguments)
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("cuebot-gateway: ")
    assert port in err
    assert "in use" in err


# --- demo --cuebot-only ---------------------------------------------------------------------


async def show_names(channel: grpc.aio.Channel) -> list[str]:
    """The names of a Cuebot's shows, by gRPC."""
    ask: Any = channel.unary_unary("/show.ShowInterface/GetShows")
    answer = message_class("show.ShowGetShowsResponse").FromString(await ask(b"", timeout=PATIENCE))
    return [show.name for show in answer.shows.shows]


async def reflection_status(channel: grpc.aio.Channel, version: str) -> grpc.StatusCode:
    """How a question to server reflection ends."""
    ask: Any = channel.unary_stream(PATH.format(version=version))
    question = ServerReflectionRequest(list_services="*").SerializeToString()
    call = ask(question, timeout=PATIENCE)
    with suppress(grpc.aio.AioRpcError):
        async for _ in call:
            pass
    code: grpc.StatusCode = await call.code()
    return code


async def test_cuebot_alone() -> None:
    """It prints its endpoint, answers there, describes itself, and a signal ends it with 0."""
    async with running_cuebot() as (child, endpoint):
        async with grpc.aio.insecure_channel(endpoint) as channel:
            assert await show_names(channel) == ["demo", "harbor", "northwind"]
            for version in VERSIONS:
                assert await reflection_status(channel, version) is grpc.StatusCode.OK
        async with upstream_to(endpoint) as upstream:
            schema = await ReflectionSource(upstream, endpoint=endpoint).fetch()
            assert "job.JobInterface" in schema.services
        assert await child.stop(signal.SIGINT) == (0, "")


async def test_cuebot_alone_without_reflection() -> None:
    """With --no-reflection it answers, does not describe itself, and SIGTERM ends it with 0."""
    async with running_cuebot("--no-reflection") as (child, endpoint):
        async with grpc.aio.insecure_channel(endpoint) as channel:
            assert await show_names(channel) == ["demo", "harbor", "northwind"]
            for version in VERSIONS:
                assert await reflection_status(channel, version) is grpc.StatusCode.UNIMPLEMENTED
        assert await child.stop(signal.SIGTERM) == (0, "")


# --- serve ----------------------------------------------------------------------------------


async def test_serve_in_front_of_a_stock_cuebot() -> None:
    """In front of a Cuebot without reflection it serves, and calls its schema assumed."""
    async with running_cuebot("--no-reflection") as (_, endpoint):
        port = free_port()
        environ = {
            "JWT_SECRET": SECRET,
            "REST_HOST": LOOPBACK,
            "REST_PORT": str(port),
            "CUEBOT_ENDPOINT": endpoint,
        }
        async with (
            started("serve", **environ) as gateway,
            httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", trust_env=False) as client,
        ):
            loaded = json.loads((await gateway.print_until('"schema loaded"')).string)
            assert loaded["confirmed"] is False
            ready = await client.get("/readyz")
            expected = {"status": "ok", "cuebot": "reachable", "schema": "assumed"}
            assert (ready.status_code, ready.json()) == (200, expected)
            call = "/frame.FrameInterface/GetFrame"
            answer = await client.post(call, json={"id": "nothing"}, headers=bearer())
            assert (answer.status_code, answer.json()["code"]) == (404, 5)
            answer = await client.post("/job.JobInterface/GetJobs", headers=bearer())
            assert answer.status_code == 200
            assert len(answer.json()["jobs"]["jobs"]) == 7
            assert await gateway.stop(signal.SIGTERM) == (0, "")
        warnings = [line for line in gateway.printed.splitlines() if '"warning"' in line]
        assert len(warnings) == 1
        assert "package:opencue_proto" in warnings[0]


async def test_serve_without_a_secret_is_one_line() -> None:
    """There is no default secret: without one, a line names the setting and the status is 2."""
    status, out, err = await run("serve", REST_HOST=LOOPBACK, REST_PORT="0")
    assert (status, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert err.startswith("cuebot-gateway: JWT_SECRET")


async def test_help_lists_the_commands() -> None:
    """`python -m gateway --help` lists what there is."""
    status, out, err = await run("--help")
    assert (status, err) == (0, "")
    for name in ("serve", "demo", "token"):
        assert re.search(rf"^  {name} +\S", out, re.MULTILINE), out
