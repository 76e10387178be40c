"""Somebody who attacks: links, names, renames, and files that are none."""

import errno
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.errors import GatewayError
from gateway.features.logs import log_file, opening
from gateway.features.logs.log_file import LogFile
from gateway.features.logs.roots import Place, Root, place_of, root_of
from tests.features.logs.farm import LoggingFarm
from tests.support.servers import head
from tests.support.wire import wire

SECRET = b"a secret outside\n"


@pytest.fixture(params=["kernel", "name by name"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    way: str = request.param
    if way == "kernel" and not opening.KERNEL_RESOLVES:
        pytest.skip("this kernel has no openat2")
    monkeypatch.setattr(opening, "KERNEL_RESOLVES", way == "kernel")
    return way


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    found = tmp_path / "shots"
    (found / "logs").mkdir(parents=True)
    (found / "logs" / "there").write_bytes(b"there\n")
    return found


def content(root: Path, *names: str) -> bytes:
    log = LogFile(Place(Root("/shots", str(root)), names))
    try:
        return log.read(0, 100)
    finally:
        log.close()


@pytest.mark.usefixtures("way")
def test_a_file_below_the_root(root: Path) -> None:
    assert content(root, "logs", "there") == b"there\n"


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "target", ["../../secret", "{root}/../secret", "{root}/logs/there", "loop"]
)
def test_a_link_that_leads_out(root: Path, target: str) -> None:
    """An absolute one leads out, wherever it leads: what is mounted here may not be there."""
    (root / "logs" / "loop").symlink_to(target.format(root=root))
    with pytest.raises(GatewayError, match="link that is not followed"):
        content(root, "logs", "loop")


@pytest.mark.usefixtures("way")
def test_a_folder_that_leads_out(root: Path) -> None:
    (root / "linked").symlink_to("..")
    with pytest.raises(GatewayError, match="link that is not followed"):
        content(root, "linked", "secret")


def test_a_link_that_stays_below(root: Path, way: str) -> None:
    (root / "logs" / "linked").symlink_to("../logs/there")
    if way == "kernel":
        assert content(root, "logs", "linked") == b"there\n"
    else:
        with pytest.raises(GatewayError, match="link that is not followed"):
            content(root, "logs", "linked")


@pytest.mark.usefixtures("way")
def test_a_fifo_does_not_block(root: Path) -> None:
    os.mkfifo(root / "logs" / "fifo")
    with pytest.raises(GatewayError, match="no regular file"):
        content(root, "logs", "fifo")


@pytest.mark.usefixtures("way")
def test_a_socket_is_no_log(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)  # the path of a socket may be 107 bytes long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("logs/socket")
        with pytest.raises(GatewayError, match="no regular file"):
            content(root, "logs", "socket")


@pytest.mark.usefixtures("way")
def test_a_folder_is_no_log(root: Path) -> None:
    with pytest.raises(GatewayError, match="no regular file"):
        content(root, "logs")


@pytest.mark.usefixtures("way")
def test_a_device_is_no_log() -> None:
    with pytest.raises(GatewayError, match="no regular file"):
        content(Path("/dev"), "zero")


@pytest.mark.usefixtures("way")
def test_a_link_of_the_proc_file_system(root: Path) -> None:
    with (root / "logs" / "there").open() as opened:
        number = str(opened.fileno())
        with pytest.raises(GatewayError, match="link that is not followed"):
            content(Path("/proc/self"), "fd", number)


def test_a_file_that_may_not_be_read(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests may run as root, who may read everything."""

    def refuse(*where: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(log_file, "open_below", refuse)
    with pytest.raises(GatewayError, match="may not read /shots/logs/there"):
        content(root, "logs", "there")


def test_a_root_that_is_not_mounted(root: Path) -> None:
    with pytest.raises(GatewayError, match="/shots of LOG_ROOTS is not mounted here"):
        content(root / "missing", "there")


@pytest.fixture
def swapping(root: Path) -> Iterator[None]:
    """A folder that is exchanged for a link to the outside, again and again."""
    inside, outside, name = root / "inside", root / "outside", root / "swapped"
    inside.mkdir()
    (inside / "secret").write_bytes(b"inside\n")
    outside.symlink_to("..")
    inside.rename(name)
    is_over = threading.Event()

    def swap() -> None:
        while not is_over.is_set():
            name.rename(inside)
            outside.rename(name)
            name.rename(outside)
            inside.rename(name)

    thread = threading.Thread(target=swap)
    thread.start()
    yield
    is_over.set()
    thread.join()


@pytest.mark.usefixtures("way", "swapping")
def test_renames_under_way_lead_nowhere(root: Path) -> None:
    seen = set()
    for _ in range(2000):
        try:
            seen.add(content(root, "swapped", "secret"))
        except GatewayError:
            continue
    assert seen <= {b"inside\n"}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("/shots/../etc", "passwd"),
        ("/shots", "../x"),
        ("/shots", ".."),
        ("/shots", "a/b"),
        ("/shots", "a\0b"),
        ("/shots\0", "x"),
        ("shots", "x"),
        ("/shotsandmore", "x"),
        ("", "x"),
    ],
)
def test_what_is_below_no_root(folder: str, name: str) -> None:
    assert place_of(folder, name, [root_of("/shots")]) is None


def test_the_longest_root_has_it() -> None:
    roots = [root_of("/"), root_of("/shots=/a"), root_of("/shots/demo = /b/"), root_of("/x")]
    found = place_of("/shots//demo/./logs/", "x.rqlog", roots)
    assert found == Place(Root("/shots/demo", "/b"), ("logs", "x.rqlog"))
    assert found.told == "/shots/demo/logs/x.rqlog"
    other = place_of("/other", "x", roots)
    assert other is not None
    assert (other.root.here, other.told) == ("/", "/other/x")


# --- over HTTP -------------------------------------------------------------------------------


@pytest.fixture
def farm(shared_farm: LoggingFarm) -> LoggingFarm:
    shared_farm.write(b"text\n")
    return shared_farm


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/logs/demo%2Fx/1001-comp",
        "/logs/..%2F..%2Fetc/passwd",
        "/logs/../passwd",
        "/logs/%2e%2e/passwd",
        "/logs/demo/..",
        "/logs/demo/%2E%2E",
        "/logs/demo/a%00b",
        "/logs/%00/1001-comp",
        "/logs/demo/",
        "/logs//1001-comp",
        "/logs/demo",
    ],
)
async def test_names_that_are_none_are_refused(farm: LoggingFarm, path: str) -> None:
    async with wire(farm.gateway) as connection:
        await connection.send(head(path, start="GET"))
        answer = await connection.answer()
    assert (answer.status, answer.json["error"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["..", "../x", "a/b", "a\0b"])
async def test_names_that_cuebot_tells_are_not_trusted(farm: LoggingFarm, name: str) -> None:
    there, farm.frame.name = farm.frame.name, f"1001/{name}"
    try:
        answer = await farm.gateway.client.get(f"/logs/{farm.job.name}/{farm.frame.id}")
    finally:
        farm.frame.name = there
    assert answer.status_code == 404
    assert "LOG_ROOTS" in answer.json()["message"]
