"""An excerpt of a long request, cut out of its bytes.

It reads all of the bytes without parsing them: no single value is left out, whatever precedes it.
"""

from collections import defaultdict
from collections.abc import Generator
from dataclasses import dataclass

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import is_message, message_of
from gateway.codec.slices import LENGTH, LONG_SCALARS, START_GROUP, Run, read_varint, skip, varint

ROOM_BYTES = 12_000
"""For the items of one list of a request, and for the messages in one of its messages."""
CUT = "…"
"""The end of a shortened text."""
RECORDS_PER_TURN = 4096
"""Of the event loop; they take some 2 ms."""

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
    """Bytes that are left for items of a list, or for messages in a message."""

    left: int = ROOM_BYTES


class Excerpt:
    """Makes one excerpt.

    It has all single values of the request and of its messages; texts have up to `text` bytes,
    `inner_text` in messages, `item_text` in items of lists. Of lists, and of messages further down,
    it has the first. It ends after some `most` records.
    """

    def __init__(self, *, text: int, inner_text: int, item_text: int, most: float) -> None:
        self.left_out = 0
        """Items and messages that are left out, as far as they were counted."""
        self.cut = False
        """Whether a text is shortened."""
        self._text = text
        self._inner_text = inner_text
        self._item_text = item_text
        self._most = most
        self._records = 0
        self._pause_at = RECORDS_PER_TURN

    def of(
        self, kind: Descriptor, payload: memoryview, room: Room | None = None, text: int = 0
    ) -> Generator[None, None, bytes]:
        """A shorter message of this type. Yields now and then. Raises DecodeError.

        Without `room`, `payload` is the request itself: each of its lists and messages has a room
        of its own. With one, texts have up to `text` bytes.
        """
        found, position = bytearray(), 0
        rooms: defaultdict[int, Room] = defaultdict(Room)
        text = self._text if room is None else text
        left = self._most - self._records
        until = self._records + (left if room is None else left / 4)  # leaves some for others
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
                self._pause_at = self._records + RECORDS_PER_TURN
                yield
        self.left_out += position < len(payload)
        return bytes(found)

    def _end_of_run(self, payload: memoryview, start: int, end: int, tag: int) -> tuple[int, int]:
        """The end of a run of like records that are left out, and their number."""
        if tag & 7 != LENGTH:
            return end, 1
        run = Run(start, end)
        run.extend(payload, tag)
        return run.end, run.records


def has_one_value(field: FieldDescriptor | None, tag: int) -> bool:
    """Whether it is a single value that is no message, so that its type bounds it."""
    if field is None or tag & 7 == START_GROUP:
        return False
    return not field.is_repeated and not is_message(field)


def start_of(field: FieldDescriptor, content: memoryview, room: int) -> bytes:
    """The beginning of a text (which ends with CUT then), of bytes, or of packed numbers."""
    cut = bytes(content[:room])
    if len(content) <= room:
        return cut
    if field.type == field.TYPE_STRING:
        return (cut.decode(errors="ignore") + CUT).encode()
    if field.type in LONG_SCALARS:
        return cut
    if field.type in EIGHT_BYTES + FOUR_BYTES:
        return cut[: room - room % (8 if field.type in EIGHT_BYTES else 4)]
    while cut and cut[-1] >= 0x80:  # in the middle of a varint
        cut = cut[:-1]
    return cut
