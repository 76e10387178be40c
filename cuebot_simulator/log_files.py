"""The logs of simulated frames, in files.

A farm may have a million frames, so that a log is written when Cuebot is asked for its frame, as a
gateway asks before it reads one. From then on it grows while the frame runs.
"""

import os
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from cuebot_simulator.world.render_log import log_text, second_of
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.tries import Try

log = structlog.stdlib.get_logger("cuebot_simulator")

TOLD = "/shots"
"""The folder that Cuebot tells of, in the place of the one where logs are."""
MOST_FRAMES = 500
"""Frames that have logs; those of which nobody asked for longest are deleted."""
FRAMES_AT_ONCE = 100
"""Of an answer with more frames, none gets a log."""
METHODS = ("GetFrame", "GetFrames", "FindFrame")


@dataclass(slots=True)
class Written:
    """What is written of a frame's logs."""

    path: Path
    tries: int = 0
    last: Try | None = None
    second: int = -1
    """How much of its last try: so many seconds from its start."""


class LogFiles:
    """Logs below a folder, which stands for `/shots`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: OrderedDict[str, Written] = OrderedDict()

    @property
    def roots(self) -> str:
        """The folder as in LOG_ROOTS."""
        return f"{TOLD}={self.folder}"

    def keep_for(self, farm: Farm, method: str, answer: Any) -> None:
        """Have logs for the frames in an answer of this method."""
        if method not in METHODS:
            return
        frames = [answer.frame] if hasattr(answer, "frame") else frames_in(answer)
        if len(frames) <= FRAMES_AT_ONCE:
            for each in frames:
                self.keep(farm, each.id)

    def keep(self, farm: Farm, frame_id: str) -> None:
        """Have logs for a frame from now on, if it has ever run."""
        frame = farm.frames.get(frame_id)
        if frame is None or not frame.start_time:
            return
        written = self._written.get(frame_id)
        if written is None:
            path = path_in(self.folder, farm.job_of(frame), frame)
            if path is None:
                return
            written = self._written[frame_id] = Written(path)
        self._written.move_to_end(frame_id)
        self._write(farm, frame, written)
        if len(self._written) > MOST_FRAMES:
            self._delete(self._written.popitem(last=False)[1])

    def grow(self, farm: Farm) -> None:
        """Write what has been added to logs by now."""
        for key, written in [*self._written.items()]:
            frame = farm.frames.get(key)
            if frame is not None and (written.last is None or not written.last.stopped):
                self._write(farm, frame, written)

    def _write(self, farm: Farm, frame: Any, written: Written) -> None:
        tries = farm.tries_of(frame)
        try:
            written.path.parent.mkdir(parents=True, exist_ok=True)
            first = max(written.tries, 1) - 1
            for place, attempt in enumerate(tries[first:], start=first):
                if attempt == written.last and attempt.stopped:
                    continue
                if written.last is not None and written.last.started != attempt.started:
                    os.rename(written.path, f"{written.path}.{place}")
                    written.second = -1
                append(written, log_text(farm, frame, attempt, farm.now, written.second), attempt)
                written.second = second_of(attempt, farm.now)
                written.tries = place + 1
        except OSError as error:  # a full disk, or a name that is too long
            log.warning("a log cannot be written", path=str(written.path), error=str(error))

    def _delete(self, written: Written) -> None:
        written.path.unlink(missing_ok=True)
        for number in range(1, written.tries):
            Path(f"{written.path}.{number}").unlink(missing_ok=True)
        with suppress(OSError):  # others are there
            written.path.parent.rmdir()


def append(written: Written, text: str, attempt: Try) -> None:
    """Add what is new in the log of a try."""
    if text:
        with written.path.open("ab") as file:
            file.write(text.encode())
    written.last = attempt
    if attempt.stopped:
        os.utime(written.path, (attempt.stopped, attempt.stopped))


def frames_in(answer: Any) -> list[Any]:
    listed = getattr(answer, "frames", None)
    return list(getattr(listed, "frames", ()))


def path_in(folder: Path, job: Any, frame: Any) -> Path | None:
    """Where a frame's log is written; None if that would be outside the folder."""
    parts = job.log_dir.removeprefix(f"{TOLD}/").split("/")
    name = f"{job.name}.{frame.name}.rqlog"
    if "/" in name or not {"", ".", ".."}.isdisjoint(parts):
        return None
    return folder.joinpath(*parts, name)
