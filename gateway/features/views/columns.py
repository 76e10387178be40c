"""Columns of views: what people compute from a row, and what its owner has (a frame's job).

They are used like fields, and no answer without a view has them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.descriptor_pb2 import FileDescriptorProto as File
from google.protobuf.descriptor_pool import DescriptorPool

Value = Callable[[Any], Any]
"""From a row to a value, or None."""
Owners = Mapping[object, Any]
"""What rows belong to, as messages: by what rows have of it, or by `THE_ONE`."""
NO_OWNERS: Owners = MappingProxyType({})
THE_ONE = None
"""The key of the owner of all rows."""
SECONDS_IN_AN_HOUR = 3600
DIGITS = 4
"""Behind the point, of hours and shares: 0.0001 h is 0.4 s."""


# --- what is computed: plain functions of the time and of a row's values ------------------------


def elapsed(now: int, began: int | None, ended: int | None = 0) -> int | None:
    """The seconds from the beginning to the end, or until now; None before the beginning.

    Times are in seconds since 1970, where 0 is a time that has not come.
    """
    return max((ended or now) - began, 0) if began else None


def waiting(now: int, since: int | None, ended: int | None, running: int | None) -> int | None:
    """The seconds since a time, as long as nothing runs; None while something does, after the end
    and before that time.
    """
    return None if ended or running else elapsed(now, since)


def hours(_now: int, seconds: int | None) -> float | None:
    """These seconds in hours."""
    return None if seconds is None else rounded(seconds / SECONDS_IN_AN_HOUR)


def share(_now: int, part: int | None, whole: int | None) -> float | None:
    """The part of the whole, 1.0 for all of it; None if there is no whole."""
    return rounded((part or 0) / whole) if whole else None


def rounded(number: float) -> float:
    return round(number, DIGITS)


# --- columns ------------------------------------------------------------------------------------


def fields_of_columns() -> Mapping[str, FieldDescriptor]:
    """Fields of the types that columns have, of a message that nobody sends."""
    kinds = {
        "seconds": FieldDescriptorProto.TYPE_INT32,
        "number": FieldDescriptorProto.TYPE_DOUBLE,
        "text": FieldDescriptorProto.TYPE_STRING,
    }
    message = DescriptorProto(name="Column")
    for number, (name, kind) in enumerate(kinds.items(), 1):
        one = FieldDescriptorProto.LABEL_OPTIONAL
        message.field.add(name=name, number=number, type=kind, label=one)
    file = File(name="cuebot_gateway/column.proto", package="cuebot_gateway", syntax="proto3")
    file.message_type.append(message)
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return dict(pool.FindMessageTypeByName("cuebot_gateway.Column").fields_by_name)


FIELDS = fields_of_columns()
SECONDS, NUMBER, TEXT = FIELDS["seconds"], FIELDS["number"], FIELDS["text"]


@dataclass(frozen=True, slots=True)
class Computation:
    compute: Callable[..., Any]
    """From the time and as many values of a row to the column's value."""
    leaf: FieldDescriptor
    says: Mapping[int, str]
    """By how many values it takes: what it is, with the names of their fields."""
    is_timed: bool = False
    """Whether it depends on the time."""


COMPUTATIONS: Mapping[str, Computation] = MappingProxyType(
    {
        "elapsed": Computation(
            elapsed,
            SECONDS,
            {1: "seconds since {0}", 2: "seconds from {0} to {1}, or until now"},
            is_timed=True,
        ),
        "waiting": Computation(
            waiting,
            SECONDS,
            {3: "seconds since {0}, if {1} has not come and {2} is 0"},
            is_timed=True,
        ),
        "hours": Computation(hours, NUMBER, {1: "{0} in hours"}),
        "share": Computation(share, NUMBER, {2: "{0} as a share of {1}: 1 is all of it"}),
    }
)


@dataclass(frozen=True, slots=True)
class Owned:
    """How the owners of a method's rows are looked up: in a list, by one call."""

    shown: str
    """The columns with what owners have: `job, show, user`."""
    call: str
    """The path of the method with the list."""
    key: Value | None
    """What a row has of its owner; None if all rows have one that the request names."""
    asked: tuple[str, ...]
    """Where the request names it."""
    send: tuple[str, ...]
    """The list of names or ids in the look-up's request."""
    constants: tuple[tuple[tuple[str, ...], object], ...]
    rows: tuple[FieldDescriptor, ...]
    """From the look-up's answer down to the owners."""
    found: Value
    """The same name or id, of an owner."""


@dataclass(slots=True)
class ColumnInputs:
    """What columns of one view are computed from beside rows, and which of it they need."""

    now: int
    """In seconds since 1970."""
    owners: Owners = field(default_factory=lambda: NO_OWNERS)
    uses_now: bool = False
    owned: Owned | None = None
    """How the owners that are needed are looked up."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    leaf: FieldDescriptor
    """It has the type of the column, and its unit."""
    about: str
    """In a line: `seconds from startTime to stopTime, or until now`."""
    values: tuple[Value, ...]
    computation: Computation | None = None
    """None for the first of the values of the row's owner."""
    owned: Owned | None = None

    def bound(self, inputs: ColumnInputs) -> Value:
        """The function from a row to the value, with these inputs."""
        if self.owned is not None:
            inputs.owned = self.owned
            return partial(of_owner, self.owned.key, inputs.owners, self.values[0])
        assert self.computation is not None
        inputs.uses_now = inputs.uses_now or self.computation.is_timed
        return partial(of_row, self.computation.compute, inputs.now, self.values)


def of_row(compute: Callable[..., Any], now: int, values: tuple[Value, ...], row: Any) -> Any:
    return compute(now, *[value(row) for value in values])


def of_owner(key: Value | None, owners: Owners, value: Value, row: Any) -> Any:
    owner = owners.get(THE_ONE if key is None else key(row))
    return None if owner is None else value(owner)
