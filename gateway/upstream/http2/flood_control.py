"""Frames that bring nothing, counted against what a connection brings.

Any frame can be sent for nothing, and each of them costs us something. Which ones are without
progress is said where they are read: all but those that begin, continue or end an answer.
"""

from gateway.upstream.http2.wire import ErrorCode, ProtocolError

MAX_IDLE_FRAMES = 10_000
"""Frames without progress that nothing has made up for yet."""
FRAMES_PER_CALL = 100
"""How many of them a call makes up for when it is over, however it ends."""
BYTES_PER_FRAME = 256
"""A frame without progress counts once, and once more for so many bytes in it. So many bytes of a
request that are sent make up for one, and a piece of an answer with fewer counts as one."""


class Progress:
    """The account of one connection."""

    __slots__ = ("idle_frames",)

    def __init__(self) -> None:
        self.idle_frames = 0
        """Frames without progress, less what has been made up for."""

    def count_idle_frame(self, size: int = 0) -> None:
        """A frame that brings nothing, with so many bytes in it.

        Thousands are taken, then ProtocolError is raised.
        """
        self.idle_frames += 1 + size // BYTES_PER_FRAME
        if self.idle_frames > MAX_IDLE_FRAMES:
            raise ProtocolError("too many frames without progress", ErrorCode.ENHANCE_YOUR_CALM)

    def make_up_for(self, frames: int) -> None:
        """Something has been achieved that makes up for so many of them."""
        self.idle_frames = max(self.idle_frames - frames, 0)
