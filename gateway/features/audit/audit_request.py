"""A request in the audit log: short, and without hidden fields.

Nothing that a client writes pushes anything else out of the line: single values come first, each
text is cut by itself, and messages and lists share the rest of the room. Cuebot identifies an
object by its `id` alone: other fields of it may be false, and are marked as UNVERIFIED.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from functools import lru_cache
from typing import Any, TypeVar

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
TEXT_MAX_CHARACTERS = 200
"""Length of each text, unless there is room for more in the end."""
CROWDED_TEXT_CHARACTERS = 40
"""Length of each text if there are many: an id has 36."""
PARSED_MAX_BYTES = 64 * 1024
"""Size of a request that is parsed whole, in 3 ms or less. A larger one is reduced to an excerpt.
"""
EXCERPT_ROOM_BYTES = 4 * SHOWN_MAX_CHARACTERS
"""Size of an excerpt, for each list or message of the request."""
RECORDS_PER_TURN = 4096
"""Records in a turn of the event loop; they take some 2 ms."""
CUT = "…"
"""The end of a shortened text or list."""
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
Fields = Collection[tuple[FieldDescriptor, Any]]
"""Fields of a message, with their values."""
Object = dict[str, object]
Beside = list[tuple[Object, Fields]]
"""Objects that are shown by their ids, and their other fields."""
Part = TypeVar("Part")


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
    """JSON of the fields that are set. Pauses in a large request, and raises nothing."""
    excerpt, size = Excerpt(), len(payload)
    try:
        if size > PARSED_MAX_BYTES:
            payload = yield from excerpt.of(descriptor, memoryview(payload))
        message = GetMessageClass(descriptor).FromString(payload)
        showing = Showing(encoders, hides, known, room, fair=False)
        shown = showing.request(message)
        if showing.left_out:
            showing = Showing(encoders, hides, known, room, fair=True)
            shown = showing.request(message)
        if (left_out := excerpt.left_out + showing.left_out) or excerpt.cut or showing.cut:
            more = f", and {left_out} fields and items more" if left_out else ""
            shown[CUT] = f"cut; it has {size} bytes{more}"
        return orjson.dumps(shown)
    except Exception:  # a line without it is better than none
        return orjson.dumps({CUT: f"cannot be shown; it has {size} bytes"})


@dataclass(slots=True)
class Showing:
    encoders: Encoders
    hides: Hides
    known: Known
    room: int
    """Characters that are left."""
    fair: bool
    """Whether messages and lists share the room; if not, all of it is for the first."""
    left_out: int = 0
    """Fields, items and entries that are not shown."""
    cut: bool = False
    """Whether a text is shortened."""
    _long: list[tuple[Object, str, str]] = field(default_factory=list)
    """The request's own texts that are shortened: where, and the whole."""

    def request(self, message: Any) -> Object:
        shown: Object = {}
        self._fields(shown, message.ListFields(), 0, verified=True)
        for target, name, text in self._long:
            shown_so_far = len(str(target[name]))
            most = shown_so_far - len(CUT) + max(self.room, 0)
            self.room -= min(len(text), most) - shown_so_far
            target[name] = self._short(text, most)
        return shown

    def _fields(self, target: Object, fields: Fields, rest: int, *, verified: bool) -> None:
        """Show fields, those with single values first, and leave `rest` characters of the room."""
        texts: list[tuple[str, str]] = []
        parts: list[tuple[str, FieldDescriptor, Any]] = []
        for one, content in fields:
            name = f"[{one.full_name}]" if one.is_extension else one.json_name
            if self.hides(one.name) or self.hides(name):
                self._put(target, name, HIDDEN)
            elif one.is_repeated or not has_single_value(one):
                parts.append((name, one, content))
            elif isinstance(json := self._json(one, content), str):
                texts.append((name, json))
            else:
                self._put(target, name, json)
        most = TEXT_MAX_CHARACTERS
        if texts and sum(min(len(text), most) for _, text in texts) > self.room // 2:
            most = max(min(most, self.room // (2 * len(texts))), CROWDED_TEXT_CHARACTERS)
        for name, text in texts:
            later = verified and len(text) > most  # may be shown in full
            short = text[:most] + CUT if later else self._short(text, most)
            if self._put(target, name, short) and later:
                self._long.append((target, name, text))
        if len(parts) > 1:
            parts.sort(key=lambda part: part[1].is_repeated or not is_plain(part[1]))
        for (name, one, content), share in self._shares(parts, rest):
            self.room -= len(name) + 4
            target[name] = self._part(one, content, share, verified=verified)

    def _part(self, one: FieldDescriptor, content: Any, rest: int, *, verified: bool) -> object:
        if is_map(one):
            return self._map(one, content, rest, verified=verified)
        if one.is_repeated:
            items: list[object] = []
            later: Beside = []
            for item, share in self._shares(content, rest):
                items.append(self._item(one, item, rest, share, later, verified=verified))
            self._show_beside(later, rest)
            return items if len(items) == len(content) else [*items, CUT]
        later = []
        shown = self._item(one, content, rest, rest, later, verified=verified)
        self._show_beside(later, rest)
        return shown

    def _map(self, one: FieldDescriptor, content: Any, rest: int, *, verified: bool) -> Object:
        entries: Object = {}
        key_field, value_field = map_fields(one)
        text = json_bool if key_field.type == key_field.TYPE_BOOL else str
        number = 0
        later: Beside = []
        for key, share in self._shares(content, rest):
            number += 1
            shown = self._short(text(key), TEXT_MAX_CHARACTERS)
            shown = f"[{shown}]" if shown in RESERVED else shown
            if shown in entries:  # a key with the same beginning
                self.left_out += 1
                continue
            self.room -= len(shown) + 4
            entries[shown] = (
                HIDDEN
                if self.hides(text(key))
                else self._item(value_field, content[key], rest, share, later, verified=verified)
            )
        self._show_beside(later, rest)
        if number < len(content):
            entries[CUT] = f"{len(content) - number} more"
        return entries

    def _item(
        self,
        one: FieldDescriptor,
        content: Any,
        rest: int,
        share: int,
        later: Beside,
        *,
        verified: bool,
    ) -> object:
        """An item. What is unverified is added to `later`, to be shown after all items' ids."""
        if is_plain(one):
            self.room -= 4
            return self._object(content, rest, later, verified=verified)
        json = self._without_hidden(self._json(one, content))
        text = json if isinstance(json, str) else orjson.dumps(json).decode()
        if json is text or len(text) > self.room - rest:
            json = text = self._short(text, TEXT_MAX_CHARACTERS)
        self.room -= len(text) + 2
        return json

    def _object(self, message: Any, rest: int, later: Beside, *, verified: bool) -> Object:
        shown: Object = {}
        fields: Fields = message.ListFields()
        beside: Fields = []
        if verified and has_text(message.DESCRIPTOR, ID) and message.id:
            known = self.known.get(message.id, ())
            beside = [
                (one, content)
                for one, content in fields
                if one.name != ID and not is_known(one, content, known)
            ]
            fields = [each for each in fields if each[0].name == ID]
        self._fields(shown, fields, rest, verified=verified)
        if beside:
            later.append((shown, beside))
        return shown

    def _show_beside(self, later: Beside, rest: int) -> None:
        for (target, fields), share in self._shares(later, rest):
            self.room -= len(UNVERIFIED) + 4
            inner: Object = {}
            target[UNVERIFIED] = inner
            self._fields(inner, fields, share, verified=False)

    def _shares(self, parts: Collection[Part], rest: int) -> Iterator[tuple[Part, int]]:
        """Each part, while there is room, with the characters that it should leave."""
        for number, part in enumerate(parts):
            if self.room <= rest:
                self.left_out += len(parts) - number
                return
            share = (self.room - rest) // (len(parts) - number)
            yield part, self.room - share if self.fair else rest

    def _put(self, target: Object, name: str, json: object) -> bool:
        """Show a single value if there is room."""
        if self.room <= 0:
            self.left_out += 1
            return False
        target[name] = json
        self.room -= len(name) + 4 + len(json if isinstance(json, str) else orjson.dumps(json))
        return True

    def _json(self, one: FieldDescriptor, content: Any) -> object:
        if one.type == one.TYPE_STRING:
            return content
        convert = self.encoders.value(one)
        try:
            return content if convert is None else convert(content)
        except Exception:  # e.g. a Timestamp out of range, which must not hide the rest
            self.cut = True
            return UNSHOWN

    def _short(self, text: str, most: int) -> str:
        if len(text) <= most:
            return text
        self.cut = True
        return text[:most] + CUT

    def _without_hidden(self, json: object) -> object:
        if isinstance(json, dict):
            return {
                f"[{key}]" if key in RESERVED else key: HIDDEN
                if self.hides(key)
                else self._without_hidden(value)
                for key, value in json.items()
            }
        return [self._without_hidden(each) for each in json] if isinstance(json, list) else json


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

    All bytes are read: no single value of the request or of its messages is left out, whatever
    precedes it. Lists, and messages further down, are cut to EXCERPT_ROOM_BYTES.
    """

    def __init__(self) -> None:
        self.left_out = 0
        """Items and messages that are left out, as far as they were counted."""
        self.cut = False
        """Whether a text is shortened."""
        self._used: defaultdict[int, int] = defaultdict(int)
        """Bytes by the field of the request."""
        self._records = 0

    def of(
        self, kind: Descriptor, payload: memoryview, text: int = EXCERPT_ROOM_BYTES, part: int = 0
    ) -> Generator[None, None, bytes]:
        """A message of the same type, whose texts have up to `text` bytes. Raises DecodeError.

        `part` is the field of the request that has the message; 0 for the request itself.
        """
        found, position = bytearray(), 0
        while position < len(payload):
            start = position
            tag, position = read_varint(payload, start)
            end, number = skip(payload, position, tag), 1
            record = payload[start:end]
            one, inside = kind.fields_by_number.get(tag >> 3), part or tag >> 3
            is_long = not has_one_value(one, tag)
            left = EXCERPT_ROOM_BYTES - self._used[inside]
            if is_long and left <= 0:
                end, number = end_of_run(payload, start, end, tag)
                self.left_out += number
                record = payload[:0]
            elif one is None or tag & 7 == START_GROUP:  # of an extension, or long
                if len(record) > 4 * TEXT_MAX_CHARACTERS:
                    self.left_out += 1
                    record = payload[:0]
            elif tag & 7 == LENGTH:
                length, position = read_varint(payload, position)
                content = payload[position : position + length]
                if is_message(one):
                    most = CROWDED_TEXT_CHARACTERS if one.is_repeated else TEXT_MAX_CHARACTERS
                    cut = yield from self.of(message_of(one), content, min(text, 4 * most), inside)
                else:
                    cut = start_of(one, content, min(text, left) if is_long else text)
                    self.cut |= cut != content
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
