"""The two transports against the same server, which does anything: calls end alike."""

import asyncio
from collections.abc import Callable
from functools import partial

import grpc
import grpc.aio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upstream.grpcio import GrpcioTransport
from gateway.upstream.transport import Transport
from tests.support.http2_server import HEADERS, Peer, framed, http2_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ECHO = "/a.B/Echo"
TIMEOUT = 0.5
Answer = Callable[[Peer, int], None]
Outcome = bytes | tuple[grpc.StatusCode, str]


def answer(
    peer: Peer, stream: int, *, headers: object, data: tuple[bytes, ...], trailers: object
) -> None:
    peer.h2.send_headers(stream, headers)  # type: ignore[arg-type]
    for part in data:
        peer.h2.send_data(stream, part)
    peer.h2.send_headers(stream, trailers, end_stream=True)  # type: ignore[arg-type]


def trailers_only(peer: Peer, stream: int, *, trailers: list[tuple[str, str]]) -> None:
    peer.h2.send_headers(stream, [*HEADERS, *trailers], end_stream=True)


def reset(peer: Peer, stream: int, *, code: int, begun: bool) -> None:
    if begun:
        peer.h2.send_headers(stream, HEADERS)
    peer.h2.reset_stream(stream, code)


def silence(peer: Peer, stream: int) -> None:
    """Until the deadline."""


def hang_up(peer: Peer, stream: int, *, begun: bool) -> None:
    if begun:
        peer.h2.send_headers(stream, HEADERS)
        peer.flush()
    peer.transport.abort()


def website(peer: Peer, stream: int, *, status: str, end: bool) -> None:
    peer.h2.send_headers(stream, [(":status", status), ("content-type", "text/html")])
    if end:
        peer.h2.send_data(stream, b"<html>", end_stream=True)


MESSAGE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ESCAPED = MESSAGE.map(lambda text: "".join(f"%{byte:02X}" for byte in text.encode()))
STATUS = st.builds(
    lambda code, message: [("grpc-status", str(code)), ("grpc-message", message)],
    st.integers(0, 20),
    ESCAPED,
)
DATA = st.lists(st.binary(max_size=30).map(framed), min_size=1, max_size=1).map(tuple)
ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.builds(
        lambda data, trailers: partial(answer, headers=HEADERS, data=data, trailers=trailers),
        DATA,
        STATUS,
    ),
    st.builds(lambda trailers: partial(trailers_only, trailers=trailers), STATUS),
    st.builds(
        # not REFUSED_STREAM: both repeat that call, as often as they like
        lambda code, begun: partial(reset, code=code, begun=begun),
        st.sampled_from([1, 2, 3, 5, 6, 8, 11, 12]),
        st.booleans(),
    ),
    st.just(silence),
    st.builds(
        lambda status, end: partial(website, status=status, end=end),
        st.sampled_from(["400", "401", "403", "404", "418", "429", "500", "502", "503", "504"]),
        st.booleans(),
    ),
)
HANG_UP: st.SearchStrategy[Answer] = st.builds(
    lambda begun: partial(hang_up, begun=begun), st.booleans()
)


async def outcome(transport: Transport) -> Outcome:
    """The message, or the code and the kind of words."""
    try:
        return await transport.unary(ECHO, b"hi", TIMEOUT, ())
    except grpc.aio.AioRpcError as error:
        return error.code(), kind_of(error.details() or "")


def kind_of(words: str) -> str:
    """A server's words as they are; those of a transport by their kind, if others look at it."""
    if words.startswith("Received http2 header with status"):
        return "a web server"
    if "RST_STREAM" in words or words.startswith("the call was reset"):
        return "reset"
    if "Deadline Exceeded" in words:
        return "late"
    if words.startswith(("Socket closed", "recvmsg", "Stream removed", "sendmsg")):
        return "lost"
    return words


@settings(deadline=None, max_examples=60)
@given(answers=st.lists(ANSWERS, max_size=2), ending=st.one_of(ANSWERS, HANG_UP))
async def test_calls_end_alike(answers: list[Answer], ending: Answer) -> None:
    """One call after another, each with its answer; the same code and message over both.

    A connection is lost at the end only: the next call of gRPC's library may not know of it yet.
    """
    todo: list[Answer] = []

    async with http2_server(lambda peer, stream: todo[0](peer, stream)) as server:
        channel = grpc.aio.insecure_channel(
            server.endpoint, [("grpc.initial_reconnect_backoff_ms", 100)]
        )
        library = GrpcioTransport(channel)
        for each in (*answers, ending):
            todo[:] = [each]
            ours, theirs = await asyncio.gather(outcome(server.channel), outcome(library))
            assert ours == theirs, each
        await library.close()
