"""What has changed from one catalog to the next, for the log."""

from collections.abc import Mapping

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

from gateway.codec.fields import reachable, type_name
from gateway.schema.catalog import Catalog

SHOWN = 20
"""How many names of a kind are logged."""
TYPES: Mapping[int, str] = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}
"""How a proto file writes the types of scalars."""


def changes_between(old: Catalog, new: Catalog) -> dict[str, list[str]]:
    """What `new` serves and `old` did not, and the other way round.

    `methods_added` and `methods_removed` are paths, `fields_added` and `fields_removed` fields as
    `job.Job.priority int32`, in order, SHOWN at most, with `…` last where there are more. A kind
    that there is none of is left out. A field of another type counts as removed and added.
    """
    found: dict[str, set[str]] = {}
    for kind, names_of in (("methods", methods_of), ("fields", fields_of)):
        before, after = names_of(old), names_of(new)
        found |= {f"{kind}_added": after - before, f"{kind}_removed": before - after}
    return {kind: shortened(sorted(names)) for kind, names in found.items() if names}


def methods_of(catalog: Catalog) -> set[str]:
    return {method.path for method in catalog.methods}


def fields_of(catalog: Catalog) -> set[str]:
    """Every field of every message that a served method takes or gives."""
    descriptors = [method.descriptor for method in catalog.methods]
    types = reachable(
        kind for method in descriptors for kind in (method.input_type, method.output_type)
    )
    return {
        f"{field.full_name} {kind_of(field)}"
        for message in types.values()
        for field in message.fields
    }


def kind_of(field: FieldDescriptor) -> str:
    """A field's type as a proto file writes it."""
    kind = type_name(field) or TYPES[field.type]
    return f"repeated {kind}" if field.is_repeated else kind


def shortened(names: list[str]) -> list[str]:
    return names if len(names) <= SHOWN else [*names[:SHOWN], "…"]
