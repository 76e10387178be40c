"""Finding declarations by full names, paths, or ends of names."""

from collections.abc import Iterable, Mapping

from gateway.schema.declarations import Declaration

OWN_PACKAGE = "google.protobuf."
"""Protobuf's own types, whose short names (`Type`, `Value`) are rarely meant."""


def find_declarations(
    name: str, declared: Iterable[Declaration], aliases: Mapping[str, str]
) -> tuple[Declaration, ...]:
    """The declarations that a full name, a path, the end of a name or a short name (`Job/GetJobs`)
    can mean.

    An exact match is the only one. Case is ignored if nothing is found otherwise. `aliases` are
    other names of services.
    """
    wanted = name.strip("/.").replace("/", ".")
    for alias, native in aliases.items():
        if wanted == alias or wanted.startswith(f"{alias}."):
            wanted = native + wanted.removeprefix(alias)
            break
    declared = tuple(declared)
    exact = tuple(each for each in declared if each.name == wanted)
    return (
        exact
        or ending_in(wanted, declared)
        or ending_in(wanted.lower(), declared, fold=True)
        or ending_in(wanted.lower().replace(".", "interface.", 1), declared, fold=True)
    )


def ending_in(
    wanted: str, declared: Iterable[Declaration], *, fold: bool = False
) -> tuple[Declaration, ...]:
    """The declarations whose names end so; protobuf's own only if there are no others."""
    found = [
        each
        for each in declared
        if f".{each.name.lower() if fold else each.name}".endswith(f".{wanted}")
    ]
    return tuple(each for each in found if not each.name.startswith(OWN_PACKAGE)) or tuple(found)
