"""The two transports against the same server, which does anything: calls end alike."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.errors import Code
from gateway.core.upstream.endpoint import Endpoint
from gateway.core.upstream.grpcio import GrpcioChannel
from gateway.core.upstream.interface import CallFailed, Reason, UpstreamCall
from tests.support.http2_server import HEADERS, Peer, framed, http2_server, options
from tests.support.patience import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ECHO = "/a.B/Echo"
TIMEOUT = 0.5
"""For calls that stay without an answer; others wait for as long as a busy machine takes."""
Answer = Callable[[Peer, int], None]
Outcome = bytes | tuple[Code, str]
WEB = Code.UNAVAILABLE, "a web server"


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


def close(peer: Peer, stream: int, *, begun: bool) -> None:
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
CLOSE: st.SearchStrategy[Answer] = st.builds(
    lambda begun: partial(close, begun=begun), st.booleans()
)


async def outcome(upstream: Endpoint, timeout: float) -> Outcome:
    """The message, or the code and the server's words; `a web server` if that is known."""
    try:
        return await upstream.call(UpstreamCall(ECHO, b"hi", timeout))
    except CallFailed as failed:
        if failed.reason is Reason.PROTOCOL and failed.code is Code.UNAVAILABLE:
            return WEB
        words = failed.details if failed.reason is Reason.STATUS else ""
        return failed.code, words


def timeout_for(answer: Answer) -> float:
    ends = not isinstance(answer, partial) or answer.keywords.get("end", True)
    return PATIENCE if answer is not silence and ends else TIMEOUT


def is_website(answer: Answer) -> bool:
    return isinstance(answer, partial) and answer.func is website


def is_broken_off(answer: Answer) -> bool:
    return isinstance(answer, partial) and answer.func in (reset, close)


@settings(max_examples=60)
@given(answers=st.lists(ANSWERS, max_size=2), ending=st.one_of(ANSWERS, CLOSE))
async def test_calls_end_alike(answers: list[Answer], ending: Answer) -> None:
    """One call after another, each with its answer; the same code and message over both.

    A connection is lost at the end only: the next call of gRPC's library may not know of it yet.
    What grpc.aio tells in words only is not compared: a web server's answer, and why a call broke
    off.
    """
    todo: list[Answer] = []

    async with http2_server(lambda peer, stream: todo[0](peer, stream)) as server:
        library = Endpoint(server.endpoint, GrpcioChannel(server.endpoint, options()))
        for each in (*answers, ending):
            todo[:] = [each]
            timeout = timeout_for(each)
            ours, theirs = await asyncio.gather(
                outcome(server.upstream, PATIENCE if is_website(each) else timeout),
                outcome(library, timeout),
            )
            if is_website(each):
                assert ours == WEB
                assert not isinstance(theirs, bytes)
            elif is_broken_off(each):
                assert ours[0] == theirs[0], each
            else:
                assert ours == theirs, each
        await library.close()
