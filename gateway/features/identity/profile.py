"""The profile's tables of the caller's name: its place by method, or its elements in XML there."""

from gateway.core.profile.entry_types import Entry, FieldName, FieldPath, MethodName


class IdentityTables(Entry):
    identity: dict[MethodName, FieldPath] = {}
    identity_in_xml: dict[MethodName, dict[FieldPath, FieldName]] = {}
