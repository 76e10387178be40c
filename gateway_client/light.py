"""httpx without its command line and HTTP/2: importing them takes a third of the time of a call."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

NOT_USED = ("httpx._main", "h2")


@contextmanager
def absent(*names: str) -> Iterator[None]:
    """A context in which modules that are not loaded yet cannot be imported."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


with absent(*NOT_USED):
    import httpx as httpx
