"""The tries of a frame: when each ran, and what becomes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a command fails: its exit status, and the last lines that it writes.

    In lines, `{show}`, `{shot}`, `{frame}` and `{memory}` stand for what they are of the frame.
    """

    exit_status: int
    lines: tuple[str, ...]


class Fate(NamedTuple):
    """What becomes of a try that nobody ends early."""

    seconds: int
    """How long it runs."""
    cause: Cause | None = None
    """Why it fails; None if it succeeds."""

    @property
    def exit_status(self) -> int:
        return 0 if self.cause is None else self.cause.exit_status


class Try(NamedTuple):
    """One start of a frame. `stopped` is 0 as long as it runs."""

    started: int
    stopped: int
    exit_status: int
    resource: str
    fate: Fate


UNKNOWN = Fate(60)
"""Of a frame that was not started by the dispatcher."""
MOST_EARLIER = 15
"""Tries of a frame that are known beside the last one."""


def last_try(frame: Any, fates: Mapping[str, Fate]) -> list[Try]:
    """A frame's last try, unless it has never run."""
    if not frame.start_time:
        return []
    values = frame.start_time, frame.stop_time, frame.exit_status, frame.last_resource
    return [Try(*values, fates.get(frame.id, UNKNOWN))]


def note_earlier(tries: list[Try], frame: Any, fates: Mapping[str, Fate]) -> None:
    """Add a frame's last try before it starts again; of many, it takes the place of the last."""
    if last := last_try(frame, fates):
        tries[MOST_EARLIER - 1 :] = last
