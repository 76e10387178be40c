"""The audit log's file, and two ways to write it: at once, or synced, many lines together."""

import asyncio
import errno
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from gateway.core.errors import ConfigurationError

STDOUT = "stdout"
APPEND = os.O_WRONLY | os.O_APPEND
FILE_MODE = 0o640
KEPT_MAX_LINES = 1000
RETRY_SECONDS = 1.0
DISK_TIMEOUT_SECONDS = 5.0
LOG_INTERVAL_SECONDS = 60.0
"""Between two lines in the gateway's log about trouble with the file."""

log = structlog.stdlib.get_logger("gateway.audit")


class AuditFile:
    """Standard output, or a file that several processes append to."""

    def __init__(self, place: str, *, durable: bool) -> None:
        """`place` is AUDIT_LOG; `durable` files can be synced. Raises ConfigurationError."""
        self._is_file = place != STDOUT
        self._torn = False
        """Whether the file ends in the middle of a line."""
        if not self._is_file:
            if durable:
                raise ConfigurationError("AUDIT_SYNC: needs a file in AUDIT_LOG")
            self._number = 1
            return
        try:
            self._number = os.open(place, APPEND | os.O_CREAT, FILE_MODE)
        except (OSError, ValueError) as error:
            raise cannot_open(place, error) from None
        try:
            if durable:
                sync_directory(Path(place).absolute().parent)
        except OSError as error:
            os.close(self._number)
            raise cannot_open(place, error) from None

    def append(self, lines: list[bytes]) -> None:
        """Write all lines, in one write() if the disk has room, and remove them from the list.

        Raises OSError; lines that were written are removed even then. A line that was begun is
        ended where it is, and written again.
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
    """Raises ConfigurationError if this process could not open AUDIT_LOG. Creates no file.

    The process may be another user's, whose file the gateway could not open.
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
    reason = getattr(error, "strerror", None) or error
    return ConfigurationError(f"AUDIT_LOG: cannot open {place}: {reason}")


def sync_directory(path: Path) -> None:
    """Sync the names in a directory: a new file has to survive a crash, too."""
    number = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # of file systems that need no sync
            raise
    finally:
        os.close(number)


class AuditWriter:
    """Passes each line to the kernel at once. Lines that cannot be written are kept, and retried.

    It writes no intents.
    """

    def __init__(self, file: AuditFile) -> None:
        self.changes = ""
        """What happens to changes while there is trouble, for the log."""
        self.lost = 0
        """Lines that were dropped, as there were too many."""
        self._file = file
        self._kept: list[bytes] = []
        self._kept_since = 0.0
        """Monotonic seconds; 0 if nothing is kept."""
        self._problem: OSError | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._logged_at = -LOG_INTERVAL_SECONDS

    async def intend(self, line: Callable[[], bytes]) -> tuple[OSError | None, bool]:
        """Before a change: why it cannot be written down, if it cannot.

        With a problem, the bool is whether the line may be on disk, now or later.
        """
        if self._kept:
            self._start()
        return self._problem, False

    async def put(self, line: bytes) -> None:
        """Write a line, and return when it is written or kept. It may be there twice then."""
        self.put_soon(line)

    def put_soon(self, line: bytes) -> None:
        """Write a line, now or later."""
        self._kept.append(line)
        self._start()

    def use(self, file: AuditFile) -> None:
        """Write the next lines to another file."""
        old, self._file = self._file, file
        self._start()
        with suppress(OSError):  # of a disk that had trouble before
            old.close()

    async def close(self) -> None:
        self._start()
        self._stop()

    def _stop(self) -> None:
        """Retry no more. The lines that are left go into the log."""
        if self._retry is not None:
            self._retry.cancel()
        for line in self._kept:
            log.error("a line that the audit log lacks", line=line.decode())

    @property
    def has_room(self) -> bool:
        """Whether there is room for lines that are not of changes."""
        return len(self._kept) <= KEPT_MAX_LINES // 2

    @property
    def waits_since(self) -> float:
        """Monotonic seconds since when the oldest line waits; 0 without any."""
        return self._kept_since

    def _start(self) -> Any:
        self._problem = write(self._file, self._kept)
        self._wrote(self._problem)

    def _wrote(self, problem: OSError | None) -> None:
        """Log a problem, unless one was logged just now, and retry later."""
        if problem is None:
            self._kept_since = 0.0
            return
        self.lost += max(len(self._kept) - KEPT_MAX_LINES, 0)
        del self._kept[KEPT_MAX_LINES:]
        now = time.monotonic()
        self._kept_since = (self._kept_since or now) if self._kept else 0.0
        if now - self._logged_at >= LOG_INTERVAL_SECONDS:
            self._logged_at = now
            log.error(
                "the audit log cannot be written",
                problem=reason_of(problem),
                changes=self.changes,
                lines_waiting=len(self._kept),
                lines_lost=self.lost,
            )
        if self._kept and self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._try_again)

    def _try_again(self) -> None:
        self._retry = None
        self._start()


