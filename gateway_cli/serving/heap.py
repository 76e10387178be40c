"""Memory that is free and that the C library keeps: giving it back to the system."""

import asyncio
import ctypes
from contextlib import suppress

AFTER = 5.0
"""Seconds from when much has become free until it is given back: once, if more comes meanwhile."""


class Heap:
    """The heap of this process, as far as glibc can be asked to trim it."""

    def __init__(self) -> None:
        self._is_due = False

    def trim_soon(self) -> None:
        """Much has become free in pieces, between others that stay: give it back a little later.

        glibc would give it back by itself only at the heap's end. It takes 0.5 ms for each MB, in
        which the event loop waits.
        """
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_later(AFTER, self._trim)

    def _trim(self) -> None:
        self._is_due = False
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
