"""What has changed from one catalog to the next, for the log."""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import FieldDescriptor

from gateway.codec.fields import type_name
from gateway.schema.catalog import Catalog
from gateway.schema.types import reachable

SHOWN = 20
"""How many names of a kind are logged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Paths of methods, and fields as `job.Job.priority int32`, in order."""

    methods_added: tuple[str, ...]
    methods_removed: tuple[str, ...]
    fields_added: tuple[str, ...]
    fields_removed: tuple[str, ...]

    def summary(self) -> dict[str, list[str]]:
        """The first names of each kind that there are; `…` comes last where there are more."""
        kinds = {name: getattr(self, name) for name in self.__slots__}
        return {name: shortened(names) for name, names in kinds.items() if names}


def changes_between(old: Catalog, new: Catalog) -> Changes:
    """What `new` serves and `old` did not, and the other way round.

    A field of another type counts as removed and added.
    """
    methods = [{method.path for method in catalog.methods} for catalog in (old, new)]
    fields = [fields_of(catalog) for catalog in (old, new)]
    return Changes(
        methods_added=tuple(sorted(methods[1] - methods[0])),
        methods_removed=tuple(sorted(methods[0] - methods[1])),
        fields_added=tuple(sorted(fields[1] - fields[0])),
        fields_removed=tuple(sorted(fields[0] - fields[1])),
    )


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


TYPES = {
    getattr(FieldDescriptor, name): name.removeprefix("TYPE_").lower()
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_")
}


def shortened(names: Iterable[str]) -> list[str]:
    first = list(names)
    return first if len(first) <= SHOWN else [*first[:SHOWN], "…"]
