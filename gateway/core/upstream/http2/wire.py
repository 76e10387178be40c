"""HTTP/2 frames and their numbers (RFC 9113 section 4), and a bound on frames without progress."""

from enum import IntEnum
from itertools import repeat
from struct import Struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = Struct(">HBBBL")
"""Length (16 + 8 bits), kind, flags, stream."""
HEAD_SIZE = 9
SHORT_HEAD = Struct(">BHHL")
"""The head of a frame below 64 KB: 0, length, kind and flags in one number, stream."""
SHORTER_THAN = 2**16
MESSAGE_HEAD = Struct(">BHHLBL")
"""SHORT_HEAD of a DATA frame with a whole gRPC message, then the message's prefix."""
MESSAGE_HEAD_SIZE = 14
SHORTEST_ANSWER = HEAD_SIZE + MESSAGE_HEAD_SIZE + HEAD_SIZE
SETTING = Struct(">HL")
NUMBER = Struct(">L")

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION = 8, 9

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
HAS_PRIORITY = 0x20

ITS_HEADERS = HEADERS << 8 | END_HEADERS
ITS_MESSAGE = DATA << 8
ITS_TRAILERS = HEADERS << 8 | END_HEADERS | END_STREAM
LAST_MESSAGE = DATA << 8 | END_STREAM
"""Kind and flags of whole frames."""

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6

DEFAULT_WINDOW = 65_535
DEFAULT_FRAME_SIZE = 16_384
LARGEST_FRAME_SIZE = 2**24 - 1
MAX_WINDOW = 2**31 - 1
MAX_STREAM = 2**31 - 1
MAX_IDLE_FRAMES = 10_000
"""Frames without progress that are tolerated."""
FRAMES_PER_CALL = 100
"""Frames that the end of a call compensates for."""
BYTES_PER_FRAME = 256
"""A frame without progress counts once more for each of these in it. Sent request bytes compensate
for one frame each, and smaller pieces of an answer count as one."""


class ErrorCode(IntEnum):
    """RFC 9113 section 7."""

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


ERROR_CODES = {code.value: code for code in ErrorCode}


class ProtocolError(Exception):
    """The peer violates the protocol: the connection has to end."""

    def __init__(self, problem: str, code: ErrorCode = ErrorCode.PROTOCOL_ERROR) -> None:
        super().__init__(problem)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes | memoryview = b"") -> bytes:
    length = len(payload)
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


def window_update(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, NUMBER.pack(more))


def header_frames(stream: int, block: bytes, largest: int) -> bytes:
    """HEADERS, and CONTINUATION beyond `largest` bytes of the block."""
    parts = [block[start : start + largest] for start in range(0, len(block), largest)]
    more = len(parts) - 1
    kinds = [HEADERS] + [CONTINUATION] * more
    flags = [0] * more + [END_HEADERS]
    return b"".join(map(frame, kinds, flags, repeat(stream), parts))


WholeAnswer = tuple[int, bytes, bytes, bytes, int, int]
"""A small answer in three frames: stream number, headers, message, trailers; its bytes for flow
control, and the offset of the next frame."""


def whole_answer(data: bytes, start: int) -> WholeAnswer | None:
    """The three frames of one answer at this offset; None if they are not here."""
    size = len(data)
    if size - start < HEAD_SIZE:
        return None
    long, length, kind, number = SHORT_HEAD.unpack_from(data, start)
    middle = start + HEAD_SIZE + length
    if long or kind != ITS_HEADERS or size - middle < MESSAGE_HEAD_SIZE + HEAD_SIZE:
        return None
    long, counted, kind, same, compressed, length = MESSAGE_HEAD.unpack_from(data, middle)
    last = middle + HEAD_SIZE + counted
    if long or kind != ITS_MESSAGE or same != number or compressed or length != counted - 5:
        return None
    if size - last < HEAD_SIZE:
        return None
    long, length, kind, same = SHORT_HEAD.unpack_from(data, last)
    end = last + HEAD_SIZE + length
    if long or kind != ITS_TRAILERS or same != number or end > size:
        return None
    return (
        number,
        data[start + HEAD_SIZE : middle],
        data[middle + MESSAGE_HEAD_SIZE : last],
        data[last + HEAD_SIZE : end],
        counted,
        end,
    )


def unpadded(flags: int, payload: bytes) -> bytes:
    """The payload without padding (RFC 9113 sections 6.1, 6.2). Raises ProtocolError."""
    start = end = 0
    if flags & PADDED:
        start, end = 1, payload[0] if payload else 0
    if flags & HAS_PRIORITY:
        start += 5
    if start + end > len(payload):
        raise ProtocolError("padding longer than its frame")
    return payload[start : len(payload) - end]


def read_number(payload: bytes, least: int) -> int:
    """The first 32 bits of a payload of at least `least` bytes. Raises ProtocolError."""
    if len(payload) < least:
        raise ProtocolError("a frame is too short", ErrorCode.FRAME_SIZE_ERROR)
    return int.from_bytes(payload[:4], "big")


class Progress:
    """Limits frames without progress, relative to the useful work of a connection.

    Each frame costs CPU time. The readers of frames decide which ones are progress: those that
    begin, continue or end an answer.
    """

    __slots__ = ("idle_frames",)

    def __init__(self) -> None:
        self.idle_frames = 0
        """Frames without progress, minus compensation."""

    def count_idle_frame(self, size: int = 0) -> None:
        """Count a frame of `size` bytes. Raises ProtocolError beyond the limit."""
        self.idle_frames += 1 + size // BYTES_PER_FRAME
        if self.idle_frames > MAX_IDLE_FRAMES:
            raise ProtocolError("too many frames without progress", ErrorCode.ENHANCE_YOUR_CALM)

    def make_up_for(self, frames: int) -> None:
        self.idle_frames = max(self.idle_frames - frames, 0)
