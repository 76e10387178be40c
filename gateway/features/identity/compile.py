"""The places of the caller's name in requests, by the profile."""

from google.protobuf.descriptor import FieldDescriptor

from gateway.core.calls.for_caller import ForCaller
from gateway.core.calls.steps import Steps
from gateway.core.calls.xml_body import XmlField
from gateway.core.codec.xml_text import takes_long
from gateway.core.profile.draft import Draft
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    needed_field,
    needed_method,
    needed_path,
    split,
)
from gateway.features.identity.aspect import CallerField
from gateway.features.identity.planning import with_caller
from gateway.features.identity.profile import IdentityTables


def compile_identity(draft: Draft) -> None:
    """Adds `CallerField` to each method whose requests name the caller, `XmlField` where that is in
    XML, and `ForCaller` to those as well that such a method may follow.
    """
    tables = draft.tables(IdentityTables)
    plain = [("identity", name, path, "") for name, path in tables.identity.items()]
    in_xml = [
        ("identity_in_xml", name, path, element)
        for name, elements in tables.identity_in_xml.items()
        for path, element in elements.items()
    ]
    for section, name, path, element in (*plain, *in_xml):
        with entry(f"{section}.{name}", draft.unused):
            request = needed_method(draft.native, name).descriptor.input_type
            field = needed_field(request, split(path))
            if field.is_repeated or field.type != FieldDescriptor.TYPE_STRING:
                raise NotApplicable(f"{path} is no text")
            own = CallerField(needed_path(request, path), element)
            draft.add(name, own)
            if element:
                draft.add(name, XmlField(own.place))
    for name, method in draft.methods.items():
        following = [step.method for step in Steps.of(method).after]
        own_fields = [CallerField.of(each) for each in (method, *following)]
        if any(each.place is not None for each in own_fields):
            has_xml = any(each.element for each in own_fields)
            draft.add(name, ForCaller(with_caller, "identity", takes_long if has_xml else None))
