"""The names of methods: as people write them, and as shells complete them."""

import asyncio
import os
import shutil
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.core.discovery.files import read_package
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import assumed_schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway_cli.client.method_names import find_method
from gateway_cli.commands.completion import spellings
from gateway_client.errors import InvalidCall
from gateway_client.method_names import path_of
from tests.support.commands import PROGRAM, in_process
from tests.support.needs import needs
from tests.support.opencue import catalog, opencue
from tests.support.protos import file_of_services
from tests.support.servers import clean_environment

pytestmark = pytest.mark.anyio


def catalog_of(*methods: str) -> Catalog:
    """A catalog of these methods, such as `one.TwinInterface/Get`, each with a file of its own."""
    files = [file_of_services(name.partition("/")[0], [name.partition("/")[2]]) for name in methods]
    return build_catalog(assumed_schema(files, "test"), Selection())


SPELLINGS = [
    *(f"{slashes}show.ShowInterface/GetShows" for slashes in ("", "/", "//")),
    *("ShowInterface/GetShows", "Show/GetShows"),
    *("show.ShowInterface.GetShows", "ShowInterface.GetShows"),
]


@pytest.mark.parametrize("written", SPELLINGS)
def test_names(written: str) -> None:
    assert path_of(written) == "/show.ShowInterface/GetShows"
    assert find_method(written, catalog()).path == "/show.ShowInterface/GetShows"


@pytest.mark.parametrize(
    "written", ["", "GetShows", "job.JobInterface", "a/B/C", "../healthz", "Show/GetShows?x=1"]
)
def test_what_is_no_name(written: str) -> None:
    with pytest.raises(InvalidCall, match="is not of the form INTERFACE/METHOD"):
        path_of(written)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("T/Ok", "/a.T/Ok"),
        ("T/Other", "/b.TInterface/Other"),
        ("TInterface/Other", "/b.TInterface/Other"),
    ],
)
def test_a_short_name_is_first_taken_as_it_is_written(written: str, path: str) -> None:
    assert find_method(written, catalog_of("a.T/Ok", "b.TInterface/Other")).path == path


def test_every_spelling_of_completion_can_be_called() -> None:
    selection = Selection(include=("*", "rqd.RunningFrame"))
    served = build_catalog(opencue(), selection)
    names = [name for style in spellings(served) for name in style]
    assert {"RunningFrame/Kill", "Job/GetJobs", "frame.FrameInterface/Kill"} <= set(names)
    natives = {name: find_method(name, served).path for name in names}
    assert set(natives.values()) == {method.path for method in served.methods}


def test_a_short_name_of_two_is_refused() -> None:
    twins = catalog_of("one.TwinInterface/Get", "two.TwinInterface/Get")
    assert find_method("two.TwinInterface/Get", twins).path == "/two.TwinInterface/Get"
    with pytest.raises(InvalidCall, match=r"one\.TwinInterface or two\.TwinInterface"):
        find_method("Twin/Get", twins)
    full, *short = spellings(twins)
    assert (full, short) == (["one.TwinInterface/Get", "two.TwinInterface/Get"], [[], []])


def completions(begun: str, **environ: str) -> list[str]:
    """What bash would be offered after `call`."""
    lines = offered_in("bash", begun, **environ)
    return [line.partition(",")[2] for line in lines if line]


def offered_in(shell: str, begun: str, **environ: str) -> list[str]:
    """What a shell is told when a word after `call` is to be completed."""
    asked = {"COMP_WORDS": f"cuebot-gateway call {begun}", "COMP_CWORD": "2"}
    ran = in_process(_CUEBOT_GATEWAY_COMPLETE=f"{shell}_complete", **asked, **environ)
    assert (ran.status, ran.err) == (0, "")
    return ran.text.splitlines()


@pytest.mark.parametrize(
    ("begun", "offered"),
    [
        ("show.S", "show.ShowInterface/GetShows"),
        ("job.", "job.JobInterface/"),
        ("frame.FrameInterface/Ki", "frame.FrameInterface/Kill"),
        ("Job/Ki", "Job/KillFrames"),
        ("Jo", "Job/GetJobs"),
        ("/Job/Ki", "/Job/KillFrames"),
        pytest.param("Layer/Ki", "Layer/Kill", marks=needs("reference")),  # only documents have it
    ],
)
def test_methods_are_completed(begun: str, offered: str) -> None:
    found = completions(begun)
    assert offered in found
    assert all(name.startswith(begun) for name in found)


def test_what_methods_do_is_shown_beside_their_names() -> None:
    lines = offered_in("zsh", "/Job/Pau")
    summary = load_profile("opencue").summaries.methods["job.JobInterface"]["Pause"]
    assert lines == ["plain", "/Job/Pause", summary]


def test_completion_reads_the_file_of_descriptor_source(tmp_path: Path) -> None:
    files = [file for file in read_package("opencue_proto").files if file.name == "limit.proto"]
    path = tmp_path / "limits.binpb"
    path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
    assert "limit.LimitInterface/Create" in completions("", DESCRIPTOR_SOURCE=str(path))
    assert completions("show", DESCRIPTOR_SOURCE=str(path)) == []
    assert completions("show", DESCRIPTOR_SOURCE=str(tmp_path / "none.binpb")) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(shell: str) -> None:
    ran = in_process("completion", shell)
    assert (ran.status, ran.err) == (0, "")
    assert "_CUEBOT_GATEWAY_COMPLETE" in ran.text
    assert "cuebot-gateway" in ran.text


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.slow
async def test_the_script_works_in_bash() -> None:
    script = """
        source <(cuebot-gateway completion bash)
        complete_words() {
            COMP_WORDS=(cuebot-gateway "$@"); COMP_CWORD=$#; COMPREPLY=()
            _cuebot_gateway_completion cuebot-gateway
            echo "${COMPREPLY[@]}"
        }
        complete_words call --dry; complete_words call Show/FindS
    """
    process = await asyncio.create_subprocess_exec(
        *("bash", "--norc", "-c", script),
        env=clean_environment(PATH=f"{PROGRAM.parent}:{os.environ['PATH']}"),
        stdout=PIPE,
        stderr=PIPE,
    )
    out, err = await process.communicate()
    assert (out.decode().split(), err) == (["--dry-run", "Show/FindShow"], b"")
