"""OpenCue's descriptors in the form that Envoy reads."""

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from gateway.schema.description import Schema
from gateway_cli.commands.snapshot import file_set


def descriptor_set(schema: Schema) -> bytes:
    """A FileDescriptorSet in which no file comes before one that it imports.

    Envoy builds the files in the order in which they come; any order will do for the gateway.
    """
    files = {file.name: file for file in FileDescriptorSet.FromString(file_set(schema)).file}
    ordered: dict[str, FileDescriptorProto] = {}

    def add(name: str) -> None:
        if name in files and name not in ordered:
            for imported in files[name].dependency:
                add(imported)
            ordered[name] = files[name]

    for name in files:
        add(name)
    return FileDescriptorSet(file=ordered.values()).SerializeToString()
