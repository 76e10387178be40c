"""A schema as one file: a FileDescriptorSet that is a source of the same schema."""

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.schema.description import Schema, only_services
from gateway.schema.pool import imports_of, well_known_files


def file_set(schema: Schema) -> bytes:
    """The schema, serialized: the same bytes for the same schema.

    `read_file` makes the same services and the same digest of it. Imports of protobuf's own files
    are filled in, for the tools that want a set to be complete. Comments stay.
    """
    own, well_known = {file.name: file for file in schema.files}, well_known_files()
    files = own | {
        name: well_known[name]
        for name in imports_of(schema.files, well_known | own)
        if name in well_known and name not in own
    }
    whole = FileDescriptorSet(
        file=[only_services(files[name], schema.services) for name in sorted(files)]
    )
    return whole.SerializeToString(deterministic=True)
