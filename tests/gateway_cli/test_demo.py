"""`cuebot-gateway demo`, run in child processes and used as its banner says."""

import asyncio
import json
import os
import re
import shutil
import signal
import socket
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.studio import build_farm
from gateway.core.discovery.reflection import PATH, VERSIONS
from tests.support.commands import PROGRAM, Running, assert_one_line, run, started
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, bearer, clean_environment, http_client

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GET_SHOWS = "/show.ShowInterface/GetShows"

CUECTL = PROGRAM.with_name("cuectl")

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@dataclass
class Demo(Running):
    """A running demo, and what its banner says."""

    url: str = ""
    endpoint: str = ""
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def block(self) -> str:
        """The part of the banner that is to be pasted."""
        _, _, rest = self.printed.partition("Paste this to try it:\n")
        return rest.partition("In a browser")[0]

    def commands(self) -> list[str]:
        """The shell commands of the block, one by one, as they are printed."""
        parts = re.split(r"\n\s*\n", self.block.strip("\n"))
        return ["\n".join(filter(is_code, part.splitlines())) for part in parts]


def is_code(line: str) -> bool:
    return not line.lstrip().startswith("#")


@asynccontextmanager
async def running_demo(*arguments: str, **environ: str) -> AsyncIterator[Demo]:
    """The demo on a free port, once its banner is complete."""
    async with started("demo", "--port", "0", *arguments, environ=environ) as command:
        demo = Demo(command.process)
        demo.token = (await demo.print_until(r"export TOKEN=(\S+)$"))[1]
        found = await demo.print_until(r"^Base URL: (\S+)\s.*: (\S+)$")
        demo.url, demo.endpoint = found.groups()
        await demo.print_until("^Stop with Ctrl-C")
        yield demo


@asynccontextmanager
async def running_cuebot(*arguments: str) -> AsyncIterator[tuple[Running, str]]:
    """The simulated Cuebot alone on a free port, and its endpoint."""
    async with started("demo", "--cuebot-only", "--port", "0", *arguments) as command:
        found = await command.print_until(r"simulated Cuebot listens on (\S+:\d+) ")
        yield command, found[1]


async def assert_stops(command: Running, number: signal.Signals) -> None:
    """The signal ends it with status 0 and without a message."""
    ran = await command.stop(number)
    assert (ran.status, ran.err) == (0, "")


async def shell(script: str, cache: Path, path: str) -> tuple[int | None, str, str]:
    """Run a script as if it was pasted into a terminal: exit status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-e", "-u"),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        env=clean_environment(XDG_CACHE_HOME=str(cache), PATH=path),
    )
    try:
        async with asyncio.timeout(PATIENCE):
            out, err = await process.communicate(script.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, out.decode(), err.decode()


def documents(text: str) -> tuple[list[Any], str]:
    """The JSON documents that a text begins with, and the rest of it."""
    decoder, found = json.JSONDecoder(), []
    while (text := text.strip()).startswith("{"):
        document, end = decoder.raw_decode(text)
        found.append(document)
        text = text[end:]
    return found, text


@needs_curl
@pytest.mark.parametrize("tls", [False, True], ids=["HTTP", "HTTPS"])
async def test_the_printed_lines_work_when_pasted(tmp_path: Path, tls: bool) -> None:
    """Whatever the settings are of a gateway here. And Ctrl-C ends it without another word."""
    path = "/usr/bin:/bin" if tls else f"{PROGRAM.parent}:{os.environ['PATH']}"
    settings = {"JWT_SECRET": SECRET, "REST_PORT": "http", "CUEBOT_ENDPOINT": "nowhere:1"}
    async with running_demo(*["--tls"] * tls, PATH=path, **settings) as demo:
        assert demo.url.startswith(f"http{'s' * tls}://127.0.0.1:")
        assert demo.commands()[-1].split()[0] == (str(CUECTL) if tls else "cuectl")
        status, out, err = await shell(demo.block, tmp_path, path)
        assert (status, err) == (0, "")
        (shows, paused, found), table = documents(out)
        names = [show["name"] for show in shows["shows"]["shows"]]
        assert names == ["demo", "harbor", "northwind"]
        assert paused == {}
        assert found["job"]["isPaused"] is True
        head, *rows = table.splitlines()
        assert head.split()[:3] == ["NAME", "USER", "DEAD"]
        assert found["job"]["name"] in {row.split()[0] for row in rows}
        async with grpc.aio.insecure_channel(demo.endpoint) as channel:
            assert await show_names(channel) == names
        before = demo.printed
        async with http_client(demo.url, headers=demo.headers) as client:
            if tls:
                with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                    await client.get("/")
            else:  # its connection stays open
                assert (await client.post(GET_SHOWS)).status_code == 200
                assert (await client.post(GET_SHOWS, headers=bearer())).status_code == 403
            await assert_stops(demo, signal.SIGINT)
        assert demo.printed.rstrip() == before.rstrip()


async def test_a_farm_of_any_size_and_seed_without_reflection() -> None:
    same, other = (build_farm(read_messages(), seed=seed, jobs=300) for seed in (5, 6))
    async with (
        running_demo("--jobs", "300", "--seed", "5", "--no-reflection") as demo,
        http_client(demo.url, headers=demo.headers) as client,
    ):
        assert "no reflection" in demo.printed
        assert "assumed" in demo.printed.partition("Paste this")[0]
        assert (await client.get("/readyz")).json()["schema"] == "assumed"
        all_jobs = {"r": {"include_finished": True}}
        answer = await client.post("/job.JobInterface/GetJobs", json=all_jobs)
    ids = {job["id"] for job in answer.json()["jobs"]["jobs"]}
    assert len(ids) == 300
    assert ids == same.jobs.keys()
    assert ids.isdisjoint(other.jobs)


@pytest.mark.parametrize("arguments", [(), ("--cuebot-only",)], ids=["gateway", "cuebot"])
async def test_a_port_in_use_is_one_line(arguments: tuple[str, ...]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ran = await run("demo", "--port", port, *arguments)
    assert (ran.status, ran.out) == (2, b"")
    assert_one_line(ran, port, "in use")


async def show_names(channel: grpc.aio.Channel) -> list[str]:
    """The names of a Cuebot's shows, by gRPC."""
    ask: Any = channel.unary_unary(GET_SHOWS)
    answer = message_class("show.ShowGetShowsResponse").FromString(await ask(b"", timeout=PATIENCE))
    return [show.name for show in answer.shows.shows]


async def reflection_status(channel: grpc.aio.Channel, version: str) -> grpc.StatusCode:
    """The status of a call to server reflection."""
    ask: Any = channel.unary_stream(PATH.format(version=version))
    question = ServerReflectionRequest(list_services="*").SerializeToString()
    call = ask(question, timeout=PATIENCE)
    with suppress(grpc.aio.AioRpcError):
        async for _ in call:
            pass
    code: grpc.StatusCode = await call.code()
    return code


@pytest.mark.parametrize(
    ("arguments", "status", "number"),
    [
        ((), grpc.StatusCode.OK, signal.SIGINT),
        (("--no-reflection",), grpc.StatusCode.UNIMPLEMENTED, signal.SIGTERM),
    ],
)
async def test_cuebot_alone(
    arguments: tuple[str, ...], status: grpc.StatusCode, number: signal.Signals
) -> None:
    async with running_cuebot(*arguments) as (command, endpoint):
        async with grpc.aio.insecure_channel(endpoint) as channel:
            assert await show_names(channel) == ["demo", "harbor", "northwind"]
            for version in VERSIONS:
                assert await reflection_status(channel, version) is status
        await assert_stops(command, number)
