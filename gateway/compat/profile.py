"""The compatibility profile: what documents say, and what Cuebot calls it.

A TOML file; that for OpenCue, `config/opencue.toml`, is part of the package. This module reads and
checks it, `resolve` applies it to a schema.
"""

import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated

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
)
from pydantic_core import ErrorDetails

from gateway.errors import ConfigurationError

BUILT_IN = "opencue.toml"
NAME = r"[A-Za-z_][A-Za-z0-9_]*"
NAMES = rf"{NAME}(\.{NAME})*"


def shaped(pattern: str, what: str) -> AfterValidator:
    """A check that a text matches the pattern."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return AfterValidator(check)


def check_constant(content: object) -> object:
    """A text or an integer."""
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
Constant = Annotated[str | int, BeforeValidator(check_constant)]
TargetPath = Annotated[
    str, shaped(rf"{NAMES}(\[\])?", "a path of fields such as show.name or r.shows[]")
]
Content = StrictBool | StrictInt | StrictStr
Glob = Annotated[str, shaped(r"!?[^!/\s]+/[^!/\s]+", "a glob of methods such as job.*/Get*")]


class Entry(BaseModel):
    """A part of the profile. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Before(Entry):
    """A look-up before a call. The answer to a read has what is given at `same`, or is refused."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    take: FieldPath
    put: FieldPath
    same: FieldPath | None = None


class Finding(Entry):
    """The look-up for an object: `send` has values of its own, `beside` of its or the request's.

    Those at `lower` are sent in lower case.
    """

    call: MethodName
    send: dict[FieldPath, FieldPaths] = {}
    beside: dict[FieldPath, FieldPath] = {}
    lower: tuple[FieldPath, ...] = ()
    take: FieldPath
    only: str = ""


class Listing(Entry):
    """A list with an object that its look-up does not find, or finds several of.

    `with` has values of the look-up's request, `given` those for look-ups before it, `set`
    constants, `where` fields of rows that have the same values as the look-up's request. Requests
    get a row if they set the field at `only_with`.
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
    """Objects that requests have without an id, and what finds them; None if nothing does.

    `fields` are where they are, in the requests of `methods`; `ids` where their ids, or lists of
    ids, stand by themselves, and in the requests of which methods.
    """

    message: TypeName
    fields: tuple[FieldPath, ...] = ()
    ids: dict[FieldPath, Glob] = {}
    methods: tuple[Glob, ...] = ("*/*",)
    by: Finding | None = None
    list: Listing | None = None


class Hop(Entry):
    """One of the calls that answer together what one should: `take` of its answer goes on.

    Its request has values of the main one (`with`), and what the hop before has taken (`send`).
    From a list (`rows`) the row is taken whose fields are as values of the main request (`where`).
    """

    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    send: FieldPath | None = None
    rows: FieldPath | None = None
    where: dict[FieldPath, FieldPath] = {}
    take: FieldPath | None = None


class Instead(Entry):
    """Calls that answer for a method that Cuebot does not have, or that finds nothing.

    `request` and `answer` are the fields of one that it does not have: names, and the types of
    messages, or `string`. With `name`, a field for an id, they do so only if that has a name.
    """

    method: MethodName
    name: FieldPath | None = None
    request: dict[FieldName, TypeName] = {}
    answer: dict[FieldName, TypeName] = {}
    hops: Annotated[tuple[Hop, ...], Field(min_length=1)]
    put: FieldName


class Sign(Entry):
    """How an error text of Cuebot's begins, and what else is in it."""

    begins: Annotated[str, Field(min_length=1)]
    says: str = ""


class Signs(Entry):
    """What errors mean that have the status INTERNAL whatever they are about."""

    not_found: Sign | None = None
    ambiguous: Sign | None = None
    malformed: Sign | None = None


class RowLimit(Entry):
    """A number of rows in requests: of Cuebot's own, what it is by default and under a view.

    With `page`, the field that asks for a part of them; such a part has the default's size.
    """

    default: int | None = None
    views: int | None = None
    page: FieldPath | None = None


class UniqueName(Entry):
    """A look-up before a call, which is refused if there is something of that name already."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    found: FieldPath


class Reading(Entry):
    """A read that shows what a call has led to: `take` of its answer replaces that of the call."""

    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with")
    take: FieldPath


class After(Entry):
    """A call that follows another one, when the request asks for it with a field."""

    method: MethodName
    given: FieldPath
    call: MethodName
    send: FieldPath
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    read: Reading | None = None


class Profile(Entry):
    """A whole profile, as its file has it."""

    probe: MethodName | None = None
    reads: tuple[Glob, ...] = ()
    methods: dict[MethodName, MethodName] = {}
    missing: dict[MethodName, str] = {}
    requests: dict[MethodName, dict[FieldPath, TargetPath]] = {}
    defaults: dict[MethodName, dict[FieldPath, Constant]] = {}
    rows: dict[MethodName, dict[FieldPath, RowLimit]] = {}
    identity: dict[MethodName, FieldPath] = {}
    identity_in_xml: dict[MethodName, dict[FieldPath, FieldName]] = {}
    answers: dict[TypeName, dict[FieldName, FieldName | tuple[FieldName, ...] | StrictBool]] = {}
    before: tuple[Before, ...] = ()
    named: tuple[Named, ...] = ()
    unique: tuple[UniqueName, ...] = ()
    errors: Signs = Signs()
    instead: tuple[Instead, ...] = ()
    after: tuple[After, ...] = ()


EMPTY = Profile()


def load_profile(wanted: str) -> Profile:
    """The profile that COMPAT_PROFILE names: `opencue` (the built-in one), `none`, or a file.

    Raises ConfigurationError, one line, for a file that cannot be read or is wrong.
    """
    if wanted == "none":
        return EMPTY
    try:
        text = built_in() if wanted == "opencue" else Path(wanted).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigurationError(f"COMPAT_PROFILE: cannot read {wanted}: {reason}") from None
    try:
        return Profile.model_validate(tomllib.loads(text))
    except RecursionError:
        problem = "nested too deeply"
    except tomllib.TOMLDecodeError as error:
        problem = str(error)
    except ValidationError as error:
        problem = describe(error.errors(include_url=False)[0])
    raise ConfigurationError(f"COMPAT_PROFILE: {wanted}: {problem}")


def describe(error: ErrorDetails) -> str:
    """One line for the first mistake in a profile: the place, and what is expected.

    Line breaks in keys are escaped.
    """
    parts = [str(part) for part in error["loc"] if part != "[key]"]
    place = ".".join(part if part.isprintable() else repr(part) for part in parts)
    if error["type"] == "extra_forbidden":
        return f"{place}: unknown key"
    message = error["msg"].removeprefix("Value error, ")
    return f"{place}: {message[:1].lower()}{message[1:]}"


def built_in() -> str:
    """The text of the profile for OpenCue: in the package, or beside it in a checkout."""
    packaged = files("gateway").joinpath(BUILT_IN)
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "config" / BUILT_IN).read_text(encoding="utf-8")
