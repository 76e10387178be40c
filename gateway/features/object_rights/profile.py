"""The profile's tables of what objects belong to."""

from typing import Self

from pydantic import Field, model_validator

from gateway.core.profile.entry_types import (
    Content,
    Entry,
    Fact,
    FieldName,
    FieldPath,
    FieldPaths,
    Glob,
    Globs,
    MethodName,
    TargetPath,
    TypeName,
)


class Asking(Entry):
    """A read that shows an object: its request's fields with the object's (`send`), or constants
    (`set`), and the object's place in the answer (`take`), or that of a list with it (`rows`).

    What is shown has the values of the object at the fields of `where`; of several fields of the
    object, the others may be empty.
    """

    call: MethodName
    send: dict[TargetPath, FieldPath] = {}
    set: dict[FieldPath, Content] = {}
    take: FieldPath | None = None
    rows: FieldPath | None = None
    where: dict[FieldPath, FieldPaths] = {}

    @model_validator(mode="after")
    def check_place(self) -> Self:
        if (self.take is None) == (self.rows is None):
            raise ValueError("expected either take or rows")
        return self


class Lying(Asking):
    """A list in another object (`in`, a message), which requests name as `argument`; its id is sent
    as `held`.
    """

    argument: FieldName
    in_: TypeName = Field(alias="in")
    held: FieldPath


class About(Entry):
    """What an object belongs to, as Cuebot says: `facts` are paths in the object that `by` shows.

    `by_name` asks by a name alone, `namesakes` for all objects of a name. `belongs_to` is the
    message of another object, whose facts are also this one's, and the field with its id;
    `belongs_to_named` fields with names, all namesakes of which are meant. `found_by` are look-ups
    of this object, whose request has at that field the name of the object of `named`.
    `lies_in` are lists in other objects. `changing` facts are asked for at each call, the others
    once. Search criteria are `confined_to` the objects of which they list names.
    """

    by: Asking | None = None
    by_name: Asking | None = None
    namesakes: Asking | None = None
    facts: dict[Fact, FieldPath] = {}
    changing: tuple[Fact, ...] = ()
    belongs_to: dict[TypeName, FieldPath] = {}
    belongs_to_named: dict[TypeName, FieldPaths] = {}
    found_by: dict[MethodName, FieldPath] = {}
    named: TypeName | None = None
    lies_in: tuple[Lying, ...] = ()
    confined_to: dict[TypeName, FieldPath] = {}


class SpecSubject(Entry):
    """A text with XML: elements with facts, and elements with the names of objects."""

    methods: Glob
    field: FieldName
    facts: dict[Fact, FieldName] = {}
    names: dict[TypeName, FieldName] = {}


class Shown(Entry):
    """What an object says of itself in any answer: paths of facts.

    One that `contains` others is shown for them. `ids` are lists of the ids of such objects, with
    the lists that have the objects. `names` are fields with names of other objects, all of which
    have to be seen; `hides` are fields with names that nobody can judge.
    """

    facts: dict[Fact, FieldPath] = {}
    names: dict[TypeName, FieldPaths] = {}
    hides: tuple[FieldName, ...] = ()
    contains: bool = False
    ids: dict[FieldName, FieldName] = {}


class Subjects(Entry):
    """Fields of requests: texts that are ids, by the message that they stand for; texts that are
    `names`, by methods; `objects` that are others than their type says; texts `inside` objects of a
    type, which may be empty; fields that are no objects, or merely name one (`values`), and those
    that nobody can judge (`unknown`), by the methods that have them.
    """

    ids: dict[FieldName, TypeName] = {}
    names: dict[Glob, dict[FieldName, TypeName]] = {}
    objects: dict[Glob, dict[FieldName, TypeName]] = {}
    inside: dict[TypeName, dict[FieldName, TypeName]] = {}
    specs: tuple[SpecSubject, ...] = ()
    values: dict[FieldName, Globs] = {}
    unknown: dict[FieldName, Globs] = {}


class NamesOf(Entry):
    """The list of objects of which a method answers the names alone, at `put`."""

    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    set: dict[FieldPath, Content] = {}
    rows: FieldPath
    name: FieldPath
    put: FieldName


class ObjectTables(Entry):
    about: dict[TypeName, About] = {}
    subjects: Subjects = Subjects()
    shown: dict[TypeName, Shown] = {}
    narrowed: dict[MethodName, dict[Fact, FieldPath]] = {}
    pages: dict[MethodName, tuple[FieldPath, ...]] = {}
    names: dict[MethodName, NamesOf] = {}
