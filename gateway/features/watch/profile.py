"""The profile's table of how reads are watched."""

from gateway.core.profile.entry_types import (
    Content,
    Entry,
    FieldPath,
    Line,
    MethodName,
)


class Watched(Entry):
    """How a read is watched: by a `call` that answers the same, with values of the first answer
    (`send`). Or with fields `set`, if a watcher waits for rows and the request names any of them
    (`if_any`), so that they stay in the answer. Or never, and why.
    """

    call: MethodName | None = None
    send: dict[FieldPath, FieldPath] = {}
    if_any: tuple[FieldPath, ...] = ()
    set: dict[FieldPath, Content] = {}
    never: Line | None = None


class WatchTables(Entry):
    watched: dict[MethodName, Watched] = {}
