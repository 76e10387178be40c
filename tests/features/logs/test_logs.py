"""`GET /logs/{job}/{frame}`: a log as it is in the file."""

import asyncio
import os
import threading
import time
import tracemalloc
from pathlib import Path

import httpx
import pytest

from gateway.features.logs.log_file import LogFile
from gateway.features.logs.roots import Place
from tests.features.logs.farm import LoggingFarm, logging_farm
from tests.support.needs import needs
from tests.support.patience import PATIENCE, until
from tests.support.servers import get

pytestmark = pytest.mark.anyio

FINISHED = 1  # the state of a job
TEXT = b"one\ntwo \xe2\x82\xac\nthree\n"


@pytest.fixture
def farm(shared_farm: LoggingFarm) -> LoggingFarm:
    shared_farm.write(TEXT)
    return shared_farm


@pytest.mark.parametrize(
    ("job", "frame"), [("name", "name"), ("id", "id"), ("name", "id"), ("id", "name")]
)
async def test_a_log_by_names_and_ids(farm: LoggingFarm, job: str, frame: str) -> None:
    path = f"/logs/{getattr(farm.job, job)}/{getattr(farm.frame, frame)}"
    answer = await farm.gateway.client.get(path)
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["accept-ranges"] == "bytes"


async def test_a_number_without_the_zeros(farm: LoggingFarm) -> None:
    number, layer = farm.frame.name.split("-", 1)
    answer = await farm.gateway.client.get(f"/logs/{farm.job.name}/{int(number)}-{layer}")
    assert answer.content == TEXT


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-2", (0, 3)),
        ("bytes=4-", (4, 18)),
        ("bytes=-6", (12, 18)),
        ("bytes=-600", (0, 18)),
        ("bytes=5-600", (5, 18)),
        ("bytes=5-" + 5000 * "9", (5, 18)),
        ("bytes=-" + 5000 * "9", (0, 18)),
        ("bytes=" + 5000 * "0" + "4-05", (4, 6)),
    ],
)
async def test_a_range(farm: LoggingFarm, asked: str, part: tuple[int, int]) -> None:
    answer = await farm.gateway.client.get(farm.path, headers={"Range": asked})
    start, end = part
    assert (answer.status_code, answer.content) == (206, TEXT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(TEXT)}"


async def test_the_last_lines(farm: LoggingFarm) -> None:
    answer = await farm.gateway.client.get(farm.path, params={"lines": 2})
    assert (answer.status_code, answer.content) == (200, TEXT[4:])


async def test_without_roots_a_404_names_the_setting(tmp_path: Path) -> None:
    async with logging_farm(tmp_path, log_roots="") as farm:
        answer = await farm.gateway.client.get(farm.path)
        assert answer.status_code == 404
        assert "LOG_ROOTS" in answer.json()["message"]


# --- what has changed, and what has not ------------------------------------------------------


