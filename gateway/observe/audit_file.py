"""The audit log's file: whole lines at its end, whoever else writes to it."""

import errno
import os
from pathlib import Path

from gateway.errors import ConfigurationError

STDOUT = "stdout"
APPEND = os.O_WRONLY | os.O_APPEND
MODE = 0o640
"""Of a new file: for its owner, and to be read by the group."""


class AuditFile:
    """Standard output, or a file that several processes append to."""

    def __init__(self, place: str, *, durable: bool) -> None:
        """`place` is AUDIT_LOG. A `durable` file can be synced. Raises ConfigurationError."""
        self._is_file = place != STDOUT
        self._torn = False
        """Whether the last thing written is part of a line."""
        if not self._is_file:
            if durable:
                raise ConfigurationError("AUDIT_SYNC: needs a file in AUDIT_LOG")
            self._number = 1
            return
        try:
            self._number = os.open(place, APPEND | os.O_CREAT, MODE)
        except (OSError, ValueError) as error:
            raise cannot_open(place, error) from None
        try:
            if durable:
                sync_directory(Path(place).absolute().parent)
        except OSError as error:
            os.close(self._number)
            raise cannot_open(place, error) from None

    def append(self, lines: list[bytes]) -> None:
        """Write all lines, in one write() unless the disk is full, and take them from the list.

        Raises OSError; what has been written is taken from the list even then. A line that was
        begun is ended where it is, and written again.
        """
        while lines:
            before = b"\n" if self._torn else b""
            data = before + b"".join(lines)
            written = os.write(self._number, data)
            if written == len(data):
                self._torn = False
                lines.clear()
                return
            whole = data.rfind(b"\n", 0, written) + 1
            del lines[: data.count(b"\n", len(before), whole)]
            self._torn = whole < written or (self._torn and not written)
            if not written:
                raise OSError(errno.EIO, "nothing was written")

    def sync(self) -> None:
        """Return when the disk has what was written. Raises OSError."""
        os.fdatasync(self._number)

    def close(self) -> None:
        if self._is_file:
            os.close(self._number)


def check_place(place: str) -> None:
    """Raises ConfigurationError if this process could not open such a file. Makes none.

    Whoever asks may be another user, whose file the gateway could not open.
    """
    if place == STDOUT:
        return
    path = Path(place)
    try:
        if path.exists():
            os.close(os.open(path, APPEND))
        elif not os.access(path.absolute().parent, os.W_OK | os.X_OK):
            raise OSError(errno.EACCES, "its directory is not there, or cannot be written")
    except (OSError, ValueError) as error:
        raise cannot_open(place, error) from None


def cannot_open(place: str, error: OSError | ValueError) -> ConfigurationError:
    """The error for a file that cannot be opened."""
    reason = getattr(error, "strerror", None) or error
    return ConfigurationError(f"AUDIT_LOG: cannot open {place}: {reason}")


def sync_directory(path: Path) -> None:
    """Return when the disk knows the names in a directory, so that a new file is found again."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # what such a file system says that has no need of it
            raise
    finally:
        os.close(number)
