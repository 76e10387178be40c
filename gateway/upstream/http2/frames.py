"""Frames of HTTP/2 (RFC 9113 section 4): numbers, bytes, and how they are cut from a stream."""

from collections.abc import Iterator
from enum import IntEnum
from itertools import repeat
from struct import Struct
from typing import NoReturn

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = Struct(">HBBBL")
"""Length (16 + 8 bits), kind, flags, stream."""
HEAD_SIZE = 9
DATA_HEAD = Struct(">HBBBLBL")
"""The same of a DATA frame that holds a whole message of gRPC, and the message's prefix."""
SETTING = Struct(">HL")
NUMBER = Struct(">L")

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6

DEFAULT_WINDOW = 65_535
DEFAULT_FRAME = 16_384
LARGEST_FRAME = 2**24 - 1
LARGEST_WINDOW = 2**31 - 1
LAST_STREAM = 2**31 - 1


class Reason(IntEnum):
    """Error codes (RFC 9113 section 7)."""

    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


REASONS = {reason.value: reason for reason in Reason}


class BrokenConnection(Exception):
    """The other side does not keep to the protocol. The connection has to end."""

    def __init__(self, reason: Reason, problem: str) -> None:
        super().__init__(problem)
        self.reason = reason


def broken(problem: str, reason: Reason = Reason.PROTOCOL_ERROR) -> NoReturn:
    raise BrokenConnection(reason, problem)


def frame(kind: int, flags: int, stream: int, payload: bytes | memoryview = b"") -> bytes:
    """One frame. `payload` is at most as long as the other side takes."""
    length = len(payload)
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


def header_frames(stream: int, block: bytes, largest: int) -> bytes:
    """HEADERS, and CONTINUATION for what is more than `largest` bytes of the block."""
    parts = [block[start : start + largest] for start in range(0, len(block), largest)]
    more = len(parts) - 1
    kinds = [HEADERS] + [CONTINUATION] * more
    flags = [0] * more + [END_HEADERS]
    return b"".join(map(frame, kinds, flags, repeat(stream), parts))


class FrameReader:
    """Cuts what arrives into frames of at most `largest` bytes."""

    def __init__(self, largest: int) -> None:
        self._largest = largest
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        """Kind, flags, stream and payload of each frame that is complete now.

        Raises BrokenConnection for one that is too large.
        """
        if self._rest:
            data = self._rest + data
        position, end = 0, len(data)
        while end - position >= HEAD_SIZE:
            high, low, kind, flags, stream = HEAD.unpack_from(data, position)
            length = high << 8 | low
            if length > self._largest:
                raise BrokenConnection(Reason.FRAME_SIZE_ERROR, "a frame is too large")
            start = position + HEAD_SIZE
            if end - start < length:
                break
            position = start + length
            yield kind, flags, stream & LAST_STREAM, data[start:position]
        self._rest = data[position:] if position else data


def unpadded(flags: int, payload: bytes) -> bytes:
    """What a DATA or HEADERS frame carries (sections 6.1, 6.2). Raises BrokenConnection."""
    start = end = 0
    if flags & PADDED:
        start, end = 1, payload[0] if payload else 0
    if flags & HAS_PRIORITY:
        start += 5
    if start + end > len(payload):
        raise BrokenConnection(Reason.PROTOCOL_ERROR, "a frame is all padding")
    return payload[start : len(payload) - end]


def read_number(payload: bytes, least: int) -> int:
    """The 32 bits that a frame of at least that many bytes begins with. Raises BrokenConnection."""
    if len(payload) < least:
        broken("a frame that is too short", Reason.FRAME_SIZE_ERROR)
    return int.from_bytes(payload[:4], "big")
