"""The profile's table of logs."""

from gateway.core.profile.entry_types import Content, Entry, FieldPath, MethodName, Template


class FinderEntry(Entry):
    """A `call` that finds objects by their `names` or `ids`, lists in its request, among the `rows`
    of its answer; `within` is the id of what they are in, and `set` are constants.
    """

    call: MethodName
    names: FieldPath
    ids: FieldPath
    within: FieldPath | None = None
    set: dict[FieldPath, Content] = {}
    rows: FieldPath


class LogEntry(Entry):
    """How the log of a frame is found: its `job`, the `frame` in it, and the `file` in the folder
    of the job's logs. A frame that is `done` writes nothing more; of jobs of one name, one that is
    `finished` comes last.
    """

    job: FinderEntry
    frame: FinderEntry
    file: Template
    done: tuple[str, ...]
    finished: str


class LogTables(Entry):
    logs: LogEntry | None = None
