"""What a profile says of one schema, when a catalog is built. Entries that cannot apply are left
out, with the reason: what reads them raises NotApplicable.
"""

from collections.abc import Mapping
from dataclasses import replace

from google.protobuf.descriptor import Descriptor

from gateway.core.codec.fields import INT32, UINT32, is_message
from gateway.core.codec.interfaces import Derived
from gateway.core.profile.profile import Profile
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    field_at,
    needed_field,
    needed_method,
    needed_path,
    split,
)
from gateway.core.schema.catalog import NATIVE, UnusedEntry
from gateway.core.schema.method import Method
from gateway.core.schema.selection import chosen

SUMMED = (*INT32, *UINT32)
"""Types that are numbers in JSON, not texts."""


def probe_of(profile: Profile, methods: Mapping[str, Method], unused: list[UnusedEntry]) -> str:
    """The path of the probe's method; empty without a probe."""
    if profile.probe is not None:
        with entry("probe", unused):
            return needed_method(methods, profile.probe).path
    return ""


def with_written(
    profile: Profile, methods: Mapping[str, Method], unused: list[UnusedEntry]
) -> dict[str, Method]:
    """Adds the objects that callers write themselves."""
    found = dict(methods)
    for path, globs in profile.written.items():
        with entry(f"written.{path}", unused):
            names = [
                name
                for name, method in found.items()
                if chosen((name,), globs) and field_at(method.descriptor.input_type, split(path))
            ]
            if not names:
                raise NotApplicable(f"there is no request with {path}")
            for name in names:
                place = needed_path(found[name].descriptor.input_type, path)
                both = {str(place), ".".join(place.original)}
                found[name] = replace(found[name], written=found[name].written | both)
    return found


def aliased(message: Descriptor, alias: str, native: str | tuple[str, ...] | bool) -> Derived:
    """Raises NotApplicable."""
    if field_at(message, (alias,)) is not None:
        raise NotApplicable(NATIVE)
    if isinstance(native, bool):
        return native
    names = (native,) if isinstance(native, str) else native
    fields = [needed_field(message, (name,)) for name in names]
    for field in fields:
        if field.is_repeated or is_message(field):
            raise NotApplicable(f"{field.name} is not a single value")
        if len(fields) > 1 and (field.type not in SUMMED or field.has_presence):
            raise NotApplicable(f"{field.name} cannot be part of a sum")
    return tuple(field.json_name for field in fields)