class SyncedWriter(AuditWriter):
    """Writes and syncs in a thread. Lines that come meanwhile are written together next."""

    def __init__(self, file: AuditFile) -> None:
        super().__init__(file)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._next: list[bytes] = []
        """Intents, which are not retried."""
        self._done: asyncio.Future[OSError | None] | None = None
        """The result of writing `_next`."""
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0
        """Monotonic seconds at which the thread began to write; 0 if it is idle."""

    @property
    def waits_since(self) -> float:
        return self._kept_since or self._began

    async def intend(self, line: Callable[[], bytes]) -> tuple[OSError | None, bool]:
        if self._is_stuck():
            return self._give_up(), False
        batch, intent = self._next, line()
        batch.append(intent)
        problem = await self._synced()
        if problem is None:
            return None, True
        if batch is self._next:  # not begun
            batch.remove(intent)
            return problem, False
        return problem, problem.errno == errno.ETIMEDOUT or intent not in batch

    async def put(self, line: bytes) -> None:
        self.put_soon(line)
        if not self._is_stuck():
            await self._synced()

    def put_soon(self, line: bytes) -> None:
        self._kept.append(line)
        if self._is_stuck():
            self._give_up()
        else:
            self._start()

    def use(self, file: AuditFile) -> None:
        self._thread.submit(self._file.close)  # after what is being written
        self._file = file
        self._start()

    async def close(self) -> None:
        self._start()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=DISK_TIMEOUT_SECONDS)
        self._stop()
        self._thread.shutdown(wait=False)

    async def _synced(self) -> OSError | None:
        done = self._start()
        try:
            async with asyncio.timeout(DISK_TIMEOUT_SECONDS):
                return await asyncio.shield(done)
        except TimeoutError:
            return self._give_up()

    def _is_stuck(self) -> bool:
        """Whether waiting for the disk is in vain."""
        return self._began > 0 and time.monotonic() - self._began > DISK_TIMEOUT_SECONDS

    def _give_up(self) -> OSError:
        text = f"the disk has taken longer than {DISK_TIMEOUT_SECONDS:g} s"
        problem = OSError(errno.ETIMEDOUT, text)
        self._wrote(problem)
        return problem

    def _start(self) -> "asyncio.Future[OSError | None]":
        """Have all waiting lines written, and return the future of that."""
        if self._done is None:
            self._done = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return self._done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._done is not None:
            done, self._done = self._done, None
            lines, self._next = self._next, []
            kept, self._kept = self._kept, []
            self._began = time.monotonic()
            problem = await loop.run_in_executor(
                self._thread, partial(write, self._file, [*kept], lines, sync=True)
            )
            self._began = 0.0
            if problem is not None:
                self._kept[:0] = kept
            self._wrote(problem)
            done.set_result(problem)
        self._task = None


def write(file: AuditFile, *batches: list[bytes], sync: bool = False) -> OSError | None:
    """Write lines, or return why they may not be there.

    Lines that may be there are removed from the lists even then.
    """
    try:
        for lines in batches:
            file.append(lines)
        if sync:
            file.sync()
    except OSError as error:
        return error
    return None


def reason_of(problem: OSError) -> str:
    """`No space left on device`."""
    return problem.strerror or str(problem)
