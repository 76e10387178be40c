"""HTTP/2 without a connection: bytes in, calls to sinks out, however the bytes are cut."""

import ast
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes
from hypothesis import given
from hypothesis import strategies as st

import gateway.core.upstream.http2
from gateway.core.errors import Code
from gateway.core.upstream.http2.answers import READ_AHEAD_BYTES
from gateway.core.upstream.http2.core import Core
from gateway.core.upstream.http2.headers import literal
from gateway.core.upstream.http2.streams import Stream
from gateway.core.upstream.http2.wire import ProtocolError, whole_answer
from gateway.core.upstream.interface import SMALL_ANSWER_BYTES, CallFailed, Reason
from tests.core.upstream.http2 import frames
from tests.core.upstream.http2.frames import (
    BEGINNING,
    CONTINUATION,
    DATA,
    END,
    END_HEADERS,
    END_STREAM,
    HELLO,
    INITIAL_WINDOW_SIZE,
    INTERIM,
    answer,
    goaway,
)
from tests.core.upstream.http2.recordings import CALLS, OUTCOMES, SERVERS
from tests.support.http2_server import ECHO, HEADERS, OK, framed, raw_frame

HEAD = b"\x83\x86" + b"".join(
    literal(name, value)
    for name, value in (
        (b":path", ECHO.encode()),
        (b":authority", b"cuebot"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
    )
)
MAX_MESSAGE = 1000
SETTING_OF_WINDOW = re.compile(rb"\x00\x04(....)\x00\x05", re.DOTALL)
"""INITIAL_WINDOW_SIZE, before MAX_FRAME_SIZE."""
WINDOW_UPDATES = re.compile(rb"\x00\x00\x04\x08\x00\x00\x00\x00\x01(....)", re.DOTALL)
"""Those of the first call."""


@dataclass
class Sink:
    """Notes what becomes of a call."""

    name: str
    happened: list[object]
    then: Callable[[], object] = lambda: None
    """What it does as soon as it knows."""

    def expects(self, size: int, go_on: Callable[[], None]) -> bool:
        self.happened.append((self.name, "expects", size))
        go_on()
        return True

    def answered(self, message: bytes) -> None:
        self.happened.append((self.name, message))
        self.then()

    def failed(self, failure: CallFailed) -> None:
        known = failure.code, failure.reason, failure.may_have_reached_server, failure.details
        self.happened.append((self.name, *known, failure.status_details))
        self.then()


@dataclass
class Driver:
    """Drives a core, and notes in their order what it writes and what happens."""

    happened: list[object] = field(default_factory=list)
    written: bytearray = field(default_factory=bytearray)
    next_stream: int = 1
    max_message: int = MAX_MESSAGE

    def __post_init__(self) -> None:
        self.core = Core(
            self, self.write, max_message=self.max_message, next_stream=self.next_stream
        )
        self.core.open()

    def write(self, data: bytes) -> None:
        self.written += data
        self.happened.append(data)

    def on_ready(self) -> None:
        self.happened.append("ready")

    def on_closing(self) -> None:
        self.happened.append("closing")

    def on_drained(self) -> None:
        self.happened.append("drained")

    def on_goaway(self, code: int, text: bytes) -> None:
        self.happened.append(("goaway", code, text))

    def on_pong(self) -> None:
        self.happened.append("pong")

    def start(
        self,
        name: str,
        message: bytes = b"",
        deadline: float = inf,
        then: Callable[[], object] = lambda: None,
    ) -> Stream:
        """A call of this name."""
        return self.core.calls.start(HEAD, message, deadline, Sink(name, self.happened, then))

    def receive(self, *pieces: bytes, now: float = 0.0) -> None:
        """Hand over these pieces, up to the first that is wrong."""
        try:
            for piece in pieces:
                more = self.core.receive(piece, now)
                while more:
                    more = self.core.receive(b"", now)
        except ProtocolError as error:
            self.happened.append(("broken", str(error), error.code))

    def outcomes(self, name: str) -> list[tuple[object, ...]]:
        """What the call of this name has been told."""
        return [each[1:] for each in self.happened if isinstance(each, tuple) and each[0] == name]


# --- Any split of any bytes -----------------------------------------------------------------
def events(pieces: Iterable[bytes], calls: int) -> list[object]:
    """All that happens when a server sends this to so many calls, and a next one after each."""
    driver = Driver()
    for number in range(calls):
        name = f"{number}"
        driver.start(name, b"x" * 100 * number, then=lambda: driver.start("next"))
    driver.receive(*pieces)
    return driver.happened


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    """The data in pieces, cut at these places."""
    ends = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(ends)]


