"""What one context keeps in the user's cache folder: the gateway's document, names to complete."""

import math
import time
from hashlib import sha256
from pathlib import Path

from cuectl.contexts import Context
from cuectl.folders import cache_folder, read_if_there, write_private

FORM = "4"
"""The form of what is kept: files of another form are not read."""


class Cache:
    def __init__(self, context: Context) -> None:
        self._kept: dict[str, tuple[float, bytes]] = {}  # a folder may be read-only
        self._key = sha256(f"{context.cache_key}\n{FORM}".encode()).hexdigest()[:24]

    def read(self, name: str) -> bytes:
        """What was kept; nothing without it."""
        if name in self._kept:
            return self._kept[name][1]
        return read_if_there(self._file(name))

    def age(self, name: str) -> float:
        """How many seconds ago it was kept."""
        try:
            at = self._kept[name][0] if name in self._kept else self._file(name).stat().st_mtime
        except OSError:
            return math.inf
        return abs(time.time() - at)

    def keep(self, name: str, content: bytes) -> None:
        self._kept[name] = time.time(), content
        try:
            write_private(self._file(name), content)
        except OSError:  # the next process asks again
            return

    def _file(self, name: str) -> Path:
        return cache_folder() / f"{self._key}-{name}"
