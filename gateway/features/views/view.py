"""A view, from the parameters of the query string that begin with `_`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from dataclasses import field as default_of
from functools import partial
from typing import Literal, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.calls.query import refused
from gateway.core.codec.fields import message_of
from gateway.core.codec.wellknown import is_object, is_special
from gateway.core.schema.rows import Rows, rows_of
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.views import groups
from gateway.features.views.filter_expressions import BadCondition, Test, compile_condition
from gateway.features.views.groups import Grouping, grouping_of
from gateway.features.views.order import Order, order_by, sorted_by
from gateway.features.views.paths import FieldPath, Find, find_path, names_in, single_value
from gateway.features.views.row_conditions import Reading
from gateway.features.views.units import NO_UNITS, Units

OF_ROWS = ("_where", *groups.PARAMETERS, "_sort", "_offset", "_limit")
RAW = "_raw"
PARAMETERS = ("_fields", *OF_ROWS, "_format", RAW)
PAGE = ("_offset", "_limit")
FORMATS = ("json", "ndjson", "csv")
Format = Literal["json", "ndjson", "csv"]
MOST_FIELDS = 200
MOST_SORTED = 8
LARGEST_NUMBER = 2**31 - 1
OTHER_WAYS: Mapping[str, str] = {
    "_countby": "did you mean _group={value}&_count=true?",
    "_groupby": "did you mean _group={value}?",
    "_order": "did you mean _sort={value}?",
    "_orderby": "did you mean _sort={value}?",
    "_sortby": "did you mean _sort={value}?",
}
"""What to write for parameters that there are not: in lower case, without other underscores."""
TIES = ("name", "id")
"""Texts by which rows of pages are sorted that are equal otherwise: Cuebot lists hosts and procs in
another order each time."""


@dataclass(frozen=True)
class View:
    answer: Descriptor
    rows: Rows | None
    row_fields: tuple[FieldPath, ...] | None = None
    """The wanted fields of rows; None for all."""
    answer_fields: tuple[FieldPath, ...] | None = None
    """The wanted fields of the answer beside its rows; None for all."""
    where: Test | None = None
    depends_on_time: bool = False
    """Whether the condition is that of one moment."""
    groups: Grouping | None = None
    """With groups, there is an order; it, the offset and the limit are theirs."""
    order: Order | None = None
    offset: int = 0
    limit: int | None = None
    format: Format = "json"
    units: Units = default_of(default_factory=lambda: NO_UNITS)
    """Of the numbers that CSV has as spreadsheets take them; none with `_raw`."""

    @property
    def follows_order(self) -> bool:
        """Whether the order of rows decides which of them are shown."""
        return self.is_page and self.order is None

    @property
    def needs_all_rows(self) -> bool:
        """Whether a row that Cuebot left out could change what is shown of others."""
        return self.where is not None or self.order is not None or self.is_page

    @property
    def is_page(self) -> bool:
        """Whether the place of a row decides if it is shown."""
        return self.limit is not None or self.offset > 0


def make_view(
    answer: Descriptor,
    asked: Mapping[str, str],
    default: Format = "json",
    find: Find = find_path,
    units: Units = NO_UNITS,
    now: int = 0,
) -> View:
    """The view for a method's answer at `now`, in seconds since 1970.

    Raises GatewayError (INVALID_ARGUMENT).
    """
    rows = rows_of(answer)
    format_ = format_of(asked.get("_format", default))
    if rows is None:
        for name in OF_ROWS:
            if name in asked:
                raise refused(name, f"{answer.full_name} is not one list: it has no rows")
        if format_ != "json":
            raise refused("_format", f"{answer.full_name} is not one list: only json can show it")
    grouping = None if rows is None else grouping_of(rows.descriptor, asked, find)
    row_fields: list[FieldPath] = []
    answer_fields: list[FieldPath] = []
    for path, is_row in chosen(answer, rows, asked.get("_fields"), find):
        (row_fields if is_row else answer_fields).append(path)
    where, depends_on_time = None, False
    if rows is not None and "_where" in asked:
        reading = Reading(partial(find, rows.descriptor), units, now)
        where = condition_of("_where", asked["_where"], reading)
        depends_on_time = reading.uses_now
    wanted = "_fields" in asked
    if wanted and format_ != "json" and answer_fields:
        raise refused("_fields", f"{answer_fields[0].text} is no field of a row")
    return View(
        answer=answer,
        rows=rows,
        row_fields=tuple(row_fields) if wanted and row_fields else None if not wanted else (),
        answer_fields=tuple(answer_fields) if wanted else None,
        where=where,
        depends_on_time=depends_on_time,
        groups=grouping,
        order=grouping.order if grouping is not None else order_of(rows, asked, find),
        offset=rows_of_page("_offset", asked) or 0,
        limit=rows_of_page("_limit", asked),
        format=format_,
        units=NO_UNITS if is_raw(asked) else units,
    )


def is_raw(asked: Mapping[str, str]) -> bool:
    """Whether numbers in CSV are to be Cuebot's. Raises GatewayError (INVALID_ARGUMENT)."""
    text = asked.get(RAW, "false").lower()
    if text not in ("", "true", "false"):
        raise refused(RAW, f"expected true or false, got {text[:QUOTED_CHARS]!r}")
    return text != "false"