PLACES = st.lists(st.integers(0, 2**16), max_size=30)


@pytest.mark.parametrize("server", SERVERS)
def test_what_real_servers_send_is_understood(server: str) -> None:
    driver, data = Driver(), SERVERS[server]
    for number in range(CALLS):
        driver.start(f"{number}")
    driver.receive(data)
    told = [driver.outcomes(f"{number}") for number in range(CALLS)]
    codes = [Code.OK if isinstance(each[0][0], bytes) else each[0][0] for each in told]
    assert codes == OUTCOMES[server]
    assert all(len(each) == 1 for each in told)
    assert "pong" in driver.happened
    assert events([data[at : at + 1] for at in range(len(data))], CALLS) == events([data], CALLS)


class H2Server:
    """A server over h2, which has got three calls."""

    def __init__(self) -> None:
        driver = Driver()
        for number in range(3):
            driver.start(f"{number}")
        self.h2 = H2Connection(H2Configuration(client_side=False))
        self.h2.initiate_connection()
        self.h2.receive_data(bytes(driver.written))
        self.left = [1, 3, 5]

    def do(self, action: tuple[str, int, bytes]) -> None:
        """One thing that a server may do."""
        kind, number, message = action
        h2 = self.h2
        if kind == "ping":
            h2.ping(message[:8].ljust(8))
        elif kind == "settings":
            h2.update_settings({SettingCodes.MAX_CONCURRENT_STREAMS: number})
        elif kind == "window":
            h2.increment_flow_control_window(number + 1)
        elif self.left:
            stream = self.left.pop(number % len(self.left))
            if kind == "reset":
                h2.reset_stream(stream, number)
            elif kind == "status":
                trailers = [("grpc-status", f"{number}"), ("grpc-message", "no%20such")]
                h2.send_headers(stream, [*HEADERS, *trailers], end_stream=True)
            else:
                h2.send_headers(stream, HEADERS)
                h2.send_data(stream, framed(message), pad_length=number if number % 2 else None)
                h2.send_headers(stream, OK, end_stream=True)


KINDS = ["ping", "settings", "window", "reset", "status", "answer", "answer"]
ACTIONS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.integers(0, 20), st.binary(max_size=1200)), max_size=8
)
ODD = st.sampled_from(
    [
        frames.headers(1, INTERIM),
        raw_frame(frames.HEADERS, 0, 1, BEGINNING[:7])
        + raw_frame(CONTINUATION, 0, 1, BEGINNING[7:9])
        + raw_frame(CONTINUATION, END_HEADERS, 1, BEGINNING[9:]),
        frames.headers(3) + frames.reset(3, frames.REFUSED),
        frames.reset(5, frames.REFUSED),
        raw_frame(77, 0, 0, b"what nobody knows"),
        goaway(1),
        goaway(3, 11, b"bye"),
        frames.data(1, framed(b"x" * 2000)),
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ]
) | st.binary(max_size=40)


@given(actions=ACTIONS, odd=st.lists(ODD, max_size=3), places=PLACES)
def test_any_cuts(
    actions: list[tuple[str, int, bytes]], odd: list[bytes], places: list[int]
) -> None:
    server = H2Server()
    for action in actions:
        server.do(action)
    data = server.h2.data_to_send() + b"".join(odd)
    assert events(cut(data, places), 3) == events([data], 3)


BLOCKS = [
    BEGINNING,
    END,
    INTERIM,
    literal(b":status", b"502") + literal(b"content-type", b"text/html"),
    literal(b"grpc-status", b"5") + literal(b"grpc-message", b"no such job"),
    BEGINNING + END,
]
MESSAGES = [
    framed(b""),
    framed(b"x" * 50),
    framed(b"x" * (MAX_MESSAGE + 1)),
    b"\x01" + framed(b"x")[1:],
    framed(b"x")[:-1],
    framed(b"x") * 2,
    b"",
]


