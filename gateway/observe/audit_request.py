"""A request in the audit log: short, and without hidden fields.

Nothing that a client writes pushes anything else out of the line. Single values come first, level
by level; each text is cut by itself; lists share the rest of the room. Cuebot identifies an object
by its `id` alone: other fields of it may be false, and are marked as UNVERIFIED.
"""

import math
import re
from collections import deque
from collections.abc import Callable, Container, Generator, Iterable, Mapping
from fnmatch import translate
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.encode import Encoders, json_bool
from gateway.codec.fields import has_text, is_map, is_message, map_fields, message_of
from gateway.codec.wellknown import AS_TEXT, WRAPPERS, is_special
from gateway.observe.excerpt import CUT, Excerpt

SHOWN_MAX_CHARACTERS = 3000
"""Of a request, so that a line has 4 KB or less."""
TEXT_MAX_CHARACTERS = 200
"""Of each text, unless there is room for more in the end."""
CROWDED_TEXT_CHARACTERS = 40
"""Of each text if there are many: an id has 36."""
PARSED_MAX_BYTES = 64 * 1024
"""Of a request that is parsed whole, in 3 ms or less. A larger one is reduced to an excerpt."""
RECORDS_AT_ONCE = 22_000
"""That are read where nothing can wait. A body of 64 KB has no more."""
UNVERIFIED = "unverified"
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
Fields = Iterable[tuple[FieldDescriptor, Any]]
"""Fields of a message, with their values."""


class Listed(NamedTuple):
    """A list, a map or the like that is shown later."""

    target: dict[str, object]
    name: str
    field: FieldDescriptor
    content: Any


def hidden_names(globs: Iterable[str]) -> Hides:
    """Names that match one of these globs, in any case."""
    pattern = re.compile("|".join(map(translate, globs)) or "(?!)", re.IGNORECASE)
    return lru_cache(maxsize=4096)(lambda name: pattern.match(name) is not None)


def shown_request(
    encoders: Encoders,
    descriptor: Descriptor,
    payload: bytes,
    hides: Hides,
    known: Known = NOTHING_KNOWN,
    room: int = SHOWN_MAX_CHARACTERS,
) -> bytes:
    """JSON of the fields that are set; of a request with very many, the first. Does not raise."""
    steps = shown_in_steps(encoders, descriptor, payload, hides, known, room, RECORDS_AT_ONCE)
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
    most: float = math.inf,
) -> Generator[None, None, bytes]:
    """The same with pauses, so that all of a large request can be read."""
    size, left_out, was_cut = len(payload), 0, False
    showing = Showing(encoders, hides, known, room)
    try:
        content = payload
        if size > PARSED_MAX_BYTES:
            excerpt = Excerpt(
                text=4 * SHOWN_MAX_CHARACTERS,
                inner_text=4 * TEXT_MAX_CHARACTERS,
                item_text=4 * CROWDED_TEXT_CHARACTERS,
                most=most,
            )
            content = yield from excerpt.of(descriptor, memoryview(payload))
            left_out, was_cut = excerpt.left_out, excerpt.cut
        shown = showing.request(GetMessageClass(descriptor).FromString(content))
        if left_out or showing.left_out or showing.cut or was_cut:
            shown[CUT] = cut_text(size, left_out + showing.left_out)
        return orjson.dumps(shown)
    except Exception:  # a line without it is better than none
        return orjson.dumps({CUT: f"cannot be shown; it has {size} bytes"})


def cut_text(size: int, left_out: int) -> str:
    """`cut; it has 50004 bytes, and 12 fields and items more`."""
    more = f", and {left_out} fields and items more" if left_out else ""
    return f"cut; it has {size} bytes{more}"


