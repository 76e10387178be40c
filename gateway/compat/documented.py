"""Methods that only documents have, added to the schema where others answer for them.

They are methods like all others then: for routes, rights, views and documentation. What answers
for them is in `Method.instead`.
"""

from collections.abc import Iterable, Sequence

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from gateway.compat.profile import Instead
from gateway.schema.description import full_name

TEXT = "string"


def with_documented_methods(
    files: Sequence[FileDescriptorProto], entries: Iterable[Instead]
) -> tuple[tuple[FileDescriptorProto, ...], frozenset[str]]:
    """The files with those methods of the profile that their services lack, and these methods.

    The files themselves stay as they are.
    """
    found, added = list(files), set[str]()
    for entry in entries:
        service, _, method = entry.method.partition("/")
        for number, file in enumerate(found):
            owner = next((each for each in file.service if full_name(file, each) == service), None)
            if owner is None or any(each.name == method for each in owner.method):
                continue
            found[number] = with_method(file, owner.name, entry)
            added.add(entry.method)
    return tuple(found), frozenset(added)


def with_method(file: FileDescriptorProto, service: str, entry: Instead) -> FileDescriptorProto:
    """A copy of the file whose service has the method, and the messages for it."""
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    name = entry.method.rpartition("/")[2]
    owner = next(each for each in copy.service if each.name == service)
    method = owner.method.add(name=name)
    taken = {message.name for message in copy.message_type}
    for kind, fields in (("Request", entry.request), ("Response", entry.answer)):
        message = copy.message_type.add(name=free_name(f"{service}{name}{kind}", taken))
        add_fields(message, fields)
        full = f".{file.package}.{message.name}" if file.package else f".{message.name}"
        if kind == "Request":
            method.input_type = full
        else:
            method.output_type = full
    return copy


def free_name(wanted: str, taken: set[str]) -> str:
    """A name that no message of the file has."""
    while wanted in taken:
        wanted += "_"
    return wanted


def add_fields(message: DescriptorProto, fields: dict[str, str]) -> None:
    """Fields with these names and types, in this order."""
    for number, (name, kind) in enumerate(fields.items(), 1):
        field = message.field.add(name=name, number=number)
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        if kind == TEXT:
            field.type = FieldDescriptorProto.TYPE_STRING
        else:
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{kind}"
