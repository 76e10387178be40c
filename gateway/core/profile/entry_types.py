"""The base of a profile's tables, and the kinds of names and values in them."""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StrictBool,
    StrictInt,
    StrictStr,
)

NAME = r"[A-Za-z_][A-Za-z0-9_]*"
NAMES = rf"{NAME}(\.{NAME})*"


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
Content = StrictBool | StrictInt | StrictStr
Fact = Literal["show", "user", "job", "group", "facility", "allocation", "host"]
Glob = Annotated[str, shaped(r"!?[^!/\s]+/[^!/\s]+", "a glob of methods such as job.*/Get*")]


Globs = Annotated[
    tuple[Glob, ...], BeforeValidator(lambda globs: (globs,) if isinstance(globs, str) else globs)
]


class Entry(BaseModel):
    """A table of the profile. Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
