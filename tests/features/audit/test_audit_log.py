"""The audit log of a gateway: what has a line, what the line says, and when it is there."""

import asyncio
import errno
import os
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import orjson
import pytest
from structlog.testing import capture_logs

from gateway.core.calls.plan import Found
from gateway.core.errors import ConfigurationError
from gateway.core.schema.method import Method
from gateway.features.audit import Audit
from gateway.features.audit.audit_writer import AuditFile, AuditWriter, SyncedWriter
from gateway.features.settings import Settings
from tests.support.audit import KILL, killing, lines_of, outcomes
from tests.support.commands import OPENCUE
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import PATIENCE, until
from tests.support.rights import rule, signed
from tests.support.servers import (
    Context,
    Gateway,
    Handler,
    ScriptedCuebot,
    bearer,
    gateway_for,
    head,
    settings_for,
)
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

GET_JOBS = "/job.JobInterface/GetJobs"
CREATE = "/show.ShowInterface/CreateShow"
SET_MIN = "/show.ShowInterface/SetDefaultMinCores"
SET_MAX = "/show.ShowInterface/SetDefaultMaxCores"
LAUNCH = "/job.JobInterface/LaunchSpec"
SET_JOB_MAX = "/job.JobInterface/SetMaxCores"
KILL_FRAMES = "/job.JobInterface/KillFrames"
FIND_SHOW = "/show.ShowInterface/FindShow"
PLAIN_OR_SYNCED = (
    pytest.param(False, id="plain"),
    pytest.param(True, id="synced", marks=pytest.mark.thorough),
)
"""Values of AUDIT_SYNC."""


@dataclass
class Audited:
    """A gateway and its audit log."""

    gateway: Gateway
    log: Path
    synced: bool

    @property
    def lines(self) -> list[dict[str, Any]]:
        return lines_of(self.log)

    @property
    def written(self) -> int:
        """Whole lines, also while another one is being written."""
        return self.log.read_bytes().count(b"\n")

    @property
    def outcomes(self) -> list[dict[str, Any]]:
        return outcomes(self.log)

    def phases(self) -> list[str]:
        return [line["phase"] for line in self.lines]

    async def status(self, path: str, body: object, **headers: str) -> int:
        return (await self.gateway.post(path, body, headers=headers)).status_code


@asynccontextmanager
async def auditing(
    cuebot: ScriptedCuebot, folder: Path, *, synced: bool = False, **more: object
) -> AsyncIterator[Audited]:
    log = folder / "audit.log"
    given: dict[str, Any] = {"descriptor_source": OPENCUE, "audit_log": str(log)} | more
    async with gateway_for(cuebot.endpoint, audit_sync=synced, **given) as gateway:
        yield Audited(gateway, log, synced)


@pytest.fixture(params=PLAIN_OR_SYNCED)
async def audited(
    request: pytest.FixtureRequest, cuebot: ScriptedCuebot, tmp_path: Path
) -> AsyncIterator[Audited]:
    async with auditing(cuebot, tmp_path, synced=request.param) as audited:
        yield audited


