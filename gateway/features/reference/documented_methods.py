"""Methods that only documents have, added to a schema."""

from collections.abc import Iterable, Sequence

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)

from gateway.core.schema.description import full_name
from gateway.features.reference.profile import Instead


def with_documented_methods(
    files: Sequence[FileDescriptorProto], entries: Iterable[Instead]
) -> tuple[tuple[FileDescriptorProto, ...], frozenset[str]]:
    """The files with the methods of `[[instead]]` that their services lack, and the added names.

    These are methods like all others for routes, features and documents.
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
    copy = FileDescriptorProto()
    copy.CopyFrom(file)
    name = entry.method.rpartition("/")[2]
    owner = next(each for each in copy.service if each.name == service)
    method = owner.method.add(name=name)
    taken = {message.name for message in copy.message_type}
    package = f".{file.package}." if file.package else "."
    for kind, fields in (("Request", entry.request), ("Response", entry.answer)):
        free = f"{service}{name}{kind}"
        while free in taken:
            free += "_"
        add_fields(copy.message_type.add(name=free), fields)
        if kind == "Request":
            method.input_type = package + free
        else:
            method.output_type = package + free
    return copy


def add_fields(message: DescriptorProto, fields: dict[str, str]) -> None:
    for number, (name, kind) in enumerate(fields.items(), 1):
        field = message.field.add(name=name, number=number)
        field.label = FieldDescriptorProto.LABEL_OPTIONAL
        if kind == "string":
            field.type = FieldDescriptorProto.TYPE_STRING
        else:
            field.type = FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{kind}"
