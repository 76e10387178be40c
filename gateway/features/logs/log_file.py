"""An open log. What is here blocks, and is for threads."""

import errno
import os
import stat
from threading import Lock
from typing import NamedTuple

from gateway.core.errors import Code, GatewayError
from gateway.features.logs.opening import open_below
from gateway.features.logs.roots import Place

AROUND_BYTES = 3
"""On either side of a byte, what decides whether it is part of a character."""
SEARCHED_BYTES = 64 * 1024
"""Read at once to find the beginnings of lines."""
LINKS = (errno.EXDEV, errno.ELOOP)
LAST_LINES_BYTES = 16 * 2**20
"""The last lines are those in so many bytes at the end."""


class State(NamedTuple):
    """A file, as it was at a moment."""

    size: int
    modified: float
    """Unix seconds."""
    etag: str
    file: tuple[int, int]
    """The same while it is the same file, wherever it has been moved."""


def state_of(found: os.stat_result) -> State:
    etag = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
    return State(found.st_size, found.st_mtime, etag, (found.st_dev, found.st_ino))


class LogFile:
    """A regular file. Whatever happens to its path, it stays the same file."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self._descriptor: int | None = None
        self._is_closed = False
        self._lock = Lock()

    def open(self) -> State:
        """Raises GatewayError: what is said of a log that is not there, or cannot be read."""
        try:
            descriptor = open_below(self.place.root.here, self.place.names)
        except OSError as error:
            raise why_not_open(self.place.told, error) from None
        with self._lock:
            if self._is_closed:  # whoever has waited for it has left
                os.close(descriptor)
                raise GatewayError(Code.CANCELLED, "nobody waits for it")
            self._descriptor = descriptor
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise GatewayError(Code.NOT_FOUND, f"{self.place.told} is no regular file")
        return state_of(found)

    def state(self) -> State:
        return state_of(os.fstat(self._opened()))

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, fewer if the file ends there. Each that is no part of a
        character in UTF-8 is a question mark.
        """
        first = max(start - AROUND_BYTES, 0)
        found = self._bytes(first, end + AROUND_BYTES)
        return clean(found)[start - first : end - first]

    def start_of_lines(self, count: int, end: int) -> int:
        """Where the last `count` lines before `end` begin, among the last LAST_LINES_BYTES."""
        least = max(end - LAST_LINES_BYTES, 0)
        at, left = end, count
        while at > least:
            begin = max(at - SEARCHED_BYTES, least)
            part = self._bytes(begin, at)
            # The break at the very end ends the last line.
            place = len(part) - 1 if at == end and part.endswith(b"\n") else len(part)
            while left:
                place = part.rfind(b"\n", 0, place)
                if place < 0:
                    break
                left -= 1
            if not left:
                return begin + place + 1
            at = begin
        return least

    def close(self) -> None:
        with self._lock:
            self._is_closed = True
            descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _bytes(self, start: int, end: int) -> bytes:
        parts, at = [], start
        while at < end:
            part = os.pread(self._opened(), end - at, at)
            if not part:
                break
            parts.append(part)
            at += len(part)
        return b"".join(parts)

    def _opened(self) -> int:
        if self._descriptor is None:
            raise GatewayError(Code.CANCELLED, "the log has been closed")
        return self._descriptor


def clean(content: bytes) -> bytes:
    """As many bytes, with a question mark for each that is no part of a character in UTF-8."""
    return content.decode("utf-8", "surrogateescape").encode("utf-8", "replace")


def why_not_open(told: str, error: OSError) -> GatewayError:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return GatewayError(Code.NOT_FOUND, f"the log is not there yet: {told}")
        case PermissionError():
            problem = f"the gateway may not read {told}: its user has no right to"
            return GatewayError(Code.INTERNAL, problem)
        case _ if error.errno in LINKS:
            problem = f"{told} leads out of LOG_ROOTS by a link, which is not followed"
            return GatewayError(Code.NOT_FOUND, problem)
        case _:
            return GatewayError(Code.INTERNAL, f"{told} cannot be read: {error.strerror}")
