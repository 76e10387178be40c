"""The compatibility profile: documented names and calls, and what Cuebot has instead.

This module reads and validates the TOML file (`config/opencue.toml` is built in), and the ones
beside it that it may name; `resolve` applies it to a schema.
"""

import re
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    StrictBool,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from gateway.core.errors import ConfigurationError
from gateway.core.profile.entry_types import (
    Constant,
    Content,
    Entry,
    Fact,
    FieldName,
    FieldPath,
    FieldPaths,
    Glob,
    Globs,
    Line,
    MethodName,
    ServiceName,
    TargetPath,
    Template,
    TypeName,
)
from gateway.core.profile.panels import Panels
from gateway.features.views.units import Unit

BUILT_IN = "opencue.toml"
COMPANION = re.compile(r"[A-Za-z0-9][\w.-]*\.toml", re.ASCII)
COMPANIONS = ("summaries", "panels")
"""Tables that may be in files of their own."""
GONE = {
    "verbs": "a profile has none any more; cuectl takes those of a studio from a package with the "
    "entry point `cuectl.verbs` (docs/cuectl.md)"
}
"""Keys that profiles had, and what there is instead."""


class Before(Entry):
    """A look-up before a call. A read whose answer differs at `same` from `given` is refused."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    take: FieldPath
    put: FieldPath
    same: FieldPath | None = None


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


class Sign(Entry):
    """An error text of Cuebot: its beginning, and another part of it; and what it means."""

    begins: Annotated[str, Field(min_length=1)]
    says: str = ""
    means: Line | None = None


class Signs(Entry):
    """The meaning of errors with status INTERNAL; of `nothing` with NOT_FOUND."""

    not_found: Sign | None = None
    ambiguous: Sign | None = None
    malformed: Sign | None = None
    nothing: tuple[Sign, ...] = ()
    exists: tuple[Sign, ...] = ()
    refused: tuple[Sign, ...] = ()


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


class ObstacleEntry(Entry):
    """Why Cuebot refuses a call with an error text that `begins` so: a `call` tells, whose request
    takes values of the other (`with`). `says` has the value at `take` of its answer, unless that is
    one of `unless`, or the number of `rows`, for one of them in `says_one`, as `{found}`, and the
    object in the request as `{subject}`; `otherwise` is said without.
    """

    begins: Annotated[str, Field(min_length=1)]
    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    rows: FieldPath | None = None
    take: FieldPath | None = None
    unless: tuple[str, ...] = ()
    says: Template
    says_one: Template | None = None
    otherwise: Template


class NamesOf(Entry):
    """The list of objects of which a method answers the names alone, at `put`."""

    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    set: dict[FieldPath, Content] = {}
    rows: FieldPath
    name: FieldPath
    put: FieldName


class Watched(Entry):
    """How a read is watched: by a `call` that answers the same, with values of the first answer
    (`send`). Or with fields `set`, if a watcher waits for rows and the request names any of them
    (`if_any`), so that they stay in the answer. Or never, and why.
    """

    call: MethodName | None = None
    send: dict[FieldPath, FieldPath] = {}
    if_any: tuple[FieldPath, ...] = ()
    set: dict[FieldPath, Content] = {}
    never: Line | None = None


class Summaries(Entry):
    """What methods do, in a line each, by service; and what fields mean, by message."""

    methods: dict[ServiceName, dict[FieldName, Line]] = {}
    fields: dict[TypeName, dict[FieldName, Line]] = {}


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


class Profile(Entry):
    summaries: Summaries = Summaries()
    """In the TOML: this table, or the name of a file beside the profile that has its content."""
    panels: Panels = Panels()
    """As `summaries`."""
    probe: MethodName | None = None
    reads: tuple[Glob, ...] = ()
    written: dict[FieldPath, Globs] = {}
    methods: dict[MethodName, MethodName] = {}
    missing: dict[MethodName, str] = {}
    requests: dict[MethodName, dict[FieldPath, TargetPath]] = {}
    defaults: dict[MethodName, dict[FieldPath, Constant]] = {}
    needed: dict[MethodName, dict[FieldName, Line]] = {}
    rows: dict[MethodName, dict[FieldPath, RowLimit]] = {}
    identity: dict[MethodName, FieldPath] = {}
    identity_in_xml: dict[MethodName, dict[FieldPath, FieldName]] = {}
    answers: dict[TypeName, dict[FieldName, FieldName | tuple[FieldName, ...] | StrictBool]] = {}
    called: dict[TypeName, dict[FieldName, FieldName | Start]] = {}
    elsewhere: dict[TypeName, dict[FieldName, Line]] = {}
    columns: dict[TypeName, dict[FieldName, Computed]] = {}
    owned: dict[MethodName, OwnedRows] = {}
    units: dict[Unit, dict[TypeName, tuple[FieldName, ...]]] = {}
    before: tuple[Before, ...] = ()
    named: tuple[Named, ...] = ()
    unique: tuple[UniqueName, ...] = ()
    errors: Signs = Signs()
    instead: tuple[Instead, ...] = ()
    after: tuple[After, ...] = ()
    about: dict[TypeName, About] = {}
    subjects: Subjects = Subjects()
    shown: dict[TypeName, Shown] = {}
    narrowed: dict[MethodName, dict[Fact, FieldPath]] = {}
    pages: dict[MethodName, tuple[FieldPath, ...]] = {}
    near: dict[MethodName, NearEntry] = {}
    filters: list[FilterEntry] = []
    obstacles: dict[MethodName, ObstacleEntry] = {}
    names: dict[MethodName, NamesOf] = {}
    watched: dict[MethodName, Watched] = {}


EMPTY = Profile()


def load_profile(wanted: str) -> Profile:
    """The profile at COMPAT_PROFILE: `opencue` (built in), `none`, or a file.

    Raises ConfigurationError, one line.
    """
    if wanted == "none":
        return EMPTY
    folder, name = built_in() if wanted == "opencue" else (Path(wanted).parent, Path(wanted).name)
    content = read(folder, name, wanted)
    for table in COMPANIONS:
        beside = content.get(table)
        if isinstance(beside, str):
            if not COMPANION.fullmatch(beside):
                problem = f"{table}: {beside!r} is not the name of a file such as {table}.toml"
                raise ConfigurationError(f"COMPAT_PROFILE: {wanted}: {problem}")
            content[table] = read(folder, beside, str(folder / beside))
    try:
        return Profile.model_validate(content)
    except ValidationError as error:
        problem = describe(error.errors(include_url=False)[0])
    raise ConfigurationError(f"COMPAT_PROFILE: {wanted}: {problem}")


def read(folder: Traversable, name: str, shown: str) -> dict[str, Any]:
    """The content of a TOML file, which messages call `shown`. Raises ConfigurationError."""
    try:
        text = folder.joinpath(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"COMPAT_PROFILE: cannot read {shown}: {reason}") from None
    try:
        return tomllib.loads(text)
    except RecursionError:
        problem = "nested too deeply"
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
    raise ConfigurationError(f"COMPAT_PROFILE: {shown}: {problem}")


def describe(error: ErrorDetails) -> str:
    """One line for an error: place and expectation. Line breaks in keys are escaped."""
    parts = [str(part) for part in error["loc"] if part != "[key]"]
    place = ".".join(part if part.isprintable() else repr(part) for part in parts)
    if error["type"] == "extra_forbidden":
        return f"{place}: {GONE.get(place, 'unknown key')}"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def built_in() -> tuple[Traversable, str]:
    """In the package, or beside it in a checkout."""
    packaged = files("gateway")
    if packaged.joinpath(BUILT_IN).is_file():
        return packaged, BUILT_IN
    return Path(__file__).parents[3] / "config", BUILT_IN
