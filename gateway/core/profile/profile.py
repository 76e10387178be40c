"""The compatibility profile: documented names and calls, and what Cuebot has instead.

This module reads and validates the TOML file (`config/opencue.toml` is built in), and the ones
beside it that it may name; `resolve` applies it to a schema.
"""

import re
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    Field,
    PrivateAttr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from gateway.core.errors import ConfigurationError
from gateway.core.profile.entry_types import (
    Entry,
    FieldName,
    FieldPath,
    Glob,
    Globs,
    Line,
    MethodName,
    ServiceName,
    TypeName,
)

BUILT_IN = "opencue.toml"
COMPANION = re.compile(r"[A-Za-z0-9][\w.-]*\.toml", re.ASCII)
GONE = {
    "verbs": "a profile has none any more; cuectl takes those of a studio from a package with the "
    "entry point `cuectl.verbs` (docs/cuectl.md)"
}
"""Keys that profiles had, and what there is instead."""


class Sign(Entry):
    """An error text of Cuebot: its beginning, and another part of it; and what it means."""

    begins: Annotated[str, Field(min_length=1)]
    says: str = ""
    means: Line | None = None
    """In a sentence; None for what Cuebot says itself."""

    def fits(self, text: str) -> bool:
        return text.startswith(self.begins) and self.says in text


class Signs(Entry):
    """The meaning of errors with status INTERNAL; of `nothing` with NOT_FOUND. All methods have it
    as an aspect.
    """

    not_found: Sign | None = None
    """An object does not exist."""
    ambiguous: Sign | None = None
    """Several objects where there should be one."""
    malformed: Sign | None = None
    """An impossible name."""
    nothing: tuple[Sign, ...] = ()
    """Texts which say no more than that."""
    exists: tuple[Sign, ...] = ()
    """What a change would make is there, or its name is taken."""
    refused: tuple[Sign, ...] = ()
    """What Cuebot does not do as things are."""


Tables = TypeVar("Tables", bound=Entry)


class Summaries(Entry):
    """What methods do, in a line each, by service; and what fields mean, by message."""

    methods: dict[ServiceName, dict[FieldName, Line]] = {}
    fields: dict[TypeName, dict[FieldName, Line]] = {}


class Profile(Entry):
    companions: ClassVar[tuple[str, ...]] = ("summaries",)
    """Tables that may be in files of their own. No answer of a method depends on them."""

    summaries: Summaries = Summaries()
    """In the TOML: this table, or the name of a file beside the profile that has its content."""
    probe: MethodName | None = None
    reads: tuple[Glob, ...] = ()
    written: dict[FieldPath, Globs] = {}
    errors: Signs = Signs()
    _idle: tuple[str, ...] = PrivateAttr(())

    def tables(self, kind: type[Tables]) -> Tables:
        """Those of a feature; empty ones for a profile without any."""
        return self if isinstance(self, kind) else kind()

    @property
    def idle(self) -> tuple[str, ...]:
        """Tables that no feature reads here."""
        return self._idle


EMPTY = Profile()


Kind = TypeVar("Kind", bound=Profile)


def load_profile(wanted: str, kind: type[Kind]) -> Kind:
    """The profile at COMPAT_PROFILE: `opencue` (built in), `none`, or a file; of a kind, with the
    tables of features. A table of the built-in profile that the kind lacks is idle.

    Raises ConfigurationError, one line.
    """
    if wanted == "none":
        return kind()
    folder, name = built_in() if wanted == "opencue" else (Path(wanted).parent, Path(wanted).name)
    content = read(folder, name, wanted)
    absent = [table for table in content if table not in kind.model_fields]
    ours = read(*built_in(), BUILT_IN).keys() if absent else ()
    idle = tuple(table for table in absent if table in ours)
    for table in idle:
        del content[table]
    for table in kind.companions:
        beside = content.get(table)
        if isinstance(beside, str):
            if not COMPANION.fullmatch(beside):
                problem = f"{table}: {beside!r} is not the name of a file such as {table}.toml"
                raise ConfigurationError(f"COMPAT_PROFILE: {wanted}: {problem}")
            content[table] = read(folder, beside, str(folder / beside))
    try:
        profile = kind.model_validate(content)
    except ValidationError as error:
        problem = describe(error.errors(include_url=False)[0])
        raise ConfigurationError(f"COMPAT_PROFILE: {wanted}: {problem}") from None
    profile._idle = idle
    return profile


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
