"""Unknown fields of a JSON body: which of them are errors, and what the errors say."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from gateway.codec.body import ROOT, Path, mismatch_at, text
from gateway.codec.rewrite import Json
from gateway.errors import Code, GatewayError
from gateway.suggestions import QUOTED_CHARS, did_you_mean

FIELDS_LISTED = 10
"""Fields of a type that the error for an unknown one lists."""
MOST_UNKNOWN = 1000
IGNORED_REPORTED = 32
"""Ignored fields that are reported. A client could send hundreds of thousands."""


@dataclass(frozen=True, slots=True)
class UnknownField:
    """A key that no field has."""

    path: Path
    """The path of the object that has the key."""
    key: str
    names: Sequence[str]
    """The JSON names of the object's fields."""
    echoed: bool
    """Whether the object may come from an answer."""


Unknown = list[UnknownField]


class UnknownFieldPolicy(Enum):
    """Which unknown fields are errors; the others are ignored and reported."""

    NOTHING = auto()
    ARGUMENTS = auto()
    """Those of the request itself and of types that occur only in requests (search criteria):
    ignoring them would change what the call does or finds. An object from an answer may have more
    fields than Cuebot takes back."""
    EVERYTHING = auto()


UNKNOWN_FIELD_POLICIES: Mapping[str, UnknownFieldPolicy] = {
    "ignore": UnknownFieldPolicy.NOTHING,
    "safe": UnknownFieldPolicy.ARGUMENTS,
    "reject": UnknownFieldPolicy.EVERYTHING,
}
"""By UNKNOWN_FIELDS. They apply to reads, too: what a script lists is what it changes next."""


def is_echo(key: str, value: Json, echoes: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a key is an alias from an answer, and a field that it stands for is there too."""
    return any(name in value for name in echoes.get(key, ()))


def add_unknown(unknown: Unknown, field: UnknownField) -> None:
    """Add the field. Raises GatewayError beyond MOST_UNKNOWN."""
    if len(unknown) >= MOST_UNKNOWN:
        raise mismatch_at(ROOT, f"more than {MOST_UNKNOWN} unknown fields")
    unknown.append(field)


def check_unknown(
    unknown: Unknown, policy: UnknownFieldPolicy, documented: Container[str] = ()
) -> tuple[str, ...]:
    """The paths of the first ignored fields. Raises GatewayError for one that is an error.

    `documented` are paths of arguments that only EVERYTHING refuses.
    """
    for field in unknown:
        argument = field.path is ROOT or not field.echoed
        if policy is UnknownFieldPolicy.EVERYTHING or (
            policy is UnknownFieldPolicy.ARGUMENTS
            and argument
            and place_of(field) not in documented
        ):
            raise unknown_field(field)
    return tuple(map(place_of, unknown[:IGNORED_REPORTED]))


def place_of(field: UnknownField) -> str:
    return text((field.path, field.key, 0))


def unknown_field(field: UnknownField) -> GatewayError:
    """The 400 that names the field, the nearest one, and some of those that exist."""
    place = f"{text(field.path)}: " if text(field.path) else ""
    names = [*field.names[:FIELDS_LISTED], *["…"] * (len(field.names) > FIELDS_LISTED)]
    there = f" (there are: {', '.join(names)})" if names else " (there are none)"
    hint = did_you_mean(field.key, field.names, "`")
    return GatewayError(
        Code.INVALID_ARGUMENT,
        f"{place}unknown field `{field.key[:QUOTED_CHARS]}`{hint}{there}",
    )
