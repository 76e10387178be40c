"""Groups of rows: `_group`, `_count`, `_sum`, `_min` and `_max`."""

import math
import operator
import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.calls.query import refused
from gateway.core.codec.encode import Encoders
from gateway.core.codec.interfaces import ToJson
from gateway.core.codec.scalars import json_double
from gateway.core.long_work import Step
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean
from gateway.features.views import columns
from gateway.features.views.columns import Value
from gateway.features.views.order import Order, Part, encoding_of, part, sorted_by, wide_integer
from gateway.features.views.paths import FieldPath, Find, names_in, single_value
from gateway.features.views.row_conditions import INTEGERS, NUMBERS
from gateway.features.views.spreadsheets import for_spreadsheets
from gateway.features.views.units import NO_UNITS, Units, unit_of

Kind = Literal["sum", "min", "max"]
KINDS: tuple[Kind, ...] = ("sum", "min", "max")
COUNT = "count"
PARAMETERS = ("_group", "_count", "_sum", "_min", "_max")
OF_GROUPS = ("_sort", "_offset", "_limit")
"""Parameters that are about groups, if there are any."""
LIKE_TRUE_OR_FALSE = ("1", "0", "yes", "no")
"""What others write for these. No field is called so."""
COLUMN = re.compile(r"(sum|min|max)\((.*)\)")
MOST_GROUPED_BY = 8
MOST_AGGREGATES = 16
MOST_GROUPS = 10_000
"""With all columns that they may have, some 15 MB."""
MOST_GROUP_CHARS = 4_000_000
"""Characters in the texts of all groups, of 1 to 4 bytes each."""

Cells = list[Any]
"""The values of one group: of the fields that it is grouped by, its count, and its aggregates. What
no row has is None."""
Update = Callable[[Cells, Any], None]
"""Adds a row to its group."""


@dataclass(frozen=True)
class Aggregate:
    """One value for all rows of a group."""

    kind: Kind
    path: FieldPath
    """Of a number."""

    @property
    def name(self) -> str:
        return f"{self.kind}({self.path.text})"

    @property
    def heading(self) -> str:
        return f"{self.kind}({self.path.heading})"

    @property
    def is_of_integers(self) -> bool:
        return self.path.leaf.type in INTEGERS

    def to_json(self, encoders: Encoders, units: Units = NO_UNITS) -> ToJson | None:
        """With units, numbers are as spreadsheets take them, but for sums of times."""
        unit = unit_of(self.path.leaf, units)
        if self.kind != "sum":
            return for_spreadsheets(unit) or encoders.value(self.path.leaf)
        if unit != "time" and (convert := for_spreadsheets(unit)) is not None:
            return convert
        if self.path.leaf is columns.NUMBER:  # the sum of what is rounded has no more digits
            return columns.rounded
        return str if self.is_of_integers else json_double

    def encoding(self, *, descending: bool) -> Callable[[Any], bytes]:
        if self.kind == "sum" and self.is_of_integers:
            return wide_integer(descending=descending)
        return encoding_of(self.path.leaf, descending=descending)

    def update(self, index: int, encoders: Encoders) -> Update:
        value = self.path.value
        if self.kind == "sum":
            return adding(index, value_as_shown(self.path, encoders))
        comes_before = operator.lt if self.kind == "min" else operator.gt

        def update(cells: Cells, row: Any) -> None:
            found = value(row)
            if found is None or found != found:
                return
            if cells[index] is None or comes_before(found, cells[index]):
                cells[index] = found

        return update


def adding(index: int, value: Value) -> Update:
    def update(cells: Cells, row: Any) -> None:
        found = value(row)
        if found is not None:
            cells[index] += found

    return update


def value_as_shown(path: FieldPath, encoders: Encoders) -> Value:
    """The values to add up: of 32-bit floats those in answers (0.1), not the nearest double."""
    value = path.value
    if path.leaf.type != FieldDescriptor.TYPE_FLOAT:
        return value
    to_json = cast(ToJson, encoders.value(path.leaf))

    def shown(row: Any) -> Any:
        found = value(row)
        if not found or not math.isfinite(found):
            return found
        return to_json(found)

    return shown


