"""Columns of views, from the profile."""

from google.protobuf.descriptor import Descriptor

from gateway.compat.profile import Computed
from gateway.compat.schema_paths import NotApplicable, field_at, needed_field, split
from gateway.schema.catalog import NATIVE
from gateway.views.columns import COMPUTATIONS, Column
from gateway.views.paths import FieldPath, Meant, find_path
from gateway.views.row_conditions import NUMBERS


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
