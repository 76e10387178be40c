"""Columns of views, from the profile."""

from collections.abc import Iterable
from dataclasses import replace

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.core.codec.fields import message_of
from gateway.core.profile.profile import Computed, OwnedRows, Profile
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    field_at,
    list_at,
    needed_field,
    needed_method,
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.catalog import NATIVE, UnusedEntry
from gateway.core.schema.method import Method
from gateway.features.views.columns import COMPUTATIONS, TEXT, Column, Owned
from gateway.features.views.paths import FieldPath, Meant, find_path
from gateway.features.views.row_conditions import NUMBERS


def computed_column(message: Descriptor, name: str, computed: Computed) -> Column:
    """Raises NotApplicable if the message lacks a field that the column needs."""
    if field_at(message, (name,)) is not None:
        raise NotApplicable(NATIVE)
    computation = COMPUTATIONS[computed.is_]
    about = computation.says.get(len(computed.of))
    if about is None:
        raise NotApplicable(f"{computed.is_} takes another number of fields")
    paths = []
    for text in computed.of:
        if needed_field(message, split(text)).type not in NUMBERS:
            raise NotApplicable(f"{text} is no number")
        paths.append(view_path(message, text))
    about = about.format(*[path.text for path in paths])
    return Column(name, computation.leaf, about, tuple(path.value for path in paths), computation)


def view_path(message: Descriptor, text: str) -> FieldPath:
    """Raises NotApplicable without a single value at the path."""
    try:
        path = find_path(message, text)
    except LookupError as error:
        raise NotApplicable(str(error)) from None
    if not path.is_value or path.is_list:
        raise NotApplicable(f"{text} is not a single value")
    return path


def add_column(others: dict[str, Meant], column: Column) -> None:
    """Raises NotApplicable if a field goes by the name of the column."""
    names = {column.name, column.name.lower()}
    for name in names:
        if not isinstance(others.get(name, ""), str):
            raise NotApplicable(f"a field is called {name}")
    others.update(dict.fromkeys(names, column))


def with_owned(
    profile: Profile, methods: Iterable[Method], unused: list[UnusedEntry]
) -> list[Method]:
    """The methods, those of `[owned]` with columns of the owners of their rows."""
    found = {each.path[1:]: each for each in methods}
    for name, owned in profile.owned.items():
        with entry(f"owned.{name}", unused):
            method = needed_method(found, name)
            rows = method.views.rows
            if rows is None:
                raise NotApplicable(f"{name} has no rows")
            owners = owners_of(method, rows.descriptor, needed_method(found, owned.call), owned)
            names = dict(method.other_names or {})
            others = names[rows.descriptor.full_name] = {**names.get(rows.descriptor.full_name, {})}
            for column, path in owned.columns.items():
                with entry(f"owned.{name}.columns.{column}", unused):
                    add_column(others, owned_column(rows.descriptor, column, path, owners))
            found[name] = replace(method, other_names=names)
    return [*found.values()]


def owners_of(method: Method, row: Descriptor, call: Method, owned: OwnedRows) -> Owned:
    """Raises NotApplicable."""
    request, listed = call.descriptor.input_type, list_at(call.descriptor.output_type, owned.rows)
    send, owner = needed_field(request, split(owned.send)), message_of(listed[-1])
    if send.type != FieldDescriptor.TYPE_STRING or not send.is_repeated:
        raise NotApplicable(f"{owned.send} is no list of texts")
    asked = () if owned.asked is None else proto_path(method.descriptor.input_type, owned.asked)
    return Owned(
        ", ".join(owned.columns),
        call.path,
        None if owned.row is None else text_at(row, owned.row).value,
        asked,
        proto_path(request, owned.send),
        proto_values(request, owned.set),
        listed,
        text_at(owner, owned.key).value,
    )


def owned_column(row: Descriptor, name: str, text: str, owned: Owned) -> Column:
    """Raises NotApplicable."""
    if field_at(row, (name,)) is not None:
        raise NotApplicable(NATIVE)
    owner = message_of(owned.rows[-1])
    about = f"{text} of its {owner.name}"
    return Column(name, TEXT, about, (text_at(owner, text).value,), owned=owned)


def text_at(message: Descriptor, text: str) -> FieldPath:
    """Raises NotApplicable without a single text at the path."""
    path = view_path(message, text)
    if path.leaf.type != FieldDescriptor.TYPE_STRING:
        raise NotApplicable(f"{text} is no text")
    return path
