"""Revocation of tokens and subjects: a deny list in a file, whose changes are followed."""

import asyncio
import codecs
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.core.errors import ConfigurationError

log = structlog.stdlib.get_logger("gateway.auth")

REFRESH_SECONDS = 1.0
SETTLED_NANOSECONDS = 2 * 10**9
"""A change of this age has another time of change than any later one, on any file system."""
LARGEST_FILE_BYTES = 16 * 2**20
"""A few hundred thousand lines."""


@dataclass(frozen=True, slots=True)
class Revocations:
    jti: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()

    def includes(self, names: Iterable[object], jti: object) -> bool:
        """Whether a token is denied, by its id or any claim that can be the subject (`names`)."""
        return (jti is not None and str(jti) in self.jti) or any(
            name in self.subjects for name in names if isinstance(name, str)
        )


NOBODY = Revocations()


class NoList(ConfigurationError):
    def __init__(self, problem: str) -> None:
        super().__init__(f"JWT_DENY_FILE: {problem}")


def parse_denied(content: bytes) -> Revocations:
    """The list in a file: lines of `jti:…` or `sub:…`, blank lines and comments.

    Raises NoList for other lines, and a last one without a newline, which may be half written.
    """
    found: dict[str, set[str]] = {"jti": set(), "sub": set()}
    try:
        text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8")
    except UnicodeDecodeError:
        raise NoList("it is not UTF-8") from None
    if text and not text.endswith("\n"):
        raise NoList("its last line has no newline, so it may be half written")
    for number, line in enumerate(text.split("\n"), 1):
        kind, _, value = line.strip().partition(":")
        if not kind or kind.startswith("#"):
            continue
        if kind not in found or not value.strip():
            raise NoList(f"line {number}: expected jti:ID or sub:SUBJECT")
        found[kind].add(value.strip())
    return Revocations(frozenset(found["jti"]), frozenset(found["sub"]))


class DenyFile:
    """Follows JWT_DENY_FILE. The last good list stays in use while the file is not usable."""

    def __init__(self, path: Path | None, use: Callable[[Revocations], object]) -> None:
        """Read the file, and call `use` with each new list. Raises ConfigurationError."""
        self.problem = ""
        """Why the last read has failed; empty if it has not."""
        self._use = use
        self._denied = NOBODY
        self._path: Path | None = None
        self.prepare(path)()

    def prepare(self, path: Path | None) -> Callable[[], object]:
        """Read a file; the function that this returns makes it the current one.

        Raises ConfigurationError.
        """
        held = self._denied if path == self._path else NOBODY
        denied, version = (NOBODY, None) if path is None else read_denied(path, held)

        def follow() -> None:
            self._path, self._version, self.problem = path, version, ""
            self._take(denied)

        return follow

    async def run(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the file if it has changed. Does not raise."""
        path = self._path
        if path is None:
            return
        problem = ""
        try:
            found = await asyncio.to_thread(read_if_other, path, self._version, self._denied)
        except NoList as error:
            problem = str(error)
        except Exception as error:  # or the file would not be read again
            problem = f"JWT_DENY_FILE: {type(error).__name__}: {error}"
        if path != self._path:  # replaced meanwhile
            return
        if problem:
            if problem != self.problem:
                log.error("the deny list stays as it was", problem=problem)
            self.problem = problem
            return
        self.problem = ""
        if found is not None:
            denied, self._version = found
            self._take(denied)

    def _take(self, denied: Revocations) -> None:
        if denied != self._denied:
            log.info("deny list", jti=len(denied.jti), subjects=len(denied.subjects))
            self._denied = denied
            self._use(denied)


Version = tuple[int, ...]
"""Time of change (ns), size and inode: differ if the content does."""


def read_if_other(
    path: Path, version: Version | None, held: Revocations
) -> tuple[Revocations, Version | None] | None:
    """The list, if the file has changed. Raises NoList."""
    try:
        now = version_of(path.stat())
    except OSError as error:
        raise NoList(f"cannot read {path}: {error.strerror}") from None
    if now == version:
        return None
    return read_denied(path, held)


def read_denied(path: Path, held: Revocations = NOBODY) -> tuple[Revocations, Version | None]:
    """The list in the file and its version. Raises NoList, also for a file that is being written.

    The version is None if the next change may have the same time.
    """
    try:
        with path.open("rb") as file:
            before = version_of(os.fstat(file.fileno()))
            content = file.read(LARGEST_FILE_BYTES + 1)
            after = version_of(os.fstat(file.fileno()))
    except OSError as error:
        raise NoList(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LARGEST_FILE_BYTES:
        raise NoList(f"{path} is larger than {LARGEST_FILE_BYTES // 2**20} MB")
    if before != after:
        raise NoList(f"{path} is being written")
    if not content and held != NOBODY:
        raise NoList(f"{path} is empty; to deny nobody any more, leave a comment in it")
    settled = time.time_ns() - before[0] > SETTLED_NANOSECONDS
    return parse_denied(content), before if settled else None


def version_of(status: os.stat_result) -> Version:
    return status.st_mtime_ns, status.st_size, status.st_ino
