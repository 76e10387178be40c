"""What bounds the reading of logs."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLimits:
    """Numbers of a single principal; of all, a quarter more."""

    threads: int = 8
    waiting: int = 1000
    """Pieces of logs that wait for a thread."""
    readers: int = 256
    """Answers that are being sent."""
    followers: int = 1000
    tick_seconds: float = 0.5
    """Between two looks at the size of a file that is followed."""
    poll_seconds: float = 2.0
    """Between two looks at a frame's state, and at what lies at the path."""
    silent_seconds: float = 15.0
    """Longer silence might end a connection on its way."""
