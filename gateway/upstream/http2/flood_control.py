"""A limit on frames without progress, relative to a connection's useful work.

Each frame costs CPU time. The readers of frames decide which ones are progress: those that begin,
continue or end an answer.
"""

from gateway.upstream.http2.wire import ErrorCode, ProtocolError

MAX_IDLE_FRAMES = 10_000
"""Frames without progress that are tolerated."""
FRAMES_PER_CALL = 100
"""Frames that the end of a call compensates for."""
BYTES_PER_FRAME = 256
"""A frame without progress counts once more for each of these in it. Sent request bytes compensate
for one frame each, and smaller pieces of an answer count as one."""


class Progress:
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