@dataclass(frozen=True)
class Grouping:
    """What is asked about groups of rows, or with an empty `by` about all rows."""

    by: tuple[FieldPath, ...]
    counts: bool
    aggregates: tuple[Aggregate, ...]
    sort: tuple[tuple[int, bool], ...] = ()
    """Cells by which groups are sorted, and whether descending. Then come those of `by`."""

    @cached_property
    def order(self) -> Order:
        """The order of groups, which tells any two apart."""
        sort = dict(self.sort)
        for index in range(len(self.by)):
            sort.setdefault(index, False)
        return Order(tuple(self._part(index, descending=down) for index, down in sort.items()))

    def _part(self, index: int, *, descending: bool) -> Part:
        if index < len(self.by):
            encode = encoding_of(self.by[index].leaf, descending=descending)
        elif index == len(self.by):
            encode = wide_integer(descending=descending)
        else:
            encode = self.aggregates[index - len(self.by) - 1].encoding(descending=descending)
        return part(operator.itemgetter(index), encode)

    def empty(self, key: Iterable[Any]) -> Cells:
        starts = {"sum": 0, "min": None, "max": None}
        return [*key, 0, *(starts[each.kind] for each in self.aggregates)]

    def updates(self, encoders: Encoders) -> tuple[Update, ...]:
        behind = len(self.by) + 1
        return tuple(
            each.update(behind + number, encoders) for number, each in enumerate(self.aggregates)
        )

    def cells(self) -> Iterator[tuple[int, str]]:
        """The cells that are shown, and the names of their columns."""
        yield from enumerate(path.text for path in self.by)
        if self.counts:
            yield len(self.by), COUNT
        yield from enumerate((each.name for each in self.aggregates), len(self.by) + 1)

    def headings(self) -> Iterator[str]:
        """Of the same cells, as they were asked for."""
        yield from (path.heading for path in self.by)
        if self.counts:
            yield COUNT
        yield from (each.heading for each in self.aggregates)

    def shown(
        self, encoders: Encoders, units: Units = NO_UNITS
    ) -> list[tuple[int, ToJson | None, bool]]:
        """The same cells, the JSON of their values, and whether they are numbers.

        With units, numbers are as spreadsheets take them.
        """
        keys = [
            (
                for_spreadsheets(unit_of(path.leaf, units)) or encoders.value(path.leaf),
                path.leaf.type in NUMBERS,
            )
            for path in self.by
        ]
        aggregates = [(each.to_json(encoders, units), True) for each in self.aggregates]
        values = [*keys, (None, True), *aggregates]
        return [(index, *values[index]) for index, _ in self.cells()]

    def to_json(self, encoders: Encoders) -> Callable[[Cells], dict[str, object]]:
        behind = len(self.by) + 1
        flat = [
            (name, index, convert)
            for (index, name), (_, convert, _) in zip(
                self.cells(), self.shown(encoders), strict=True
            )
            if index < behind
        ]
        nested = [
            (each.kind, each.path.text, index, each.to_json(encoders))
            for index, each in enumerate(self.aggregates, behind)
        ]

        def to_json(cells: Cells) -> dict[str, object]:
            json: dict[str, Any] = {
                name: converted(cells[index], convert) for name, index, convert in flat
            }
            for kind, name, index, convert in nested:
                json.setdefault(kind, {})[name] = converted(cells[index], convert)
            return json

        return to_json


def converted(value: object, convert: ToJson | None) -> object:
    return value if value is None or convert is None else convert(value)


# --- gathering --------------------------------------------------------------------------------


def gathered(
    grouping: Grouping, found: Iterable[Any], encoders: Encoders, step: Step
) -> Generator[bytes, None, list[Cells]]:
    """The groups of these rows, in the order of their first rows; None is a pause.

    Yields pauses. Raises GatewayError (INVALID_ARGUMENT) for too many groups.
    """
    keys = [key_value(path) for path in grouping.by]
    updates, counted = grouping.updates(encoders), len(keys)
    groups: dict[tuple[Any, ...], Cells] = {} if keys else {(): grouping.empty(())}
    chars = 0
    for row in found:
        if row is not None:
            key = tuple([value(row) for value in keys])
            cells = groups.get(key)
            if cells is None:
                chars += sum(len(each) for each in key if isinstance(each, str | bytes))
                check_size(len(groups) + 1, chars)
                cells = groups[key] = grouping.empty(key)
            cells[counted] += 1
            for update in updates:
                update(cells, row)
        if row is None or step.is_over():
            yield b""
            step.begin()
    return list(groups.values())


def key_value(path: FieldPath) -> Value:
    """The value by which rows are grouped: one for all that is not a number."""
    value = path.value
    if path.leaf.type not in NUMBERS - INTEGERS:
        return value

    def one_nan(row: Any) -> Any:
        found = value(row)
        return found if found == found else math.nan

    return one_nan


