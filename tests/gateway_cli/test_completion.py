"""`cuebot-gateway completion`, and what shells are offered after `call`."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.discovery.files import read_package
from tests.support.commands import PROGRAM, in_process
from tests.support.servers import clean_environment

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


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
    """Interfaces first, then methods, in the spelling used so far, and without Cuebot."""
    found = await completions(begun)
    assert offered in found
    assert all(name.startswith(begun) for name in found)


async def test_completion_reads_the_file_of_descriptor_source(tmp_path: Path) -> None:
    """A file with one service offers only that; a missing file offers nothing."""
    files = [file for file in read_package("opencue_proto").files if file.name == "limit.proto"]
    path = tmp_path / "limits.binpb"
    path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
    assert "limit.LimitInterface/Create" in await completions("", DESCRIPTOR_SOURCE=str(path))
    assert await completions("show", DESCRIPTOR_SOURCE=str(path)) == []
    assert await completions("show", DESCRIPTOR_SOURCE=str(tmp_path / "none.binpb")) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    """The script calls this command by its own name."""
    ran = in_process("completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert "_CUEBOT_GATEWAY_COMPLETE" in ran.text
    assert "cuebot-gateway" in ran.text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
async def test_the_script_works_in_bash() -> None:
    """Once sourced, it completes a command, an option and a method."""
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
