"""The audit log of gateways in processes of their own: rotated, shared, full, and killed."""

import asyncio
import json
import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from gateway.features.audit.audit_writer import AuditFile
from tests.support.audit import KILL, killing, lines_of, outcomes
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE
from tests.support.processes import Instance, instance
from tests.support.servers import ScriptedCuebot, bearer, http_client

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

FULL = "the audit log cannot be written"


@asynccontextmanager
async def audited(cuebot: ScriptedCuebot, log: Path, **environ: str) -> AsyncIterator[Instance]:
    """A gateway in front of this Cuebot, which serves in this loop."""
    made = instance(cuebot.endpoint, environ | {"AUDIT_LOG": str(log)})
    gateway = await asyncio.to_thread(made.__enter__)
    try:
        yield gateway
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


@asynccontextmanager
async def client_of(gateway: Instance) -> AsyncIterator[httpx.AsyncClient]:
    async with http_client(
        f"http://127.0.0.1:{gateway.port}",
        headers=bearer(),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=0),
    ) as client:
        yield client


async def kill(client: httpx.AsyncClient, number: int) -> int:
    return (await client.post(KILL, json=killing(number))).status_code


async def event(gateway: Instance, text: str) -> dict[str, object]:
    return await asyncio.to_thread(gateway.event, text)


def seen_by(cuebot: ScriptedCuebot) -> set[str]:
    """The ids of the jobs that Cuebot was told to kill."""
    parse = message_class("job.JobKillRequest").FromString
    return {parse(payload).job.id for path, payload, _ in cuebot.seen if path == KILL}


def jobs_in(lines: list[dict[str, object]]) -> set[str]:
    """The ids of the jobs that lines are about."""
    return {line["request"]["job"]["id"] for line in lines}  # type: ignore[index]


@pytest.mark.parametrize("synced", ["false", "true"])
async def test_workers_share_a_file_that_is_rotated(
    cuebot: ScriptedCuebot, tmp_path: Path, synced: str
) -> None:
    """On SIGHUP; under load each line is whole, and there once."""
    log, old = tmp_path / "audit.log", tmp_path / "audit.log.1"
    async with (
        audited(cuebot, log, WORKERS="2", AUDIT_SYNC=synced) as gateway,
        client_of(gateway) as client,
    ):
        load = asyncio.gather(*(kill(client, n) for n in range(200)))
        await asyncio.to_thread(log.rename, old)
        gateway.send_signal(signal.SIGHUP)
        await asyncio.to_thread(gateway.event, "SIGHUP: reloaded", 2)
        assert set(await load) == {200}
        assert await kill(client, 200) == 200
        assert "job-200" in jobs_in(outcomes(log))
    assert jobs_in(outcomes(old)) | jobs_in(outcomes(log)) == {f"job-{n}" for n in range(201)}
    assert len(outcomes(old)) + len(outcomes(log)) == 201
    assert log.stat().st_mode & 0o777 == 0o640


async def test_a_rotation_that_fails(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    """The old file stays in use, and the log says so."""
    there = tmp_path / "there"
    there.mkdir()
    log = there / "audit.log"
    async with audited(cuebot, log) as gateway, client_of(gateway) as client:
        there.rename(tmp_path / "away")
        gateway.send_signal(signal.SIGHUP)
        problem = await event(gateway, "the audit log's settings stay as they were")
        assert "No such file or directory" in str(problem["problem"])
        assert await kill(client, 1) == 200
    assert jobs_in(outcomes(tmp_path / "away" / "audit.log")) == {"job-1"}


def is_whole(line: str) -> bool:
    """A line that is cut may end in a brace as well."""
    with suppress(json.JSONDecodeError):
        json.loads(line)
        return True
    return False


@pytest.mark.parametrize("synced", ["false", "true"])
async def test_a_disk_that_fills_up(cuebot: ScriptedCuebot, tmp_path: Path, synced: str) -> None:
    """Every change has its line in the end; those that could have none are refused.

    The size limit of files stands in for the disk: it ends in the middle of a line.
    """
    log = tmp_path / "audit.log"
    async with audited(cuebot, log, AUDIT_SYNC=synced) as gateway, client_of(gateway) as client:
        pid = gateway.process.pid
        assert await kill(client, 0) == 200
        _, most = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (log.stat().st_size + 1500, most))
        statuses = [await kill(client, n) for n in range(1, 20)]
        assert (statuses, set(statuses)) == (sorted(statuses), {200, 503})
        assert statuses.count(503) > 5
        told = gateway.events(FULL)
        assert [each["changes"] for each in told] == ["are refused"]
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))
        assert await kill(client, 20) == 200
    text = log.read_text(encoding="utf-8")
    log.write_text("".join(f"{line}\n" for line in text.splitlines() if is_whole(line)), "utf-8")
    assert jobs_in(outcomes(log)) >= seen_by(cuebot)
    assert len(seen_by(cuebot)) == statuses.count(200) + 2


async def test_killed_under_load(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    """With AUDIT_SYNC each change that Cuebot saw has its intent, each answered one its outcome."""
    log = tmp_path / "audit.log"
    answered: set[str] = set()
    async with (
        audited(cuebot, log, AUDIT_SYNC="true", WORKERS="2") as gateway,
        client_of(gateway) as client,
    ):
        enough = asyncio.Event()

        async def load(first: int) -> None:
            for number in range(first, first + 1000):
                try:
                    assert await kill(client, number) == 200
                except (httpx.TransportError, AttributeError):
                    return  # the second is anyio's, of a connection that is reset at once
                answered.add(f"job-{number}")
                if len(answered) == 200:
                    enough.set()

        tasks = [asyncio.create_task(load(1000 * n)) for n in range(16)]
        async with asyncio.timeout(PATIENCE):
            await enough.wait()
        workers = [*gateway.workers()]
        gateway.process.kill()  # first, or it would be killed while it starts another worker
        for pid in workers:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*tasks)
    intents = [line for line in lines_of(log) if line["phase"] == "intent"]
    assert seen_by(cuebot) <= jobs_in(intents)
    assert answered <= jobs_in(outcomes(log))


def test_a_piece_of_a_line_is_ended(tmp_path: Path) -> None:
    place = tmp_path / "audit.log"
    file = AuditFile(str(place), durable=True)
    before, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    lines = [b"one\n", b"two\n", b"three\n"]
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, most))
        with pytest.raises(OSError, match="File too large"):
            file.append(lines)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (before, most))
    assert lines == [b"three\n"]
    file.append(lines)
    file.append(more := [b"four\n"])
    file.close()
    assert (lines, more) == ([], [])
    assert place.read_bytes() == b"one\ntwo\nth\nthree\nfour\n"
