"""A request in the audit log: short, and without hidden fields.

Nothing that a client writes pushes a single value of the request out of the line: single values
come first, each text is cut by itself, and lists are cut before anything else is left out. Cuebot
identifies an object by its `id` alone: other fields of it may be false, and are marked as
UNVERIFIED.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Container, Generator, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import lru_cache
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.encode import Encoders, json_bool
from gateway.core.codec.fields import has_text, is_map, is_message, map_fields, message_of
from gateway.core.codec.slices import (
    LENGTH,
    LONG_SCALARS,
    START_GROUP,
    Run,
    read_varint,
    skip,
    varint,
)
from gateway.core.codec.wellknown import AS_TEXT, WRAPPERS, is_special

SHOWN_MAX_CHARACTERS = 3000
"""Length of a request, so that a line has 4 KB or less."""
PARSED_MAX_BYTES = 64 * 1024
"""Size of a request that is parsed whole, in 3 ms or less. A larger one is reduced to an excerpt.
"""
EXCERPT_TEXT_BYTES = 4000
"""Size of each text in an excerpt: 1000 characters or more."""
INNER_TEXT_BYTES = 160
"""Of each text in the messages of the request, so that there is room for all ids of a few."""
EXCERPT_ROOM_BYTES = 4 * SHOWN_MAX_CHARACTERS
"""Size of an excerpt, for each list or message of the request."""
RECORDS_PER_TURN = 4096
"""Records in a turn of the event loop; they take some 2 ms."""
CUT = "…"
"""The end of a shortened text or list, and what stands for a message that is too deep."""
UNVERIFIED = "unverified"
SINGLE_VALUES = {*AS_TEXT, *WRAPPERS}
"""Message types whose JSON is neither an object nor a list."""
RESERVED = (CUT, UNVERIFIED)
"""Names of the log's own. Keys of maps that equal one are shown in brackets."""
HIDDEN = "(hidden)"
UNSHOWN = "(cannot be shown)"
ID = "id"

