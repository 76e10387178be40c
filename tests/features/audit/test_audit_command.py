"""`cuebot-gateway audit`: which calls it finds, and how they are shown."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import assert_one_line, in_process

JOB = "25764fb1-43a3-586d-835b-8b0c29407386"
KILL = "/job.JobInterface/Kill"
LAUNCH = "/job.JobInterface/LaunchSpec"


def line(call: str, phase: str = "outcome", *, ago: float = 60, **more: Any) -> bytes:
    """A line that was written so many seconds ago."""
    time = datetime.now(UTC) - timedelta(seconds=ago)
    entry: dict[str, Any] = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "phase": phase,
        "id": f"request-{call}",
        "subject": "lena",
        "claims": {},
        "client": "10.0.8.15",
        "method": KILL,
        "call": call,
        "request": {"job": {"id": JOB}, "username": "lena"},
    }
    if phase == "outcome":
        entry |= {"code": "OK", "status": 200, "ms": 4.25}
    return json.dumps(entry | more, separators=(",", ":")).encode() + b"\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


def found(*arguments: str | Path) -> list[str]:
    """The calls that are found."""
    ran = in_process("audit", "--json", *map(str, arguments))
    assert ran.err == ""
    assert ran.status == 0
    return [json.loads(text)["call"] for text in ran.text.splitlines()]


def nothing(*arguments: str | Path) -> bool:
    """Whether nothing is found, which is said."""
    ran = in_process("audit", *map(str, arguments))
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, "no call was found")
    return True


def test_a_table(log: Path) -> None:
    log.write_bytes(
        line("b", subject="cueweb", code="NOT_FOUND", status=404)
        + line("a", ago=90)
        + line("c", "intent", ago=30)
    )
    ran = in_process("audit", str(log))
    head, *rows = ran.text.splitlines()
    assert head.split() == ["TIME", "SUBJECT", "CLIENT", "METHOD", "OUTCOME", "MS", "REQUEST"]
    assert [row.split()[1:6] for row in rows] == [
        ["lena", "10.0.8.15", "job.JobInterface/Kill", "OK", "4.2"],
        ["cueweb", "10.0.8.15", "job.JobInterface/Kill", "NOT_FOUND", "4.2"],
        ["lena", "10.0.8.15", "job.JobInterface/Kill", "unknown", "-"],
    ]
    assert rows[0].endswith(f'{{"job":{{"id":"{JOB}"}},"username":"lena"}}')


def test_the_program_that_called_stands_by_its_address(log: Path) -> None:
    log.write_bytes(line("a", via="mcp") + line("b"))
    _, *rows = in_process("audit", str(log)).text.splitlines()
    assert ["10.0.8.15 via mcp  " in row for row in rows] == [True, False]


def test_a_log_that_was_denied_is_told_by_its_path(log: Path) -> None:
    log.write_bytes(line("a", path="/logs/job/0001-comp", request=None))
    assert in_process("audit", str(log)).text.rstrip().endswith("  /logs/job/0001-comp")


@pytest.mark.parametrize(
    ("more", "outcome"),
    [
        ({"denied": "dashboards", "code": "PERMISSION_DENIED"}, "denied by dashboards  "),
        ({"denied": "dashboards", "count": 7}, "denied by dashboards, 7 times  "),
        ({"denied": "dashboards", "dry_run": True}, "denied by dashboards, dry run  "),
        ({"code": "UNAVAILABLE", "called": False}, "UNAVAILABLE, not called  "),
    ],
)
def test_outcomes(log: Path, more: dict[str, Any], outcome: str) -> None:
    log.write_bytes(line("a", "intent") + line("a", **more))
    assert outcome in in_process("audit", str(log)).text


def test_two_lines_are_one_call(log: Path) -> None:
    log.write_bytes(line("a") + line("a") + line("a", "intent", ago=61))
    ran = in_process("audit", "--json", str(log))
    (entry,) = map(json.loads, ran.text.splitlines())
    assert entry["phase"] == "outcome"


def test_by_person(log: Path) -> None:
    log.write_bytes(
        line("subject")
        + line("claim", subject="cueweb", claims={"groups": ["lena"]}, request={})
        + line("named", subject="cueweb", request={"newComment": {"user": "lena"}})
        + line("other", subject="helena", request={"job": {"name": "lena"}})
    )
    assert found(log, "--by", "lena") == ["subject", "claim", "named"]
    assert found(log, "--by", "*lena") == ["subject", "claim", "named", "other"]
    assert nothing(log, "--by", "len")


def test_by_job(log: Path) -> None:
    log.write_bytes(
        line("id")
        + line("name", request={"layer": {"parent": ["demo-sh01-lena_comp"]}})
        + line("spec", method=LAUNCH, request={"spec": '<job name="demo-sh01-lena_comp">'})
        + line("other", request={"job": {"name": "demo-sh01-lena_comp2"}})
    )
    assert found(log, "--job", JOB) == ["id"]
    assert found(log, "--job", "demo-sh01-lena_comp") == ["name", "spec"]
    assert found(log, "--job", "demo-*comp*") == ["name", "spec", "other"]
    assert nothing(log, "--job", "sh01")


def test_what_is_unverified_is_found_when_asked_for(log: Path) -> None:
    said = {"name": "demo-sh01-lena_comp", "user": "lena", "stats": {"x": ["demo-sh02"]}}
    request = {"jobs": [{"id": JOB, "unverified": said}]}
    log.write_bytes(line("a", subject="cueweb", request=request))
    assert found(log, "--job", JOB) == ["a"]
    for asked in (("--job", "demo-sh01-lena_comp"), ("--job", "demo-sh02"), ("--by", "lena")):
        assert nothing(log, *asked)
        assert found(log, *asked, "--unverified") == ["a"]


def test_by_what_was_looked_up(log: Path) -> None:
    """The gateway has found the id by this name, so that it is the job's."""
    request = {"frame": {"id": "f"}}
    looked_up = {"frame": {"job": "demo-sh01-lena_comp", "layer": "comp", "frame": 12}}
    log.write_bytes(line("a", request=request, found=looked_up))
    assert found(log, "--job", "demo-sh01-lena_comp") == ["a"]


