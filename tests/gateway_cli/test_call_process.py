"""`cuebot-gateway call` as a process, and with a Cuebot that is slow, talkative or fails."""

import asyncio
import json
import re
import signal

import grpc
import pytest

from cuebot_simulator.server import SimulatedCuebot
from gateway_cli.client.cuebot import cuebot_client
from gateway_client.terminal.exits import FAILED, INTERRUPTED, UNAVAILABLE
from tests.gateway_cli.calls import FarmGateway, Opening, Watching, perform
from tests.support.commands import Ran, Terminal, run, run_beside, started
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, Context, ScriptedCuebot, settings_for, token

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GET_JOBS, GET_SHOWS = "/job.JobInterface/GetJobs", "/show.ShowInterface/GetShows"


async def test_a_call_straight_to_cuebot(simulated_cuebot: SimulatedCuebot) -> None:
    name = next(iter(simulated_cuebot.farm.shows.values())).name
    body = json.dumps({"name": name})
    ran = await run(
        "call", "Show/FindShow", "-", given=body, CUEBOT_ENDPOINT=simulated_cuebot.endpoint
    )
    assert (ran.status, ran.err) == (0, "")
    assert ran.json["show"]["name"] == name


async def test_a_call_through_a_gateway(
    simulated_cuebot: SimulatedCuebot, farm_gateway: FarmGateway
) -> None:
    gateway = await farm_gateway()
    environ = {"GATEWAY_URL": gateway.url, "CUEBOT_ENDPOINT": "127.0.0.1:1"}
    called = ("call", "Show/GetShows", "--fields", "name")
    for options, more in [
        (("--sub", "lena"), {"JWT_SECRET": SECRET}),
        ((), {"TOKEN": token("lena")}),
    ]:
        simulated_cuebot.calls.clear()
        ran = await run_beside(*called, *options, **environ, **more)
        assert (ran.status, ran.err) == (0, "")
        assert ran.text.startswith("name\n")
        assert simulated_cuebot.calls[-1][1]["x-gateway-principal"] == "lena"
    assert (await run_beside(*called, "--direct", **environ)).status == UNAVAILABLE
    ran = await run_beside(*called, **environ, TOKEN="old")
    assert (ran.status, len(ran.err.splitlines())) == (FAILED, 2)
    assert "the token came from TOKEN" in ran.err
    ran = await run_beside(*called, **environ, JWT_SECRET=SECRET + "-another")
    assert (ran.status, len(ran.err.splitlines())) == (FAILED, 1)


@pytest.mark.parametrize(("options", "status"), [((), INTERRUPTED), (("--watch", "1h"), 0)])
async def test_ctrl_c_ends_a_call(
    cuebot: ScriptedCuebot, options: tuple[str, ...], status: int
) -> None:
    called, _ = cuebot.hangs(GET_SHOWS)
    environ = {"CUEBOT_ENDPOINT": cuebot.endpoint}
    async with (
        started("call", "Show/GetShows", *options, environ=environ) as command,
        asyncio.timeout(PATIENCE),
    ):
        await called.wait()
        assert await command.stop(signal.SIGINT) == Ran(status, b"", "")


@pytest.mark.parametrize("no_color", ["", "1"])
async def test_a_terminal_gets_indented_json_in_colours(
    simulated_cuebot: SimulatedCuebot, no_color: str
) -> None:
    terminal = Terminal()
    async with started(
        *("call", "Show/GetShows"),
        stdout=terminal.theirs,
        environ={
            "CUEBOT_ENDPOINT": simulated_cuebot.endpoint,
            "TERM": "xterm",
            "NO_COLOR": no_color,
        },
    ):
        await terminal.read_until(r"\n\}\r\n|\n\}$")
    terminal.close()
    assert ("\x1b[34m" in terminal.written) == (not no_color)
    plain = re.sub(r"\x1b\[\d+m", "", terminal.written)
    assert plain.startswith('{\r\n  "shows": {\r\n')
    assert json.loads(plain)["shows"]["shows"]


async def test_a_watch_redraws_the_terminal(simulated_cuebot: SimulatedCuebot) -> None:
    terminal = Terminal(lines=6)
    async with started(
        *("call", "Job/GetJobs", "--watch", "100ms", "--fields", "name"),
        stdout=terminal.theirs,
        environ={"CUEBOT_ENDPOINT": simulated_cuebot.endpoint},
    ):
        await terminal.read_until(r"(?s)more lines.*more lines")
    terminal.close()
    _, first, *_ = terminal.written.split("\x1b[H\x1b[2J")
    title, empty, *rest = first.rstrip().splitlines()
    assert title.startswith("Job/GetJobs every 0.1 s, ")
    assert (empty, rest[0]) == ("", "name")
    assert len(rest) == 3


async def test_the_timeout_ends_a_call(opening: Opening, cuebot: ScriptedCuebot) -> None:
    cuebot.hangs(GET_SHOWS)
    done = await perform(opening(timeout=2), "Show/GetShows")  # within it, it finds the schema
    assert done.status == FAILED
    assert done.problem.startswith("DEADLINE_EXCEEDED")
    assert "the gateway" not in done.problem  # Cuebot's time was over first


async def test_repeating_goes_on_after_a_failure(cuebot: ScriptedCuebot) -> None:
    calls = 0
    enough = asyncio.Event()

    async def third_fails(request: bytes, context: Context) -> bytes:
        nonlocal calls
        calls += 1
        if calls == 3:
            await context.abort(grpc.StatusCode.INTERNAL, "no more room")
        if calls == 6:  # then the fifth has been shown
            enough.set()
            await asyncio.Event().wait()
        return b""

    cuebot.handlers[GET_SHOWS] = third_fails
    watching = Watching(cuebot_client(settings_for(cuebot.endpoint), 10), "Show/GetShows")
    async with asyncio.timeout(PATIENCE):
        await enough.wait()
    await watching.end()
    assert watching.text == '{"shows":null}\n' * 4
    assert watching.err.getvalue() == "cuebot-gateway: INTERNAL: no more room\n"
