"""Tokens and subjects that are let in no more: a file that is followed while it changes."""

import asyncio
import codecs
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import structlog

from gateway.errors import ConfigurationError

log = structlog.stdlib.get_logger("gateway.auth")

EVERY = 1.0
"""Seconds between two looks at the file."""
SETTLED = 2 * 10**9
"""Nanoseconds after which a change has a time of its own, on any file system."""
LARGEST = 16 * 2**20
"""Bytes; a few hundred thousand lines."""


@dataclass(frozen=True, slots=True)
class Revocations:
    """Who and what is denied."""

    jti: frozenset[str] = frozenset()
    subjects: frozenset[str] = frozenset()

    def includes(self, names: Iterable[object], jti: object) -> bool:
        """Whether a token is denied: by its id, or by any of its claims that can be a subject."""
        return (jti is not None and str(jti) in self.jti) or any(
            name in self.subjects for name in names if isinstance(name, str)
        )


NOBODY = Revocations()


class NoList(ConfigurationError):
    """There is no list at JWT_DENY_FILE that could be used."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"JWT_DENY_FILE: {problem}")


def parse_denied(content: bytes) -> Revocations:
    """The list in a file: `jti:…` or `sub:…` on each line that is neither blank nor a comment.

    Raises NoList for a line that is neither, or has no end: somebody may be writing it.
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
    """Follows JWT_DENY_FILE. The last good list stays in use while there is no other."""

    def __init__(self, path: Path | None, use: Callable[[Revocations], object]) -> None:
        """Read it. `use` is told of each list that differs from the one before.

        Raises ConfigurationError if it cannot be used.
        """
        self.problem = ""
        """Why the last look has failed, for people; empty if it has not."""
        self._use = use
        self._denied = NOBODY
        self._path: Path | None = None
        self.prepare(path)()

    def prepare(self, path: Path | None) -> Callable[[], object]:
        """Read this file; what this returns follows it from then on. Raises ConfigurationError."""
        held = self._denied if path == self._path else NOBODY
        denied, version = (NOBODY, None) if path is None else read_denied(path, held)

        def follow() -> None:
            self._path, self._version, self.problem = path, version, ""
            self._take(denied)

        return follow

    async def run(self) -> None:
        """Follow the file, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            await self.refresh()

    async def refresh(self) -> None:
        """Look at the file once. Does not raise."""
        path = self._path
        if path is None:
            return
        problem = ""
        try:
            found = await asyncio.to_thread(read_if_other, path, self._version, self._denied)
        except NoList as error:
            problem = str(error)
        except Exception as error:  # or nobody would look again
            problem = f"JWT_DENY_FILE: {type(error).__name__}: {error}"
        if path != self._path:  # it is another one by now
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
"""What tells a file from a later one of the same name."""


def read_if_other(
    path: Path, version: Version | None, held: Revocations
) -> tuple[Revocations, Version | None] | None:
    """The list, if the file has changed since. Raises NoList."""
    try:
        now = version_of(path.stat())
    except OSError as error:
        raise NoList(f"cannot read {path}: {error.strerror}") from None
    if now == version:
        return None
    return read_denied(path, held)


def read_denied(path: Path, held: Revocations = NOBODY) -> tuple[Revocations, Version | None]:
    """The list in this file, which somebody may be writing. Raises NoList.

    There is no version yet if the next change might have the same time.
    """
    try:
        with path.open("rb") as file:
            before = version_of(os.fstat(file.fileno()))
            content = file.read(LARGEST + 1)
            after = version_of(os.fstat(file.fileno()))
    except OSError as error:
        raise NoList(f"cannot read {path}: {error.strerror}") from None
    if len(content) > LARGEST:
        raise NoList(f"{path} is larger than {LARGEST // 2**20} MB")
    if before != after:
        raise NoList(f"{path} is being written")
    if not content and held != NOBODY:
        raise NoList(f"{path} is empty; to deny nobody any more, leave a comment in it")
    settled = time.time_ns() - before[0] > SETTLED
    return parse_denied(content), before if settled else None


def version_of(status: os.stat_result) -> Version:
    return status.st_mtime_ns, status.st_size, status.st_ino
