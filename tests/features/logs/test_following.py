"""`?follow`: what is written to a log, until its frame is done."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.principal import Unrestricted
from gateway.features.logs import feature
from gateway.features.logs.compile import FrameLogs
from gateway.features.logs.following import BREAK, Found, FrameStates, whole_lines
from gateway.features.logs.limits import LogLimits
from tests.features.logs.farm import LoggingFarm, logging_farm
from tests.support.events import EVENTS
from tests.support.needs import needs
from tests.support.patience import PATIENCE, until

pytestmark = pytest.mark.anyio

WAITING, RUNNING, SUCCEEDED = 0, 2, 3
QUICK = LogLimits(tick_seconds=0.01, poll_seconds=0.02, silent_seconds=0.05, followers=4)


@pytest.fixture
async def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LoggingFarm]:
    monkeypatch.setattr(feature, "LOG_LIMITS", QUICK)
    async with logging_farm(tmp_path) as farm:
        farm.frame.state = RUNNING
        yield farm


class Reader:
    """What has come of a stream so far."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.text = b""
        self.is_over = False
        self.task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for part in self.answer.aiter_raw():
            self.text += part
        self.is_over = True

    async def has(self, text: bytes) -> None:
        await until(lambda: text in self.text or self.is_over)
        assert text in self.text

    async def end(self) -> bytes:
        async with asyncio.timeout(PATIENCE):
            await self.task
        return self.text


@asynccontextmanager
async def following(
    farm: LoggingFarm, query: str = "follow", **options: Any
) -> AsyncIterator[Reader]:
    async with farm.gateway.client.stream("GET", f"{farm.path}?{query}", **options) as answer:
        assert answer.status_code == 200, await answer.aread()
        reader = Reader(answer)
        try:
            yield reader
        finally:
            reader.task.cancel()


async def test_lines_come_as_they_are_written_until_the_frame_is_done(farm: LoggingFarm) -> None:
    file = farm.write(b"".join(b"line %d\n" % number for number in range(100)))
    async with following(farm) as reader:
        await reader.has(b"line 90\n")
        assert reader.text.startswith(b"line 90\n")
        assert reader.answer.headers["content-type"] == "text/plain; charset=utf-8"
        with file.open("ab") as log:
            log.write(b"more \xff\npart")
        await reader.has(b"more ?\n")
        assert b"part" not in reader.text
        with file.open("ab") as log:
            log.write(b"s\nlast")
        await reader.has(b"parts\n")
        farm.frame.state = SUCCEEDED
        assert (await reader.end()).endswith(b"line 99\nmore ?\nparts\nlast")


async def test_a_frame_that_is_done_has_no_more(farm: LoggingFarm) -> None:
    farm.write(b"one\ntwo\n")
    farm.frame.state = SUCCEEDED
    async with following(farm) as reader:
        assert await reader.end() == b"one\ntwo\n"


async def test_a_log_that_is_not_there_yet_is_waited_for(farm: LoggingFarm) -> None:
    farm.frame.state = WAITING
    async with following(farm) as reader:
        said = b"[the log is not there yet: frame %s is WAITING]\n" % farm.frame.name.encode()
        await reader.has(said)
        farm.frame.state = RUNNING
        farm.write(b"".join(b"line %d\n" % number for number in range(20)))
        await reader.has(b"line 19\n")
        farm.frame.state = SUCCEEDED
        text = await reader.end()
        assert text.startswith(said + b"line 0\nline 1\n")


@pytest.mark.parametrize("last", [{}, {"Last-Event-ID": "4000"}], ids=["new", "resumed"])
async def test_events_of_a_log_that_is_not_there_yet(
    farm: LoggingFarm, last: dict[str, str]
) -> None:
    """Whoever is lost meanwhile gets all of it: the id is that of its beginning."""
    farm.frame.state = WAITING
    async with following(farm, headers=EVENTS | last) as reader:
        reason = f"the log is not there yet: frame {farm.frame.name} is WAITING"
        said = f'retry: 2000\n\nid: 0\nevent: waiting\ndata: {{"reason":"{reason}"}}\n\n'.encode()
        await reader.has(said + b":\n\n")
        farm.write(b"one\n")
        await reader.has(b"id: 4\ndata: one\n\n")
        farm.frame.state = SUCCEEDED
        assert (await reader.end()).endswith(b"id: 4\nevent: done\ndata: {}\n\n")


