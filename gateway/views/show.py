"""Answers as views show them: from Cuebot's bytes to JSON, NDJSON or CSV, in pieces.

What is not asked for is never made into Python: rows are parsed a few at a time, those that do not
fit are dropped, and of the others only the wanted fields are read.
"""

import csv
import heapq
import io
import itertools
from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.encode import UNREADABLE, Encoders, unreadable
from gateway.codec.fields import is_map, is_message, map_fields, message_of, owner_of
from gateway.codec.interfaces import ToJson
from gateway.codec.slices import rows_in
from gateway.codec.wellknown import is_special
from gateway.views.conditions import NUMBER
from gateway.views.paths import FieldPath, Segment, find_path, values_at
from gateway.views.view import Order, Rows, View

MOST_COLUMNS = 200
SHORT = 32 * 1024
"""Bytes of an answer that takes a few ms at most, whatever is asked of it."""
SORTED_AT_ONCE = 2048
"""Rows. Sorting so many takes some 2 ms."""
HARMFUL = ("=", "+", "-", "@")
"""How a text begins, after blanks, that a spreadsheet would run (OWASP, CSV injection)."""

Show = Callable[[bytes], Iterable[bytes]]
"""Cuebot's bytes to the pieces of a view. Raises GatewayError (INTERNAL) as an `Encode` does."""


def compile_view(view: View, encoders: Encoders) -> Show:
    """What shows answers so."""
    if view.rows is None:
        return whole(view, encoders)
    return {"json": as_json, "ndjson": as_ndjson, "csv": as_csv}[view.format](
        view, view.rows, encoders
    )


def whole(view: View, encoders: Encoders) -> Show:
    """Fields of an answer without rows."""
    if view.answer_fields is None:
        return encoders.encoder(view.answer)
    to_json = tree_to_json(view.answer, view.answer_fields, encoders)
    parse = GetMessageClass(view.answer).FromString

    def show(payload: bytes) -> Iterable[bytes]:
        try:
            return (orjson.dumps(to_json(parse(payload))),)
        except UNREADABLE as error:
            raise unreadable(view.answer, error) from error

    return show


def as_json(view: View, rows: Rows, encoders: Encoders) -> Show:
    """The answer in its shape, with the rows and the fields that are wanted."""
    row_to_json = rows_to_json(view, rows, encoders)
    if view.answer_fields is None:
        rest_to_json = encoders.to_json(view.answer)
    else:
        rest_to_json = tree_to_json(view.answer, view.answer_fields, encoders)
    parse = GetMessageClass(view.answer).FromString
    shows_rows = view.row_fields is None or bool(view.row_fields)

    def pieces(payload: bytes) -> Iterator[bytes]:
        rest, found = yield from fitting(view, rows, payload)
        json = rest_to_json(parse(rest))
        if not shows_rows:
            yield orjson.dumps(json)
            return
        text, end = orjson.dumps(with_list_last(json, rows.names)), b"]" + b"}" * len(rows.names)
        yield text[: -len(end)]
        comma = b""
        for some in found:
            if some:
                yield comma + orjson.dumps([row_to_json(row) for row in some])[1:-1]
                comma = b","
            else:
                yield b""
        yield end

    return guarded(view, pieces)


def as_ndjson(view: View, rows: Rows, encoders: Encoders) -> Show:
    """A line of JSON for each row."""
    row_to_json = rows_to_json(view, rows, encoders)

    def pieces(payload: bytes) -> Iterator[bytes]:
        _, found = yield from fitting(view, rows, payload)
        for some in found:
            yield b"".join(
                orjson.dumps(row_to_json(row), option=orjson.OPT_APPEND_NEWLINE) for row in some
            )

    return guarded(view, pieces)


def as_csv(view: View, rows: Rows, encoders: Encoders) -> Show:
    """A line of paths, and one for each row (RFC 4180)."""
    paths = view.row_fields
    if paths is None:
        paths = tuple(columns_of(rows.descriptor))
    cells = [cell_of(path, encoders) for path in paths]

    def pieces(payload: bytes) -> Iterator[bytes]:
        _, found = yield from fitting(view, rows, payload)
        yield lines([[path.text for path in paths]])
        for some in found:
            yield lines([[cell(row) for cell in cells] for row in some])

    return guarded(view, pieces)


