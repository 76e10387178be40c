"""Which declaration somebody means by a name."""

from collections.abc import Iterable, Mapping

from gateway.schema.declarations import Declaration

OWN_PACKAGE = "google.protobuf."
"""Protobuf's own types, whose short names (`Type`, `Value`) are rarely what is meant."""


def find_declarations(
    name: str, declared: Iterable[Declaration], aliases: Mapping[str, str]
) -> tuple[Declaration, ...]:
    """What somebody can mean by a name, which is full, a path, its last part or parts, or short
    (`Job/GetJobs`).

    One that is exactly so called is the only one. Upper and lower case count unless nothing is
    found otherwise. `aliases` are other names of services.
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
    """Those whose last parts these are; protobuf's own only when there are no others."""
    found = [
        each
        for each in declared
        if f".{each.name.lower() if fold else each.name}".endswith(f".{wanted}")
    ]
    return tuple(each for each in found if not each.name.startswith(OWN_PACKAGE)) or tuple(found)