async def test_a_frame_may_end_without_a_log(farm: LoggingFarm) -> None:
    async with following(farm) as reader:
        await reader.has(b"is RUNNING]")
        farm.frame.state = SUCCEEDED
        assert (await reader.end()).endswith(b"[the frame is done, and has no log]\n")
    answer = await farm.gateway.client.get(f"{farm.path}?follow")
    assert answer.status_code == 404
    assert "the log is not there" in answer.json()["message"]


async def test_who_waits_for_a_log_may_leave_and_is_bounded(farm: LoggingFarm) -> None:
    places = farm.gateway.app.feature(feature.Logs).followers
    head = await farm.gateway.client.head(f"{farm.path}?follow")
    assert (head.status_code, places.taken) == (200, 0)
    async with following(farm) as reader:
        await reader.has(b"not there yet")
        assert places.taken == 1
        farm.gateway.app.parts.readiness.stopping = True
        assert (await reader.end()).endswith(b"[the gateway is stopping]\n")
    assert places.taken == 0


async def test_without_follow_a_log_that_is_not_there_yet_is_a_404(farm: LoggingFarm) -> None:
    assert (await farm.gateway.client.get(farm.path)).status_code == 404


async def test_events_have_offsets_and_go_on_there(farm: LoggingFarm) -> None:
    farm.write(b"one\n50%\r60%\r\ntwo\n")
    farm.frame.state = SUCCEEDED
    lines = b"data: one\ndata: 50%\ndata: 60%\ndata: two\n\n"
    async with following(farm, headers=EVENTS) as reader:
        assert reader.answer.headers["content-type"] == "text/event-stream"
        text = await reader.end()
        assert text == b"retry: 2000\n\nid: 17\n" + lines + b"id: 17\nevent: done\ndata: {}\n\n"
    async with following(farm, headers={**EVENTS, "Last-Event-ID": "4"}) as reader:
        assert b"\nid: 17\ndata: 50%\n" in await reader.end()
    async with following(farm, headers={**EVENTS, "Last-Event-ID": "17"}) as reader:
        assert await reader.end() == b"retry: 2000\n\nid: 17\nevent: done\ndata: {}\n\n"


async def test_an_offset_behind_the_end_is_of_another_log(farm: LoggingFarm) -> None:
    """That of an earlier attempt, which RQD has moved: the new one begins anew, and says so."""
    farm.write(b"one\ntwo\n")
    async with following(farm, "follow&lines=1", headers=EVENTS | {"Last-Event-ID": "9"}) as reader:
        await reader.has(b"data: two\n")
        farm.frame.state = SUCCEEDED
        reason = "this is another log, from its beginning: it has 8 bytes, and the last one had 9"
        text = b'retry: 2000\n\nid: 0\nevent: restart\ndata: {"reason":"%s"}\n\n' % reason.encode()
        text += b"id: 8\ndata: one\ndata: two\n\nid: 8\nevent: done\ndata: {}\n\n"
        assert (await reader.end()).replace(b":\n\n", b"") == text