def guarded(view: View, pieces: Callable[[bytes], Iterator[bytes]]) -> Show:
    """With the error for bytes that are no such answer; of a short answer, all is one piece."""

    def guarded_pieces(payload: bytes) -> Iterator[bytes]:
        try:
            yield from pieces(payload)
        except UNREADABLE as error:
            raise unreadable(view.answer, error) from error

    def show(payload: bytes) -> Iterable[bytes]:
        if len(payload) > SHORT:
            return guarded_pieces(payload)
        return (b"".join(guarded_pieces(payload)),)

    return show


# --- rows -----------------------------------------------------------------------------------


def fitting(
    view: View, rows: Rows, payload: bytes
) -> Generator[bytes, None, tuple[bytes, Iterator[list[Any]]]]:
    """The answer without its rows, and the rows that the view shows, some at a time.

    Empty pieces come before it, as pauses.
    """
    rest, runs = yield from rows_in(memoryview(payload), rows.fields)
    holder: Any = GetMessageClass(owner_of(rows.fields[-1]))
    name, where = rows.fields[-1].name, view.where

    def matching() -> Iterator[list[Any]]:
        for run in runs:
            some = list(getattr(holder.FromString(run), name))
            yield some if where is None else [row for row in some if where(row)]

    found = matching()
    if view.order is not None:
        found = in_order(found, view.order, view.limit)
    return rest, found if view.limit is None else first(found, view.limit)


def in_order(found: Iterator[list[Any]], order: Order, limit: int | None) -> Iterator[list[Any]]:
    """The rows, sorted, and no more than the limit. Pauses while they are gathered.

    They are sorted some at a time and merged when all are there, so that no step takes long.
    """
    count = itertools.count()  # of equal rows, the first stays the first
    runs: list[list[tuple[Any, int, Any]]] = [[]]
    few = limit is not None and limit <= SORTED_AT_ONCE
    for some in found:
        runs[-1] += [(order.key(row), next(count), row) for row in some]
        if len(runs[-1]) >= SORTED_AT_ONCE * 2:
            runs[-1].sort()
            if few:
                del runs[-1][limit:]
            else:
                runs.append([])
        yield []
    runs[-1].sort()
    rows = (row for _, _, row in heapq.merge(*runs))
    while some := list(islice(rows, 128)):
        yield some


def first(found: Iterator[list[Any]], limit: int) -> Iterator[list[Any]]:
    """So many rows. The others are not looked at."""
    left = limit
    for some in found:
        if len(some) >= left:
            yield some[:left]
            return
        left -= len(some)
        yield some


# --- fields ---------------------------------------------------------------------------------


def rows_to_json(view: View, rows: Rows, encoders: Encoders) -> ToJson:
    """The function for one row."""
    if not view.row_fields:
        return encoders.to_json(rows.descriptor)
    return tree_to_json(rows.descriptor, view.row_fields, encoders)


def tree_to_json(descriptor: Descriptor, paths: Iterable[FieldPath], encoders: Encoders) -> ToJson:
    """The function from a message to JSON that has these fields only."""
    return branch(descriptor, [path.segments for path in paths], encoders)


def branch(descriptor: Descriptor, paths: list[tuple[Segment, ...]], encoders: Encoders) -> ToJson:
    by_field: dict[int, list[tuple[Segment, ...]]] = {}
    for segments in paths:
        by_field.setdefault(segments[0].field.number, []).append(segments)
    parts = [part(below[0][0].field, below, encoders) for below in by_field.values()]

    def to_json(message: Any) -> dict[str, object]:
        json: dict[str, object] = {}
        for add in parts:
            add(message, json)
        return json

    return to_json


def part(
    field: FieldDescriptor, paths: list[tuple[Segment, ...]], encoders: Encoders
) -> Callable[[Any, dict[str, object]], None]:
    """What puts one field of a message into its JSON."""
    name, key = field.name, field.json_name
    if is_map(field):
        return map_part(field, paths, encoders)
    is_whole = any(len(segments) == 1 for segments in paths)
    value: ToJson | None
    if is_whole or not is_message(field):
        value = encoders.value(field)
    else:
        value = branch(message_of(field), [segments[1:] for segments in paths], encoders)
    if field.is_repeated:
        if value is None:
            return lambda message, json: json.__setitem__(key, list(getattr(message, name)))
        convert = value
        return lambda message, json: json.__setitem__(
            key, [convert(item) for item in getattr(message, name)]
        )
    has = GetMessageClass(owner_of(field)).HasField if field.has_presence else None
    in_oneof = field.containing_oneof is not None

    def add(message: Any, json: dict[str, object]) -> None:
        if has is not None and not has(message, name):
            if not in_oneof:
                json[key] = None
            return
        found = getattr(message, name)
        json[key] = found if value is None else value(found)

    return add


