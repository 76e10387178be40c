"""A peer that sends what costs it nothing: the work is counted in steps, and not in time."""

from collections.abc import Callable, Iterator

import pytest

from gateway.core.errors import Code
from gateway.core.upstream.http2 import wire
from gateway.core.upstream.http2.core import STEPS_PER_TURN
from gateway.core.upstream.http2.headers import literal
from gateway.core.upstream.http2.wire import ErrorCode, ProtocolError
from gateway.core.upstream.interface import Reason
from tests.core.upstream.http2 import frames
from tests.core.upstream.http2.frames import (
    CONTINUATION,
    END_HEADERS,
    HELLO,
    INITIAL_WINDOW_SIZE,
    INTERIM,
    MAX_CONCURRENT_STREAMS,
    answer,
    goaway,
    number,
    setting,
    window_update,
)
from tests.core.upstream.http2.test_http2_core import Driver
from tests.support.http2_server import framed, raw_frame
from tests.support.steps import lines_of

CALLS = 150
"""Whose requests wait for a window."""
DONE, OPEN = 1, 3
"""Streams: of a call that is over, and of one whose answer has begun."""
PATIENCE = 500
"""Frames without progress that are taken here; in the gateway it is 20 times as many."""
LINES_PER_FRAME = 100
"""How many lines of Python an idle frame may cost, whatever it is and however many calls wait."""


def interim(size: int, turn: int) -> bytes:
    """Headers before the answer's own, of so many bytes; each turn's are other ones."""
    block = INTERIM + literal(b"x-turn", b"%d" % turn)
    return block + b"\x82" * (size - len(block))


FLOODS: dict[str, Callable[[int], bytes]] = {
    "window of all": lambda turn: window_update(0, 1),
    "window of one": lambda turn: window_update(5 + turn % CALLS * 2, 1),
    "window of what is over": lambda turn: window_update(DONE, 1),
    "settings": lambda turn: frames.HELLO,
    "many settings": lambda turn: raw_frame(
        frames.SETTINGS, 0, 0, (b"\x00\x04" + number(turn)) * 9000
    ),
    "settings of windows": lambda turn: setting(INITIAL_WINDOW_SIZE, turn % 2),
    "settings of calls at once": lambda turn: setting(MAX_CONCURRENT_STREAMS, turn % 2 * 1000),
    "acknowledged settings": lambda turn: raw_frame(frames.SETTINGS, 1, 0),
    "pings": lambda turn: frames.ping(),
    "pongs": lambda turn: raw_frame(frames.PING, 1, 0, bytes(8)),
    "empty data": lambda turn: frames.data(OPEN),
    "nothing but padding": lambda turn: frames.data(OPEN, b"\xff" + bytes(255), frames.PADDED),
    "data byte by byte": lambda turn: frames.data(OPEN, b"x"),
    "data with padding": lambda turn: frames.data(OPEN, b"\xff" + bytes(256), frames.PADDED),
    "late data": lambda turn: frames.data(DONE, b"x"),
    "late headers": lambda turn: frames.headers(DONE, interim(600, turn)),
    "headers before the answer": lambda turn: frames.headers(5, interim(600, turn)),
    "headers in pieces": lambda turn: (
        raw_frame(frames.HEADERS, 0, 5, interim(20, turn))
        + raw_frame(CONTINUATION, 0, 5) * 60
        + raw_frame(CONTINUATION, END_HEADERS, 5)
    ),
    "late resets": lambda turn: frames.reset(DONE, 8),
    "priorities": lambda turn: raw_frame(frames.PRIORITY, 0, OPEN, bytes(5)),
    "what nobody knows": lambda turn: raw_frame(200, 0, turn % 2, bytes(60_000)),
    "farewells": lambda turn: goaway(2**31 - 1),
    "farewells to one after the other": lambda turn: goaway(
        max(2 * CALLS - 2 * turn, 5), turn % 14
    ),
    "farewells with many words": lambda turn: goaway(0, 0, bytes(60_000)),
}


def driver_with_calls() -> Driver:
    """One call that was given up, one whose answer has begun, and many that wait for a window."""
    driver = Driver(max_message=2**24)
    driver.receive(HELLO)
    given_up = driver.start("given up")
    driver.start("open")
    driver.receive(
        frames.headers(OPEN),
        frames.data(OPEN, b"\x00" + number(2**20)),
    )
    driver.core.calls.cancel(given_up)
    for each in range(CALLS):
        driver.start(f"{each}", b"x" * 70_000)
    driver.written.clear()
    driver.happened.clear()
    return driver


