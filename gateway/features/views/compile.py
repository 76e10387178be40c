"""Views of answers, by the profile: names, columns and units."""

from collections.abc import Mapping
from contextlib import suppress

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.calls.row_counts import RowCount
from gateway.core.calls.short_names import RowFields
from gateway.core.codec.fields import message_of
from gateway.core.codec.interfaces import Derived
from gateway.core.profile.draft import Draft
from gateway.core.profile.resolve import aliased
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    field_at,
    list_at,
    needed_field,
    needed_message,
    needed_method,
    proto_path,
    proto_values,
    split,
)
from gateway.core.schema.catalog import NATIVE, UnusedEntry
from gateway.core.schema.method import Method
from gateway.features.views.columns import COMPUTATIONS, TEXT, Column, Owned
from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.paths import Beginning, FieldPath, Meant, OtherNames, find_path
from gateway.features.views.profile import Computed, OwnedRows, Start, ViewTables
from gateway.features.views.row_conditions import NUMBERS
from gateway.features.views.units import Unit, sizes_of

BY_CONDITION = RowFields(
    "rows have it: add _where={field}=… to the query string to choose among them"
)


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


def compile_views(draft: Draft) -> None:
    """Adds `AnswerViews` to each method, and of the core's aspects `RowCount` and `RowFields`, and
    `Sizes` to those whose requests have some.
    """
    tables, unused = draft.tables(ViewTables), draft.unused
    units = units_of(tables, draft.pool, unused)
    names = names_in_views(tables, draft.pool, draft.aliases, unused)
    with_columns = {
        name: found
        for name, each in tables.owned.items()
        if (found := names_with_owned(draft, name, each, names)) is not None
    }
    for name, method in draft.native.items():
        answer, own = method.descriptor.output_type, with_columns.get(name, names)
        views = AnswerViews(answer, method.encoders, units, own)
        draft.add(name, views)
        draft.add(name, RowCount(views.limited))
        draft.add(name, BY_CONDITION)
        if sizes := sizes_of(method.descriptor.input_type, units):
            draft.add(name, sizes)


def names_with_owned(
    draft: Draft, name: str, owned: OwnedRows, names: OtherNames
) -> OtherNames | None:
    """The names in views of a method, with columns of the owners of its rows; None if the entry
    does not fit.
    """
    unused = draft.unused
    others: dict[str, Meant] = {}
    row_name = ""
    with entry(f"owned.{name}", unused):
        method = needed_method(draft.methods, name)
        if method.rows is None:
            raise NotApplicable(f"{name} has no rows")
        row = method.rows.descriptor
        owners = owners_of(method, row, needed_method(draft.methods, owned.call), owned)
        others |= names.get(row.full_name, {})
        for column, path in owned.columns.items():
            with entry(f"owned.{name}.columns.{column}", unused):
                add_column(others, owned_column(row, column, path, owners))
        row_name = row.full_name
    return {**names, row_name: others} if row_name else None


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


def names_in_views(
    tables: ViewTables,
    pool: DescriptorPool,
    aliases: Mapping[str, Mapping[str, Derived]],
    unused: list[UnusedEntry],
) -> dict[str, dict[str, Meant]]:
    """By full name of a message: what names mean in views that no field has, besides `aliases`."""
    found: dict[str, dict[str, Meant]] = {name: {**each} for name, each in aliases.items()}
    for name, natives in tables.called.items():
        with entry(f"called.{name}", unused):
            message = needed_message(pool, name)
            for other, native in natives.items():
                with entry(f"called.{name}.{other}", unused):
                    found.setdefault(name, {})[other] = called(message, other, native)
    for name, texts in tables.elsewhere.items():
        with entry(f"elsewhere.{name}", unused):
            needed_message(pool, name)
            found.setdefault(name, {}).update(texts)
    for name, columns in tables.columns.items():
        with entry(f"columns.{name}", unused):
            message = needed_message(pool, name)
            for other, computed in columns.items():
                with entry(f"columns.{name}.{other}", unused):
                    column = computed_column(message, other, computed)
                    add_column(found.setdefault(name, {}), column)
    return found


def called(message: Descriptor, name: str, native: str | Start) -> Meant:
    """Raises NotApplicable."""
    if isinstance(native, str):
        return aliased(message, name, native)
    aliased(message, name, native.field)
    field = needed_field(message, (native.field,))
    if field.type != FieldDescriptor.TYPE_STRING:
        raise NotApplicable(f"{native.field} is no text")
    return Beginning(field.json_name, native.before)


def units_of(
    tables: ViewTables, pool: DescriptorPool, unused: list[UnusedEntry]
) -> dict[str, Unit]:
    """Units by full name of a field. Fields that an older Cuebot lacks need none."""
    found: dict[str, Unit] = {}
    for unit, messages in tables.units.items():
        for name, fields in messages.items():
            with suppress(KeyError):
                message = pool.FindMessageTypeByName(name)
                for each in fields:
                    field = field_at(message, (each,))
                    with entry(f"units.{unit}.{name}.{each}", unused):
                        if field is not None and field.type not in NUMBERS:
                            raise NotApplicable(f"{each} is no number")
                        if field is not None:
                            found[field.full_name] = unit
    return found
