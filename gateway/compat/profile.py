"""The compatibility profile: documented names and calls, and what Cuebot has instead.

This module reads and validates the TOML file (`config/opencue.toml` is built in), and the ones
beside it that it may name; `resolve` applies it to a schema.
"""

import re
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails

from gateway.errors import ConfigurationError
from gateway.views.units import Unit

BUILT_IN = "opencue.toml"
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
NAMES = rf"{NAME}(\.{NAME})*"
COMPANION = re.compile(r"[A-Za-z0-9][\w.-]*\.toml", re.ASCII)
"""The name of a file beside the profile."""
COMPANIONS = ("summaries", "verbs", "panels")
"""Tables that may be in files of their own."""


def shaped(pattern: str, what: str) -> AfterValidator:

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return AfterValidator(check)


def check_constant(content: object) -> object:
    if type(content) not in (str, int):
        raise ValueError(f"{content!r} is not a text or an integer")
    return content


MethodName = Annotated[str, shaped(f"{NAMES}/{NAME}", "a method such as job.JobInterface/GetJobs")]
TypeName = Annotated[str, shaped(NAMES, "a message such as job.Job")]
FieldName = Annotated[str, shaped(NAME, "a field such as totalCores")]
FieldPath = Annotated[str, shaped(NAMES, "a path of fields such as show.name")]
FieldPaths = Annotated[
    tuple[FieldPath, ...],
    BeforeValidator(lambda paths: (paths,) if isinstance(paths, str) else paths),
]
Template = Annotated[
    str,
    shaped(rf"([^{{}}]|\{{{NAME}(:0[1-9])?\}})+", "a text with fields such as {frame:04}-{layer}"),
]
ServiceName = Annotated[str, shaped(NAMES, "a service such as job.JobInterface")]
Line = Annotated[str, shaped(r"\S.*", "one line of text")]
Constant = Annotated[str | int, BeforeValidator(check_constant)]
TargetPath = Annotated[
    str, shaped(rf"{NAMES}(\[\])?", "a path of fields such as show.name or r.shows[]")
]
RowPath = Annotated[
    str,
    shaped(rf"{NAMES}|(sum|min|max)\({NAMES}\)", "a field of a row, or an aggregate of a group"),
]
PanelId = Annotated[str, shaped(r"[a-z0-9]+(-[a-z0-9]+)*", "the id of a panel, such as down-hosts")]
ViewParameter = Literal["where", "sort", "limit", "group", "count", "sum", "min", "max"]
Content = StrictBool | StrictInt | StrictStr
Fact = Literal["show", "user", "job", "group", "facility", "allocation", "host"]
Glob = Annotated[str, shaped(r"!?[^!/\s]+/[^!/\s]+", "a glob of methods such as job.*/Get*")]


Globs = Annotated[
    tuple[Glob, ...], BeforeValidator(lambda globs: (globs,) if isinstance(globs, str) else globs)
]


class Entry(BaseModel):
    """A table of the profile. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    with a group for each field of the object that they tell.
    """

    message: TypeName
    fields: tuple[FieldPath, ...] = ()
    ids: dict[FieldPath, Glob] = {}
    methods: tuple[Glob, ...] = ("*/*",)
    by: Finding | None = None
    list: Listing | None = None
    name_parts: re.Pattern[str] | None = None


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
    """An error text of Cuebot: its beginning, and another part of it."""

    begins: Annotated[str, Field(min_length=1)]
    says: str = ""


class Signs(Entry):
    """The meaning of errors with status INTERNAL."""

    not_found: Sign | None = None
    ambiguous: Sign | None = None
    malformed: Sign | None = None
    exists: tuple[Sign, ...] = ()


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
    texts in it, which the names have to contain.
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


Word = Annotated[str, shaped(r"[a-z][a-z0-9-]*", "a word such as min-cores")]
Requested = Content | tuple[Content, ...]
Color = Literal["red", "green", "yellow", "blue", "magenta", "cyan", "gray"]


class NameList(Entry):
    """A read that answers names: at `path` of its answer, or of each of its rows."""

    method: MethodName
    path: FieldPath
    request: dict[FieldPath, Requested] = {}