Hides = Callable[[str], bool]
"""Whether the field or key of this name is hidden."""
Known = Mapping[str, Container[object]]
"""By an object's id: its values that were looked up, and that the line has elsewhere."""
NOTHING_KNOWN: Known = {}
Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of a request is shown."""

    text: int
    """Characters of each text."""
    items: int
    """Of each list or map."""
    depth: int
    """Messages in messages."""
    beside_ids: bool = True
    """Whether items that have an id show their other fields."""


LIMITS = (
    Limits(text=1000, items=60, depth=20),
    Limits(text=200, items=60, depth=20),
    Limits(text=40, items=60, depth=8, beside_ids=False),  # an id has 36 characters
    Limits(text=40, items=10, depth=4, beside_ids=False),
    Limits(text=40, items=1, depth=2, beside_ids=False),
)
"""From generous to strict: a request is shown within the first that keep it short enough."""
STRICTEST = LIMITS[-1]
MOST_ITEMS = max(limits.items for limits in LIMITS)
MOST_VALUES = SHOWN_MAX_CHARACTERS // 3
"""Each takes at least three characters, so more of them are too long."""


class TooLongError(Exception):
    """Within these limits, more is shown than there is room for."""


def hidden_names(globs: Iterable[str]) -> Hides:
    """Names that match one of these globs, in any case."""
    pattern = re.compile("|".join(map(translate, globs)) or "(?!)", re.IGNORECASE)
    return lru_cache(maxsize=4096)(lambda name: pattern.match(name) is not None)


def shown_request(*arguments: Any) -> bytes:
    """`shown_in_steps` without the pauses, for short requests."""
    steps = shown_in_steps(*arguments)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            shown: bytes = done.value
            return shown


def shown_in_steps(
    encoders: Encoders,
    descriptor: Descriptor,
    payload: bytes,
    hides: Hides,
    known: Known = NOTHING_KNOWN,
    room: int = SHOWN_MAX_CHARACTERS,
) -> Generator[None, None, bytes]:
    """JSON of the fields that are set, of some `room` bytes at most. Pauses in a large request, and
    raises nothing.
    """
    excerpt, size = Excerpt(), len(payload)
    try:
        if size > PARSED_MAX_BYTES:
            payload = yield from excerpt.of(descriptor, memoryview(payload))
        message = GetMessageClass(descriptor).FromString(payload)
        for limits in LIMITS:
            showing = Showing(encoders, hides, known, limits)
            try:
                shown = showing.fields(message.ListFields(), verified=True)
            except TooLongError:
                continue
            if excerpt.cut or showing.cut:
                shown[CUT] = f"cut; it has {size} bytes"
            if len(json := orjson.dumps(shown)) <= room:
                break
        return json
    except Exception:  # a line without it is better than none
        return orjson.dumps({CUT: f"cannot be shown; it has {size} bytes"})


@dataclass(slots=True)
class Showing:
    """Shows a request within limits."""

    encoders: Encoders
    hides: Hides
    known: Known
    limits: Limits
    cut: bool = False
    """Whether anything is shortened or left out."""
    values: int = 0
    """That are shown so far."""

    def fields(
        self, content: Collection[tuple[FieldDescriptor, Any]], depth: int = 0, *, verified: bool
    ) -> Object:
        """Fields of a message with their values: the single ones first, the lists last. Raises
        TooLongError.
        """
        shown: Object = {}
        for one, value in sorted(content, key=lambda each: place_of(each[0])):
            name = f"[{one.full_name}]" if one.is_extension else one.json_name
            if self.hides(one.name) or self.hides(name):
                shown[name] = HIDDEN
            elif is_map(one):
                shown[name] = self._map(one, value, depth, verified=verified)
            elif one.is_repeated:
                shown[name] = self._list(one, value, depth, verified=verified)
            else:
                shown[name] = self._value(one, value, depth, verified=verified)
        return shown

    def _list(self, one: FieldDescriptor, content: Any, depth: int, *, verified: bool) -> object:
        items = [
            self._value(one, each, depth, verified=verified, is_item=True)
            for each in islice(content, self.limits.items)
        ]
        if len(items) < len(content):
            items.append(CUT)
            self.cut = True
        return items

    def _map(self, one: FieldDescriptor, content: Any, depth: int, *, verified: bool) -> Object:
        key_field, value_field = map_fields(one)
        text = json_bool if key_field.type == key_field.TYPE_BOOL else str
        entries: Object = {}
        for key in islice(content, self.limits.items):
            name = unreserved(self._short(text(key)))
            if name not in entries:  # another one may begin like this
                entries[name] = (
                    HIDDEN
                    if self.hides(text(key))
                    else self._value(
                        value_field, content[key], depth, verified=verified, is_item=True
                    )
                )
        if left_out := len(content) - len(entries):
            entries[CUT] = f"{left_out} more"
            self.cut = True
        return entries

    def _value(
        self,
        one: FieldDescriptor,
        content: Any,
        depth: int,
        *,
        verified: bool,
        is_item: bool = False,
    ) -> object:
        """A single value, or an item of a list or map."""
        self.values += 1
        if self.values > MOST_VALUES and self.limits is not STRICTEST:
            raise TooLongError
        if is_plain(one):
            return self._object(content, depth + 1, verified=verified, is_item=is_item)
        json = self._without_hidden(self._json(one, content))
        if isinstance(json, str):
            return self._short(json)
        if isinstance(json, dict | list):
            text = orjson.dumps(json).decode()
            return json if len(text) <= self.limits.text else self._short(text)
        return json

    def _object(self, message: Any, depth: int, *, verified: bool, is_item: bool) -> object:
        if depth > self.limits.depth:
            self.cut = True
            return CUT
        fields = message.ListFields()
        if not (verified and has_text(message.DESCRIPTOR, ID) and message.id):
            return self.fields(fields, depth, verified=verified)
        shown = self.fields([each for each in fields if each[0].name == ID], depth, verified=True)
        known = self.known.get(message.id, ())
        beside = [
            (one, content)
            for one, content in fields
            if one.name != ID and not is_known(one, content, known)
        ]
        if beside and is_item and not self.limits.beside_ids:
            self.cut = True
        elif beside:
            shown[UNVERIFIED] = self.fields(beside, depth, verified=False)
        return shown

    def _json(self, one: FieldDescriptor, content: Any) -> object:
        if one.type == one.TYPE_STRING:
            return content
        convert = self.encoders.value(one)
        try:
            return content if convert is None else convert(content)
        except Exception:  # e.g. a Timestamp out of range, which must not hide the rest
            self.cut = True
            return UNSHOWN

    def _short(self, text: str) -> str:
        if len(text) <= self.limits.text:
            return text
        self.cut = True
        return text[: self.limits.text] + CUT

    def _without_hidden(self, json: object) -> object:
        if isinstance(json, dict):
            return {
                unreserved(key): HIDDEN if self.hides(key) else self._without_hidden(value)
                for key, value in json.items()
            }
        return [self._without_hidden(each) for each in json] if isinstance(json, list) else json


def unreserved(key: str) -> str:
    return f"[{key}]" if key in RESERVED else key


def place_of(one: FieldDescriptor) -> int:
    """Where a field is shown: behind those of a lower number."""
    if one.is_repeated:
        return 2
    return 0 if has_single_value(one) else 1


def is_plain(one: FieldDescriptor) -> bool:
    """Whether the type is a message whose JSON is an object of its fields."""
    return is_message(one) and not is_special(message_of(one))


def has_single_value(one: FieldDescriptor) -> bool:
    """Whether the JSON of one of its values is neither an object nor a list."""
    return one.message_type is None or one.message_type.full_name in SINGLE_VALUES


def is_known(one: FieldDescriptor, content: Any, known: Container[object]) -> bool:
    return not one.is_repeated and not is_message(one) and content in known


class Excerpt:
    """Cuts a shorter message out of the bytes of a large one, without parsing it.

    All bytes are read: no single value of the request is left out, whatever precedes it. Lists,
    and messages of messages, are cut.
    """

    def __init__(self, text: int = EXCERPT_TEXT_BYTES) -> None:
        """With texts of up to `text` bytes."""
        self._text = text
        self.cut = False
        """Whether anything is shortened or left out."""
        self._used: defaultdict[int, int] = defaultdict(int)
        """Bytes by the field of the request."""
        self._records = 0

    def of(
        self, kind: Descriptor, payload: memoryview, part: int = 0
    ) -> Generator[None, None, bytes]:
        """A message of the same type. Raises DecodeError.

        `part` is the field of the request that has the message; 0 for the request itself.
        """
        found, position, items = bytearray(), 0, Counter[int]()
        most = min(self._text, INNER_TEXT_BYTES) if part else self._text
        while position < len(payload):
            start = position
            tag, position = read_varint(payload, start)
            end, number = skip(payload, position, tag), 1
            one, inside = kind.fields_by_number.get(tag >> 3), part or tag >> 3
            record, is_long = payload[start:end], not has_one_value(one, tag)
            items[tag] += one is not None and one.is_repeated
            is_full = self._used[inside] >= EXCERPT_ROOM_BYTES or items[tag] > MOST_ITEMS + 1
            if is_long and is_full:
                end, number = end_of_run(payload, start, end, tag)
                record = payload[:0]
                self.cut = True
            elif one is None or tag & 7 == START_GROUP:  # of an extension, or long
                if len(record) > most:
                    record = payload[:0]
                    self.cut = True
            elif tag & 7 == LENGTH:
                length, position = read_varint(payload, position)
                content = payload[position : position + length]
                if is_message(one):
                    cut = yield from self.of(message_of(one), content, inside)
                else:
                    cut = start_of(one, content, most)
                    self.cut |= len(content) > most
                record = memoryview(varint(tag) + varint(len(cut)) + cut)
            found += record
            self._used[inside] += is_long * (len(record) + 1)
            position = end
            turn = self._records // RECORDS_PER_TURN
            self._records += number
            if self._records // RECORDS_PER_TURN > turn:
                yield
        return bytes(found)


def has_one_value(one: FieldDescriptor | None, tag: int) -> bool:
    """Whether it is a single value that is no message, so that its type bounds it."""
    if one is None or tag & 7 == START_GROUP:
        return False
    return not one.is_repeated and not is_message(one)


def end_of_run(payload: memoryview, start: int, end: int, tag: int) -> tuple[int, int]:
    """The end of a run of like records that are left out, and their number."""
    if tag & 7 != LENGTH:
        return end, 1
    run = Run(start, end)
    run.extend(payload, tag)
    return run.end, run.records


def start_of(one: FieldDescriptor, content: memoryview, most: int) -> bytes:
    """The beginning of a text (which ends with CUT then), of bytes, or of packed numbers."""
    cut = bytes(content[:most])
    if len(content) <= most:
        return cut
    if one.type == one.TYPE_STRING:
        return (cut.decode(errors="ignore") + CUT).encode()
    if one.type in LONG_SCALARS:
        return cut
    if one.type in (one.TYPE_DOUBLE, one.TYPE_FIXED64, one.TYPE_SFIXED64):
        return cut[: most - most % 8]
    if one.type in (one.TYPE_FLOAT, one.TYPE_FIXED32, one.TYPE_SFIXED32):
        return cut[: most - most % 4]
    while cut and cut[-1] >= 0x80:  # in the middle of a varint
        cut = cut[:-1]
    return cut
