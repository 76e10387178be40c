"""Unknown fields of requests: which ones are a 400, which are ignored and reported."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain, islice

from gateway.core.codec.body import ROOT, Json, Path, mismatch_at, text
from gateway.core.errors import Code, GatewayError
from gateway.core.suggestions import (
    DID_YOU_MEAN,
    QUOTED_CHARS,
    did_you_mean,
    nearest_names,
    other_way,
)

FIELDS_LISTED = 10
"""Fields of a type that the error for an unknown one lists."""
MOST_PATHS_COMPARED = 2000
PATHS_SUGGESTED = 3
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
    below: Callable[[], Iterable[str]] = tuple
    """The paths of fields within the object's objects, for a hint."""
    plain: Sequence[str] = ()
    """The JSON names of fields that are no objects."""

    def paths(self) -> Iterator[str]:
        """The paths of all fields that the key may stand for."""
        return chain(self.names, self.below())


Unknown = list[UnknownField]


class UnknownFields(GatewayError):
    """The 400 for unknown fields, which are not known elsewhere either."""

    def __init__(self, message: str, fields: Sequence[UnknownField]) -> None:
        super().__init__(Code.INVALID_ARGUMENT, message)
        self.fields = fields


class UnknownFieldPolicy(Enum):
    """Which unknown fields are errors; the others are ignored and reported."""

    NOTHING = auto()
    ARGUMENTS = auto()
    """Unknown fields of the request itself, and of types that occur only in requests (search
    criteria).

    Ignoring them would change what the call does or finds. An object from an answer may have more
    fields than Cuebot takes back.
    """
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
    unknown: Unknown,
    policy: UnknownFieldPolicy,
    documented: Container[str] = (),
    written: Container[str] = (),
) -> tuple[str, ...]:
    """The paths of the first ignored fields. Raises GatewayError for those that are errors.

    `documented` are paths of arguments that only EVERYTHING refuses, `written` of objects that
    callers write themselves, whatever their type.
    """

    def is_error(field: UnknownField) -> bool:
        argument = field.path is ROOT or not field.echoed or text(field.path) in written
        return policy is UnknownFieldPolicy.EVERYTHING or (
            policy is UnknownFieldPolicy.ARGUMENTS
            and argument
            and place_of(field) not in documented
        )

    if errors := list(islice(filter(is_error, unknown), FIELDS_LISTED)):
        raise unknown_field(*errors)
    return tuple(map(place_of, unknown[:IGNORED_REPORTED]))


def place_of(field: UnknownField) -> str:
    return text((field.path, field.key, 0))


def path_ending_in(name: str, paths: Iterable[str], *, alone: bool = False) -> str | None:
    """`r.users` for `users` or `user`, and `req.states` for `state`: the one path that ends in the
    name or its plural. None if there are several, none less deep than the others; with `alone`, if
    there are several.
    """
    names = (plain := name[:QUOTED_CHARS].replace("_", "").lower(), f"{plain}s")
    some = islice(paths, MOST_PATHS_COMPARED)
    found = [each for each in some if each.rpartition(".")[2].lower() in names]
    if alone:
        return found[0] if len(found) == 1 else None
    least = min((each.count(".") for each in found), default=0)
    highest = [each for each in found if each.count(".") == least]
    return highest[0] if len(highest) == 1 else None


def unknown_field(field: UnknownField, *others: UnknownField) -> UnknownFields:
    """The 400 that names the field, the nearest one, some of those that exist, and the other
    unknown ones.
    """
    place = f"{text(field.path)}: " if text(field.path) else ""
    names = list(field.names)
    if field.path is ROOT and len(names) == 1 and not field.plain:  # as of GetJobs: r
        below = list(islice(field.below(), FIELDS_LISTED + 1))
        names = below if len(below) > 1 else names
    names[FIELDS_LISTED:] = ["…"] * (len(names) > FIELDS_LISTED)
    there = f" (there are: {', '.join(names)})" if names else " (there are none)"
    path = path_ending_in(field.key, field.paths()) if field.path is ROOT else None
    hint = other_way(field.key) if path is None else f"{DID_YOU_MEAN}`{path}`?"
    if field.key.startswith("_"):
        hint = "; what begins with _ goes into the query string (curl: ?_fields=name, or -G)"
    hint = hint or did_you_mean(field.key, field.names, "`") or paths_like(field)
    if not hint and len(field.plain) == 1:  # as of SetPriority: job, val
        hint = f"{DID_YOU_MEAN}`{field.plain[0]}`?"
    too = ", ".join(f"`{place_of(other)[:QUOTED_CHARS]}`" for other in others)
    message = (
        f"{place}unknown field `{field.key[:QUOTED_CHARS]}`{hint}{there}"
        f"{'; also unknown: ' if too else ''}{too}"
    )
    return UnknownFields(message, (field, *others))


def paths_like(field: UnknownField) -> str:
    """`; did you mean `r.users`?`: the paths that end in such a name, the nearest first."""
    by_end: dict[str, list[str]] = {}
    for path in islice(field.below(), MOST_PATHS_COMPARED):
        by_end.setdefault(path.rpartition(".")[2], []).append(path)
    near = nearest_names(field.key, by_end, PATHS_SUGGESTED)
    start = text((field.path, "", 0)) if text(field.path) else ""
    found = [f"`{start}{path}`" for name in near for path in by_end[name]][:PATHS_SUGGESTED]
    return f"{DID_YOU_MEAN}{' or '.join(found)}?" if found else ""
