"""`cuebot-gateway call` and `completion` as processes: pipes, signals, terminals, shells."""

import asyncio
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from cuebot_simulator.server import SimulatedCuebot
from gateway.cli import main
from gateway.cli.commands.call import NOT_FOUND, UNREACHABLE
from gateway.cli.terminal.failures import FAILED, READER_GONE, WRONG
from gateway.discovery.package import read_package
from tests.support.opencue import jobs, opencue
from tests.support.servers import (
    SECRET,
    Context,
    ScriptedCuebot,
    clean_environment,
    running_cuebot,
    running_gateway,
    settings_for,
    token,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATIENCE = 30
PROGRAM = Path(sys.executable).parent / "cuebot-gateway"


@pytest.fixture(scope="module")
async def cuebot() -> AsyncIterator[SimulatedCuebot]:
    simulated = SimulatedCuebot()
    await simulated.start()
    yield simulated
    await simulated.stop()


@asynccontextmanager
async def started(
    *arguments: str, stdin: int = subprocess.DEVNULL, stdout: int = PIPE, **environ: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A running command, which does not outlive the test."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gateway", *arguments),
        env=clean_environment(**environ),
        stdin=stdin,
        stdout=stdout,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(*arguments: str, given: str = "", **environ: str) -> tuple[int | None, str, str]:
    """Run a command to its end: exit status, standard output, standard error."""
    async with (
        started(*arguments, stdin=PIPE, stdout=PIPE, **environ) as process,
        asyncio.timeout(PATIENCE),
    ):
        out, err = await process.communicate(given.encode())
        return process.returncode, out.decode(), err.decode()


# --- The command line -----------------------------------------------------------------------


async def test_a_call_straight_to_cuebot(cuebot: SimulatedCuebot) -> None:
    """Without a URL it is CUEBOT_ENDPOINT that is called, with the body of standard input."""
    name = next(iter(cuebot.farm.shows.values())).name
    body = json.dumps({"name": name})
    status, out, err = await run(
        "call", "Show/FindShow", "-", given=body, CUEBOT_ENDPOINT=cuebot.endpoint
    )
    assert (status, err) == (0, "")
    assert json.loads(out)["show"]["name"] == name


async def test_a_call_through_a_gateway(cuebot: SimulatedCuebot) -> None:
    """With GATEWAY_URL it goes there, with TOKEN or one signed for --sub; --direct does not."""
    async with running_gateway(settings_for(cuebot.endpoint)) as gateway:
        environ = {"GATEWAY_URL": gateway.url, "CUEBOT_ENDPOINT": "127.0.0.1:1"}
        for options, more in [
            (("--sub", "lena"), {"JWT_SECRET": SECRET}),
            ((), {"TOKEN": token("lena")}),
        ]:
            cuebot.calls.clear()
            status, out, err = await run(
                "call", "Show/GetShows", "--fields", "name", *options, **environ, **more
            )
            assert (status, err) == (0, "")
            assert out.startswith("name\n")
            assert cuebot.calls[-1][1]["x-gateway-principal"] == "lena"
        status, _, err = await run("call", "Show/GetShows", "--direct", **environ)
        assert status == UNREACHABLE


async def test_a_failure_is_a_status_and_one_line(cuebot: SimulatedCuebot) -> None:
    """Nothing is on standard output, and there is no traceback."""
    status, out, err = await run(
        "call", "Job/FindJob", '{"name": "nothing"}', CUEBOT_ENDPOINT=cuebot.endpoint
    )
    assert (status, out) == (NOT_FOUND, "")
    assert err == "cuebot-gateway: NOT_FOUND: Incorrect result size: expected 1, actual 0\n"


@pytest.mark.parametrize(
    ("arguments", "environ", "word"),
    [
        pytest.param((), {}, "INTERFACE/METHOD", id="no method"),
        pytest.param(("a/B", "--watch", "soon"), {}, "--watch", id="no duration"),
        pytest.param(("a/B", "--watch", "0"), {}, "--watch", id="no pause"),
        pytest.param(("a/B", "--timeout", "40d"), {}, "--timeout", id="too long"),
        pytest.param(("a/B", "--fields", " ,"), {}, "--fields", id="no fields"),
        pytest.param(("a/B", "--url", "http://h", "--direct"), {}, "--direct", id="two ways"),
        pytest.param(("a/B", "--sub", "me"), {}, "--url", id="a subject for nobody"),
        pytest.param(("a/B", "--url", "h:1"), {"TOKEN": "x"}, "URL", id="no URL"),
        pytest.param(("a/B", "--url", "http://h"), {}, "TOKEN", id="no token"),
        pytest.param(("a/B",), {"CUEBOT_ENDPOINT": "x"}, "CUEBOT_ENDPOINT", id="no endpoint"),
        pytest.param(("a/B",), {"DESCRIPTOR_SOURCE": "x"}, "DESCRIPTOR_SOURCE", id="no source"),
        pytest.param(("aB",), {}, "INTERFACE/METHOD", id="no name"),
    ],
)
async def test_wrong_usage(arguments: tuple[str, ...], environ: dict[str, str], word: str) -> None:
    """Is status 2 and names what is wrong."""
    status, out, err = await run("call", *arguments, **environ)
    assert (status, out) == (WRONG, "")
    assert word in err
    assert "Traceback" not in err


def test_every_option_and_status_is_documented() -> None:
    """docs/call.md tells of all that --help tells."""
    page = (Path(__file__).parents[2] / "docs" / "call.md").read_text(encoding="utf-8")
    words = CliRunner().invoke(main, ["call", "--help"]).stdout
    options = set(re.findall(r"--[a-z-]+", words)) - {"--help"}
    assert len(options) > 8
    assert not [option for option in options if f"`{option}" not in page]
    for status in re.findall(r"^    (\d+) ", words, re.MULTILINE):
        assert f"\n| {status} |" in page


# --- Pipes and signals ----------------------------------------------------------------------


async def test_a_reader_that_has_gone_is_no_error() -> None:
    """`| head` gets its lines, and nothing is said about the rest."""
    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        cuebot.answers("/job.JobInterface/GetJobs", jobs(5_000))
        reading, writing = os.pipe()
        async with started(
            "call", "Job/GetJobs", "--indent", stdout=writing, CUEBOT_ENDPOINT=cuebot.endpoint
        ) as process:
            os.close(writing)
            assert await asyncio.to_thread(os.read, reading, 1) == b"{"
            os.close(reading)
            async with asyncio.timeout(PATIENCE):
                _, err = await process.communicate()
    assert (process.returncode, err) == (READER_GONE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
async def test_a_full_disk_is_one_line(cuebot: SimulatedCuebot) -> None:
    """And status 1."""
    full = os.open("/dev/full", os.O_WRONLY)
    async with started(
        "call", "Show/GetShows", stdout=full, CUEBOT_ENDPOINT=cuebot.endpoint
    ) as process:
        os.close(full)
        async with asyncio.timeout(PATIENCE):
            _, err = await process.communicate()
    assert process.returncode == FAILED
    assert err == b"cuebot-gateway: cannot read or write: No space left on device\n"


@pytest.mark.parametrize(("options", "status"), [((), 130), (("--watch", "1h"), 0)])
async def test_ctrl_c_ends_a_call(options: tuple[str, ...], status: int) -> None:
    """One that waits with 130, a watch with 0, and without a word."""
    called = asyncio.Event()

    async def wait(request: bytes, context: Context) -> bytes:
        called.set()
        await asyncio.Event().wait()
        return b""

    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        cuebot.handlers["/show.ShowInterface/GetShows"] = wait
        async with (
            started("call", "Show/GetShows", *options, CUEBOT_ENDPOINT=cuebot.endpoint) as process,
            asyncio.timeout(PATIENCE),
        ):
            await called.wait()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    assert (process.returncode, out, err) == (status, b"", b"")


# --- Terminals ------------------------------------------------------------------------------


class Terminal:
    """A terminal of so many lines, as a command sees it, and what has been written to it."""

    def __init__(self, lines: int = 24) -> None:
        self._ours, self.theirs = pty.openpty()
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 80, 0, 0))
        self.written = ""

    async def read_until(self, pattern: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not re.search(pattern, self.written):
                self.written += (await asyncio.to_thread(os.read, self._ours, 65536)).decode()

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@pytest.mark.parametrize("no_color", ["", "1"])
async def test_a_terminal_gets_indented_json_in_colours(
    cuebot: SimulatedCuebot, no_color: str
) -> None:
    """Without colours when NO_COLOR is set."""
    terminal = Terminal()
    async with started(
        *("call", "Show/GetShows"),
        stdout=terminal.theirs,
        CUEBOT_ENDPOINT=cuebot.endpoint,
        TERM="xterm",
        NO_COLOR=no_color,
    ):
        await terminal.read_until(r"\n\}\r\n|\n\}$")
    terminal.close()
    assert ("\x1b[34m" in terminal.written) == (not no_color)
    plain = re.sub(r"\x1b\[\d+m", "", terminal.written)
    assert plain.startswith('{\r\n  "shows": {\r\n')
    assert json.loads(plain)["shows"]["shows"]


async def test_a_watch_redraws_the_terminal(cuebot: SimulatedCuebot) -> None:
    """An empty screen each time, a title, and no more lines than there is room for."""
    terminal = Terminal(lines=6)
    async with started(
        *("call", "Job/GetJobs", "--watch", "100ms", "--fields", "name"),
        stdout=terminal.theirs,
        CUEBOT_ENDPOINT=cuebot.endpoint,
    ):
        await terminal.read_until(r"(?s)more lines.*more lines")
    terminal.close()
    _, first, *_ = terminal.written.split("\x1b[H\x1b[2J")
    title, empty, *rest = first.rstrip().splitlines()
    assert title.startswith("Job/GetJobs every 0.1 s, ")
    assert (empty, rest[0]) == ("", "name")
    assert len(rest) == 3


# --- Completion -----------------------------------------------------------------------------


async def completions(begun: str, **environ: str) -> list[str]:
    """What a shell would be offered after `call`."""
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        env=clean_environment(
            _CUEBOT_GATEWAY_COMPLETE="bash_complete",
            COMP_WORDS=f"cuebot-gateway call {begun}",
            COMP_CWORD="2",
            **environ,
        ),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    return [line.partition(",")[2] for line in out.decode().split()]


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("show.S", "show.ShowInterface/GetShows"),
        ("/show.S", "/show.ShowInterface/GetShows"),
        ("job.", "job.JobInterface/"),
        ("job.JobInterface/GetJ", "job.JobInterface/GetJobs"),
        ("frame.FrameInterface/Ki", "frame.FrameInterface/Kill"),
        ("JobInterface/Ki", "JobInterface/KillFrames"),
        ("Job/Ki", "Job/KillFrames"),
        ("Jo", "Job/GetJobs"),
        ("Allo", "Allocation/Create"),
        ("JobI", "JobInterface/GetJobs"),
    ],
)
async def test_methods_are_completed(begun: str, offered: str) -> None:
    """Interfaces first, then methods, in the spelling that was begun, and without Cuebot."""
    found = await completions(begun)
    assert offered in found
    assert all(name.startswith(begun) for name in found)


