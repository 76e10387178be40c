"""The profile's tables of what documents have and Cuebot has otherwise."""

from typing import Annotated

from pydantic import Field, StrictBool

from gateway.core.profile.entry_types import (
    Constant,
    Entry,
    FieldName,
    FieldPath,
    Line,
    MethodName,
    TargetPath,
    TypeName,
)


class Before(Entry):
    """A look-up before a call. A read whose answer differs at `same` from `given` is refused."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    take: FieldPath
    put: FieldPath
    same: FieldPath | None = None


class Hop(Entry):
    """One of several calls that answer together for a method.

    Its request takes values of the main request (`with`), and at `send` what the previous hop took:
    `take` of its answer, or of the row in `rows` that matches the main request (`where`).
    """

    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    send: FieldPath | None = None
    rows: FieldPath | None = None
    where: dict[FieldPath, FieldPath] = {}
    take: FieldPath | None = None


class Instead(Entry):
    """Calls that answer for a method that Cuebot lacks, or that finds nothing.

    `request` and `answer` are the fields of a method that it lacks: names, and message types or
    `string`. With `name`, a field for an id, the calls are made only if the field has a name.
    """

    method: MethodName
    name: FieldPath | None = None
    request: dict[FieldName, TypeName] = {}
    answer: dict[FieldName, TypeName] = {}
    hops: Annotated[tuple[Hop, ...], Field(min_length=1)]
    put: FieldName


class RowLimit(Entry):
    """A number of rows in requests. If Cuebot has the field: its value by default and under a view.

    `page` is the field of a page number; pages have the default's size.
    """

    default: int | None = None
    views: int | None = None
    page: FieldPath | None = None


class UniqueName(Entry):
    """A look-up before a call, which is refused if the name is taken."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    found: FieldPath


class Reading(Entry):
    """A read after a call: `take` of its answer replaces that of the call's answer."""

    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with")
    take: FieldPath


class After(Entry):
    """A follow-up call, which a field of the request asks for."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    read: Reading | None = None


class ReferenceTables(Entry):
    methods: dict[MethodName, MethodName] = {}
    missing: dict[MethodName, str] = {}
    requests: dict[MethodName, dict[FieldPath, TargetPath]] = {}
    defaults: dict[MethodName, dict[FieldPath, Constant]] = {}
    needed: dict[MethodName, dict[FieldName, Line]] = {}
    rows: dict[MethodName, dict[FieldPath, RowLimit]] = {}
    answers: dict[TypeName, dict[FieldName, FieldName | tuple[FieldName, ...] | StrictBool]] = {}
    before: tuple[Before, ...] = ()
    unique: tuple[UniqueName, ...] = ()
    instead: tuple[Instead, ...] = ()
    after: tuple[After, ...] = ()
