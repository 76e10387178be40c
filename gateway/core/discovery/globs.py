"""Globs that withhold methods, and what of them matches nothing."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gateway.core.schema.catalog import Catalog

UnmatchedIn = Callable[[Catalog], Iterable[str]]
"""Problems of globs that match nothing in a catalog, a line each. Called in other threads."""


@dataclass(slots=True)
class Globs:
    """Those of the selection, and those that parts of the gateway have (`others`)."""

    unmatched: tuple[str, ...] = ()
    """Problems of those that match nothing in the latest schema."""
    others: list[UnmatchedIn] = field(default_factory=list)
    _changes: int = 0
    """Number of times that others have changed."""

    def unmatched_in(self, catalog: Catalog) -> tuple[str, ...]:
        """Problems of those that match nothing in this catalog."""
        others = (problem for unmatched in self.others for problem in unmatched(catalog))
        return (*map(str, catalog.idle.globs), *others)

    async def look_in(self, catalog: Catalog) -> tuple[str, ...]:
        """`unmatched_in` in a thread, with the globs that are in use afterwards."""
        changes = -1
        while changes != self._changes:
            changes = self._changes
            found = await asyncio.to_thread(self.unmatched_in, catalog)
        return found

    def look_again(self, catalog: Catalog | None) -> None:
        """Others have changed: update `unmatched` by the latest catalog, if there is one."""
        self._changes += 1
        self.unmatched = () if catalog is None else self.unmatched_in(catalog)
