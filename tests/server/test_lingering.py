"""What comes behind an answer, or in too much framing: it costs next to nothing, and soon ends."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.server.http1.parser import FRAMING_FREE_BYTES, FRAMING_MAX_RATIO, SLICE_BYTES
from gateway.server.http1.request_cycle import RequestCycle
from tests.server.parsing import Recorder
from tests.server.samples import SHOWS
from tests.server.test_writes import Counted, connected, reply, soon
from tests.support.certificates import pair, trusting
from tests.support.needs import needs
from tests.support.patience import PATIENCE, until
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, head, token
from tests.support.wire import Wire, request, wire

pytestmark = pytest.mark.anyio

CHUNKED = "Transfer-Encoding: chunked"
PIECE = b"%x\r\n%b\r\n" % (SLICE_BYTES, b"x" * SLICE_BYTES)
DRAINED = 32 * 1024 * 1024
READ_AT_ONCE = 256 * 1024
"""Bytes that uvloop reads at most before it tells of them."""


async def push(one: Wire, piece: bytes) -> None:
    """Send this again and again, until that is no longer possible."""
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError, RuntimeError):
            while True:
                await one.send(piece)


# --- behind an answer -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "lines", "subject", "start", "status"),
    [
        pytest.param(SHOWS, (), None, "POST", 401, marks=needs("tokens")),
        pytest.param(
            *(SHOWS, (f"Authorization: Bearer {token(seconds=-9)}",), None, "POST", 403),
            marks=needs("tokens"),
        ),
        ("/no.Such/Method", (), "tester", "POST", 404),
        (SHOWS, (), "tester", "PUT", 405),
        (SHOWS, ("Content-Encoding: br",), "tester", "POST", 415),
        pytest.param("/healthz", (), None, "GET", 200, marks=needs("health")),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
async def test_an_answer_before_the_end_of_the_body_is_the_last(
    gateway: Gateway,
    path: str,
    lines: tuple[str, ...],
    subject: str | None,
    start: str,
    status: int,
) -> None:
    framing, begun = CHUNKED, PIECE
    if status == 415:
        framing, begun = "Content-Length: 1000000", b"x" * SLICE_BYTES
    others = {*gateway.server.connections}
    async with wire(gateway) as one:
        await one.send(head(path, framing, *lines, subject=subject, start=start), begun)
        answer = await one.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        assert await one.rest() == b""
        assert not gateway.server.connections <= others  # it has not been reset
        await push(one, PIECE)
        await until(lambda: gateway.server.connections <= others)


async def test_who_sends_a_body_to_its_end_before_reading_gets_the_answer(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As most clients do: a body above the limit is answered 413 when its head has come."""
    monkeypatch.setattr("gateway.server.http1.protocol.LINGER_SECONDS", PATIENCE)
    length = 5 * 2**20
    async with wire(gateway) as one:
        await one.send(head(SHOWS, f"Content-Length: {length}"))
        await one.reply_begins()
        for _ in range(length // SLICE_BYTES):
            await one.send(b"x" * SLICE_BYTES)
        answer = await one.answer()
        assert (answer.status, answer.last) == (413, True)
        assert await one.reader.read() == b""


class Taking(Counted):
    """A connection that counts what is read."""

    taken = 0

    def data_received(self, data: bytes) -> None:
        self.taken += len(data)
        super().data_received(data)


def refuse(request: RequestCycle) -> None:
    assert reply(request, b"refused")


BEGUN = b"POST / HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("sent", [BEGUN, b"garbage\r\n\r\n"], ids=["an answer", "a refusal"])
async def test_so_much_is_read_behind_the_last_answer_and_no_more(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.server.http1.protocol.LINGER_SECONDS", PATIENCE)
    gone = asyncio.Event()
    async with connected(soon(refuse), kind=Taking, leave=gone.set) as one:
        await one.client.send(sent)
        await one.client.answer()
        assert await one.client.rest() == b""
        assert not gone.is_set()
        await push(one.client, b"1\r\nx\r\n" * 10_000)
        await asyncio.wait_for(gone.wait(), PATIENCE)
        assert isinstance(one.protocol, Taking)
        assert DRAINED < one.protocol.taken <= DRAINED + 2 * READ_AT_ONCE


async def test_a_body_that_ends_behind_its_answer_is_not_a_request() -> None:
    gone = asyncio.Event()
    served = 0

    def answer(request: RequestCycle) -> None:
        nonlocal served
        served += 1
        assert reply(request)

    async with connected(soon(answer), BEGUN, leave=gone.set) as one:
        assert (await one.client.answer()).headers["connection"] == "close"
        await one.client.send(b"0\r\n\r\n", BEGUN)
        one.client.writer.write_eof()
        await asyncio.wait_for(gone.wait(), PATIENCE)  # as soon as the client has ended
    assert served == 1


async def test_who_stays_behind_the_last_answer_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.server.http1.protocol.LINGER_SECONDS", 0.1)
    gone = asyncio.Event()
    async with connected(soon(refuse), BEGUN, leave=gone.set) as one:
        assert (await one.client.answer()).headers["connection"] == "close"
        await asyncio.wait_for(gone.wait(), PATIENCE)


async def test_an_answer_that_is_not_read_at_once_is_sent_to_its_end() -> None:
    page = b"x" * 2_000_000

    def answer(request: RequestCycle) -> None:
        assert reply(request, page)

    async with connected(soon(answer), BEGUN) as one:
        await one.client.send(PIECE * 20)
        assert (await one.client.answer()).body == page


@needs("tokens")
async def test_a_body_behind_its_answer_over_tls(cuebot: ScriptedCuebot, tmp_path: Path) -> None:
    settings: dict[str, Any] = pair(tmp_path).settings
    async with gateway_for(cuebot.endpoint, **settings) as gateway:
        await gateway.client.aclose()
        async with wire(gateway, ssl=trusting()) as one:
            await one.send(head(SHOWS, CHUNKED, subject=None), PIECE)
            answer = await one.answer()
            assert (answer.status, answer.headers["connection"]) == (401, "close")
            await push(one, PIECE)
            await until(lambda: not gateway.server.connections)


# --- framing ----------------------------------------------------------------------------------
def chunks(size: int, count: int) -> bytes:
    return b"%x\r\n%b\r\n" % (size, b" " * size) * count


@pytest.mark.parametrize("cut", [1000, SLICE_BYTES, 10**6])
@pytest.mark.parametrize(
    ("size", "extension", "refused"),
    [(1, b"", True), (1, b";a", True), (2, b"", False), (10, b";" + b"a" * 50, True)],
    ids=["1", "1 with an extension", "2", "10 with an extension"],
)
def test_framing_outweighs_content(size: int, extension: bytes, refused: bool, cut: int) -> None:
    recorder = Recorder()
    recorder.feed(BEGUN)
    chunk = b"%x%b\r\n%b\r\n" % (size, extension, b" " * size)
    framing = len(chunk) - size
    assert refused == (framing > FRAMING_MAX_RATIO * size)
    stream = chunk * (3 * FRAMING_FREE_BYTES // framing)
    sent = 0
    while sent < len(stream) and recorder.refusal is None:
        recorder.feed(stream[sent : sent + cut])
        sent += cut
    if not refused:
        recorder.feed(b"0\r\n\r\n")
        assert recorder.refusal is None
        assert recorder.requests[0].complete
        return
    assert recorder.refusal is not None
    status, message, in_body = recorder.refusal
    assert (status, in_body) == (400, True)
    assert "chunks are too small" in message
    framed = len(recorder.requests[0].body) * framing / size
    assert FRAMING_FREE_BYTES - SLICE_BYTES < framed < FRAMING_FREE_BYTES + 2 * SLICE_BYTES


def test_framing_is_counted_for_each_body() -> None:
    recorder = Recorder()
    one = BEGUN + chunks(1, FRAMING_FREE_BYTES // 10) + b"0\r\n\r\n"
    for _ in range(5):
        recorder.feed(one)
        recorder.answer(1)
    assert recorder.refusal is None
    assert len(recorder.requests) == 5


def test_one_call_for_many_chunks() -> None:
    class Calls(Recorder):
        calls = 0

        def on_body(self, data: bytes) -> None:
            self.calls += 1
            super().on_body(data)

    recorder = Calls()
    recorder.feed(BEGUN)
    sent = chunks(1, 5000) + b"0\r\n\r\n"
    recorder.feed(sent)
    assert recorder.requests[0].body == b" " * 5000
    assert recorder.requests[0].complete
    assert recorder.calls <= len(sent) // SLICE_BYTES + 2


async def test_a_short_body_right_behind_its_head_keeps_the_connection(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.core.pipeline.error_answer.BODY_REST_WAIT_SECONDS", PATIENCE)
    async with wire(gateway) as one:
        await one.send(head("/no.Such/Method", "Content-Length: 2"))
        await until(lambda: any(each.is_answering for each in gateway.server.connections))
        await one.send(b"{}")
        refused = await one.answer()
        assert refused.status == 404
        assert "connection" not in refused.headers
        await one.send(request(SHOWS, b"{}"))
        assert (await one.answer()).status == 200
