"""The profile's tables of names."""

import re

from pydantic import Field

from gateway.core.profile.entry_types import (
    Content,
    Entry,
    FieldName,
    FieldPath,
    FieldPaths,
    Glob,
    MethodName,
    TargetPath,
    Template,
    TypeName,
)


class Finding(Entry):
    """The look-up of an object: `send` are values of the object, `beside` also of the request.

    Values at `lower` are sent in lower case.
    """

    call: MethodName
    send: dict[FieldPath, FieldPaths] = {}
    beside: dict[FieldPath, FieldPath] = {}
    lower: tuple[FieldPath, ...] = ()
    take: FieldPath
    only: str = ""


class Listing(Entry):
    """A list with objects that the look-up does not find, or of which it finds several.

    `with` takes values from the look-up's request, `given` from look-ups before it; `set` are
    constants. `where` compares fields of rows with the look-up's request. Only requests with the
    field at `only_with` get a row.
    """

    call: MethodName
    with_: dict[TargetPath, FieldPath] = Field(alias="with", default_factory=dict)
    given: dict[FieldPath, FieldPath] = {}
    set: dict[FieldPath, Content] = {}
    rows: FieldPath
    where: dict[FieldPath, FieldPath]
    newest: FieldPath | None = None
    only_with: FieldPath | None = None
    says: str = ""


class Named(Entry):
    """Objects in requests that a name will do for, and their look-up, if there is one.

    `fields` are the places of objects in the requests of `methods`; `ids` the places of ids, or
    lists of ids, with the methods that have them. `name_parts` is a regular expression for names,
    with a group for each field of the object that they tell. Objects that Cuebot knows `by_name`
    need no look-up.
    """

    message: TypeName
    fields: tuple[FieldPath, ...] = ()
    ids: dict[FieldPath, Glob] = {}
    methods: tuple[Glob, ...] = ("*/*",)
    by: Finding | None = None
    list: Listing | None = None
    name_parts: re.Pattern[str] | None = None
    by_name: bool = False


class NearEntry(Entry):
    """The list of names (at `names`) for a `name` that a method does not find, made of fields of
    its request, one of which says what the name is `in`.

    The list's request takes values of the other (`with`) and constants (`set`); `part` is a list of
    texts in it, which the names have to contain. `only` is what alone is found: `pending`. `list`
    has objects of that very name which the method does not find, and `says` why.
    """

    kind: str
    name: Template = "{name}"
    in_: FieldName | None = Field(alias="in", default=None)
    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    set: dict[FieldPath, Content] = {}
    rows: FieldPath | None = None
    names: FieldPath
    part: FieldPath | None = None
    only: str = ""
    list: Listing | None = None


class FilterEntry(Entry):
    """Lists of names in requests, by message and field, without which a read finds nothing, and the
    list of all names (at `names` in its rows).
    """

    kind: str
    fields: dict[str, FieldName]
    call: MethodName
    rows: FieldPath
    names: FieldPath


class NameTables(Entry):
    named: tuple[Named, ...] = ()
    near: dict[MethodName, NearEntry] = {}
    filters: list[FilterEntry] = []