def receive_until_it_ends(driver: Driver, flood: Iterator[bytes]) -> ProtocolError:
    """Take what comes, until the peer is told to be calm, or something worse."""
    try:
        for each in flood:
            more = driver.core.receive(each, 0.0)
            while more:
                more = driver.core.receive(b"", 0.0)
    except ProtocolError as error:
        return error
    raise AssertionError("it went on")


@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_frames_without_progress_are_counted(
    flood: Callable[[int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MAX_IDLE_FRAMES", PATIENCE)
    driver = driver_with_calls()
    ended: list[ProtocolError] = []
    came = iter(flood(turn) for turn in range(2 * PATIENCE))
    lines = lines_of(lambda: ended.append(receive_until_it_ends(driver, came)))
    assert ended[0].code is ErrorCode.ENHANCE_YOUR_CALM
    assert lines < PATIENCE * LINES_PER_FRAME + CALLS * 100  # which some of them end
    farewell = frames.goaway(0, 11)
    assert driver.written.endswith(farewell)
    assert len(driver.written) < PATIENCE * 20


def test_calls_make_up_for_frames_without_progress() -> None:
    for each, lasts in ((100, True), (120, False)):
        driver = Driver()
        driver.receive(HELLO)
        for call in range(1000):
            driver.start(f"{call}")
            driver.receive(frames.ping() * each, answer(2 * call + 1, b"x"))
        assert (("999", b"x") in driver.happened) is lasts


def test_a_request_makes_up_for_the_windows_it_is_sent_in() -> None:
    driver = Driver()
    driver.receive(HELLO)
    driver.start("call", b"x" * (65_535 - 5 + 256 * 20_000))
    for _ in range(20_000):
        driver.receive(window_update(0, 256), window_update(1, 256))
    driver.receive(answer(1, b"fine"))
    assert driver.outcomes("call") == [(b"fine",)]


# --- One turn -------------------------------------------------------------------------------
def turns_of(driver: Driver, data: bytes) -> list[int]:
    """The lines of Python that each turn takes."""
    lines: list[int] = []
    waiting = [data]

    def one_turn() -> None:
        if driver.core.receive(waiting.pop(), 0.0):
            waiting.append(b"")

    while waiting:
        lines.append(lines_of(one_turn))
    return lines


def test_a_read_full_of_small_frames_takes_many_turns() -> None:
    """A read brings up to 256 KB, which are 9,000 frames and more."""
    driver = driver_with_calls()
    lines = turns_of(driver, frames.ping() * 9000)
    pongs = [each for each in driver.happened if isinstance(each, bytes)]
    assert len(pongs) == 9000
    assert len(lines) >= 9000 // STEPS_PER_TURN
    assert max(lines) < STEPS_PER_TURN * 50


def test_headers_that_take_long_to_decode_take_turns() -> None:
    driver = driver_with_calls()
    blocks = [frames.headers(5, interim(600, turn)) for turn in range(30)]
    lines = turns_of(driver, b"".join(blocks))
    assert len(lines) >= 15
    assert max(lines) < 2 * lines[0]


def test_what_comes_between_two_turns_comes_behind_the_rest() -> None:
    driver = Driver()
    pings = [frames.ping(b"%08d" % each) for each in range(3 * STEPS_PER_TURN)]
    whole = b"".join(pings)
    middle = len(whole) // 2 + 5
    assert driver.core.receive(whole[:middle], 0.0)
    more = driver.core.receive(whole[middle:], 0.0)
    while more:
        more = driver.core.receive(b"", 0.0)
    pongs = [each[9:] for each in driver.happened[1:] if isinstance(each, bytes)]
    assert pongs == [b"%08d" % each for each in range(3 * STEPS_PER_TURN)]


# --- Windows --------------------------------------------------------------------------------
class Holding(Driver):
    """Large answers are not gone on with."""

    def begin(self, name: str, size: int) -> int:
        """A call whose answer is of this size, of which the first bytes have come."""
        stream = self.start(name)
        assert stream.sink is not None
        stream.sink.expects = lambda size, go_on: True  # type: ignore[method-assign]
        self.receive(
            frames.headers(stream.number),
            frames.data(stream.number, b"\x00" + number(size)),
        )
        return stream.number


def holding() -> Holding:
    driver = Holding(max_message=2**30)
    driver.receive(HELLO)
    return driver


@pytest.mark.parametrize("padded", [False, True])
def test_more_than_the_window_of_a_call_ends_it(padded: bool) -> None:
    driver = holding()
    stream = driver.begin("call", 2**29)
    other = driver.start("other")
    data = frames.data(stream, bytes(16 * 1024))
    if padded:
        driver.receive(data, data, data)
        driver.receive(frames.data(stream, b"\x05" + bytes(16 * 1024 - 6 + 1), frames.PADDED))
    else:
        driver.receive(data, data, data, frames.data(stream, bytes(16_379)))
        assert driver.outcomes("call") == []
        driver.receive(frames.data(stream, b"x"))
    ((code, reason, sent, details, _),) = driver.outcomes("call")
    assert (code, reason, sent) == (Code.INTERNAL, Reason.PROTOCOL, True)
    assert "window" in str(details)
    assert frames.reset(stream, 3) in driver.happened
    driver.receive(answer(other.number, b"fine"))
    assert driver.outcomes("other") == [(b"fine",)]


def test_who_goes_on_beyond_it_loses_the_connection() -> None:
    driver = holding()
    stream = driver.begin("call", 2**29)
    frame = frames.data(stream, bytes(60_000))
    driver.receive(*[frame] * 10)
    assert driver.happened[-1] == ("broken", "data beyond all windows", 3)
    assert driver.written.endswith(frames.goaway(0, 3))


def test_a_call_that_is_given_up_leaves_room_for_what_was_on_its_way() -> None:
    driver = holding()
    for _ in range(3):
        stream = driver.start("call")
        driver.receive(frames.headers(stream.number))
        driver.core.calls.cancel(stream)
    for late in (1, 3, 5):
        driver.receive(frames.data(late, bytes(60_000)), frames.data(late, bytes(5536)))
    assert "broken" not in str(driver.happened)
    driver.receive(frames.data(5, b"x"))
    assert driver.happened[-1] == ("broken", "data beyond all windows", 3)


def test_what_the_window_is_widened_by_may_come() -> None:
    driver = Driver(max_message=2**24)
    driver.receive(HELLO)
    driver.start("call")
    message = framed(b"x" * 3_000_000)
    driver.receive(frames.headers(1))
    for start in range(0, len(message), 16_000):
        part = message[start : start + 16_000]
        driver.receive(frames.data(1, b"\x40" + part + bytes(64), frames.PADDED))
    driver.receive(frames.trailers(1))
    assert driver.outcomes("call")[-1] == (message[5:],)


INITIAL_MAX = setting(INITIAL_WINDOW_SIZE, 2**31 - 1)


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([window_update(0, 0)], 1),
        ([window_update(0, 2**31 - 1)] * 2, 3),
        ([window_update(0, 2**30)] * 3, 3),
        ([window_update(2, 1)], 1),
        ([window_update(10_001, 1)], 1),
        ([raw_frame(frames.WINDOW_UPDATE, 0, 0, b"\x00")], 6),
        ([raw_frame(frames.WINDOW_UPDATE, 0, 0, number(1) + b"\x00")], 6),
        ([setting(INITIAL_WINDOW_SIZE, 2**31)], 3),
        ([window_update(5, 2**31 - 1 - 65_535), INITIAL_MAX], 3),
    ],
    ids=range(9),
)
def test_windows_that_are_not_allowed_end_the_connection(frames: list[bytes], code: int) -> None:
    """With the error that RFC 9113 has for each (section 6.9)."""
    driver = driver_with_calls()
    assert receive_until_it_ends(driver, iter(frames)).code == code


@pytest.mark.parametrize(("more", "code"), [([0], 1), ([2**31 - 1], 3), ([2**30, 2**30], 3)])
def test_windows_of_a_call_that_are_not_allowed_end_it_alone(more: list[int], code: int) -> None:
    driver = driver_with_calls()
    driver.receive(*[window_update(7, each) for each in more])
    assert driver.outcomes("1")[0][:2] == (Code.INTERNAL, Reason.PROTOCOL)
    assert frames.reset(7, code) in driver.happened
    assert "broken" not in str(driver.happened)
