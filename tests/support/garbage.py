"""What requests leave behind for the garbage collector, which a busy gateway may run too late."""

import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected(*kinds: type) -> Iterator[Counter[str]]:
    """Count the objects of these kinds that only the collector frees: those that hold each other.

    The counts, by the names of the types, are there at the end.
    """
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    before = len(gc.garbage)
    try:
        yield found
        gc.collect()
        found.update(type(it).__name__ for it in gc.garbage[before:] if isinstance(it, kinds))
    finally:
        gc.set_debug(0)
        del gc.garbage[before:]
        gc.enable()
