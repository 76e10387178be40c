"""Two ways to write the audit log: to the kernel at once, or to the disk, many lines together."""

import asyncio
import errno
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import structlog

from gateway.observe.audit_file import AuditFile

MOST_KEPT = 1000
"""Lines that are kept until they can be written."""
AGAIN = 1.0
"""Seconds until lines that could not be written are tried again."""
LONGEST_WAIT = 5.0
"""Seconds that a disk may take."""
SILENCE = 60.0
"""Seconds between two lines in the log about the same trouble."""

log = structlog.stdlib.get_logger("gateway.audit")


class Kept:
    """Lines of what has happened, until they are written, and the trouble with that."""

    def __init__(self, then: str) -> None:
        """`then` is what becomes of changes when there is trouble, for the log."""
        self.lines: list[bytes] = []
        self.then = then
        self.lost = 0
        """Lines that will never be written, since there were too many."""
        self.since = 0.0
        """Monotonic seconds since when there are some; 0 without any."""
        self._again: asyncio.TimerHandle | None = None
        self._told = -SILENCE

    def failed(self, problem: OSError, again: Callable[[], object]) -> None:
        """Tell of a problem, unless that was done just now, and try `again` later."""
        self.lost += max(len(self.lines) - MOST_KEPT, 0)
        del self.lines[MOST_KEPT:]
        now = time.monotonic()
        self.since = (self.since or now) if self.lines else 0.0
        if now - self._told >= SILENCE:
            self._told = now
            log.error(
                "the audit log cannot be written",
                problem=reason_of(problem),
                changes=self.then,
                lines_waiting=len(self.lines),
                lines_lost=self.lost,
            )
        if self.lines and self._again is None:
            self._again = asyncio.get_running_loop().call_later(AGAIN, self._try, again)

    def stop(self) -> None:
        """Try nothing again. What is left goes into the log, which is better than nowhere."""
        if self._again is not None:
            self._again.cancel()
        for line in self.lines:
            log.error("a line that the audit log lacks", line=line.decode())

    def _try(self, again: Callable[[], object]) -> None:
        self._again = None
        again()


class StraightWriter:
    """Gives each line to the kernel as soon as there is one."""

    def __init__(self, file: AuditFile, then: str) -> None:
        self._file = file
        self.kept = Kept(then)
        self._problem: OSError | None = None

    def put(self, line: bytes) -> None:
        """Write a line, or keep it until that is possible."""
        self.kept.lines.append(line)
        self._write()

    @property
    def waits_since(self) -> float:
        """Monotonic seconds since when the oldest unwritten line waits; 0 if there is none."""
        return self.kept.since

    def problem(self) -> OSError | None:
        """Why lines cannot be written, if that is so."""
        if self.kept.lines:
            self._write()
        return self._problem

    def use(self, file: AuditFile) -> None:
        """Write to another file from now on."""
        old, self._file = self._file, file
        self._write()
        with suppress(OSError):  # of a disk that had trouble before
            old.close()

    async def close(self) -> None:
        """Write what is left."""
        self._write()
        self.kept.stop()

    def _write(self) -> None:
        try:
            self._file.append(self.kept.lines)
            self._problem = None
            self.kept.since = 0.0
        except OSError as error:
            self._problem = error
            self.kept.failed(error, self._write)


class SyncedWriter:
    """Writes and syncs in a thread: what comes while it does so is written together next."""

    def __init__(self, file: AuditFile, then: str) -> None:
        self._file = file
        self.kept = Kept(then)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._next: list[bytes] = []
        self._done: asyncio.Future[OSError | None] | None = None
        """Those of the lines in `_next`."""
        self._task: asyncio.Task[None] | None = None
        self._began = 0.0
        """Monotonic seconds at which the thread was given lines, while it has some."""

    @property
    def waits_since(self) -> float:
        """Monotonic seconds since when the oldest unwritten line waits; 0 if there is none."""
        return self.kept.since or self._began

    async def write(self, line: bytes) -> tuple[OSError | None, bool]:
        """Return when a line is on disk, or what the problem is; it is not tried again.

        With a problem, the second one is whether the line may be there, or get there, even so.
        """
        if self._is_stuck():
            return self._give_up(), False
        batch = self._next
        batch.append(line)
        problem = await self._synced()
        if problem is None:
            return None, True
        if batch is self._next:  # nobody has begun with it
            batch.remove(line)
            return problem, False
        return problem, problem.errno == errno.ETIMEDOUT or line not in batch

    async def put(self, line: bytes) -> None:
        """Return when a line is on disk; if that fails, it is kept, and may be there twice then."""
        self.kept.lines.append(line)
        if self._is_stuck():
            self._give_up()
        else:
            await self._synced()

    def put_soon(self, line: bytes) -> None:
        """The same without waiting."""
        self.kept.lines.append(line)
        if self._is_stuck():
            self._give_up()
        else:
            self._start()

    def use(self, file: AuditFile) -> None:
        """Write to another file from the next lines on."""
        self._thread.submit(self._file.close)  # after what is being written
        self._file = file
        self._start()

    async def close(self) -> None:
        """Write what is left."""
        self._start()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=LONGEST_WAIT)
        self.kept.stop()
        self._thread.shutdown(wait=False)

    async def _synced(self) -> OSError | None:
        done = self._start()
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                return await asyncio.shield(done)
        except TimeoutError:
            return self._give_up()

    def _is_stuck(self) -> bool:
        """Whether the disk has taken so long already that waiting for it is in vain."""
        return self._began > 0 and time.monotonic() - self._began > LONGEST_WAIT

    def _give_up(self) -> OSError:
        problem = OSError(errno.ETIMEDOUT, f"the disk has taken longer than {LONGEST_WAIT:g} s")
        self.kept.failed(problem, self._start)
        return problem

    def _start(self) -> "asyncio.Future[OSError | None]":
        """See that the waiting lines are written: what their future will tell."""
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
            kept, self.kept.lines = self.kept.lines, []
            self._began = time.monotonic()
            problem = await loop.run_in_executor(self._thread, commit, self._file, [*kept], lines)
            self._began = 0.0
            if problem is None:
                self.kept.since = 0.0
            else:
                self.kept.lines[:0] = kept
                self.kept.failed(problem, self._start)
            done.set_result(problem)
        self._task = None


def commit(file: AuditFile, *batches: list[bytes]) -> OSError | None:
    """Put lines on disk, or return why they may not be there.

    Those that may be there even then are taken from the lists.
    """
    try:
        for lines in batches:
            file.append(lines)
        file.sync()
    except OSError as error:
        return error
    return None


def reason_of(problem: OSError) -> str:
    """What is wrong, for people: `No space left on device`."""
    return problem.strerror or str(problem)
