"""Keys of a JSON body that no field has: which of them are errors, and what the errors say."""

from collections.abc import Container, Mapping
from enum import Enum, auto

from gateway.codec.interfaces import Unknown, UnknownField
from gateway.codec.path import ROOT, mismatch_at, text
from gateway.codec.rewrite import Json
from gateway.errors import Code, GatewayError
from gateway.hints import SHOWN, did_you_mean

LISTED = 10
"""How many of a type's fields the error for an unknown one names."""
MAX_UNKNOWN = 1000
REPORTED = 32
"""How many ignored fields are reported; a client could send hundreds of thousands."""


class UnknownFieldPolicy(Enum):
    """Which unknown fields are errors; the others are ignored and reported."""

    NOTHING = auto()
    ARGUMENTS = auto()
    """Those of the request itself and of types that occur only in requests (search criteria):
    ignoring them would change what the call does, or finds. Objects that Cuebot has handed out may
    carry more than it takes back, and documents may have what no Cuebot has ever known."""
    EVERYTHING = auto()


UNKNOWN_FIELD_POLICIES: Mapping[str, UnknownFieldPolicy] = {
    "ignore": UnknownFieldPolicy.NOTHING,
    "safe": UnknownFieldPolicy.ARGUMENTS,
    "reject": UnknownFieldPolicy.EVERYTHING,
}
"""By UNKNOWN_FIELDS. Reads are no exception: what they list is what a script changes next."""


def is_echo(key: str, value: Json, echoes: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a key is an alias from an answer, and a field that it stands for is there too."""
    return any(name in value for name in echoes.get(key, ()))


def add_unknown(unknown: Unknown, field: UnknownField) -> None:
    """Add the field. Raises GatewayError when there are more than MAX_UNKNOWN."""
    if len(unknown) >= MAX_UNKNOWN:
        raise mismatch_at(ROOT, f"more than {MAX_UNKNOWN} unknown fields")
    unknown.append(field)


def check_unknown(
    unknown: Unknown, policy: UnknownFieldPolicy, documented: Container[str] = ()
) -> tuple[str, ...]:
    """The paths of the first ignored fields. Raises GatewayError when one is an error instead.

    `documented` are paths of arguments that are ignored even so, except with EVERYTHING.
    """
    for field in unknown:
        argument = field.path is ROOT or not field.echoed
        if policy is UnknownFieldPolicy.EVERYTHING or (
            policy is UnknownFieldPolicy.ARGUMENTS
            and argument
            and place_of(field) not in documented
        ):
            raise unknown_field(field)
    return tuple(map(place_of, unknown[:REPORTED]))


def place_of(field: UnknownField) -> str:
    """The path of an unknown field, as text."""
    return text((field.path, field.key, 0))


def unknown_field(field: UnknownField) -> GatewayError:
    """The 400 that names the field, the nearest one, and (some of) those that there are."""
    place = f"{text(field.path)}: " if text(field.path) else ""
    names = [*field.names[:LISTED], *(["…"] if len(field.names) > LISTED else [])]
    there = f" (there are: {', '.join(names)})" if names else " (there are none)"
    hint = did_you_mean(field.key, field.names, "`")
    return GatewayError(
        Code.INVALID_ARGUMENT,
        f"{place}unknown field `{field.key[:SHOWN]}`{hint}{there}",
    )