class Showing:
    """Shows `room` characters of a message."""

    def __init__(
        self,
        encoders: Encoders,
        hides: Hides,
        known: Known = NOTHING_KNOWN,
        room: int = SHOWN_MAX_CHARACTERS,
    ) -> None:
        self._encoders = encoders
        self._hides = hides
        self._known = known
        self._left = room
        self.left_out = 0
        """Fields, items and entries that are not shown."""
        self.cut = False
        """Whether a text is shortened."""
        self._own: deque[Listed] = deque()
        """Lists of the request itself."""
        self._others: deque[Listed] = deque()
        """Lists in unverified fields."""
        self._beside: list[tuple[dict[str, object], Fields]] = []
        """Objects that are shown by their ids, and their other fields."""
        self._long: list[tuple[dict[str, object], str, str]] = []
        """The request's own texts that are shortened: where, and the whole."""

    def request(self, message: Any) -> dict[str, object]:
        shown: dict[str, object] = {}
        self._levels([(shown, message.ListFields())], verified=True)
        self._show_beside()
        self._lists(self._own, verified=True)
        self._show_beside()
        self._lists(self._others, verified=False)
        self._lengthen()
        return shown

    def _levels(self, level: list[tuple[dict[str, object], Fields]], *, verified: bool) -> None:
        """Show the single values of these messages, then of the messages in them, and so on.

        Numbers come before texts, since they are short.
        """
        while level:
            texts: list[tuple[dict[str, object], str, str]] = []
            below: list[tuple[dict[str, object], str, Any]] = []
            lists = self._own if verified else self._others
            for target, fields in level:
                for field, content in fields:
                    name = f"[{field.full_name}]" if field.is_extension else field.json_name
                    if self._hides(field.name) or self._hides(name):
                        self._put(target, name, HIDDEN)
                    elif field.is_repeated or is_compound(field):
                        lists.append(Listed(target, name, field, content))
                    elif is_plain(field):
                        below.append((target, name, content))
                    elif isinstance(json := self._json(field, content), str):
                        texts.append((target, name, json))
                    else:
                        self._put(target, name, json)
            self._texts(texts, verified=verified)
            level = []
            for target, name, message in below:
                inner: dict[str, object] = {}
                if self._put(target, name, inner):
                    level.append((inner, self._fields(inner, message, verified=verified)))

    def _fields(self, target: dict[str, object], message: Any, *, verified: bool) -> Fields:
        """The fields of a message to show now; unverified ones are kept for later."""
        fields: list[tuple[FieldDescriptor, Any]] = message.ListFields()
        if not verified or len(fields) < 2 or not has_text(message.DESCRIPTOR, ID):
            return fields
        if not message.id:
            return fields
        known = self._known.get(message.id, ())
        rest = [each for each in fields if each[0].name != ID and not is_known(*each, known)]
        if rest:
            self._beside.append((target, rest))
        return [each for each in fields if each[0].name == ID]

    def _show_beside(self) -> None:
        """Show the unverified fields of objects."""
        if not self._beside:
            return
        beside, self._beside = self._beside, []
        level = []
        for target, fields in beside:
            inner: dict[str, object] = {}
            if self._put(target, UNVERIFIED, inner):
                level.append((inner, fields))
        self._levels(level, verified=False)

    def _texts(self, texts: list[tuple[dict[str, object], str, str]], *, verified: bool) -> None:
        """Show texts; if they exceed half of the room, each has its share of that."""
        most = TEXT_MAX_CHARACTERS
        if texts and sum(min(len(text), most) for _, _, text in texts) > self._left // 2:
            most = max(min(most, self._left // (2 * len(texts))), CROWDED_TEXT_CHARACTERS)
        for target, name, text in texts:
            if not verified or len(text) <= most:
                self._put(target, name, self._short(text, most))
            elif self._put(target, name, text[:most] + CUT):
                self._long.append((target, name, text))

    def _lengthen(self) -> None:
        """Show more of the request's own texts in the rest of the room."""
        for target, name, text in self._long:
            shown = target[name]
            assert isinstance(shown, str)
            most = len(shown) - len(CUT) + max(self._left, 0)
            self._left -= min(len(text), most) - len(shown)
            target[name] = self._short(text, most)

    def _lists(self, lists: deque[Listed], *, verified: bool) -> None:
        """Show lists, maps and the like, each in its share of the room."""
        while lists:
            target, name, field, content = lists.popleft()
            until = self._left - self._left // (len(lists) + 1)
            if not field.is_repeated:
                self._put(target, name, self._compound(self._json(field, content)))
            elif is_map(field):
                self._map(target, name, field, content, until, verified=verified)
            else:
                items: list[object] = []
                if not self._put(target, name, items):
                    continue
                for number, item in enumerate(content):
                    if self._left <= until:
                        self.left_out += len(content) - number
                        items.append(CUT)
                        break
                    items.append(self._item(field, item, verified=verified))

    def _map(
        self,
        target: dict[str, object],
        name: str,
        field: FieldDescriptor,
        content: Any,
        until: int,
        *,
        verified: bool,
    ) -> None:
        entries: dict[str, object] = {}
        if not self._put(target, name, entries):
            return
        key_field, value_field = map_fields(field)
        text = json_bool if key_field.type == key_field.TYPE_BOOL else str
        for number, key in enumerate(content):
            if self._left <= until:
                entries[CUT] = f"{len(content) - number} more"
                self.left_out += len(content) - number
                return
            shown = self._short(text(key), TEXT_MAX_CHARACTERS)
            shown = f"[{shown}]" if shown in RESERVED else shown
            if shown in entries:  # a key with the same beginning
                self.left_out += 1
                continue
            self._left -= len(shown) + 4
            hidden = self._hides(text(key))
            entries[shown] = (
                HIDDEN if hidden else self._item(value_field, content[key], verified=verified)
            )

    def _item(self, field: FieldDescriptor, content: Any, *, verified: bool) -> object:
        if is_plain(field):
            inner: dict[str, object] = {}
            self._left -= 4
            self._levels(
                [(inner, self._fields(inner, content, verified=verified))], verified=verified
            )
            return inner
        json = self._json(field, content)
        json = (
            self._short(json, TEXT_MAX_CHARACTERS)
            if isinstance(json, str)
            else self._compound(json)
        )
        self._left -= size_of(json) + 2
        return json

    def _json(self, field: FieldDescriptor, content: Any) -> object:
        if field.type == field.TYPE_STRING:
            return content
        convert = self._encoders.value(field)
        try:
            return content if convert is None else convert(content)
        except Exception:  # e.g. a Timestamp out of range, which must not hide the rest
            self.cut = True
            return UNSHOWN

    def _compound(self, json: object) -> object:
        """JSON of a type such as Struct, cut as a text if it is too long."""
        json = self._without_hidden(json)
        text = orjson.dumps(json).decode()
        return json if len(text) <= self._left else self._short(text, TEXT_MAX_CHARACTERS)

    def _short(self, text: str, most: int) -> str:
        if len(text) <= most:
            return text
        self.cut = True
        return text[:most] + CUT

    def _put(self, target: dict[str, object], name: str, json: object) -> bool:
        """Show a field if there is room."""
        if self._left <= 0:
            self.left_out += 1
            return False
        target[name] = json
        self._left -= len(name) + 4 + size_of(json)
        return True

    def _without_hidden(self, json: object) -> object:
        if isinstance(json, dict):
            return {
                f"[{key}]" if key in RESERVED else key: HIDDEN
                if self._hides(key)
                else self._without_hidden(value)
                for key, value in json.items()
            }
        return [self._without_hidden(each) for each in json] if isinstance(json, list) else json


def size_of(json: object) -> int:
    """Characters of a value; of one that is still empty, without its later contents."""
    return len(json) if isinstance(json, str) else len(orjson.dumps(json)) if json else 5


def is_plain(field: FieldDescriptor) -> bool:
    """Whether the type is a message whose JSON is an object of its fields."""
    return is_message(field) and not is_special(message_of(field))


def is_compound(field: FieldDescriptor) -> bool:
    """Whether the type is a special one, whose JSON may be an object or a list."""
    if not is_message(field) or not is_special(message_of(field)):
        return False
    name = message_of(field).full_name
    return name not in AS_TEXT and name not in WRAPPERS


def is_known(field: FieldDescriptor, content: Any, known: Container[object]) -> bool:
    return not field.is_repeated and not is_message(field) and content in known