def map_part(
    field: FieldDescriptor, paths: list[tuple[Segment, ...]], encoders: Encoders
) -> Callable[[Any, dict[str, object]], None]:
    """The entries of a map that are wanted, by their keys."""
    name, json_name = field.name, field.json_name
    value_field = map_fields(field)[1]
    value = encoders.value(value_field)
    below: dict[object, list[tuple[Segment, ...]]] = {}
    for first, *rest in paths:
        below.setdefault(first.key, []).append(tuple(rest))
    values = {
        key: branch(message_of(value_field), inner, encoders) if all(inner) else value
        for key, inner in below.items()
    }

    def add(message: Any, json: dict[str, object]) -> None:
        entries = getattr(message, name)
        keys = sorted(entries) if None in values else [key for key in values if key in entries]
        json[json_name] = {
            map_key_text(key): entries[key] if to_json is None else to_json(entries[key])
            for key in keys
            for to_json in (value if None in values else values[key],)
        }

    return add


def map_key_text(key: object) -> str:
    """A map's key in JSON."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def with_list_last(json: object, names: tuple[str, ...]) -> dict[str, object]:
    """The JSON with an empty list at this place, as the last member of each object on the way."""
    found = dict(json) if isinstance(json, dict) else {}
    inner = found.pop(names[0], None)
    found[names[0]] = [] if len(names) == 1 else with_list_last(inner, names[1:])
    return found


# --- CSV ------------------------------------------------------------------------------------


def columns_of(descriptor: Descriptor) -> Iterator[FieldPath]:
    """The paths of all single values of a row, down through its messages."""
    return islice(leaves(descriptor, descriptor, "", ()), MOST_COLUMNS)


def leaves(
    root: Descriptor, descriptor: Descriptor, prefix: str, above: tuple[str, ...]
) -> Iterator[FieldPath]:
    for field in descriptor.fields:
        text = prefix + field.json_name
        if field.is_repeated and is_message(field):
            continue
        if not is_message(field) or is_special(message_of(field)):
            yield find_path(root, text)
        elif message_of(field).full_name not in above:
            inner = message_of(field)
            yield from leaves(root, inner, f"{text}.", (*above, descriptor.full_name))


def cell_of(path: FieldPath, encoders: Encoders) -> Callable[[Any], object]:
    """The function from a row to the cell of a column: empty if it is not set."""
    if is_map(path.leaf):
        return map_cell(path, encoders)
    values, convert = path.values, encoders.value(path.leaf)
    is_text = path.leaf.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)

    def cell(row: Any) -> object:
        found = [value if convert is None else convert(value) for value in values(row)]
        if not found:
            return ""
        if path.is_list or isinstance(found[0], dict | list):
            content = found if path.is_list else found[0]
            return harmless(orjson.dumps(content).decode())
        value = found[0]
        if isinstance(value, bool):
            return "true" if value else "false"
        if is_text or (is_message(path.leaf) and not NUMBER.fullmatch(str(value))):
            return harmless(str(value))
        return value

    return cell


def map_cell(path: FieldPath, encoders: Encoders) -> Callable[[Any], object]:
    """The same for a map as a whole, or several of them below a list: a cell of JSON."""
    *above, last = path.segments
    owners = values_at(tuple(above)) if above else lambda row: iter((row,))
    add = map_part(last.field, [(last,)], encoders)
    several = any(each.key is None and each.field.is_repeated for each in above)

    def cell(row: Any) -> object:
        found: list[object] = []
        for owner in owners(row):
            json: dict[str, object] = {}
            add(owner, json)
            found.append(json[last.field.json_name])
        return orjson.dumps(found if several else found[0]).decode() if found else ""

    return cell


def harmless(text: str) -> str:
    """A text that no spreadsheet runs: with an apostrophe before it if one would."""
    return f"'{text}" if text.lstrip().startswith(HARMFUL) else text


def lines(table: list[list[object]]) -> bytes:
    """Lines of CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(table)
    return text.getvalue().encode()
