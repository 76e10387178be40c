"""What there is to call: services, methods, their codecs, and one dictionary of paths."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.schema.description import NoSchema, Schema, Skipped
from gateway.schema.method import Method
from gateway.schema.pool import why_missing
from gateway.schema.selection import UnusedGlob

NATIVE = "Cuebot has it itself"
"""Why an entry of the compatibility profile is not needed; all other reasons are that it does not
apply."""

TAG_DIGITS = 12


@dataclass(frozen=True, slots=True)
class UnusedEntry:
    """An entry of the compatibility profile that does nothing here, and why."""

    entry: str
    reason: str

    @property
    def needed(self) -> bool:
        """Whether Cuebot does not have what the entry is for."""
        return self.reason != NATIVE


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True, repr=False)
class Catalog:
    """One version of what is served. It never changes, and has a descriptor pool of its own.

    It has a short repr: asyncio asks the result of a program for its own, twice, and drops it.
    """

    methods: tuple[Method, ...]
    """Those that people are told of."""
    routes: Mapping[str, Method]
    """Native and alias paths to methods: one look-up per request."""
    names: Mapping[str, tuple[str, ...]]
    """The names of methods by service or alias, for errors about other ones."""
    aliases: Mapping[str, str]
    """Alias to full service name."""
    withheld: Mapping[str, str]
    """Native paths of methods that Cuebot has and that are not served, with the rule for each."""
    skipped: tuple[Skipped, ...]
    known: Collection[str]
    """All names of services and methods that there are, served or not."""
    unused_globs: tuple[UnusedGlob, ...]
    """Globs of the selection that name nothing in this schema."""
    missing: Mapping[str, str]
    """Paths of methods that only documents have, with what to say about each."""
    probe: str
    """The path of a method that only reads, to find out whether Cuebot answers; empty if none."""
    unused_entries: tuple[UnusedEntry, ...]
    """Entries of the compatibility profile that do nothing here."""
    tag: tuple[bytes, bytes]
    """The header that tells clients which schema an answer was made with."""
    version: str
    """Another one whenever the same answer of Cuebot may look different."""
    schema: Schema
    """What all this was made from, with the comments, which descriptors do not keep."""
    again: "Callable[[], Catalog]" = field(compare=False)
    """Makes the same catalog once more. It can be pickled, for another process."""


def declared_methods(
    schema: Schema, pool: DescriptorPool, broken: Mapping[str, str]
) -> tuple[list[MethodDescriptor], list[Skipped]]:
    """All methods of the schema's services, and the services that the pool does not have.

    `broken` says why files are not in the pool. Raises NoSchema when there is no method.
    """
    methods: list[MethodDescriptor] = []
    skipped = list(schema.skipped)
    why = why_missing(schema.files, broken)
    for name in sorted(schema.services):
        try:
            methods += pool.FindServiceByName(name).methods
        except KeyError:
            skipped.append(Skipped(service=name, reason=why(name)))
    if not methods:
        reason = skipped[-1].reason if skipped else "it has none"
        raise NoSchema(f"no service of {schema.origin} can be used: {reason}")
    return methods, skipped


def build_routes(
    methods: Iterable[Method], aliases: Mapping[str, str], documented: Mapping[str, str]
) -> dict[str, Method]:
    """Path to method: its own path, the one under its service's alias, and those of `documented`.

    `documented` maps other names of methods (`job.LayerInterface/Kill`) to native ones.
    """
    routes: dict[str, Method] = {}
    aliases_of = by_service(aliases)
    for method in methods:
        for path in paths_of(method.path[1:], aliases_of):
            routes[path] = method
    for name, native in documented.items():
        for path in paths_of(name, aliases_of):
            routes.setdefault(path, routes[f"/{native}"])
    return routes


def names_by_service(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Service, as paths write it, to the names of its methods."""
    names: dict[str, list[str]] = {}
    for path in paths:
        service, _, method = path[1:].partition("/")
        names.setdefault(service, []).append(method)
    return {service: tuple(methods) for service, methods in names.items()}


def by_service(aliases: Mapping[str, str]) -> dict[str, list[str]]:
    """The aliases of each service that has some."""
    found: dict[str, list[str]] = {}
    for alias, service in aliases.items():
        found.setdefault(service, []).append(alias)
    return found


def paths_of(name: str, aliases_of: Mapping[str, Sequence[str]]) -> list[str]:
    """The paths of a method (`job.LayerInterface/Kill`): its own, and the alias if there is one.

    `aliases_of` are those of each service.
    """
    service, _, method = name.partition("/")
    return [f"/{each}/{method}" for each in (service, *aliases_of.get(service, ()))]
