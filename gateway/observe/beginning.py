"""The beginning of a long request, cut out of its bytes, so that nothing has to parse all of it."""

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.slices import LENGTH, START_GROUP, read_varint, skip, varint

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


def beginning(kind: Descriptor, payload: memoryview, room: int) -> bytes:
    """A message of this type and some `room` bytes that begins as this one does.

    Texts, lists and messages in it may end early. Raises DecodeError.
    """
    found, position = bytearray(), 0
    while position < len(payload) and len(found) < room:
        start = position
        tag, position = read_varint(payload, start)
        if tag & 7 == START_GROUP:
            break
        end, left = skip(payload, position, tag), room - len(found)
        if tag & 7 == LENGTH and end - start > left:
            _, position = read_varint(payload, position)
            field = kind.fields_by_number.get(tag >> 3)
            content = b"" if field is None else start_of(field, payload[position:end], left)
            found += varint(tag) + varint(len(content)) + content
        else:
            found += payload[start:end]
        position = end
    return bytes(found)


def start_of(field: FieldDescriptor, content: memoryview, room: int) -> bytes:
    """The same for what a field has: a message, a text, bytes, or packed numbers."""
    if field.message_type is not None:
        return beginning(field.message_type, content, room)
    cut = bytes(content[:room])
    if field.type == field.TYPE_STRING:
        return cut.decode(errors="ignore").encode()
    if field.type == field.TYPE_BYTES:
        return cut
    if field.type in EIGHT_BYTES + FOUR_BYTES:
        return cut[: room - room % (8 if field.type in EIGHT_BYTES else 4)]
    while cut and cut[-1] >= 0x80:  # in the midst of a varint
        cut = cut[:-1]
    return cut
