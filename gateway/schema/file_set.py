"""A schema as one file: a FileDescriptorSet that is a source of the same schema."""

from collections.abc import Iterable, Iterator

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from gateway.schema.declarations import SERVICES_OF_FILE
from gateway.schema.description import Schema, full_name
from gateway.schema.pool import well_known_files


def file_set(schema: Schema) -> bytes:
    """The schema, serialized: the same bytes for the same schema.

    `read_file` makes the same services and the same digest of it. Imports of protobuf's own files
    are filled in, for the tools that want a set to be complete. Comments stay.
    """
    files = [*schema.files, *missing_imports(schema.files)]
    only = FileDescriptorSet(file=[with_services(file, schema.services) for file in files])
    only.file.sort(key=lambda file: file.name)
    return only.SerializeToString(deterministic=True)


def missing_imports(files: Iterable[FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    """Protobuf's own files that these import, directly or not, and that are not among them."""
    known = well_known_files()
    waiting = list(files)
    present = {file.name for file in waiting}
    while waiting:
        for name in waiting.pop().dependency:
            if name in known and name not in present:
                present.add(name)
                waiting.append(known[name])
                yield known[name]


def with_services(file: FileDescriptorProto, services: Iterable[str]) -> FileDescriptorProto:
    """The file with only those of its services that are in the schema."""
    kept = [full_name(file, service) in services for service in file.service]
    if all(kept):
        return file
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    for index in reversed(range(len(kept))):
        if not kept[index]:
            del bare.service[index]
            drop_comments(bare, index)
    return bare


def drop_comments(file: FileDescriptorProto, index: int) -> None:
    """Forget where a service stood, and let those behind it move up."""
    places = file.source_code_info.location
    for number in reversed(range(len(places))):
        path = places[number].path
        if len(path) < 2 or path[0] != SERVICES_OF_FILE:
            continue
        if path[1] == index:
            del places[number]
        elif path[1] > index:
            path[1] -= 1