async def test_what_the_client_has_is_not_sent_again(farm: LoggingFarm) -> None:
    client = farm.gateway.client
    whole = await client.get(farm.path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    for known in ({"If-None-Match": tag}, {"If-Modified-Since": date}):
        answer = await client.get(farm.path, headers=known)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    other = {"If-None-Match": '"other"', "If-Modified-Since": date}
    assert (await client.get(farm.path, headers=other)).status_code == 200
    farm.write(TEXT + b"more\n")
    answer = await client.get(farm.path, headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content) == (200, TEXT + b"more\n")


async def test_a_range_of_another_state_is_the_whole(farm: LoggingFarm) -> None:
    client, file = farm.gateway.client, farm.file
    os.utime(file, (1e9, 1e9))
    whole = await client.get(farm.path)
    tag, date = whole.headers["etag"], whole.headers["last-modified"]
    asked = {"Range": "bytes=0-2"}
    for same in (tag, date):
        answer = await client.get(farm.path, headers=asked | {"If-Range": same})
        assert (answer.status_code, answer.content) == (206, TEXT[:3])
    for other in ('"other"', f"W/{tag}", "Sat, 01 Jan 2000 00:00:00 GMT", "nonsense"):
        answer = await client.get(farm.path, headers=asked | {"If-Range": other})
        assert (answer.status_code, answer.content) == (200, TEXT)


async def test_a_date_that_is_too_recent_proves_nothing(farm: LoggingFarm) -> None:
    date = (await farm.gateway.client.get(farm.path)).headers["last-modified"]
    os.utime(farm.file, (time.time() + 100,) * 2)
    recent = (await farm.gateway.client.get(farm.path)).headers["last-modified"]
    assert recent != date
    headers = {"Range": "bytes=0-2", "If-Range": recent}
    assert (await farm.gateway.client.get(farm.path, headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "date",
    [
        "Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +99999999999999999999",
        "Thu, 01 Jan 2026 99:00:00 GMT",
        "Mon, 01 Jan 0001 00:00:00 +2359",
    ],
)
async def test_a_date_that_is_none_says_nothing(farm: LoggingFarm, date: str) -> None:
    headers = {"If-Modified-Since": date, "If-Range": date, "Range": "bytes=0-2"}
    answer = await farm.gateway.client.get(farm.path, headers=headers)
    assert (answer.status_code, answer.content) == (200, TEXT)


@pytest.mark.parametrize("asked", ["bytes=18-", "bytes=18-20", f"bytes={5000 * '9'}-", "bytes=-0"])
async def test_a_range_behind_the_end(farm: LoggingFarm, asked: str) -> None:
    answer = await farm.gateway.client.get(farm.path, headers={"Range": asked})
    assert (answer.status_code, answer.json()["error"]) == (416, "OUT_OF_RANGE")
    assert answer.headers["content-range"] == "bytes */18"


async def test_a_head_has_no_body(farm: LoggingFarm) -> None:
    answer = await farm.gateway.client.head(farm.path, headers={"Range": "bytes=0-2"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(TEXT))


async def test_a_log_is_never_compressed(farm: LoggingFarm) -> None:
    farm.write(b"line\n" * 100_000)
    headers = {"Accept-Encoding": "gzip, zstd"}
    answer = await farm.gateway.client.get(farm.path, headers=headers)
    assert "content-encoding" not in answer.headers
    assert len(answer.content) == 500_000


async def test_the_range_of_the_last_lines(farm: LoggingFarm) -> None:
    headers = {"Range": "bytes=0-2"}
    answer = await farm.gateway.client.get(f"{farm.path}?lines=2", headers=headers)
    assert (answer.status_code, answer.content) == (206, b"two")
    assert answer.headers["content-range"] == "bytes 0-2/14"


# --- logs that are not there -----------------------------------------------------------------


async def test_a_log_that_is_not_there_yet(farm: LoggingFarm) -> None:
    farm.file.unlink()
    answer = await farm.gateway.client.get(farm.path)
    assert answer.status_code == 404
    path = f"{farm.job.log_dir}/{farm.job.name}.{farm.frame.name}.rqlog"
    assert answer.json()["message"] == f"the log is not there, or not yet: {path}"


async def test_a_frame_that_is_not_there(farm: LoggingFarm) -> None:
    answer = await farm.gateway.client.get(f"/logs/{farm.job.name}/0001-nosuch")
    assert answer.status_code == 404
    assert answer.json()["message"] == f"no frame '0001-nosuch' in job '{farm.job.name}'"


async def test_a_log_outside_the_roots(tmp_path: Path) -> None:
    async with logging_farm(tmp_path, log_roots="/other") as farm:
        answer = await farm.gateway.client.get(farm.path)
        assert answer.status_code == 404
        assert "is below none of the folders in LOG_ROOTS" in answer.json()["message"]


async def test_a_log_that_is_in_loki(farm: LoggingFarm) -> None:
    farm.job.loki_url = "http://loki.studio"
    try:
        answer = await farm.gateway.client.get(farm.path)
    finally:
        farm.job.loki_url = ""
    assert answer.status_code == 404
    assert "in Loki, http://loki.studio" in answer.json()["message"]


@needs("tokens")
async def test_nobody_without_a_token(farm: LoggingFarm) -> None:
    assert (await get(farm.gateway, farm.path)).status_code == 401


async def test_only_get_and_head(farm: LoggingFarm) -> None:
    answer = await farm.gateway.client.post(farm.path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_options_says_what_is_for_logs(farm: LoggingFarm) -> None:
    answer = await farm.gateway.client.options(farm.path)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@needs("cors", "tokens")
async def test_a_web_page_may_read_a_range_of_a_log(tmp_path: Path) -> None:
    page = "https://cueweb.studio"
    async with logging_farm(tmp_path, cors_origins=[page]) as farm:
        farm.write(TEXT)
        asked = {
            "Origin": page,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,last-event-id,range",
        }
        answer = await farm.gateway.client.options(farm.path, headers=asked)
        assert answer.headers["access-control-allow-origin"] == page
        assert "GET" in answer.headers["access-control-allow-methods"]
        headers = {"Origin": page, "Range": "bytes=-6"}
        answer = await farm.gateway.client.get(farm.path, headers=headers)
        assert (answer.status_code, answer.content) == (206, TEXT[-6:])
        assert "Content-Range" in answer.headers["access-control-expose-headers"]


# --- what is counted -------------------------------------------------------------------------


@needs("access_log")
async def test_the_access_log_has_it(farm: LoggingFarm) -> None:
    lines = farm.gateway.access_lines()
    await farm.gateway.client.get(farm.path)
    await until(lambda: lines)
    (line,) = lines
    assert (line["path"], line["status"], line["bytes"]) == (farm.path, 200, len(TEXT))


# --- large logs, and those that are cut off --------------------------------------------------


async def test_the_end_of_a_sparse_log_of_20_gb(farm: LoggingFarm) -> None:
    size = 20 * 2**30
    os.truncate(farm.file, size)
    with farm.file.open("r+b") as log:
        log.seek(size)
        log.write(b"\nlast line\n")
    answer = await farm.gateway.client.get(farm.path, headers={"Range": "bytes=-10"})
    assert (answer.status_code, answer.content) == (206, b"last line\n")
    assert answer.headers["content-range"] == f"bytes {size + 1}-{size + 10}/{size + 11}"
    answer = await farm.gateway.client.get(f"{farm.path}?lines=1")
    assert answer.content == b"last line\n"


async def test_a_log_that_is_cut_off_while_it_is_read(
    farm: LoggingFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    farm.write(b"x" * 300_000)
    read = LogFile.read

    def read_and_cut(log: LogFile, start: int, end: int) -> bytes:
        if start:
            os.truncate(farm.file, start + 10)
        return read(log, start, end)

    monkeypatch.setattr(LogFile, "read", read_and_cut)
    async with farm.gateway.client.stream("GET", farm.path) as answer:
        found = await until_cut(answer)
    assert found.endswith(b"\n[the log has been cut off: it had 300000 bytes]\n")


@pytest.mark.parametrize("size", [0, 5, 29])
async def test_what_is_left_of_a_short_log_that_is_cut_off(
    farm: LoggingFarm, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """Its bytes, and as much of the line as fits: never as many bytes as are declared."""
    farm.write(b"x" * 30)
    read = LogFile.read

    def cut_and_read(log: LogFile, start: int, end: int) -> bytes:
        os.truncate(farm.file, size)
        return read(log, start, end)

    monkeypatch.setattr(LogFile, "read", cut_and_read)
    async with farm.gateway.client.stream("GET", farm.path) as answer:
        found = await until_cut(answer)
    line = b"\n[the log has been cut off: it had 30 bytes]\n"
    assert found == (b"x" * size + line)[:29]


async def until_cut(answer: httpx.Response) -> bytes:
    """What has come of an answer that is incomplete."""
    found = b""
    try:
        async for part in answer.aiter_raw():
            found += part
    except httpx.RemoteProtocolError:
        return found
    raise AssertionError("the answer was complete")


async def test_a_long_log_takes_the_memory_of_a_short_one(farm: LoggingFarm) -> None:
    async def peak(size: int) -> int:
        os.truncate(farm.file, size)
        seen = 0
        tracemalloc.start()
        try:
            async with farm.gateway.client.stream("GET", farm.path) as answer:
                async for part in answer.aiter_raw():
                    seen += len(part)
            _, found = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert seen == size
        return found

    short, long = await peak(2**20), await peak(2**26)
    assert long - short < 2**21


async def test_no_log_stays_open(farm: LoggingFarm, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[LogFile] = []
    closed: list[LogFile] = []
    begin, close = LogFile.__init__, LogFile.close

    def open_and_note(log: LogFile, place: Place) -> None:
        begin(log, place)
        opened.append(log)

    def close_and_note(log: LogFile) -> None:
        close(log)
        closed.append(log)

    monkeypatch.setattr(LogFile, "__init__", open_and_note)
    monkeypatch.setattr(LogFile, "close", close_and_note)
    client = farm.gateway.client
    for target in ("", "?lines=1", "?list", "?attempt=1"):
        await client.get(farm.path + target)
    await client.get(farm.path, headers={"Range": "bytes=18-"})
    assert len(opened) == 6  # with a look at which attempts there are
    await until(lambda: len(closed) == len(opened))


async def test_storage_that_hangs_holds_nobody_else(
    farm: LoggingFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, read = threading.Event(), threading.Event(), LogFile.read

    def hang(log: LogFile, start: int, end: int) -> bytes:
        begun.set()
        go_on.wait(PATIENCE)
        return read(log, start, end)

    monkeypatch.setattr(LogFile, "read", hang)
    client = farm.gateway.client
    asking = asyncio.create_task(client.get(farm.path))
    try:
        await until(begun.is_set)
        assert (await client.get(f"{farm.path}?list")).status_code == 200
        assert (await farm.gateway.post("/show.ShowInterface/GetShows")).status_code == 200
        assert not asking.done()
    finally:
        go_on.set()
    assert (await asking).content == TEXT


async def test_of_several_jobs_of_a_name_the_pending_one(tmp_path: Path) -> None:
    async with logging_farm(tmp_path) as farm:
        client, jobs = farm.gateway.client, farm.cuebot.farm.jobs
        first, second, third = [*jobs.values()][:3]
        farm.write(b"first\n")
        assert (await client.get(farm.path)).content == b"first\n"
        for each in (second, third):  # neither has the frame
            each.name, each.state = first.name, FINISHED
        second.start_time = third.start_time + 1
        assert (await client.get(farm.path)).content == b"first\n"
        first.state = FINISHED
        first.start_time = second.start_time + 1
        assert (await client.get(farm.path)).content == b"first\n"
        first.start_time = second.start_time - 1
        assert (await client.get(farm.path)).status_code == 404