VARIATIONS: dict[str, Sequence[object]] = {
    "first": [DATA],
    "first_flags": [0, END_HEADERS | END_STREAM],
    "beginning": BLOCKS[1:],
    "middle": [2],
    "middle_flags": [END_STREAM],
    "middle_number": [1, 7, 9],
    "message": MESSAGES[1:],
    "last": [CONTINUATION],
    "last_flags": [END_STREAM, END_HEADERS],
    "last_number": [1, 7, 9],
    "end": [each for each in BLOCKS if each != END],
}


def nearly_answer(number: int, **other: Any) -> bytes:
    """The three frames of an answer; what is not given is as it has to be."""

    def part(name: str, kind: int, flags: int) -> tuple[int, int, int]:
        given = other.get(name, kind), other.get(f"{name}_flags", flags)
        return *given, other.get(f"{name}_number", number)

    first = part("first", frames.HEADERS, END_HEADERS)
    last = part("last", frames.HEADERS, END_HEADERS | END_STREAM)
    return (
        raw_frame(*first, other.get("beginning", BEGINNING))
        + raw_frame(*part("middle", DATA, 0), other.get("message", framed(b"")))
        + raw_frame(*last, other.get("end", END))
    )


ONE_VARIATION = st.sampled_from(
    [{}, *({name: value} for name, values in VARIATIONS.items() for value in values)]
)
NEARLY_ANSWERS = st.lists(
    st.tuples(st.sampled_from([1, 5, 7, 9, 11, 77]), ONE_VARIATION), min_size=1, max_size=5
)


@pytest.mark.thorough
@hypothesis.settings(max_examples=400)
@given(NEARLY_ANSWERS, PLACES)
def test_whole_answers_and_frames(
    said: list[tuple[int, dict[str, object]]], places: list[int]
) -> None:
    answers = [nearly_answer(number, **other) for number, other in said]
    known = [answer(1, b""), frames.trailers(3, BLOCKS[4])]
    data = [HELLO, *known, *answers]
    bytewise = b"".join(data)
    expected = events([bytewise[at : at + 1] for at in range(len(bytewise))], 8)
    assert events(data, 8) == expected
    assert events([HELLO, *known, *cut(b"".join(answers), places)], 8) == expected


@pytest.mark.parametrize("frame", range(3))
def test_a_frame_of_64_kb_is_no_part_of_a_small_answer(frame: int) -> None:
    """The lower 16 bits of its length alone would make it one that is here."""
    parts = [frames.headers(1), frames.data(1, framed(b"message")), frames.trailers(1)]
    assert whole_answer(b"".join(parts), 0) is not None
    parts[frame] = b"\x01" + parts[frame][1:]
    assert whole_answer(b"".join(parts), 0) is None


@pytest.mark.parametrize(
    ("size", "updates", "asked"),
    [
        (64 * 1024 - 5, 0, False),
        (64 * 1024 - 4, 1, False),
        (SMALL_ANSWER_BYTES, 1, False),
        (SMALL_ANSWER_BYTES + 1, 1, True),
    ],
)
def test_windows_grow_with_the_answer(size: int, updates: int, asked: bool) -> None:
    """64 KB may come unasked, a small answer at once, and a large one when its sink says so."""
    driver = Driver(max_message=2**20)
    (window,) = SETTING_OF_WINDOW.findall(driver.written)
    assert int.from_bytes(window, "big") == 64 * 1024
    driver.start("call")
    message = framed(bytes(size))
    driver.receive(HELLO, frames.headers(1))
    driver.written.clear()
    driver.receive(frames.data(1, message[: 64 * 1024]))
    found = [int.from_bytes(more, "big") for more in WINDOW_UPDATES.findall(driver.written)]
    assert len(found) == updates
    assert 64 * 1024 + sum(found) >= len(message)
    assert driver.outcomes("call") == ([("expects", size)] if asked else [])


def test_a_large_answer_is_never_far_ahead() -> None:
    size = 8 * READ_AHEAD_BYTES
    driver = Driver(max_message=size)
    driver.start("large")
    driver.start("small")
    message = framed(bytes(size))
    driver.receive(HELLO, frames.headers(1))
    sent, allowed = 0, 64 * 1024
    while sent < len(message):
        part = min(16_000, allowed - sent, len(message) - sent)
        assert part > 0
        driver.receive(frames.data(1, message[sent : sent + part]))
        sent += part
        more = WINDOW_UPDATES.findall(driver.written)
        allowed = 64 * 1024 + sum(int.from_bytes(each, "big") for each in more)
        assert allowed - sent <= READ_AHEAD_BYTES
    driver.receive(answer(3, b"x"), frames.trailers(1))
    assert driver.outcomes("small") == [(b"x",)]
    assert driver.outcomes("large") == [("expects", size), (bytes(size),)]


