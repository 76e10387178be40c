"""Where requests say who is calling, as the profile has it."""

from collections.abc import Mapping
from dataclasses import replace

from google.protobuf.descriptor import FieldDescriptor

from gateway.compat.message_paths import NotApplicable, needed_field, needed_path, split
from gateway.compat.profile import Profile
from gateway.compat.resolve import entry
from gateway.schema.catalog import UnusedEntry
from gateway.schema.method import Identity, Method


def identified(
    profile: Profile, methods: Mapping[str, Method], unused: list[UnusedEntry]
) -> dict[str, Method]:
    """The methods (by `service/Method`), which now know that field of their requests.

    Entries that come to nothing are added to `unused`.
    """
    found = dict(methods)
    plain = [("identity", name, path, "") for name, path in profile.identity.items()]
    in_xml = [
        ("identity_in_xml", name, path, element)
        for name, elements in profile.identity_in_xml.items()
        for path, element in elements.items()
    ]
    for section, name, path, element in (*plain, *in_xml):
        with entry(f"{section}.{name}", unused):
            if name not in found:
                raise NotApplicable(f"{name} is not served")
            request = found[name].descriptor.input_type
            field = needed_field(request, split(path))
            if field.is_repeated or field.type != FieldDescriptor.TYPE_STRING:
                raise NotApplicable(f"{path} is no text")
            identity = Identity(needed_path(request, path), element)
            found[name] = replace(found[name], identity=identity)
    return found