def chosen(
    answer: Descriptor, rows: Rows | None, text: str | None, find: Find
) -> Iterable[tuple[FieldPath, bool]]:
    """The wanted paths, and whether each is a row's.

    A name is looked up in a row, then in the answer, then in its only object.
    """
    names = [] if text is None else names_in("_fields", text, MOST_FIELDS)
    for name in names:
        problem = ""
        if rows is not None:
            try:
                yield find(rows.descriptor, name), True
                continue
            except LookupError as error:
                problem = str(error)
        try:
            found = find(answer, name)
        except LookupError as error:
            problem = problem or str(error)
        else:
            yield from in_rows(found, rows, find)
            continue
        inner = only_object(answer)
        if inner is None:
            raise refused("_fields", problem)
        try:
            within = find(message_of(inner), name).text
            yield find(answer, f"{inner.json_name}.{within}"), False
        except LookupError as error:
            raise refused("_fields", str(error)) from None


def in_rows(found: FieldPath, rows: Rows | None, find: Find) -> Iterable[tuple[FieldPath, bool]]:
    """A path of the answer, or the paths of a row that it leads to."""
    fields = tuple(each.field.number for each in found.segments)
    above = tuple(field.number for field in rows.fields) if rows is not None else ()
    if rows is None or fields[: len(above)] != above[: len(fields)]:
        yield found, False
    elif len(fields) > len(above):
        yield find(rows.descriptor, found.text.split(".", len(above))[-1]), True
    else:
        for field in rows.descriptor.fields:
            yield find(rows.descriptor, field.json_name), True


def only_object(answer: Descriptor) -> FieldDescriptor | None:
    """The only field of an answer that is an object, as of FindJob."""
    if is_special(answer) or len(answer.fields) != 1:
        return None
    (field,) = answer.fields
    return field if is_object(field) and rows_of(answer) is None else None


def condition_of(parameter: str, text: str, reading: Reading) -> Test:
    """Raises GatewayError (INVALID_ARGUMENT), which names the parameter."""
    try:
        return compile_condition(text, reading.field)
    except BadCondition as error:
        raise refused(parameter, str(error)) from None


def order_of(rows: Rows | None, asked: Mapping[str, str], find: Find) -> Order | None:
    """The order of `_sort`; for pages, no two rows are equal in it that have other ids."""
    if rows is None or "_sort" not in asked:
        return None
    found: list[tuple[FieldPath, bool]] = []
    for text in names_in("_sort", asked["_sort"], MOST_SORTED):
        name, descending = sorted_by(text)
        found.append((single_value("_sort", rows.descriptor, name, find), descending))
    if any(name in asked for name in PAGE):
        found += [(path, False) for path in ties(rows.descriptor, find)]
    return order_by(found)


def ties(descriptor: Descriptor, find: Find) -> Iterable[FieldPath]:
    for name in TIES:
        field = descriptor.fields_by_name.get(name)
        if field is not None and field.type == field.TYPE_STRING and not field.is_repeated:
            yield find(descriptor, name)


def rows_of_page(name: str, asked: Mapping[str, str]) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 10) or int(text) > LARGEST_NUMBER:
        raise refused(name, f"expected a number of rows, got {text[:QUOTED_CHARS]!r}")
    return int(text)


def format_of(text: str) -> Format:
    if text not in FORMATS:
        raise refused("_format", f"expected json, ndjson or csv, got {text[:QUOTED_CHARS]!r}")
    return cast(Format, text)