def test_truncated_lines(log: Path) -> None:
    cut = {"jobs": [{"id": "other"}, "…"], "…": "cut; it has 9000 bytes"}
    log.write_bytes(
        line("a")
        + line("b", request=cut)
        + line("c", request=cut, method=LAUNCH)
        + line("d", "intent", request=cut)
        + line("d", request=cut)
    )
    ran = in_process("audit", "--json", str(log), "--job", JOB, "--method", "Job/Kill")
    assert [json.loads(text)["call"] for text in ran.text.splitlines()] == ["a"]
    assert_one_line(ran, "2 other calls may be about it, too: they asked for more than")
    assert sorted(found(log, "--method", "Job/Kill")) == ["a", "b", "d"]


def test_since_and_method(log: Path) -> None:
    log.write_bytes(line("new") + line("old", ago=3 * 3600) + line("spec", method=LAUNCH))
    assert found(log, "--since", "2h") == ["new", "spec"]
    assert found(log, "--since", "4h", "--method", "job/kill") == ["old", "new"]
    assert found(log, "--method", "*Launch*") == ["spec"]
    assert nothing(log, "--since", "30s")


def test_rotated_files(log: Path) -> None:
    older = log.with_suffix(".1.gz")
    older.write_bytes(gzip.compress(line("a", ago=90) + line("b", "intent", ago=80)))
    log.write_bytes(line("b", ago=79) + line("c"))
    assert found(log, older) == ["a", "b", "c"]


def test_between_other_lines(log: Path) -> None:
    log.write_bytes(b'{"event":"listening"}\n' + line("a") + b'{"event":"request","time":"x"}\n')
    assert found(log) == ["a"]


def test_pieces_of_lines(log: Path) -> None:
    whole = line("a")
    log.write_bytes(whole[:100] + b"\n" + whole + line("b")[:50] + line("c", ago=50))
    ran = in_process("audit", "--json", str(log))
    assert [json.loads(text)["call"] for text in ran.text.splitlines()] == ["a", "c"]
    assert_one_line(ran, "1 line could not be read; a full disk cuts lines short")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "No such file"), (gzip.compress(line("a") * 99)[:60], "ended before")],
    ids=["missing", "cut short"],
)
def test_a_file_that_cannot_be_read(log: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        log.write_bytes(content)
    ran = in_process("audit", str(log))
    assert ran.status == 1
    assert_one_line(ran, f"cannot read {log}: ")
    assert problem in ran.err


def test_what_clients_wrote_does_not_steer_the_terminal(log: Path) -> None:
    log.write_bytes(line("a", subject="\x1b[2Jlena", request={"x": "\x9b2J"}))
    text = in_process("audit", str(log)).text
    assert "\x1b" not in text
    assert "\x9b" not in text


def test_json_cannot_steer_the_terminal(log: Path) -> None:
    sent = "\x9b2J \u2028 \u2029 \u202e \u200f é"
    entry = json.loads(line("1", request={"val": sent}))
    log.write_text(json.dumps(entry, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    ran = in_process("audit", "--json", str(log))
    assert ran.text.removesuffix("\n").isprintable()
    assert json.loads(ran.text)["request"]["val"] == sent