async def test_interceptors_inside_of_it_are_told_what_was_found(audited: Audited) -> None:
    log, live = audited.gateway.app.feature(Audit).log, audited.gateway.app.parts.live
    assert log is not None
    assert live.current is not None
    told: list[Sequence[Found]] = []

    async def call(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        told.append(found)
        return b""

    for path in (KILL, GET_JOBS):
        method = live.current.routes[path]
        found = (Found("job", "the-id", method, b""),)
        await log.around(context_of(path), call)(method, b"", found)
        assert told.pop() == found


@needs("tokens")
async def test_a_change_has_a_line(audited: Audited, cuebot: ScriptedCuebot) -> None:
    body = killing(1) | {"reason": "late"}
    answer = await audited.gateway.post(KILL, body, headers={"X-Request-Id": "mine"})
    assert answer.status_code == 200
    *before, line = audited.lines
    assert (list(line)[:2], line["time"][-1], line["ms"] > 0) == (["time", "phase"], "Z", True)
    said = {"id": "mine", "subject": "tester", "claims": {}, "client": "127.0.0.1", "method": KILL}
    said["request"] = body
    assert line | said | {"phase": "outcome", "code": "OK", "status": 200} == line
    assert len(before) == audited.synced
    for intent in before:
        assert intent | said | {"phase": "intent", "call": line["call"]} == intent
        assert intent.keys().isdisjoint(("code", "status", "ms"))


VIA = (
    (None, None),
    ("mcp", "mcp"),
    ("nightly-report_2.1", "nightly-report_2.1"),
    ("x" * 32, "x" * 32),
    *((given, None) for given in ("", "x" * 33, "MCP", "a b", "-mcp", 'mcp","subject":"root', "é")),
)
"""Values of X-Gateway-Via, and what lines have of them."""


@needs("tokens")
@pytest.mark.parametrize(("given", "said"), VIA)
async def test_the_program_that_calls_is_a_short_word(
    audited: Audited, given: str | None, said: str | None
) -> None:
    headers = [] if given is None else [("X-Gateway-Via", given.encode())]
    accessed = audited.gateway.access_lines()
    answer = await audited.gateway.post(KILL, killing(1), headers=headers)
    assert answer.status_code == 200
    await until(lambda: accessed)
    for line in (*audited.lines, *accessed):
        assert line.get("via") == said
        assert ("via" in line) == (said is not None)
        assert line["subject"] == "tester"


@pytest.mark.parametrize("path", [GET_JOBS, FIND_SHOW])
@needs("dry_run")
async def test_reads_have_none(audited: Audited, path: str) -> None:
    """Nor has a dry run, or a request that is wrong."""
    assert await audited.status(path, {}) == 200
    assert await audited.status(KILL, killing(1), **{"X-Dry-Run": "1"}) == 200
    assert (await audited.status(KILL, {"jobs": 1}), audited.lines) == (400, [])


async def test_what_cuebot_ignores_is_no_cover(audited: Audited) -> None:
    job = {"id": "the-job", "name": "another", "logDir": "x" * 3000, "user": "somebody"}
    body = {"job": job, "val": 7}
    assert (await audited.gateway.post(SET_JOB_MAX, body)).status_code == 200
    line = audited.lines[-1]
    request = line["request"]
    assert (request["val"], request["job"]["id"]) == (7, "the-job")
    assert list(request["job"]) == ["id", "unverified"]
    said = request["job"]["unverified"]
    assert (said["name"], said["user"], said["logDir"]) == ("another", "somebody", "x" * 1000 + "…")
    assert request["…"].startswith("cut; it has 30")


async def test_a_long_list_is_no_cover(audited: Audited) -> None:
    request = {"page": 1, "layers": [f"{n}" for n in range(5000)]}
    body = {"job": {"id": "the-job"}, "req": request, "reason": "r" * 500, "username": "lena"}
    assert (await audited.gateway.post(KILL_FRAMES, body)).status_code == 200
    line = audited.lines[-1]
    found = line["request"]
    assert (found["job"], found["username"]) == ({"id": "the-job"}, "lena")
    assert found["reason"].startswith("r" * 200)
    assert (found["req"]["page"], found["req"]["layers"][0]) == (1, "0")
    assert len(str(line)) < 5000


@needs("names")
async def test_what_was_looked_up(audited: Audited, cuebot: ScriptedCuebot) -> None:
    """The line has what an object was found by, also without a field in Cuebot's request."""
    for path, name, thing in (
        ("/job.JobInterface/FindJob", "job.JobFindJobResponse", "job"),
        ("/job.FrameInterface/FindFrame", "job.FrameFindFrameResponse", "frame"),
        ("/limit.LimitInterface/Find", "limit.LimitFindResponse", "limit"),
    ):
        answer = message_class(name)(**{thing: {"id": f"the-{thing}"}})
        cuebot.answers(path, answer.SerializeToString())
    for path, body, request, found in (
        (
            *(SET_JOB_MAX, {"job": {"name": "demo", "logDir": "false"}, "val": 7}),
            {"val": 7, "job": {"id": "the-job", "unverified": {"logDir": "false"}}},
            {"job": {"name": "demo"}},
        ),
        (
            *("/job.FrameInterface/Retry", {"frame": {"layerName": "c", "number": 12}, "job": "j"}),
            {"frame": {"id": "the-frame"}},
            {"frame": {"job": "j", "layer": "c", "frame": 12}},
        ),
        (
            *("/job.LayerInterface/AddLimit", {"layer": {"id": "the-layer"}, "limitId": "nuke"}),
            {"limitId": "the-limit", "layer": {"id": "the-layer"}},
            {"limitId": {"name": "nuke"}},
        ),
    ):
        answer = await audited.gateway.post(path, body)
        assert answer.status_code == 200, answer.text
        for line in audited.lines[-1 - audited.synced :]:
            assert (line["request"], line["found"]) == (request, found)


@needs("reference")
async def test_calls_around_the_call(audited: Audited, cuebot: ScriptedCuebot) -> None:
    """Follow-ups have lines of their own, look-ups none; all have the request's id."""
    show = message_class("show.ShowCreateShowResponse")(show={"id": "show-1"})
    cuebot.answers(CREATE, show.SerializeToString())
    cuebot.fails(SET_MAX, grpc.StatusCode.FAILED_PRECONDITION, "not now")
    body = {"name": "new", "defaultMinCores": 1, "defaultMaxCores": 50}
    assert await audited.status(CREATE, body, **{"X-Request-Id": "mine"}) == 400
    made = [(line["method"], line["code"], line["status"]) for line in audited.outcomes]
    failed = (SET_MAX, "FAILED_PRECONDITION", 400)
    assert made == [(CREATE, "OK", 200), (SET_MIN, "OK", 200), failed]
    assert {line["id"] for line in audited.lines} == {"mine"}
    last = audited.outcomes[-1]
    assert last["request"] == {"show": {"id": "show-1"}, "maxCores": 50}
    if audited.synced:
        assert audited.phases() == ["intent", "outcome"] * 3


async def test_a_call_that_fails_has_a_line(audited: Audited, cuebot: ScriptedCuebot) -> None:
    cuebot.fails(KILL, grpc.StatusCode.NOT_FOUND, "no such job")
    assert (await audited.gateway.post(KILL, killing(1))).status_code == 404
    _, release = cuebot.holds(KILL)
    late = await audited.gateway.post(KILL, killing(2), headers={"Grpc-Timeout": "50m"})
    assert late.status_code == 504
    release.set()
    found = [(line["code"], line["status"]) for line in audited.outcomes]
    assert found == [("NOT_FOUND", 404), ("DEADLINE_EXCEEDED", 504)]


async def test_the_line_comes_first(audited: Audited, cuebot: ScriptedCuebot) -> None:
    """The intent before Cuebot works, and the outcome before the client has its answer."""
    during: list[list[str]] = []

    async def look(request: bytes, context: Context) -> bytes:
        during.append(audited.phases())
        return b""

    cuebot.handlers[KILL] = look
    await audited.gateway.post(KILL, killing(1))
    assert during == [["intent"] if audited.synced else []]
    assert audited.phases()[-1] == "outcome"


async def test_a_client_that_leaves(audited: Audited, cuebot: ScriptedCuebot) -> None:
    """The change may have been made: there is a line."""
    called, release = cuebot.holds(KILL)
    body = orjson.dumps(killing(1))
    async with wire(audited.gateway) as one:
        await one.send(head(KILL, f"Content-Length: {len(body)}"), body)
        async with asyncio.timeout(PATIENCE):
            await called.wait()
    await until(lambda: audited.outcomes)
    release.set()
    (line,) = audited.outcomes
    assert (line["code"], line["status"]) == ("CANCELLED", 499)


async def test_a_cuebot_that_is_away(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    async with auditing(cuebot, tmp_path, cuebot_endpoint="127.0.0.1:1") as audited:
        assert await audited.status(KILL, killing(1)) == 503
        assert [line["code"] for line in audited.lines] == ["UNAVAILABLE"]


async def test_many_at_once(audited: Audited, cuebot: ScriptedCuebot) -> None:
    """Each has its own lines, whole ones."""
    await asyncio.gather(*(audited.gateway.post(KILL, killing(n)) for n in range(50)))
    found = {line["request"]["job"]["id"] for line in audited.outcomes}
    assert found == {f"job-{n}" for n in range(50)}
    assert len(audited.lines) == 50 * (2 if audited.synced else 1)


class Disk:
    """Stands in for fdatasync."""

    def __init__(self) -> None:
        self.syncs = 0
        self.works = threading.Event()
        self._sync = os.fdatasync

    def sync(self, number: int) -> None:
        self.syncs += 1
        assert self.works.wait(PATIENCE)
        self._sync(number)


@pytest.fixture
async def slow_disk(
    cuebot: ScriptedCuebot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Audited, Disk]]:
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    async with auditing(cuebot, tmp_path, synced=True) as audited:
        yield audited, disk
        disk.works.set()


async def test_synced_before_a_call(
    slow_disk: tuple[Audited, Disk], cuebot: ScriptedCuebot
) -> None:
    audited, disk = slow_disk
    changes = [asyncio.create_task(audited.gateway.post(KILL, killing(n))) for n in range(50)]
    async with asyncio.timeout(PATIENCE):
        await until(lambda: audited.written)
        assert (await audited.gateway.post(GET_JOBS, {})).status_code == 200
        assert [path for path, *_ in cuebot.seen] == [GET_JOBS]
        disk.works.set()
        answers = await asyncio.gather(*changes)
    assert {answer.status_code for answer in answers} == {200}
    assert len(audited.outcomes) == 50


async def test_lines_share_a_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    writer = SyncedWriter(AuditFile(str(tmp_path / "audit.log"), durable=True))
    first = asyncio.gather(*(writer.intend(lambda: b"first\n") for _ in range(50)))
    await until(lambda: disk.syncs)
    second = asyncio.gather(*(writer.put(b"second\n") for _ in range(50)))
    await asyncio.sleep(0)
    disk.works.set()
    assert await first == [(None, True)] * 50
    await second
    assert disk.syncs == 2
    assert (tmp_path / "audit.log").read_bytes() == b"first\n" * 50 + b"second\n" * 50
    await writer.close()


async def test_a_disk_that_hangs(
    slow_disk: tuple[Audited, Disk], cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as one that cannot be written."""
    audited, disk = slow_disk
    monkeypatch.setattr("gateway.features.audit.audit_writer.DISK_TIMEOUT_SECONDS", 0.2)
    for number in range(3):
        answer = await audited.gateway.post(KILL, killing(number))
        assert answer.status_code == 503
        assert "the disk has taken longer" in answer.json()["message"]
    assert cuebot.seen == []
    monkeypatch.undo()
    disk.works.set()
    await until(lambda: audited.outcomes)
    (intent, outcome) = audited.lines
    assert (intent["phase"], intent["call"]) == ("intent", outcome["call"])
    assert (outcome["called"], outcome["code"], outcome["status"]) == (False, "UNAVAILABLE", 503)
    async with asyncio.timeout(PATIENCE):
        while (await audited.gateway.post(KILL, killing(9))).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_sync_fails(
    cuebot: ScriptedCuebot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intent may be on disk: an outcome says that Cuebot was not called."""
    fails = [True]

    def sync(number: int) -> None:
        if fails.pop() if fails else False:
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", sync)
    async with auditing(cuebot, tmp_path, synced=True) as audited:
        assert await audited.status(KILL, killing(1)) == 503
        await until(lambda: audited.outcomes)
        assert await audited.status(KILL, killing(2)) == 200
        found = [(line["phase"], line.get("called"), line.get("code")) for line in audited.lines]
    assert found == [
        ("intent", None, None),
        ("outcome", False, "UNAVAILABLE"),
        ("intent", None, None),
        ("outcome", None, "OK"),
    ]
    assert len({line["call"] for line in audited.lines}) == 2


async def test_a_client_that_leaves_before_the_call(
    slow_disk: tuple[Audited, Disk], cuebot: ScriptedCuebot
) -> None:
    audited, disk = slow_disk
    async with wire(audited.gateway) as one:
        body = orjson.dumps(killing(1))
        await one.send(head(KILL, f"Content-Length: {len(body)}"), body)
        await until(lambda: disk.syncs)
    await asyncio.sleep(0)
    gone = audited.gateway.access_lines()
    await until(lambda: gone)
    disk.works.set()
    await until(lambda: audited.outcomes)
    assert [(line["code"], line["called"]) for line in audited.outcomes] == [("CANCELLED", False)]
    assert cuebot.seen == []


KILLED = killing(1) | {"reason": "x"}
NEW_SHOW: dict[str, object] = {"name": "x", "defaultMinCores": 5}
ROOTS_SPEC: dict[str, object] = {"spec": "<spec><user>root</user></spec>"}


@pytest.fixture(params=PLAIN_OR_SYNCED)
async def restricted(
    request: pytest.FixtureRequest, cuebot: ScriptedCuebot, tmp_path: Path
) -> AsyncIterator[Audited]:
    """`board` may read, `lena` may create shows; everybody is who the token says."""
    board = rule("dashboards", {"sub": "board"}, "reads")
    access = [board, rule("producers", {"sub": "lena"}, "reads", CREATE[1:], LAUNCH[1:])]
    more: dict[str, Any] = {"identity": "force", "access": access}
    async with auditing(cuebot, tmp_path, synced=request.param, **more) as audited:
        yield audited


@needs("access", "dry_run", "identity", "tokens")
@pytest.mark.parametrize(
    ("who", "path", "body", "method", "denied", "shown"),
    [
        ("board", KILL, killing(1) | {"a": 1, "reason": "x"}, KILL, "dashboards", KILLED),
        ("board", CREATE, {"name": "x"}, CREATE, "dashboards", {"name": "x"}),
        ("board", KILL, {"job": 7}, KILL, "dashboards", None),
        ("board", KILL, killing("x" * 70_000), KILL, "dashboards", None),
        pytest.param(
            "lena",
            CREATE,
            NEW_SHOW,
            SET_MIN,
            "producers",
            {"minCores": 5},
            marks=needs("reference"),
        ),
        pytest.param(
            "lena", LAUNCH, ROOTS_SPEC, LAUNCH, "identity", ROOTS_SPEC, marks=needs("identity")
        ),
    ],
    ids=range(6),
)
async def test_a_denied_call_is_shown(
    restricted: Audited,
    cuebot: ScriptedCuebot,
    who: str,
    path: str,
    body: dict[str, object],
    method: str,
    denied: str,
    shown: dict[str, object] | None,
) -> None:
    """Before the answer, with what Cuebot would have got, unless the body is wrong or long."""
    for headers, dry_run in (({}, None), ({"X-Dry-Run": "1"}, True)):
        assert await restricted.status(path, body, **bearer(who), **headers) == 403
        line = restricted.lines[-1]
        assert (line["status"], line["code"]) == (403, "PERMISSION_DENIED")
        assert (line["method"], line["denied"], line["phase"]) == (method, denied, "outcome")
        assert ("call" in line, line.get("request"), cuebot.seen) == (False, shown, [])
        assert line.get("dry_run") == dry_run
    assert len(restricted.lines) == 2


@needs("access", "conditional", "tokens")
async def test_a_denied_get(restricted: Audited, cuebot: ScriptedCuebot) -> None:
    """With its query string; also if the right goes while the GET waits."""
    from gateway.features.access.rights import AccessRules
    from gateway.features.tokens import Tokens

    gateway = restricted.gateway
    gateway.app.feature(Tokens).authenticator.follow(
        AccessRules(Settings.model_validate({"access": [rule("none", {"sub": "lena"})]})).rule_for
    )
    answer = await gateway.client.get(f"{FIND_SHOW}?name=demo", headers=bearer("lena"))
    assert answer.status_code == 403
    (line,) = restricted.lines
    assert (line["method"], line["request"]) == (FIND_SHOW, {"name": "demo"})
    first = await gateway.client.get(FIND_SHOW)
    condition = {"If-None-Match": first.headers["etag"], "Prefer": "wait=30"}
    waiting = asyncio.create_task(gateway.client.get(FIND_SHOW, headers=condition))
    await until(lambda: len(cuebot.seen) == 2)
    gateway.app.feature(Tokens).authenticator.follow(
        AccessRules(Settings(access_default="deny")).rule_for
    )
    assert (await waiting).status_code == 403
    assert restricted.lines[-1]["denied"] == "access_default"


@needs("access", "tokens")
@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT"])
async def test_a_denied_change_by_another_verb(restricted: Audited, verb: str) -> None:
    target = f"{KILL}?job.id=job-1&username=x&reason=y"
    answer = await restricted.gateway.client.request(verb, target, headers=bearer("board"))
    assert answer.status_code == 403
    (line,) = restricted.lines
    assert (line["method"], line["denied"]) == (KILL, "dashboards")
    assert line["code"] == "PERMISSION_DENIED"
    assert line["request"] == killing(1) | {"username": "x", "reason": "y"}


@needs("access")
async def test_a_denied_form(restricted: Audited) -> None:
    headers = bearer("board") | {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await restricted.gateway.client.post(KILL, content=b"job.id=job-1", headers=headers)
    assert answer.status_code == 403
    assert restricted.lines[-1]["request"]["job"] == {"id": "job-1"}


@needs("access")
async def test_a_denied_call_with_a_large_body(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    async with auditing(cuebot, tmp_path, access_default="deny", max_body_mb=0.001) as audited:
        assert await audited.status(KILL, killing("x" * 5000)) == 403
        assert await audited.status(KILL, killing(1)) == 403
        found = [line.get("request", {}).get("job") for line in audited.lines]
    assert found == [None, {"id": "job-1"}]


@needs("access", "tokens")
async def test_a_denied_call_that_stops_half_way(restricted: Audited) -> None:
    async with wire(restricted.gateway) as one:
        await one.send(head(KILL, "Content-Length: 20", subject="board"), b"{")
        assert (await one.answer(timeout=PATIENCE)).status == 403
    (line,) = restricted.lines
    assert (line["denied"], "request" in line) == ("dashboards", False)


@needs("access", "admission")
async def test_a_denied_call_waits_for_the_disk(
    cuebot: ScriptedCuebot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And holds no place meanwhile."""
    disk = Disk()
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    access = [rule("dashboards", {}, "job.JobInterface/GetJobs")]
    more: dict[str, Any] = {"access": access, "max_in_flight": 1}
    async with auditing(cuebot, tmp_path, synced=True, **more) as audited:
        denied = [asyncio.create_task(audited.status(path, {})) for path in (KILL, FIND_SHOW)]
        await until(lambda: disk.syncs)
        assert await audited.status(GET_JOBS, {}) == 200
        assert not any(each.done() for each in denied)
        disk.works.set()
        assert [await each for each in denied] == [403, 403]
    assert {line["method"] for line in audited.lines} == {KILL, FIND_SHOW}


@needs("tokens", "access")
async def test_a_loop_of_denied_calls(
    cuebot: ScriptedCuebot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many, a subject has one line a minute (or at the end) with a count."""
    monkeypatch.setattr("gateway.features.audit.audit_log.DENIED_MAX_LINES", 3)
    async with auditing(cuebot, tmp_path, access_default="deny") as audited:
        for subject in ("board", "lena"):
            for number in range(5):
                headers = bearer(subject) | {"X-Request-Id": f"{number}"}
                assert await audited.status(KILL, killing(number), **headers) == 403
        assert [line["id"] for line in audited.lines] == ["0", "1", "2"] * 2
        audit = audited.gateway.app.feature(Audit).log
        assert audit is not None
        audit.end_period()
        await until(lambda: audited.written == 8)
        rest = audited.lines[6:]
        found = [(line["subject"], line["count"], line["id"]) for line in rest]
        assert found == [("board", 2, "4"), ("lena", 2, "4")]
        assert [(line["status"], "ms" in line) for line in rest] == [(403, False)] * 2
        for number in range(4):
            await audited.status(KILL, killing(number), **bearer("board"))
        assert [line.get("count") for line in audited.lines[8:]] == [None] * 3
    assert [line.get("count") for line in audited.lines[8:]] == [None] * 3 + [1]


@needs("access", "tokens")
async def test_a_denied_call_has_a_line(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    access = [rule("dashboards", {"scope": "read"}, "reads"), rule("td", {"role": "td"}, "all")]
    async with auditing(cuebot, tmp_path, access=access) as audited:
        reader = signed("board", scope="openid read", other="x")
        assert await audited.status(GET_JOBS, {}, **reader) == 200
        assert await audited.status(KILL, killing(1), **reader) == 403
        (line,) = audited.lines
        expected = {"denied": "dashboards", "method": KILL, "subject": "board", "status": 403}
        expected |= {"claims": {"scope": "openid read"}, "code": "PERMISSION_DENIED"}
        assert line | expected == line
        assert "request" in line
        assert await audited.status(KILL, killing(1), **signed("lena", role="td")) == 200
        assert audited.lines[-1]["claims"] == {"role": "td"}
    assert [path for path, *_ in cuebot.seen] == [GET_JOBS, KILL]


FULL: dict[str, Any] = {"audit_log": "/dev/full"}


@pytest.mark.parametrize(
    ("synced", "statuses"), [(True, [503, 503, 503]), (False, [200, 503, 503])]
)
async def test_full(cuebot: ScriptedCuebot, synced: bool, statuses: list[int]) -> None:
    """Without AUDIT_SYNC the first change finds out after it was made."""
    async with gateway_for(cuebot.endpoint, **FULL, audit_sync=synced) as gateway:
        answers = [await gateway.post(KILL, killing(number)) for number in range(3)]
        assert (await gateway.post(GET_JOBS, {})).status_code == 200
    assert [answer.status_code for answer in answers] == statuses
    assert answers[-1].json()["message"] == (
        f"{KILL} was not called: the gateway's audit log cannot be written"
        " (No space left on device)"
    )
    assert [path for path, *_ in cuebot.seen].count(KILL) == statuses.count(200)


@pytest.mark.parametrize("synced", [False, True])
async def test_full_and_open(
    cuebot: ScriptedCuebot, capsys: pytest.CaptureFixture[str], synced: bool
) -> None:
    """With AUDIT_FAIL=open changes are made, and lines that are left are in the gateway's log."""
    more: dict[str, Any] = FULL | {"audit_sync": synced, "audit_fail": "open"}
    async with gateway_for(cuebot.endpoint, **more) as gateway:
        answers = [await gateway.post(KILL, killing(f"of-{number}")) for number in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    logged = capsys.readouterr().out
    assert "a line that the audit log lacks" in logged
    assert "job-of-0" in logged


@pytest.mark.parametrize("kind", [AuditWriter, SyncedWriter])
async def test_some_lines_are_kept(
    monkeypatch: pytest.MonkeyPatch, kind: type[AuditWriter]
) -> None:
    monkeypatch.setattr("gateway.features.audit.audit_writer.KEPT_MAX_LINES", 3)
    writer = kind(AuditFile("/dev/full", durable=kind is SyncedWriter))
    with capture_logs() as logs:
        for number in range(5):
            await writer.put(b"%d\n" % number)
        assert (writer.lost, writer.has_room) == (2, False)
        await writer.close()
    kept = [each["line"] for each in logs if each["event"] == "a line that the audit log lacks"]
    assert kept == ["0\n", "1\n", "2\n"]


def filling_the_disk(monkeypatch: pytest.MonkeyPatch) -> Handler:
    """A method of Cuebot during which the disk becomes full."""

    def fail(file: AuditFile, lines: list[bytes]) -> None:
        if lines:
            raise OSError(errno.ENOSPC, "No space left on device")

    async def fill(request: bytes, context: Context) -> bytes:
        monkeypatch.setattr(AuditFile, "append", fail)
        return b""

    return fill


async def test_full_during_the_call(
    audited: Audited, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change was made, and is answered so; its line comes when there is room."""
    cuebot.handlers[KILL] = filling_the_disk(monkeypatch)
    assert (await audited.gateway.post(KILL, killing(1))).status_code == 200
    assert (await audited.gateway.post(KILL, killing(2))).status_code == 503
    assert audited.outcomes == []
    monkeypatch.undo()
    await until(lambda: audited.outcomes)  # nobody has to make another change for that
    (line,) = audited.outcomes
    assert (line["request"]["job"]["id"], line["code"]) == ("job-1", "OK")
    assert (await audited.gateway.post(KILL, killing(3))).status_code == 200


@needs("reference")
async def test_full_before_a_follow_up(
    audited: Audited, cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuebot.handlers[CREATE] = filling_the_disk(monkeypatch)
    answer = await audited.gateway.post(CREATE, {"name": "new", "defaultMinCores": 1})
    assert answer.status_code == 503
    assert answer.json()["message"] == (
        f"CreateShow succeeded, then SetDefaultMinCores failed: {SET_MIN} was not called:"
        " the gateway's audit log cannot be written (No space left on device)"
    )
    assert SET_MIN not in [path for path, *_ in cuebot.seen]


async def test_standard_output(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    before, there = os.dup(1), tmp_path / "stdout"
    with there.open("wb") as file:
        os.dup2(file.fileno(), 1)
    try:
        async with gateway_for(cuebot.endpoint, audit_log="stdout") as gateway:
            await gateway.post(KILL, killing(1))
    finally:
        os.dup2(before, 1)
        os.close(before)
    assert b'"method":"/job.JobInterface/Kill"' in there.read_bytes()


NO_FILE = "AUDIT_SYNC: needs a file in AUDIT_LOG"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"audit_log": "/no/such/place"}, "AUDIT_LOG: cannot open /no/such/place: No such file"),
        ({"audit_log": "stdout", "audit_sync": True}, NO_FILE),
        ({"audit_sync": True}, NO_FILE),
    ],
)
async def test_settings_that_cannot_work(given: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        async with gateway_for("127.0.0.1:1", ready=False, **given):
            pass


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"audit_log": "stdout"}, "AUDIT_SYNC: needs a file in AUDIT_LOG"),
        ({}, "AUDIT_LOG: without it only a restart"),
    ],
)
async def test_a_reload_that_cannot_work(
    cuebot: ScriptedCuebot, tmp_path: Path, given: dict[str, object], problem: str
) -> None:
    log = str(tmp_path / "audit.log")
    async with gateway_for(cuebot.endpoint, audit_log=log, audit_sync=True) as gateway:
        part = next(each for each in gateway.app.reloadable if each.follows("audit_log"))
        with pytest.raises(ConfigurationError, match=problem):
            part.prepare(settings_for(cuebot.endpoint, audit_sync=True, **given))
