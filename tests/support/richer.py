"""OpenCue's schema as it would be if Cuebot had what its reference says."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from gateway.core.schema.description import Schema, services_of
from tests.support.opencue import opencue

TYPES: Mapping[str, "FieldDescriptorProto.Type.ValueType"] = {
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "string": FieldDescriptorProto.TYPE_STRING,
}
FIELDS = (  # job.proto cannot import show.proto; a group has a name as well
    ("job.GroupSetMinCoresRequest", "cores", "float"),
    ("job.GroupSetMaxCoresRequest", "cores", "float"),
    ("job.GroupFindGroupRequest", "show", ".job.Group"),
    ("job.JobSearchCriteria", "show", ".job.Group"),
    ("job.JobSearchCriteria", "user", "string"),
    ("job.LayerGetFramesRequest", "req", ".job.FrameSearchCriteria"),
    ("job.LayerFindLayerRequest", "job", ".job.Job"),
    ("host.OwnerTakeOwnershipRequest", "host", ".host.Host"),
    ("show.ShowCreateShowRequest", "default_min_cores", "float"),
    ("show.ShowCreateShowRequest", "default_max_cores", "float"),
    ("host.Host", "total_cores", "float"),
    ("host.Host", "total_gpus", "float"),
    ("host.Host", "free_gpus", "float"),
    ("host.Proc", "booked_cores", "float"),
    ("host.Proc", "booked_gpus", "float"),
    ("job.Layer", "minimum_cores", "float"),
    ("job.Layer", "maximum_cores", "float"),
    ("job.Layer", "minimum_memory", "int64"),
    ("job.Layer", "is_enabled", "bool"),
    ("job.GroupStats", "pending_frames", "int32"),
)
METHODS = (
    ("job.LayerInterface", "Kill", "job.LayerKillFrames"),
    ("host.ProcInterface", "GetProc", "host.ProcGetHost"),
    ("host.OwnerInterface", "SetMaxCores", "host.OwnerSetShow"),
)
"""Service, name, and what its messages are called, before `Request` and `Response`."""


def richer() -> Schema:
    """A schema with a field or method of its own for every entry of the built-in profile.

    But for the owner's name in TakeOwnership, which is in the message as it is.
    """
    files = tuple(type(each).FromString(each.SerializeToString()) for each in opencue().files)
    messages = {f"{file.package}.{each.name}": each for file in files for each in file.message_type}
    for message, field, kind in FIELDS:
        set_field(messages[message], field, kind)
    services = {f"{file.package}.{each.name}": each for file in files for each in file.service}
    for service, name, kind in METHODS:
        method = services[service].method.add(name=name)
        method.input_type, method.output_type = f".{kind}Request", f".{kind}Response"
    return Schema(files=files, services=services_of(files), origin="test", confirmed=True)


def set_field(message: Any, name: str, kind: str) -> None:
    """Give the message this field, in the place of one with that name."""
    field = next((each for each in message.field if each.name == name), None)
    if field is None:
        number = max(each.number for each in message.field) + 1
        field = message.field.add(name=name, number=number)
    field.label = FieldDescriptorProto.LABEL_OPTIONAL
    if kind in TYPES:
        field.type = TYPES[kind]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, kind
