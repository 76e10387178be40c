"""An open log. What is here blocks, and is for threads."""

import errno
import os
import stat
from typing import NamedTuple

from gateway.core.errors import Code, GatewayError
from gateway.features.logs.opening import NoFolder, open_below
from gateway.features.logs.roots import Place

AROUND_BYTES = 3
"""On either side of a byte, what decides whether it is part of a character."""
SEARCHED_BYTES = 64 * 1024
"""Read at once to find the beginnings of lines."""
LAST_LINES_BYTES = 16 * 2**20
"""The last lines are those in so many bytes at the end."""
MISSING = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
"""No file has a name that is too long."""
LINKS = (errno.EXDEV, errno.ELOOP)
LAST_SECOND = 253_402_300_799
"""Of the year 9999: later ones have no date."""


class NotThere(GatewayError):
    """There is no such log, or not yet."""


class State(NamedTuple):
    """A file, as it was at a moment."""

    size: int
    modified: float
    """Unix seconds, of a date that can be written."""
    etag: str
    file: tuple[int, int]
    """The same while it is the same file, wherever it has been moved."""


class LogFile:
    """A regular file. Whatever happens to its path, it stays the same file."""

    def __init__(self, place: Place) -> None:
        """Raises GatewayError: what is said of a log that is not there, or cannot be read."""
        self.place = place
        try:
            self._descriptor = open_below(place.root.here, place.names)
        except OSError as error:
            raise why_not_open(place, error) from None
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            self.close()
            raise no_regular_file(place)

    def state(self) -> State:
        """Raises GatewayError."""
        try:
            found = os.fstat(self._descriptor)
        except OSError as error:
            raise self._lost(error) from None
        etag = f'"{found.st_ino:x}-{found.st_size:x}-{found.st_mtime_ns:x}"'
        modified = min(max(found.st_mtime, 0.0), LAST_SECOND)
        return State(found.st_size, modified, etag, (found.st_dev, found.st_ino))

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, fewer if the file ends there. Each that is no part of a
        character in UTF-8 is a question mark. Raises GatewayError.
        """
        first = max(start - AROUND_BYTES, 0)
        found = self._bytes(first, end + AROUND_BYTES)
        return clean(found)[start - first : end - first]

    def start_of_lines(self, count: int, end: int) -> int:
        """Where the last `count` lines before `end` begin, among the last LAST_LINES_BYTES.

        Raises GatewayError.
        """
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
        os.close(self._descriptor)

    def _bytes(self, start: int, end: int) -> bytes:
        parts, at = [], start
        try:
            while at < end and (part := os.pread(self._descriptor, end - at, at)):
                parts.append(part)
                at += len(part)
        except OSError as error:
            raise self._lost(error) from None
        return b"".join(parts)

    def _lost(self, error: OSError) -> GatewayError:
        problem = f"{self.place.told} cannot be read any more: {error.strerror}"
        return GatewayError(Code.DATA_LOSS, problem)


def clean(content: bytes) -> bytes:
    """As many bytes, with a question mark for each that is no part of a character in UTF-8."""
    return content.decode("utf-8", "surrogateescape").encode("utf-8", "replace")


def why_not_open(place: Place, error: OSError) -> GatewayError:
    told = place.told
    match error:
        case NoFolder():
            problem = f"{place.root.told} of LOG_ROOTS is not mounted here, or cannot be read"
            return GatewayError(Code.INTERNAL, f"{problem}: {error.strerror}")
        case _ if error.errno in MISSING:
            return NotThere(Code.NOT_FOUND, f"the log is not there, or not yet: {told}")
        case PermissionError():
            problem = f"the gateway may not read {told}: {error.strerror}"
            return GatewayError(Code.INTERNAL, problem)
        case _ if error.errno in LINKS:
            problem = f"{told} leads through a link that is not followed: out of LOG_ROOTS"
            return GatewayError(Code.NOT_FOUND, problem)
        case _ if error.errno == errno.ENXIO:  # a socket
            return no_regular_file(place)
        case _:
            return GatewayError(Code.INTERNAL, f"{told} cannot be read: {error.strerror}")


def no_regular_file(place: Place) -> GatewayError:
    return GatewayError(Code.NOT_FOUND, f"{place.told} is no regular file")
