"""`cuebot-gateway serve` as a process."""

import json
import socket

import pytest

from gateway_client.terminal.exits import WRONG_USAGE
from tests.support.commands import OPENCUE, Terminal, assert_one_line, child, in_process, started
from tests.support.servers import SECRET, free_port

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # most of them start a process

LOOPBACK = "127.0.0.1"
ON_ANY_PORT = {"JWT_SECRET": SECRET, "REST_PORT": "0", "REST_HOST": LOOPBACK}


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        pytest.param({"DESCRIPTOR_SOURCE": "magic"}, "DESCRIPTOR_SOURCE", id="source"),
        pytest.param({"REST_HOST": "256.256.256.256"}, "256.256.256.256", id="no address"),
        pytest.param({"REST_HOST": "127.0.0..1"}, "127.0.0..1", id="two dots"),
        pytest.param({"REST_HOST": "192.0.2.1"}, "192.0.2.1", id="somebody else's address"),
        pytest.param({"JWT_SECRET": ""}, "cuebot-gateway: JWT_SECRET", id="no default secret"),
        pytest.param({"JWT_SECRET": "ssh-rsa AAAAB3Nz lena@studio"}, "JWT_SECRET", id="ssh key"),
        pytest.param({"KEEPALIVE_TIME": "10000h"}, "KEEPALIVE_TIME", id="keepalive for ever"),
    ],
)
def test_what_serve_cannot_do_is_one_line(environ: dict[str, str], word: str) -> None:
    ran = in_process("serve", **ON_ANY_PORT | environ)
    assert ran.status == WRONG_USAGE
    assert_one_line(ran, word)
    assert SECRET not in ran.err


MISSPELLED = "job.JobInterface/Kil"
A_GLOB = {"EXCLUDE_SERVICES": MISSPELLED}
A_RULE = {"ACCESS": json.dumps([{"name": "td", "who": {}, "may": ["all", f"!{MISSPELLED}"]}])}


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        (A_GLOB, "EXCLUDE_SERVICES: "),
        (A_RULE, "access rule 'td': !"),
        (A_RULE | {"WORKERS": "2"}, "access rule 'td': !"),
    ],
    ids=["a glob", "a rule", "workers"],
)
def test_what_withholds_nothing_is_one_line(environ: dict[str, str], begins: str) -> None:
    """What it was to withhold would be allowed, so nobody is served."""
    port = {"REST_PORT": str(free_port())}
    ran = child("serve", DESCRIPTOR_SOURCE=OPENCUE, **ON_ANY_PORT | port | environ)
    assert ran.status == WRONG_USAGE
    assert_one_line(ran, f"cuebot-gateway: {begins}{MISSPELLED} matches nothing that Cuebot has")
    assert b'"listening"' not in ran.out


def test_workers_tell_all_that_withholds_nothing() -> None:
    rule = {"name": "td", "who": {}, "may": ["all", f"!{MISSPELLED}", "!job.JobInterface/Pausd"]}
    environ = {"ACCESS": json.dumps([rule]), "WORKERS": "2", "REST_PORT": str(free_port())}
    ran = child("serve", DESCRIPTOR_SOURCE=OPENCUE, **ON_ANY_PORT | environ)
    assert ran.status == WRONG_USAGE
    assert [line.partition(" matches ")[0] for line in ran.err.splitlines()] == [
        f"cuebot-gateway: access rule 'td': !{MISSPELLED}",
        "access rule 'td': !job.JobInterface/Pausd",
    ]


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server((LOOPBACK, 0)) as other:
        port = str(other.getsockname()[1])
        ran = in_process("serve", **ON_ANY_PORT | {"REST_PORT": port})
    assert ran.status == WRONG_USAGE
    assert_one_line(ran, port, "REST_PORT")


def test_misspelled_and_retired_settings_are_warnings() -> None:
    """Each is one, however many workers there are."""
    ours = {"JWT_SECRET": "", "JWT_SECRETS": SECRET, "TRACES_RATIO": "0.5", "WORKERS": "2"}
    ran = child("serve", **ON_ANY_PORT | ours)
    assert ran.status == WRONG_USAGE
    warnings = [json.loads(line) for line in ran.text.splitlines() if '"warning"' in line]
    first, second = (each["event"] for each in warnings)
    assert first == "JWT_SECRETS is no setting of the gateway; did you mean JWT_SECRET?"
    assert second.startswith("TRACES_RATIO is retired")
    assert SECRET not in ran.text + ran.err


async def test_the_log_on_a_terminal_is_for_people() -> None:
    environ = ON_ANY_PORT | {"CUEBOT_ENDPOINT": f"{LOOPBACK}:1"}
    terminal = Terminal()
    try:
        async with started("serve", environ=environ, stdout=terminal.theirs):
            await terminal.read_until("listening[^\n]*\n")
        (shown,) = [line for line in terminal.written.splitlines() if "listening" in line]
        assert not shown.startswith("{")
    finally:
        terminal.close()
    async with started("serve", environ=environ) as command:
        assert (await command.print_until("listening")).string.startswith("{")