class Column(Entry):
    """A value of rows. It is shown as a part `of` another number, and in red if it is an `alert`
    and not 0.
    """

    path: FieldPath
    title: Line | None = None
    of: FieldPath | None = None
    alert: bool = False


Columns = Annotated[
    tuple[Column, ...],
    BeforeValidator(
        lambda columns: (
            [{"path": each} if isinstance(each, str) else each for each in columns]
            if isinstance(columns, list)
            else columns
        )
    ),
]


class Argument(Entry):
    """A text behind a verb, and its place in the request.

    If it `repeats`, each is a call of its own. `names` are those that it may be.
    """

    name: Word
    put: FieldPath
    names: Word | None = None
    repeats: bool = False
    help: Line | None = None


class Option(Entry):
    """An option: a place in the request for what is given with it, or for `value` (`$sub` is who
    asks), or a condition on rows. Without it, `default` is sent.
    """

    put: FieldPath | None = None
    value: Requested | None = None
    default: Requested | None = None
    where: Line | None = None
    names: Word | None = None
    help: Line

    @model_validator(mode="after")
    def check_effect(self) -> Self:
        if (self.put is None) == (self.where is None):
            raise ValueError("expected either put or where")
        sent = [each for each in (self.value, self.default, self.names) if each is not None]
        if len(sent) > (self.put is not None):
            raise ValueError("expected one of value, default and names, with put")
        return self


class Rows(Entry):
    """A read whose rows are shown: `where` and `sort` as in views, `wide` is what else there is."""

    method: MethodName
    request: dict[FieldPath, Requested] = {}
    columns: Columns = ()
    wide: Columns = ()
    where: Line | None = None
    sort: Line | None = None


class Verb(Rows):
    """What a client's command line does with a method. `confirm` is asked before it."""

    summary: Line
    arguments: tuple[Argument, ...] = ()
    options: dict[Word, Option] = {}
    confirm: Line | None = None

    @model_validator(mode="after")
    def check_arguments(self) -> Self:
        names = {each.name for each in self.arguments}
        if len(names) < len(self.arguments):
            raise ValueError("two arguments have one name")
        if sum(each.repeats for each in self.arguments) > 1:
            raise ValueError("two arguments repeat")
        for _, asked, _, _ in Formatter().parse(self.confirm or ""):
            if asked is not None and asked not in names:
                raise ValueError(f"{{{asked}}} is no argument")
        return self


class Bar(Entry):
    """Numbers of a row: how many of all (`of`) are done, under way, and have failed."""

    done: FieldPaths
    of: FieldPath
    running: FieldPath | None = None
    failed: FieldPath | None = None


class Followed(Rows):
    """A read with the followed object, or with its parts: the name's place in the request."""

    put: FieldPath


class Parts(Followed):
    """The parts of a followed object, each with its progress."""

    bar: Bar


class Failed(Entry):
    """A condition on the followed object under which it has failed, and the words for that."""

    where: Line
    says: Line


class Follow(Entry):
    """An object that is watched until it is `done`, or has `failed`."""

    summary: Line
    argument: Word
    names: Word | None = None
    whole: Followed
    parts: Parts
    done: Line
    failed: tuple[Failed, ...] = ()


class Launch(Rows):
    """A method that is sent a file's text (`put`). Rows of its answer have the name to follow."""

    summary: Line
    put: FieldPath
    name: FieldPath


class Verbs(Entry):
    """What a client's command line can do, and the colors of states."""

    names: dict[Word, NameList] = {}
    verb: dict[Word, Verb] = {}
    colors: dict[FieldName, Color] = {}
    follow: Follow | None = None
    launch: Launch | None = None

    @model_validator(mode="after")
    def check_names(self) -> Self:
        wanted = {
            verb: {
                *(one.names for one in each.arguments),
                *(one.names for one in each.options.values()),
            }
            for verb, each in self.verb.items()
        }
        if self.follow is not None:
            wanted["follow"] = {self.follow.names}
        for place, names in wanted.items():
            for name in sorted(filter(None, names - self.names.keys())):
                raise ValueError(f"{place}: there is no list of names {name!r}")
        return self


