"""`cuebot-gateway call` and a Cuebot that is slow, talkative or fails now and then; both ways."""

import asyncio
import json
from contextlib import suppress
from io import BytesIO, StringIO

import grpc
import pytest

from gateway_cli.client.arguments import Arguments
from gateway_cli.client.output_options import OutputOptions
from gateway_cli.commands.call import call_and_show
from gateway_cli.terminal.exits import FAILED
from gateway_cli.terminal.output import Output
from tests.gateway_cli.calls import Opening, perform
from tests.support.opencue import jobs
from tests.support.patience import PATIENCE
from tests.support.servers import Context, ScriptedCuebot

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GET_JOBS = "/job.JobInterface/GetJobs"
GET_SHOWS = "/show.ShowInterface/GetShows"


async def test_the_timeout_ends_a_call(opening: Opening, cuebot: ScriptedCuebot) -> None:
    """The line says that Cuebot took too long."""
    released = asyncio.Event()

    async def wait(request: bytes, context: Context) -> bytes:
        await released.wait()
        return b""

    cuebot.handlers[GET_SHOWS] = wait
    try:
        done = await perform(opening(timeout=0.3), "Show/GetShows")
    finally:
        released.set()
    assert done.status == FAILED
    assert done.problem.startswith("DEADLINE_EXCEEDED")
    assert "the gateway" not in done.problem  # Cuebot's time was over first


async def test_large_answers_are_whole(opening: Opening, cuebot: ScriptedCuebot) -> None:
    """20,000 jobs are printed, as JSON and as a table."""
    cuebot.answers(GET_JOBS, jobs(20_000))
    whole = await perform(opening(), "Job/GetJobs")
    assert len(json.loads(whole.out)["jobs"]["jobs"]) == 20_000
    table = await perform(opening(), "Job/GetJobs", fields=("id", "priority"))
    assert table.out.count("\n") == 20_001


async def test_watching_goes_on_after_a_failure(opening: Opening, cuebot: ScriptedCuebot) -> None:
    """The failure is shown, and in a pipe each answer is a line."""
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
    out, err = BytesIO(), StringIO()
    watching = asyncio.create_task(
        call_and_show(
            opening(),
            Output(out=out, err=err),
            name="Show/GetShows",
            request=Arguments(),
            options=OutputOptions(),
            pause=0.01,
        )
    )
    async with asyncio.timeout(PATIENCE):
        await enough.wait()
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    assert out.getvalue() == b'{"shows":null}\n' * 4
    assert err.getvalue() == "cuebot-gateway: INTERNAL: no more room\n"


async def test_an_answer_that_is_no_message_is_a_failure(
    opening: Opening, cuebot: ScriptedCuebot
) -> None:
    """No part of it is printed."""
    cuebot.answers(GET_SHOWS, b"\xff")
    done = await perform(opening(), "Show/GetShows")
    assert done.status == FAILED
    assert done.problem.startswith("INTERNAL: ")
