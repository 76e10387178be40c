"""A request as the audit log shows it: short, and without what must not be read there."""

import re
from collections.abc import Callable, Iterable, Iterator
from fnmatch import translate
from functools import lru_cache
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.encode import Encoders, json_bool
from gateway.codec.fields import is_map, is_message, map_fields, message_of
from gateway.codec.wellknown import is_special
from gateway.observe.beginning import beginning

LONGEST = 3000
"""Characters of a request that are shown, so that a line is about 4 KB at most."""
LARGEST_PARSED = 64 * 1024
"""Bytes of a request that is parsed whole, in 3 ms at most; of larger ones, it is the beginning."""
CUT = "…"
"""Ends a text that was longer, and is the name under which a request tells that it was cut."""
HIDDEN = "(hidden)"

Hides = Callable[[str], bool]
"""Whether the field or key of this name is hidden."""


def hidden_names(globs: Iterable[str]) -> Hides:
    """Names that one of these globs fits, in any case."""
    pattern = re.compile("|".join(map(translate, globs)) or "(?!)", re.IGNORECASE)
    return lru_cache(maxsize=4096)(lambda name: pattern.match(name) is not None)


def shown_request(
    encoders: Encoders, descriptor: Descriptor, payload: bytes, hides: Hides
) -> bytes:
    """JSON of the fields that a request of this type has. Does not raise."""
    showing, content = Showing(encoders, hides), payload
    showing.cut = len(payload) > LARGEST_PARSED
    try:
        if showing.cut:
            content = beginning(descriptor, memoryview(payload), 2 * LONGEST)
        message = GetMessageClass(descriptor).FromString(content)
        shown = showing.message(message)
        if showing.cut:
            shown[CUT] = f"cut; it has {len(payload)} bytes"
        return orjson.dumps(shown)
    except Exception:  # a Timestamp out of its range; a line without it is better than none
        return orjson.dumps({CUT: f"cannot be shown; it has {len(payload)} bytes"})


class Showing:
    """Goes through a message until LONGEST characters have been shown."""

    def __init__(self, encoders: Encoders, hides: Hides) -> None:
        self._encoders = encoders
        self._hides = hides
        self._left = LONGEST
        self.cut = False

    def message(self, message: Any) -> dict[str, object]:
        """The fields that are set."""
        shown: dict[str, object] = {}
        for field, content in self._within(message.ListFields()):
            name = f"[{field.full_name}]" if field.is_extension else field.json_name
            self._left -= len(name)
            hidden = self._hides(field.name) or self._hides(name)
            shown[name] = HIDDEN if hidden else self._field(field, content)
        return shown

    def _field(self, field: FieldDescriptor, content: Any) -> object:
        if is_map(field):
            key, value = map_fields(field)
            text = json_bool if key.type == key.TYPE_BOOL else str
            return {
                text(key): HIDDEN if self._hides(text(key)) else self._value(value, content[key])
                for key in self._within(content)
            }
        if field.is_repeated:
            return [self._value(field, item) for item in self._within(content)]
        return self._value(field, content)

    def _value(self, field: FieldDescriptor, content: Any) -> object:
        if is_message(field) and not is_special(message_of(field)):
            return self.message(content)
        convert = self._encoders.value(field)
        json = content if convert is None else convert(content)
        if not isinstance(json, str):
            json = self._without_hidden(json)
            text = orjson.dumps(json).decode()
            if len(text) <= self._left:
                self._left -= len(text)
                return json
            json = text
        if len(json) > self._left:
            self.cut = True
            json = json[: max(self._left, 0)] + CUT
        self._left -= len(json)
        return json

    def _without_hidden(self, json: object) -> object:
        """JSON of a type with its own form, such as a Struct."""
        if isinstance(json, dict):
            return {
                key: HIDDEN if self._hides(key) else self._without_hidden(value)
                for key, value in json.items()
            }
        return [self._without_hidden(each) for each in json] if isinstance(json, list) else json

    def _within(self, items: Iterable[Any]) -> Iterator[Any]:
        """The items until there is no room for more."""
        for item in items:
            if self._left <= 0:
                self.cut = True
                return
            self._left -= 2  # what is around it
            yield item