def test_the_core_has_no_io() -> None:
    folder = Path(gateway.core.upstream.http2.__path__[0])
    for name in ("core", "answers", "calls", "streams", "settings", "headers", "wire"):
        tree = ast.parse((folder / f"{name}.py").read_text())
        modules = {
            each.module if isinstance(each, ast.ImportFrom) else alias.name
            for each in ast.walk(tree)
            if isinstance(each, (ast.Import, ast.ImportFrom))
            for alias in each.names
        }
        assert not modules & {"asyncio", "grpc", "grpc.aio", "socket", "ssl", "time", "uvloop"}


# --- What is repeated, and what is not ------------------------------------------------------

BEGUN = {
    "interim": frames.headers(1, INTERIM),
    "headers": frames.headers(1),
    "data": frames.headers(1) + frames.data(1, framed(b"half")[:7]),
}
LATER = {
    "refused": frames.reset(1, frames.REFUSED),
    "goaway": goaway(0),
    "two goaways": goaway(1) + goaway(0),
}


@pytest.mark.parametrize("begun", [b"", *BEGUN.values()], ids=["nothing", *BEGUN])
@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_a_call_whose_answer_has_begun_counts_as_sent(begun: bytes, later: bytes) -> None:
    """Whatever the peer says then: it has looked at the call, so that must not be repeated."""
    driver = Driver()
    driver.start("call")
    driver.receive(HELLO, begun, later)
    ((code, reason, sent, *_),) = driver.outcomes("call")
    assert (code, reason is Reason.REFUSED, sent) == (Code.UNAVAILABLE, not begun, bool(begun))


def test_stream_numbers_are_used_up() -> None:
    driver = Driver(next_stream=2**31 - 3)
    driver.start("last but one")
    assert "closing" not in driver.happened
    driver.start("last")
    assert driver.happened.count("closing") == 1
    driver.start("one too many")
    ((code, reason, sent, *_),) = driver.outcomes("one too many")
    assert (code, reason, sent) == (Code.UNAVAILABLE, Reason.NOT_CONNECTED, False)
    driver.receive(HELLO, answer(2**31 - 3, b"a"), answer(2**31 - 1, b"b"))
    assert (driver.outcomes("last but one"), driver.outcomes("last")) == ([(b"a",)], [(b"b",)])
    assert driver.happened[-2:] == ["drained", ("last", b"b")]


# --- Deadlines ------------------------------------------------------------------------------
def test_calls_expire_and_the_next_deadline_is_told() -> None:
    driver = Driver()
    one_at_a_time = frames.setting(frames.MAX_CONCURRENT_STREAMS, 1)
    driver.receive(one_at_a_time)
    driver.start("under way", deadline=10.0)
    driver.start("waiting", deadline=11.0)
    driver.start("patient", deadline=20.0)
    assert (driver.core.calls.expire(9.9), driver.core.calls.expire(11.0)) == (10.0, 20.0)
    assert [each[:3] for each in driver.outcomes("under way")] == [
        (Code.DEADLINE_EXCEEDED, Reason.DEADLINE, True)
    ]
    assert [each[:2] for each in driver.outcomes("waiting")] == [
        (Code.DEADLINE_EXCEEDED, Reason.DEADLINE)
    ]
    assert frames.reset(1, frames.CANCEL) in driver.happened
    driver.receive(answer(max(driver.core.calls.streams), b"late but there"))
    assert driver.outcomes("patient") == [(b"late but there",)]
    assert driver.core.calls.expire(100.0) == inf


@pytest.mark.parametrize(("now", "reason"), [(9.0, Reason.CANCELLED), (10.0, Reason.DEADLINE)])
def test_a_peer_that_cancels_after_the_deadline(now: float, reason: Reason) -> None:
    driver = Driver()
    driver.start("call", deadline=10.0)
    driver.receive(HELLO, frames.reset(1, frames.CANCEL), now=now)
    assert driver.outcomes("call")[0][1] is reason