async def test_completion_reads_the_file_of_descriptor_source(tmp_path: Path) -> None:
    """A set without most of OpenCue has no more to offer; of a file that is not there, nothing."""
    files = [file for file in read_package("opencue_proto").files if file.name == "limit.proto"]
    path = tmp_path / "limits.binpb"
    path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
    assert "limit.LimitInterface/Create" in await completions("", DESCRIPTOR_SOURCE=str(path))
    assert await completions("show", DESCRIPTOR_SOURCE=str(path)) == []
    assert await completions("show", DESCRIPTOR_SOURCE=str(tmp_path / "none.binpb")) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    """It asks this command, by its own name."""
    result = CliRunner().invoke(main, ["completion", shell])
    assert (result.exit_code, result.stderr) == (0, "")
    assert "_CUEBOT_GATEWAY_COMPLETE" in result.stdout
    assert "cuebot-gateway" in result.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
async def test_the_script_works_in_bash() -> None:
    """Sourced, it completes a command, an option and a method."""
    script = """
        source <(cuebot-gateway completion bash)
        complete_words() {
            COMP_WORDS=(cuebot-gateway "$@"); COMP_CWORD=$#; COMPREPLY=()
            _cuebot_gateway_completion cuebot-gateway
            echo "${COMPREPLY[@]}"
        }
        complete_words compl; complete_words call --dry; complete_words call Show/FindS
    """
    process = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "-c", script),
        env=clean_environment(PATH=f"{PROGRAM.parent}:{os.environ['PATH']}"),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert (out.decode().split(), err) == (["completion", "--dry-run", "Show/FindShow"], b"")
