"""How the log of a frame is found, by the profile and the schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.codec.fields import message_of
from gateway.core.profile.draft import Draft
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    list_at,
    needed_field,
    needed_method,
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.method import FieldPath, Method, set_at, value_at
from gateway.features.logs.profile import FinderEntry, LogTables

JOB_FIELDS = ("id", "name", "state", "log_dir")
FRAME_FIELDS = ("id", "name", "state")


@dataclass(frozen=True, slots=True)
class Finder:
    """A call that finds objects by their names or ids."""

    method: Method
    names: FieldPath
    ids: FieldPath
    within: FieldPath | None
    constants: tuple[tuple[FieldPath, object], ...]
    rows: tuple[FieldDescriptor, ...]
    """From the answer down to the list of objects."""

    def request(self, place: FieldPath, wanted: tuple[str, ...], within: str = "") -> bytes:
        """The request for the objects that are `wanted` at a place: `names` or `ids`."""
        request: Any = self.method.parse_request()
        for path, content in self.constants:
            set_at(request, path, content)
        if self.within is not None:
            set_at(request, self.within, within)
        value_at(request, place).extend(wanted)
        whole: bytes = request.SerializeToString()
        return whole


@dataclass(frozen=True, slots=True)
class FrameLogs:
    """How the logs of frames are found: an aspect of the catalog."""

    job: Finder
    frame: Finder
    file: str
    """The name of the file, with `{job}` and `{frame}`."""
    done: frozenset[int]
    """The states of frames that write nothing more."""
    finished: int
    """The state of jobs that are over."""


def compile_logs(draft: Draft) -> None:
    """Adds `FrameLogs` to the catalog, if it has the calls."""
    each = draft.tables(LogTables).logs
    if each is None:
        return
    with entry("logs", draft.unused):
        job = finder_of(each.job, JOB_FIELDS, draft.native)
        frame = finder_of(each.frame, FRAME_FIELDS, draft.native)
        done = frozenset(state_of(frame, name) for name in each.done)
        found = FrameLogs(job, frame, each.file, done, state_of(job, each.finished))
        draft.whole[FrameLogs] = found


def state_of(finder: Finder, name: str) -> int:
    """Raises NotApplicable."""
    states = message_of(finder.rows[-1]).fields_by_name["state"].enum_type
    if states is None or name not in states.values_by_name:
        raise NotApplicable(f"{finder.method.path} has no state {name}")
    number: int = states.values_by_name[name].number
    return number


def finder_of(each: FinderEntry, needed: tuple[str, ...], methods: Mapping[str, Method]) -> Finder:
    """Raises NotApplicable."""
    method = needed_method(methods, each.call)
    request, answer = method.descriptor.input_type, method.descriptor.output_type
    for path in (each.names, each.ids):
        if not needed_field(request, split(path)).is_repeated:
            raise NotApplicable(f"{path} is no list")
    rows = list_at(answer, each.rows)
    for name in needed:
        needed_field(message_of(rows[-1]), (name,))
    return Finder(
        method,
        proto_path(request, each.names),
        proto_path(request, each.ids),
        None if each.within is None else proto_path(request, each.within),
        proto_values(request, each.set),
        rows,
    )