# --- Sinks ----------------------------------------------------------------------------------
def test_a_cancelled_call_tells_nothing() -> None:
    driver = Driver()
    driver.receive(HELLO)
    driver.core.calls.cancel(driver.start("call"))
    assert driver.happened[-1] == frames.reset(1, frames.CANCEL)
    driver.receive(answer(1, b"a"))
    assert driver.outcomes("call") == []
    assert driver.core.calls.idle


def test_a_sink_may_start_the_next_call() -> None:
    driver = Driver()
    driver.receive(HELLO)
    driver.start("first", then=lambda: driver.start("second", then=lambda: driver.start("third")))
    driver.receive(answer(1, b"a"))
    driver.core.calls.lose(lambda: CallFailed(Code.UNAVAILABLE, "gone", Reason.LOST))
    assert driver.outcomes("first") == [(b"a",)]
    assert [each[1:3] for each in driver.outcomes("second")] == [(Reason.LOST, True)]
    assert [each[1:3] for each in driver.outcomes("third")] == [(Reason.NOT_CONNECTED, False)]
    assert driver.happened.count("closing") == 1


def test_a_sink_may_cancel_other_calls() -> None:
    """Also such as would have been told next."""
    driver = Driver()
    driver.receive(HELLO)
    others: list[Stream] = []

    def cancel_others() -> None:
        for each in others:
            driver.core.calls.cancel(each)

    driver.start("first", deadline=1.0, then=cancel_others)
    others += [driver.start("second", deadline=1.0), driver.start("third")]
    driver.receive(goaway(0))
    assert len(driver.outcomes("first")) == 1
    assert driver.outcomes("second") == driver.outcomes("third") == []
    assert driver.core.calls.idle


def test_thousands_of_table_sizes_are_not_decoded() -> None:
    driver = Driver()
    driver.start("call")
    driver.receive(HELLO, frames.headers(1, b"\x20" * 16_000))
    assert driver.happened[-1] == ("broken", "a header block of nothing but table sizes", 9)


# --- Requests on their way out --------------------------------------------------------------
def test_a_request_that_is_sent_is_not_kept_until_its_answer() -> None:
    driver = Driver()
    driver.receive(HELLO)
    stream = driver.start("call", b"x" * 60_000)
    assert stream.unsent is None
    slow = driver.start("slow", b"x" * 60_000)
    assert slow.unsent is not None
    driver.receive(frames.window_update(0, 2**20))
    assert slow.unsent is None


def test_a_request_that_is_given_up_half_sent_is_not_kept() -> None:
    driver = Driver()
    driver.receive(frames.setting(INITIAL_WINDOW_SIZE, 0))
    driver.core.calls.cancel(driver.start("call", b"x" * 5000))
    assert driver.happened[-1] == frames.reset(1, frames.CANCEL)
    driver.receive(frames.setting(INITIAL_WINDOW_SIZE, 2**16))
    assert driver.happened[-1] == raw_frame(frames.SETTINGS, frames.ACK, 0)
    assert driver.core.calls.idle


@pytest.mark.parametrize("whole", [True, False])
def test_an_answer_before_the_requests_end_frees_the_stream(whole: bool) -> None:
    driver = Driver()
    driver.start("before")
    driver.receive(HELLO, answer(1, b""))  # whose headers are known then
    driver.receive(frames.setting(INITIAL_WINDOW_SIZE, 0))
    driver.start("call", b"x" * 5000)
    empty = frames.headers(3) + frames.data(3, flags=END_STREAM)
    driver.receive(answer(3, b"x") if whole else empty)
    assert frames.reset(3, 0) in driver.happened
    assert (driver.outcomes("call") == [(b"x",)]) == whole
    assert driver.core.calls.idle


def test_nothing_is_begun_while_writing_is_paused() -> None:
    driver = Driver()
    driver.receive(HELLO)
    driver.core.pause()
    before = len(driver.written)
    driver.start("one", b"1" * 30)
    driver.start("two", b"2" * 30)
    assert len(driver.written) == before
    driver.core.resume()
    sent = bytes(driver.written[before:])
    assert sent.index(b"1" * 30) < sent.index(b"2" * 30)
