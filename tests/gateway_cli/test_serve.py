"""`cuebot-gateway serve` as a process."""

import json
import signal
import socket

import pytest

from cuectl.terminal.exits import WRONG_USAGE
from tests.support.commands import OPENCUE, Terminal, assert_one_line, child, in_process, started
from tests.support.farms import running_farm, still_farm
from tests.support.servers import SECRET, bearer, free_port, http_client

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # most of them start a process

LOOPBACK = "127.0.0.1"
ON_ANY_PORT = {"JWT_SECRET": SECRET, "REST_PORT": "0", "REST_HOST": LOOPBACK}


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        pytest.param({"DESCRIPTOR_SOURCE": "magic"}, "DESCRIPTOR_SOURCE", id="source"),
        pytest.param({"DESCRIPTOR_SOURCE": "x.binpb"}, "DESCRIPTOR_SOURCE", id="source file"),
        pytest.param({"REST_HOST": "256.256.256.256"}, "256.256.256.256", id="no address"),
        pytest.param({"REST_HOST": "127.0.0..1"}, "127.0.0..1", id="two dots"),
        pytest.param({"REST_HOST": "192.0.2.1"}, "192.0.2.1", id="somebody else's address"),
        pytest.param({"JWT_SECRET": "ssh-rsa AAAAB3Nz lena@studio"}, "JWT_SECRET", id="ssh key"),
        pytest.param({"KEEPALIVE_TIME": "10000h"}, "KEEPALIVE_TIME", id="keepalive for ever"),
    ],
)
def test_what_serve_cannot_do_is_one_line(environ: dict[str, str], word: str) -> None:
    ran = in_process("serve", **ON_ANY_PORT | environ)
    assert ran.status == WRONG_USAGE
    assert_one_line(ran, word)
    assert SECRET not in ran.err


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_glob_that_matches_nothing_is_one_line(workers: str) -> None:
    environ = {"DESCRIPTOR_SOURCE": OPENCUE, "EXCLUDE_SERVICES": "*/Kil,job.JobInterface/Kil"}
    ran = child("serve", WORKERS=workers, **ON_ANY_PORT | environ | {"REST_PORT": str(free_port())})
    assert ran.status == WRONG_USAGE
    first = "EXCLUDE_SERVICES: */Kil matches nothing that Cuebot has"
    assert ran.err.startswith(f"cuebot-gateway: {first}")
    assert b'"listening"' not in ran.out


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_access_rule_that_takes_nothing_away_is_one_line(workers: str) -> None:
    """What it was to take away would be allowed, so nobody is served."""
    rules = '[{"name": "td", "who": {}, "may": ["all", "!job.JobInterface/Kil"]}]'
    environ = {"DESCRIPTOR_SOURCE": OPENCUE, "ACCESS": rules, "REST_PORT": str(free_port())}
    ran = child("serve", WORKERS=workers, **ON_ANY_PORT | environ)
    assert ran.status == WRONG_USAGE
    assert_one_line(ran, "access rule 'td': !job.JobInterface/Kil matches nothing")
    assert b'"listening"' not in ran.out


def test_there_is_no_default_secret() -> None:
    ran = child("serve", REST_HOST=LOOPBACK, REST_PORT="0")
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert_one_line(ran, "cuebot-gateway: JWT_SECRET")


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = str(other.getsockname()[1])
        ran = child("serve", **ON_ANY_PORT | {"REST_PORT": port})
    assert ran.status == WRONG_USAGE
    assert_one_line(ran, port, "REST_PORT")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_misspelled_variable_is_a_warning(workers: str) -> None:
    environ = ON_ANY_PORT | {"JWT_SECRET": "", "JWT_SECRETS": SECRET, "WORKERS": workers}
    ran = child("serve", **environ)
    assert ran.status == WRONG_USAGE
    (line,) = [line for line in ran.text.splitlines() if '"warning"' in line]
    expected = "JWT_SECRETS is no setting of the gateway; did you mean JWT_SECRET?"
    assert json.loads(line)["event"] == expected
    assert SECRET not in ran.text + ran.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
async def test_serve_answers_and_stops_cleanly(number: signal.Signals) -> None:
    port = free_port()
    environ = ON_ANY_PORT | {
        "REST_PORT": str(port),
        "CUEBOT_ENDPOINT": f"{LOOPBACK}:{free_port()}",
        "LOG_LEVEL": "info",
    }
    async with (
        started("serve", environ=environ) as command,
        http_client(f"http://{LOOPBACK}:{port}") as client,
    ):
        await command.print_until("listening")
        health = await client.get("/healthz")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})
        assert (await client.get("/readyz")).status_code == 503
        answer = await client.post("/show.ShowInterface/GetShows", headers=bearer("me"))
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        ran = await command.stop(number)
    assert (ran.status, ran.err) == (0, "")


async def test_serve_in_front_of_a_stock_cuebot() -> None:
    port = free_port()
    async with (
        running_farm(still_farm(), reflection=False) as cuebot,
        started(
            "serve",
            environ=ON_ANY_PORT | {"REST_PORT": str(port), "CUEBOT_ENDPOINT": cuebot.endpoint},
        ) as gateway,
        http_client(f"http://{LOOPBACK}:{port}") as client,
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
        ran = await gateway.stop(signal.SIGTERM)
        assert (ran.status, ran.err) == (0, "")
    warnings = [line for line in gateway.printed.splitlines() if '"warning"' in line]
    assert len(warnings) == 1
    assert "package:opencue_proto" in warnings[0]


@pytest.mark.parametrize("style", ["auto", "json", "console"])
async def test_the_log_on_a_terminal_is_for_people(style: str) -> None:
    environ = ON_ANY_PORT | {"CUEBOT_ENDPOINT": f"{LOOPBACK}:1", "LOG_FORMAT": style}
    terminal = Terminal()
    try:
        async with started("serve", environ=environ, stdout=terminal.theirs):
            await terminal.read_until("listening[^\n]*\n")
        shown = [line for line in terminal.written.splitlines() if "listening" in line]
        assert shown[0].startswith("{") == (style == "json")
    finally:
        terminal.close()
    async with started("serve", environ=environ) as command:
        line = (await command.print_until("listening")).string
    assert line.startswith("{") == (style != "console")