def check_size(groups: int, chars: int) -> None:
    if groups > MOST_GROUPS:
        raise refused(
            "_group",
            f"there are more than {MOST_GROUPS:,} groups; group by fewer fields, or choose fewer"
            " rows with _where",
        )
    if chars > MOST_GROUP_CHARS:
        raise refused(
            "_group",
            f"the texts of the groups are longer than {MOST_GROUP_CHARS:,} characters; group by"
            " shorter fields, or choose fewer rows with _where",
        )


# --- parameters -------------------------------------------------------------------------------


def grouping_of(descriptor: Descriptor, asked: Mapping[str, str], find: Find) -> Grouping | None:
    """The groups that are asked for, of rows of this type; None if rows are shown.

    Raises GatewayError (INVALID_ARGUMENT).
    """
    counts, parameter = counting(asked)
    by = paths_in(parameter, descriptor, asked, find, MOST_GROUPED_BY)
    aggregates = tuple(aggregates_in(descriptor, asked, find))
    if not (by or counts or aggregates):
        return None
    if "_fields" in asked:
        raise refused(
            "_fields",
            f"groups have no other fields than those of {', '.join(PARAMETERS)}; leave it out",
        )
    taken = {each.kind for each in aggregates} | ({COUNT} if counts else set())
    for path in by:
        if path.text in taken:
            raise refused("_group", f"{path.text} and _{path.text} would have one name")
    if not by:
        for name in OF_GROUPS:
            if name in asked:
                raise refused(
                    name,
                    "without _group, one answer is about all rows: there is nothing to sort or to"
                    " cut; choose rows with _where, or leave it out",
                )
    grouping = Grouping(by, counts, aggregates)
    return replace(grouping, sort=sort_of(grouping, descriptor, asked, find))


def counting(asked: Mapping[str, str]) -> tuple[bool, str]:
    """Whether rows are counted, and the parameter with the fields that they are grouped by:
    `_count=show` says what `_group=show&_count=true` says.

    Raises GatewayError (INVALID_ARGUMENT) for fields in both.
    """
    text = asked.get("_count")
    if text is None or text.lower() in ("", "true", "false"):
        return text is not None and text.lower() != "false", "_group"
    if "_group" in asked:
        problem = f"expected true or false beside _group, got {text[:QUOTED_CHARS]!r}"
        raise refused("_count", f"{problem}; _group has all fields: _group=user,state")
    if text.lower() in LIKE_TRUE_OR_FALSE:
        raise refused("_count", f"expected true, false or a field, got {text!r}")
    return True, "_count"


def paths_in(
    parameter: str, descriptor: Descriptor, asked: Mapping[str, str], find: Find, most: int
) -> tuple[FieldPath, ...]:
    if parameter not in asked:
        return ()
    names = names_in(parameter, asked[parameter], most)
    found = [single_value(parameter, descriptor, name, find) for name in names]
    return tuple({path.text: path for path in found}.values())


def aggregates_in(
    descriptor: Descriptor, asked: Mapping[str, str], find: Find
) -> Iterator[Aggregate]:
    for kind in KINDS:
        for path in paths_in(f"_{kind}", descriptor, asked, find, MOST_AGGREGATES):
            if path.leaf.type not in NUMBERS:
                raise refused(f"_{kind}", f"{path.text} is no number")
            yield Aggregate(kind, path)


def sort_of(
    grouping: Grouping, descriptor: Descriptor, asked: Mapping[str, str], find: Find
) -> tuple[tuple[int, bool], ...]:
    """The columns of `_sort`: `-count`, `sum(jobStats.totalFrames)`, or a field of `_group`."""
    if "_sort" not in asked:
        return ()
    cells = {name: index for index, name in grouping.cells()}
    found: dict[int, bool] = {}
    for text in names_in("_sort", asked["_sort"], MOST_GROUPED_BY):
        name, descending = sorted_by(text)
        column = native(name, descriptor, find)
        if column not in cells:
            hint = did_you_mean(name, cells) or f"; they have {', '.join(cells)}"
            raise refused("_sort", f"groups have no {name[:QUOTED_CHARS]!r}{hint}")
        found.setdefault(cells[column], descending)
    return tuple(found.items())


def native(name: str, descriptor: Descriptor, find: Find) -> str:
    """A column's name with its path in JSON names, if it has one."""
    column = COLUMN.fullmatch(name)
    try:
        path = find(descriptor, column[2] if column else name).text
    except LookupError:
        return name
    return f"{column[1]}({path})" if column else path
