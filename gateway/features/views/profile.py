"""The profile's tables of columns and units."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from gateway.core.profile.entry_types import (
    Content,
    Entry,
    FieldName,
    FieldPath,
    Line,
    MethodName,
    TypeName,
)
from gateway.features.views.units import Unit


class Start(Entry):
    """The beginning of a field's text, up to the first of these characters."""

    field: FieldName
    before: Annotated[str, Field(min_length=1)]


class Computed(Entry):
    """A column of views: what is computed (`is_`: a function of `features/views/columns.py`) from
    these fields of a row.
    """

    is_: Literal["elapsed", "waiting", "hours", "share"] = Field(alias="is")
    of: tuple[FieldPath, ...]


class OwnedRows(Entry):
    """Columns with what the owners of a method's rows have (frames: their job), by name.

    A `call` to a list finds the owners: by what is in each `row`, or by what is `asked` for in the
    request. That is sent as `send`, with constants (`set`), and is at `key` in the list's `rows`.
    """

    columns: dict[FieldName, FieldPath]
    row: FieldPath | None = None
    asked: FieldPath | None = None
    call: MethodName
    send: FieldPath
    set: dict[FieldPath, Content] = {}
    rows: FieldPath
    key: FieldPath

    @model_validator(mode="after")
    def check(self) -> Self:
        if (self.row is None) == (self.asked is None):
            raise ValueError("expected either row or asked")
        return self


class ViewTables(Entry):
    called: dict[TypeName, dict[FieldName, FieldName | Start]] = {}
    elsewhere: dict[TypeName, dict[FieldName, Line]] = {}
    columns: dict[TypeName, dict[FieldName, Computed]] = {}
    owned: dict[MethodName, OwnedRows] = {}
    units: dict[Unit, dict[TypeName, tuple[FieldName, ...]]] = {}
