"""An excerpt of a long request, cut out of its bytes, so that nothing has to parse all of it.

All of it is gone through, though: whatever comes before a value, that is in the excerpt.
"""

from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import is_message, message_of
from gateway.codec.slices import LENGTH, LONG_SCALARS, START_GROUP, Run, read_varint, skip, varint

ROOM = 12_000
"""Bytes for the items of one list of a request, and for the messages in one message of it."""
CUT = "…"
"""Ends a text that was longer."""
PAUSE = 4096
"""Records that are gone through in one turn of the event loop, in some 2 ms."""

EIGHT_BYTES = (
    FieldDescriptor.TYPE_DOUBLE,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
)
FOUR_BYTES = (
    FieldDescriptor.TYPE_FLOAT,
    FieldDescriptor.TYPE_FIXED32,
    FieldDescriptor.TYPE_SFIXED32,
)


@dataclass(slots=True)
class Room:
    """Bytes that are left for what has no number of its own: items, and messages in messages."""

    left: int = ROOM


class Excerpt:
    """Makes one excerpt.

    All single values of the request are in it, and those of the messages in it; texts have at most
    `text` bytes each, those in its messages `inner_text`, those in items of lists `item_text`. Of
    lists, and of messages further down, it has the first. After some `most` records it ends.
    """

    def __init__(self, *, text: int, inner_text: int, item_text: int, most: float) -> None:
        self.left_out = 0
        """How many items and messages are not in it, as far as they were counted."""
        self.cut = False
        """Whether a text in it is not whole."""
        self._text = text
        self._inner_text = inner_text
        self._item_text = item_text
        self._most = most
        self._records = 0
        self._pause_at = PAUSE

    def of(
        self, kind: Descriptor, payload: memoryview, room: Room | None = None, text: int = 0
    ) -> Generator[None, None, bytes]:
        """A shorter message of this type, with a pause now and then. Raises DecodeError.

        Without a room, it is the request itself: each of its lists and messages has its own. In a
        message with one, texts have `text` bytes.
        """
        found, position = bytearray(), 0
        rooms: defaultdict[int, Room] = defaultdict(Room)
        text = self._text if room is None else text
        left = self._most - self._records
        until = self._records + (left if room is None else left / 4)  # others have some as well
        while position < len(payload) and self._records < until:
            start = position
            tag, position = read_varint(payload, start)
            end = skip(payload, position, tag)
            field = kind.fields_by_number.get(tag >> 3)
            inside = rooms[tag >> 3] if room is None else room
            content = payload[:0]
            if tag & 7 == LENGTH:
                length, position = read_varint(payload, position)
                content = payload[position : position + length]
            self._records += 1
            if not has_one_value(field, tag) and inside.left <= 0:
                end, number = self._end_of_run(payload, start, end, tag)
                self.left_out += number
                self._records += number - 1
            elif field is None or tag & 7 == START_GROUP:  # of an extension, or long
                kept = payload[start:end] if end - start <= self._inner_text else b""
                self.left_out += not kept
                inside.left -= len(kept) + 1
                found += kept
            elif tag & 7 != LENGTH:
                inside.left -= end - start if field.is_repeated else 0
                found += payload[start:end]
            else:
                most = min(text, inside.left) if field.is_repeated else text
                if is_message(field):
                    inside.left -= 1  # or empty ones would have room without an end
                    below = min(text, self._inner_text)
                    below = min(below, self._item_text) if field.is_repeated else below
                    cut = yield from self.of(message_of(field), content, inside, below)
                else:
                    cut = start_of(field, content, most)
                    self.cut |= len(content) > most
                record = varint(tag) + varint(len(cut)) + cut
                inside.left -= 0 if has_one_value(field, tag) else len(record)
                found += record
            position = end
            if self._records >= self._pause_at:
                self._pause_at = self._records + PAUSE
                yield
        self.left_out += position < len(payload)
        return bytes(found)

    def _end_of_run(self, payload: memoryview, start: int, end: int, tag: int) -> tuple[int, int]:
        """Where a record ends that is left out, with those like it behind it; and their number."""
        if tag & 7 != LENGTH:
            return end, 1
        run = Run(start, end)
        run.extend(payload, tag)
        return run.end, run.records


def has_one_value(field: FieldDescriptor | None, tag: int) -> bool:
    """Whether the field has one value at most, and no message, so that its type bounds it."""
    if field is None or tag & 7 == START_GROUP:
        return False
    return not field.is_repeated and not is_message(field)


def start_of(field: FieldDescriptor, content: memoryview, room: int) -> bytes:
    """The beginning of a text, which says that it is one, of bytes, or of packed numbers."""
    cut = bytes(content[:room])
    if len(content) <= room:
        return cut
    if field.type == field.TYPE_STRING:
        return (cut.decode(errors="ignore") + CUT).encode()
    if field.type in LONG_SCALARS:
        return cut
    if field.type in EIGHT_BYTES + FOUR_BYTES:
        return cut[: room - room % (8 if field.type in EIGHT_BYTES else 4)]
    while cut and cut[-1] >= 0x80:  # in the midst of a varint
        cut = cut[:-1]
    return cut