async def test_a_long_log_is_followed_in_pieces(
    farm: LoggingFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.features.logs.following.PIECE_BYTES", 10)
    content = b"0123456\n0123456789012345678901\n\n\r\nabc\rdef\n\xe2\x82\xac 123456789\nend"
    farm.write(content)
    farm.frame.state = SUCCEEDED
    async with following(farm, "follow&lines=100") as reader:
        assert await reader.end() == content
    async with following(farm, "follow&lines=100", headers=EVENTS) as reader:
        text = await reader.end()
    assert b"id: 8\ndata: 0123456\n\n" in text
    assert b"data: abc\n" in text
    assert text.endswith(b"id: %d\nevent: done\ndata: {}\n\n" % len(content))


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n"])).map(b"".join), st.integers(0, 40))
def test_whole_lines_end_where_lines_of_events_do(content: bytes, cut: int) -> None:
    """Wherever a part that is read ends, no line is taken for two, and none for a longer one."""
    size = whole_lines(content[:cut])
    first, rest = content[:size], content[size:]
    assert BREAK.split(content) == BREAK.split(first)[:-1] + BREAK.split(rest)


async def test_a_silent_stream_of_events_has_comments(farm: LoggingFarm) -> None:
    farm.write(b"one\n")
    async with following(farm, headers=EVENTS) as reader:
        await reader.has(b":\n\n")


@pytest.mark.parametrize("headers", [{}, EVENTS], ids=["plain", "events"])
async def test_a_log_that_is_moved_ends_with_a_line_that_says_so(
    farm: LoggingFarm, headers: dict[str, str]
) -> None:
    file = farm.write(b"one\n")
    async with following(farm, headers=headers) as reader:
        await reader.has(b"one")
        with file.open("ab") as log:
            log.write(b"two\nthr")
            file.rename(f"{file}.1")
            farm.write(b"another\n")
        text = await reader.end()
        assert b"two" in text
        assert b"thr" in text
        assert b"another\n" not in text
        assert b"the log has been moved" in text.splitlines()[-2 if headers else -1]
        if headers:
            assert b"\nid: 0\nevent: end\n" in text, "who comes back gets all of the other one"


@pytest.mark.parametrize(
    ("what", "said"), [("unlink", b"[the log has been deleted"), ("cut", b"[the log has been cut")]
)
async def test_a_log_that_goes_ends_with_a_line_that_says_so(
    farm: LoggingFarm, what: str, said: bytes
) -> None:
    file = farm.write(b"one\ntwo\n")
    async with following(farm) as reader:
        await reader.has(b"two")
        if what == "cut":
            os.truncate(file, 3)
        else:
            file.unlink()
        assert (await reader.end()).splitlines()[-1].startswith(said)


async def test_a_follower_that_leaves_gives_its_place_back(farm: LoggingFarm) -> None:
    farm.write(b"one\n")
    places = farm.gateway.app.feature(feature.Logs).followers
    async with following(farm) as reader:
        await reader.has(b"one")
        assert places.taken == 1
    await until(lambda: not places.taken)
    assert await farm.gateway.client.get(farm.path)


@needs("tokens")
async def test_no_more_followers_than_there_are_places(farm: LoggingFarm) -> None:
    farm.write(b"one\n")
    places = farm.gateway.app.feature(feature.Logs).followers
    for _ in range(4):
        assert places.take("tester")
    answer = await farm.gateway.client.get(f"{farm.path}?follow")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert (await farm.gateway.client.get(farm.path)).status_code == 200


async def test_a_gateway_that_stops_says_so(farm: LoggingFarm) -> None:
    farm.write(b"one\n")
    async with following(farm) as reader:
        await reader.has(b"one")
        farm.gateway.app.parts.readiness.stopping = True
        assert await reader.end() == b"one\n[the gateway is stopping]\n"


@needs("tokens")
async def test_a_right_that_is_lost_ends_it(farm: LoggingFarm) -> None:
    farm.write(b"one\n")

    class Nothing(Unrestricted):
        name = "nothing"

        def reads(self, word: str) -> bool:
            return False

    rights = Nothing()
    async with following(farm) as reader:
        await reader.has(b"one")
        farm.gateway.app.parts.authority.follow_rights(lambda claims: rights)
        text = await reader.end()
        assert text.startswith(b"one\n['tester' may not read logs")


async def test_a_frame_that_is_hidden_meanwhile_ends_it(farm: LoggingFarm) -> None:
    farm.write(b"one\n")
    async with following(farm) as reader:
        await reader.has(b"one")
        del farm.cuebot.farm.jobs[farm.job.id]
        assert (await reader.end()).startswith(b"one\n[no frame ")


async def test_whoever_comes_knows_the_state_that_it_has_just_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever those know who have followed the frame for longer."""
    monkeypatch.setattr(feature, "LOG_LIMITS", LogLimits(poll_seconds=PATIENCE * 2))
    async with logging_farm(tmp_path) as farm:
        farm.write(b"one\n")
        farm.frame.state = RUNNING
        async with following(farm) as earlier:
            await earlier.has(b"one")
            farm.frame.state = SUCCEEDED
            async with following(farm) as later:
                assert await later.end() == b"one\n"


async def test_followers_of_a_frame_share_the_question_for_its_state() -> None:
    class Finder:
        asked = 0

        async def frame(self, *about: object) -> Any:
            self.asked += 1
            await asyncio.sleep(0)
            return SimpleNamespace(id="f", state=SUCCEEDED)

    finder: Any = Finder()
    catalog: Any = SimpleNamespace(
        aspects={FrameLogs: SimpleNamespace(done={SUCCEEDED}, frame=SimpleNamespace(method=None))}
    )
    frame = SimpleNamespace(id="f", state=RUNNING)
    found = Found(catalog, SimpleNamespace(id="j"), frame, None)  # type: ignore[arg-type]
    states = FrameStates(finder, Interceptors(), PATIENCE)
    context: Any = None
    known = [states.of(context, found) for _ in range(3)]
    assert not known[0].is_done
    known[0].asked_at -= PATIENCE
    looks = [states.look(context, found, each) for each in known]
    assert await asyncio.gather(*looks) == [True] * 3
    assert finder.asked == 1
