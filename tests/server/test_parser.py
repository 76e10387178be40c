"""The parser alone: what comes out does not depend on how bytes were cut into packets."""

from itertools import pairwise

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.http1.heads import (
    PLAIN_HEAD_MAX_BYTES,
    PLAIN_MAX_HEADERS,
    plain_field,
    plain_head,
)
from gateway.server.http1.parser import PARSED_AT_ONCE_BYTES, SLICE_BYTES
from tests.server.parsing import Parsed, Recorder, parsed
from tests.server.samples import REFUSED, SERVED, SHOWS, SMALLEST, raw
from tests.support.wire import request

FAR_AWAY = 10 * SLICE_BYTES
"""Longer than any stream of these tests."""


TARGETS = st.sampled_from([b"/", b"/a.B/C", b"/a?b=c?d", b"/%20%zz", b"http://x/y?z", b"*", b"x:1"])
METHODS = st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"CONNECT", b"NONE", b"SOURCE"])
VERSIONS = st.sampled_from(
    [b"HTTP/1.1"] * 12
    + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b"RTSP/1.0", b"RTSP/1.1", b"ICE/1.0", b"ICY/1.0"]
)
HEADERS = st.sampled_from(
    [
        *(b"A: b", b"A:", b"A: \t b \t", b"A : b", b"A: \x00", b"Authorization: Bearer x.y.z"),
        *(b"Cookie: \xe9\t" + b"c" * 300, b"Expect: 100-continue", b"Expect: more"),
        *(b"Connection: close", b"Connection: keep-alive", b"Connection: Upgrade\r\nUpgrade: h2c"),
        *(b"Host: another", b"Host: a/b", b"Content-Length: 1", b"Transfer-Encoding: gzip"),
    ]
)
DATA = st.one_of(
    st.binary(max_size=40),
    st.integers(0, 3 * SLICE_BYTES).map(lambda size: b"x" * size),
    st.sampled_from([b"GET / HTTP/1.1\r\n", b"a: b\r\nGET /", b" HTTP/1.1\r\nHost: a\r\n\r\n"]),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A request, most often a good one."""
    start = b" ".join((draw(METHODS), draw(TARGETS), draw(VERSIONS)))
    lines = [start, b"Host: gateway", *draw(st.lists(HEADERS, max_size=2))]
    body = b""
    how = draw(st.sampled_from(["none", "length", "chunks"]))
    if how == "length":
        body = draw(DATA)
        blanks = draw(st.sampled_from([b"", b"", b" ", b"\t "]))
        lines.append(b"Content-Length: %d%b" % (len(body), blanks))
    elif how == "chunks":
        lines.append(b"Transfer-Encoding: chunked")
        for data in draw(st.lists(DATA.filter(bool), max_size=4)):
            body += b"%x%s\r\n%s\r\n" % (len(data), draw(st.sampled_from([b"", b";a=b"])), data)
        body += b"0\r\n%s\r\n" % draw(st.sampled_from([b"", b"", b"Trailer: x\r\n", b"bad\r\n"]))
    return b"\r\n".join([*lines, b"", body])


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Requests one after the other, good ones and bad ones; perhaps with one byte changed."""
    pieces = st.one_of(
        requests(),
        st.sampled_from([SMALLEST, request(SHOWS, b"{}")]),
        st.sampled_from(GOOD_AND_BAD),
    )
    stream = b"".join(draw(st.lists(pieces, min_size=1, max_size=6)))[:FAR_AWAY]
    if draw(st.booleans()):
        place = draw(st.integers(0, len(stream) - 1))
        stream = stream[:place] + draw(st.binary(max_size=1)) + stream[place + 1 :]
    return stream or b"\r\n"


SHORT = {name: sent for name, (sent, _, _) in REFUSED.items() if len(sent) < FAR_AWAY // 4}
GOOD_AND_BAD = [*SHORT.values(), *(sent for sent in SERVED.values() if len(sent) < FAR_AWAY // 4)]
CUTS = st.lists(st.integers(0, FAR_AWAY), max_size=40)
ANSWERS = st.lists(st.integers(0, 3), max_size=40)


@pytest.mark.thorough
@hypothesis.settings(max_examples=150)
@given(streams(), CUTS, ANSWERS)
def test_packets_mean_nothing(stream: bytes, cuts: list[int], answers: list[int]) -> None:
    """However a stream is cut, and whenever its requests are answered, the same is made of it."""
    assert parsed(stream, cuts, answers) == parsed(stream)


LINES = st.lists(
    st.one_of(
        HEADERS,
        st.sampled_from([b"Host: a", b"host:", b"HOST:a:1", b"Content-Length: 0", b"X: a, b"]),
        st.sampled_from([b"Content-Length: 00", b"Content-Length:\t0", b"Proxy-Connection: close"]),
        st.binary(max_size=12),
        st.tuples(st.binary(max_size=3), st.binary(max_size=3)).map(b":".join),
        st.text("aA-_~!:  \t\r\n\x7f\xe9", max_size=8).map(lambda text: text.encode("latin-1")),
    ),
    max_size=5,
)


@hypothesis.settings(max_examples=300)
@given(METHODS, st.one_of(TARGETS, st.binary(max_size=5)), VERSIONS, LINES)
def test_a_head_read_by_lines_means_what_the_parser_makes_of_it(
    method: bytes, target: bytes, version: bytes, lines: list[bytes]
) -> None:
    """A packet that ends within a head leaves it to the parser."""
    raw = b"\r\n".join([b" ".join((method, target, version)), b"Host: gateway", *lines])
    for without_host in (raw, raw.replace(b"\r\nHost: gateway", b"", 1)):
        stream = without_host + b"\r\n\r\n"
        read = plain_head(without_host)
        requests, refusal = parsed(stream, [1])
        assert read is None or (refusal is None and [each.head for each in requests] == [read])
        assert parsed(stream) == (requests, refusal)


@pytest.mark.parametrize("length", [b"%d ", b"%d\t", b"\t %d \t ", b"0%d"])
def test_a_length_means_the_same_each_time(length: bytes) -> None:
    """Or a body would be taken for the next request, if its head comes in one packet."""
    hidden = request(SHOWS, b"{}")
    sent = raw(b"Content-Length: " + length % len(hidden), body=hidden)
    found = [parsed(sent), parsed(sent, [9]), parsed(sent, [sent.index(b":") + 1])]
    assert found == found[:1] * 3
    requests, refusal = found[0]
    if refusal is None:
        assert [each.body for each in requests] == [hidden]
    else:  # older versions of llhttp take no tab here
        assert (requests, refusal[0], b"\t" in length) == ([], 400, True)


def test_blanks_around_a_value_are_no_part_of_it() -> None:
    """Neither in front nor behind (RFC 9112 section 5.1)."""
    (received,), _ = parsed(raw(b"A: \t b c \t", b"B: \t"))
    headers = received.head[3]
    assert isinstance(headers, list)
    assert headers[-2:] == [(b"a", b"b c"), (b"b", b"")]


def test_heads_are_read_by_lines_within_bounds() -> None:
    """Anybody may send lines that are kept."""
    start = b"GET / HTTP/1.1\r\nHost: a"
    lines = [b"\r\nA%d: b" % number for number in range(PLAIN_MAX_HEADERS)]
    assert plain_head(start + b"".join(lines[1:])) is not None
    assert plain_head(start + b"".join(lines)) is None
    long = raw(b"Content-Length: 2", b"A: " + b"b" * PLAIN_HEAD_MAX_BYTES, body=b"{}")
    known = plain_field.cache_info().currsize
    ((received,), _) = parsed(long)
    assert received.complete
    assert plain_field.cache_info().currsize == known


@pytest.mark.thorough
def test_an_empty_line_behind_each_body_is_ignored() -> None:
    """For ever: some clients send one (RFC 9112 section 2.2)."""
    recorder = Recorder()
    sent = request(SHOWS, b"{}") + b"\r\n"
    for _ in range(40_000):
        recorder.feed(sent)
        recorder.answer(1)
    assert recorder.refusal is None
    assert recorder.answered == 40_000


@pytest.mark.parametrize("sent", [*SHORT.values(), *SERVED.values()], ids=[*SHORT, *SERVED])
def test_byte_by_byte(sent: bytes) -> None:
    """So it is when every byte is a packet, behind a request and in front of another one."""
    stream = request(SHOWS, b"{}") + sent + SMALLEST
    assert parsed(stream, range(len(stream))) == parsed(stream)


@pytest.mark.parametrize(("sent", "status", "code"), REFUSED.values(), ids=REFUSED)
def test_nothing_follows_a_refusal(sent: bytes, status: int, code: int) -> None:
    """What comes after bytes that are no request is none, either."""
    recorder = Recorder()
    for part in (sent, SMALLEST):
        recorder.feed(part)
    assert recorder.refusal is not None
    assert recorder.refusal[0] == status
    assert all(not each.complete for each in recorder.requests)


@pytest.mark.parametrize(
    "last", [raw(b"Connection: close"), SMALLEST.replace(b"1.1", b"1.0")], ids=["close", "HTTP/1.0"]
)
def test_nothing_follows_the_last_request(last: bytes) -> None:
    recorder = Recorder()
    recorder.feed(last + SMALLEST)
    recorder.feed(b"garbage")
    assert len(recorder.requests) == 1
    assert recorder.refusal is None


def test_others_have_their_turn_between_parts_of_a_packet() -> None:
    recorder, body = Recorder(), b"x" * (5 * PARSED_AT_ONCE_BYTES)
    sent = request(SHOWS, body).replace(b"Host: ", b"Host:\t")  # not read by lines
    recorder.parser.feed(sent[: 3 * PARSED_AT_ONCE_BYTES])
    recorder.parser.feed(sent[3 * PARSED_AT_ONCE_BYTES :] + SMALLEST)
    lengths = [len(recorder.requests[0].body)]
    while recorder.parser.can_go_on:
        recorder.parser.feed(recorder.parser.take_held_back())
        lengths.append(len(recorder.requests[0].body))
    assert max(second - first for first, second in pairwise([0, *lengths])) <= PARSED_AT_ONCE_BYTES
    assert (recorder.events()[0][0].body, len(recorder.requests)) == (body, 2)


def test_it_looks_ahead_within_bounds() -> None:
    recorder = Recorder()
    count = 3000
    recorder.feed(SMALLEST * count)
    ahead = SLICE_BYTES // len(SMALLEST) + 1
    while recorder.unanswered:
        assert recorder.unanswered <= ahead + 1
        assert recorder.parser.held_back or len(recorder.requests) == count
        recorder.answer(1)
    assert len(recorder.requests) == count


def test_a_body_is_not_held_back() -> None:
    recorder = Recorder()
    body = b"x" * (10 * SLICE_BYTES)
    recorder.feed(request(SHOWS, body))
    assert recorder.requests == [Parsed(recorder.requests[0].head, body, complete=True)]
    assert not recorder.parser.held_back