class PanelColumn(Entry):
    """A value of a row, at `path`.

    A `bar` is as long as the value, beside the largest of the table or the one at this path. What
    is `alert` stands out: a number that is not 0, or one of these texts.
    """

    path: RowPath
    title: Line | None = None
    bar: StrictBool | FieldPath = False
    alert: StrictBool | tuple[str, ...] = False


class Lead(Entry):
    """Another panel, whose `given` fields get these values of a row."""

    panel: PanelId
    title: Line | None = None
    with_: dict[TargetPath, RowPath] = Field(alias="with")


class PanelAction(Entry):
    """A method that may be called for a row: its request has values of the row, and constants.

    With `many`, also for all rows at once: such a request needs nothing else.
    """

    title: Line
    method: MethodName
    with_: dict[TargetPath, RowPath] = Field(alias="with", default_factory=dict)
    request: dict[str, Any] = {}
    many: bool = False


class Panel(Entry):
    """A read, shown as a table. One with `given` fields is shown for a row of another panel.

    `title` and `summary` have values in braces: `{count}` and `{sum(path)}` of the rows that are
    shown, and in the title `{name}`, that of the row that led here. Without a title, it is called
    as in the profile; without columns, it has the first plain fields of its rows; without a `name`,
    that is a row's, or its first column.
    """

    title: Line | None = None
    method: MethodName
    request: dict[str, Any] = {}
    given: tuple[TargetPath, ...] = ()
    view: dict[ViewParameter, str] = {}
    columns: tuple[PanelColumn, ...] = ()
    summary: Line | None = None
    name: RowPath | None = None
    leads: tuple[Lead, ...] = ()
    actions: tuple[PanelAction, ...] = ()


class Objects(Entry):
    """Services whose methods the explorer lists together, the `common` ones first."""

    title: Line
    common: tuple[MethodName, ...] = ()
    services: Annotated[tuple[ServiceName, ...], Field(min_length=1)]


class Completion(Entry):
    """The names of objects: a list in the answer of `method`, at `names`.

    They complete objects of a type (`message`), and texts at the `fields` of requests.
    """

    method: MethodName
    request: dict[str, Any] = {}
    names: FieldPath
    message: TypeName | None = None
    fields: tuple[FieldName, ...] = ()


class Panels(Entry):
    """What the page at `/` shows. The page asks before it calls what `destroys`."""

    panels: dict[PanelId, Panel] = {}
    objects: tuple[Objects, ...] = ()
    completions: tuple[Completion, ...] = ()
    destroys: tuple[Glob, ...] = ()


class Profile(Entry):
    """A whole profile."""

    summaries: Summaries = Summaries()
    """In the TOML: this table, or the name of a file beside the profile that has its content."""
    verbs: Verbs = Verbs()
    """As `summaries`."""
    panels: Panels = Panels()
    """As `summaries`."""
    probe: MethodName | None = None
    reads: tuple[Glob, ...] = ()
    written: dict[FieldPath, Globs] = {}
    methods: dict[MethodName, MethodName] = {}
    missing: dict[MethodName, str] = {}
    requests: dict[MethodName, dict[FieldPath, TargetPath]] = {}
    defaults: dict[MethodName, dict[FieldPath, Constant]] = {}
    rows: dict[MethodName, dict[FieldPath, RowLimit]] = {}
    identity: dict[MethodName, FieldPath] = {}
    identity_in_xml: dict[MethodName, dict[FieldPath, FieldName]] = {}
    answers: dict[TypeName, dict[FieldName, FieldName | tuple[FieldName, ...] | StrictBool]] = {}
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
        return f"{place}: unknown key"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def built_in() -> tuple[Traversable, str]:
    """The profile for OpenCue, as folder and name: in the package, or beside it in a checkout."""
    packaged = files("gateway")
    if packaged.joinpath(BUILT_IN).is_file():
        return packaged, BUILT_IN
    return Path(__file__).parents[2] / "config", BUILT_IN
