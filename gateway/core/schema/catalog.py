"""The catalog: what can be called, under which paths, and what is said of other paths."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.core.codec.fields import reachable, type_name
from gateway.core.errors import Code, GatewayError, unavailable
from gateway.core.schema.description import NoSchema, Schema, Skipped, why_missing
from gateway.core.schema.method import Method
from gateway.core.schema.method_search import ranked, words_in, words_of_query
from gateway.core.schema.selection import UnusedGlob
from gateway.core.suggestions import DID_YOU_MEAN, QUOTED_CHARS, did_you_mean

NATIVE = "Cuebot has it itself"
"""Why an entry of the compatibility profile is not needed. Any other reason is why it cannot apply.
"""
TAG_DIGITS = 12
LOGGED_CHANGES = 20
"""Names of each kind of change in the log."""
LISTED_METHODS = 8
"""Methods in an error about a path without one."""
SCALAR_TYPES: Mapping[int, str] = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}
"""Types as a proto file writes them."""
PATHS_SUGGESTED = 3
A_SLIP = 0.8
"""The likeness of names that differ by a slip of the fingers."""
MOST_WORDS = 5
"""Of a name that methods are searched by."""
MOST_SEARCHES_KEPT = 64
ROUTES_FINDS = "cuebot-gateway routes finds methods by words"
METHOD_NAME = re.compile(r"(\w+)/(\w+)")
"""A method in a text of the compatibility profile: last name of its service, and its own."""
INTERFACE = re.compile(r"(?:.*\.)?(([A-Za-z0-9_]+)Interface)")
INITIALS = re.compile(r"^(?:[A-Z]+(?=[A-Z][a-z])|[A-Z]+)")

Names = Mapping[str, Sequence[str]]
"""Names of methods by service or alias."""


@dataclass(frozen=True, slots=True)
class UnusedEntry:
    """An entry of the compatibility profile that does nothing with this schema, and why."""

    entry: str
    reason: str

    @property
    def needed(self) -> bool:
        """Whether Cuebot lacks what the entry is for."""
        return self.reason != NATIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What of the settings and of the profile does nothing with this schema."""

    globs: tuple[UnusedGlob, ...]
    """Of the selection."""
    entries: tuple[UnusedEntry, ...]
    summaries: tuple[str, ...]
    """Methods and fields of which the profile says something, and which Cuebot does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """What one may look for and is not served, and why."""

    withheld: Mapping[str, str]
    """Native paths of Cuebot's methods, with the rule for each."""
    skipped: tuple[Skipped, ...]
    missing: Mapping[str, str]
    """Paths of methods that only documents have, with a hint for each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """The names by which methods are looked for."""

    names: Mapping[str, tuple[str, ...]]
    """Those of served methods, by service or alias, for suggestions in errors."""
    aliases: Mapping[str, str]
    """Alias to full service name."""
    known: Collection[str]
    """Names of all services and methods of Cuebot, served or not."""
    searches: dict[str, list[str]] = field(default_factory=dict, init=False, compare=False)
    """The last results of `found_by_words` among all methods: clients repeat their mistakes, and a
    search takes 2 ms."""


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True, repr=False)
class Catalog:
    """One version of what is served: immutable, with a descriptor pool of its own.

    It has a short repr: asyncio asks the result of a program for its own, twice, and drops it.
    """

    methods: tuple[Method, ...]
    """Documented methods: those that are served, without those that Cuebot has disowned."""
    routes: Mapping[str, Method]
    """Methods by native path and alias: one look-up per request."""
    directory: Directory
    absent: Absent
    idle: Idle
    probe: str
    """The path of a method that only reads, to see whether Cuebot answers; empty if none."""
    aspects: Mapping[type, Any]
    """What the profile and features have compiled of all of it, by type."""
    tag: tuple[bytes, bytes]
    """The response header with the schema's digest."""
    schema: Schema
    """With comments, which descriptors do not have."""
    again: "Callable[[], Catalog]" = field(compare=False)
    """Builds an equal catalog. Can be pickled, for another process."""

    def without(self, path: str) -> "Catalog":
        """The catalog in which the method with this native path is not documented, or this one, if
        it is not. The method can still be called.
        """
        kept = tuple(each for each in self.methods if each.path != path)
        if len(kept) == len(self.methods):
            return self
        directory = replace(self.directory)  # without what its searches have found
        return replace(self, methods=kept, directory=directory)


def declared_methods(
    schema: Schema, pool: DescriptorPool, broken: Mapping[str, str]
) -> tuple[list[MethodDescriptor], list[Skipped]]:
    """The methods of the schema's services, and the services that the pool lacks.

    `broken` has the reason for files that are not in the pool. Raises NoSchema without any method.
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
    """Methods by native path, by alias of the service, and by the names in `documented`.

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
    """Names of methods by service, as written in paths."""
    names: dict[str, list[str]] = {}
    for path in paths:
        service, _, method = path[1:].partition("/")
        names.setdefault(service, []).append(method)
    return {service: tuple(methods) for service, methods in names.items()}


def by_service(aliases: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alias, service in aliases.items():
        found.setdefault(service, []).append(alias)
    return found


def paths_of(name: str, aliases_of: Mapping[str, Sequence[str]]) -> list[str]:
    """The paths of a method (`job.LayerInterface/Kill`): the native one, and those by aliases."""
    service, _, method = name.partition("/")
    return [f"/{each}/{method}" for each in (service, *aliases_of.get(service, ()))]


# --- aliases of services ----------------------------------------------------------------------


def service_aliases(services: Iterable[str]) -> dict[str, str]:
    """Alias to full service name, so that documented paths work.

    OpenCue's reference writes `/frame.FrameInterface/GetFrame`; the service is called
    `job.FrameInterface`. Every `pkg.XInterface` is also `x.XInterface`, unless that is the name of
    a service, or stands for two.
    """
    names = frozenset(services)
    wanted = [(alias, name) for name in names if (alias := alias_of(name)) and alias not in names]
    owners = Counter(alias for alias, _ in wanted)
    return {alias: name for alias, name in wanted if owners[alias] == 1}


def alias_of(service: str) -> str | None:
    """`job.FrameInterface` → `frame.FrameInterface`; None for names of another pattern."""
    found = INTERFACE.fullmatch(service)
    if found is None:
        return None
    interface, word = found.groups()
    return INITIALS.sub(lambda initials: initials[0].lower(), word) + f".{interface}"


# --- unknown paths ---------------------------------------------------------------------------


def no_schema() -> GatewayError:
    return unavailable(
        "the gateway does not know Cuebot's interface yet; its log tells why", "no_schema"
    )


class UnknownPath(GatewayError):
    def __init__(self, message: str) -> None:
        super().__init__(Code.NOT_FOUND, message)


def unknown_path(
    path: str, catalog: Catalog, allowed: Names | None = None, shown: str = ""
) -> UnknownPath:
    """The 404 for a path of no method, with the nearest one that exists.

    `allowed` are the methods that the caller may know of; None: all. `shown` says which pages show
    all.
    """
    where = shown or ROUTES_FINDS
    if path == "/":
        return UnknownPath(f"methods are at /package.Interface/Method; {where}")
    service, _, name = path.removeprefix("/").partition("/")
    directory = catalog.directory
    methods = directory.names if allowed is None else allowed
    if text := catalog.absent.missing.get(path):
        hint = f": {text}" if methods is directory.names or names_only(text, methods) else ""
        return UnknownPath(f"no Cuebot has {service}/{name}{hint}")
    native = directory.aliases.get(service, service)
    if f"/{native}/{name}" in catalog.absent.withheld:
        return UnknownPath(
            f"{native}/{name} is not served here (INCLUDE_SERVICES, EXCLUDE_SERVICES)"
        )
    if service not in methods:
        return UnknownPath(
            f"nothing is served at {path[:QUOTED_CHARS]!r}; paths are /package.Interface/Method"
            + (
                full_path_hint(service, name, methods, directory.aliases)
                or nearest(service, tuple(methods))
                or found_by_words(name or service, catalog, methods)
                or f"; {where}"
            )
        )
    if not name:
        listed = ", ".join(methods[service][:LISTED_METHODS])
        return UnknownPath(f"{service} needs a method: {listed}, …")
    begin = name.partition("/")[0]
    hint = (
        nearest(begin, methods[service], likeness=A_SLIP, several=True)
        or found_by_words(begin, catalog, methods)
        or nearest(begin, methods[service])
        or f"; {where}"
    )
    return UnknownPath(f"{service} has no method {name[:QUOTED_CHARS]!r}{hint}")


nearest = lru_cache(maxsize=256)(did_you_mean)
"""The search takes longer than most calls, and clients repeat their mistakes."""


def found_by_words(name: str, catalog: Catalog, methods: Names) -> str:
    """`; did you mean /host.HostInterface/SetAllocation?` for `MoveHost`, or empty: the methods
    among these whose names and summaries have the words of a name.
    """
    query = " ".join(words_in(name[:QUOTED_CHARS])[:MOST_WORDS])
    searches = catalog.directory.searches
    if methods is not catalog.directory.names:
        found = best_of(query, catalog, methods)
    elif (known := searches.get(query)) is not None:
        found = known
    else:
        if len(searches) >= MOST_SEARCHES_KEPT:
            searches.clear()
        found = searches[query] = best_of(query, catalog, methods)
    return f"{DID_YOU_MEAN}{' or '.join(found)}?" if found else ""


def best_of(query: str, catalog: Catalog, methods: Names) -> list[str]:
    """The paths of those that fit more than half of the words."""
    known = {service: frozenset(names) for service, names in methods.items()}
    some = [
        each.described
        for each in catalog.methods
        if each.descriptor.name in known.get(each.service, ())
    ]
    found, words = ranked(query, some, mistyped=False)[:PATHS_SUGGESTED], words_of_query(query)
    fitting = sum(found[0].score(word, mistyped=False) > 0 for word in words) if found else 0
    return [each.path for each in found] if 2 * fitting > len(words) else []


def names_only(text: str, methods: Names) -> bool:
    """Whether all methods in a text are among these."""
    known = {(each.rpartition(".")[2], name) for each in methods for name in methods[each]}
    return known.issuperset(METHOD_NAME.findall(text))


def full_path_hint(service: str, name: str, methods: Names, aliases: Container[str] = ()) -> str:
    """`; did you mean /job.JobInterface/GetJobs?` for `job/getjobs` or `GetJobs`, or empty."""
    if not name:
        owners = [each for each in methods if each not in aliases]
        paths = [f"/{owner}/{each}" for owner in owners for each in methods[owner]]
        ends = f"/{service.lower()}"
        found = [path for path in paths if path.lower().endswith(ends)][:PATHS_SUGGESTED]
        return f"; did you mean {' or '.join(found)}?" if found else ""
    short = {service.lower(), f"{service.lower()}interface"}
    for owner, served in methods.items():
        if owner.rpartition(".")[2].lower() in short:
            for method in served:
                if method.lower() == name.lower():
                    return f"; did you mean /{owner}/{method}?"
    return ""


# --- changes between catalogs -----------------------------------------------------------------


def changes_between(old: Catalog, new: Catalog) -> dict[str, list[str]]:
    """Differences for the log; a kind without any is left out.

    `methods_added` and `methods_removed` are paths, `fields_added` and `fields_removed` fields like
    `job.Job.priority int32`, sorted, at most LOGGED_CHANGES and then `…`. A field whose type has
    changed counts as removed and added.
    """
    found: dict[str, set[str]] = {}
    methods = ({method.path for method in each.methods} for each in (old, new))
    for kind, (before, after) in (("methods", methods), ("fields", map(fields_of, (old, new)))):
        found |= {f"{kind}_added": after - before, f"{kind}_removed": before - after}
    return {kind: shortened(sorted(names)) for kind, names in found.items() if names}


def fields_of(catalog: Catalog) -> set[str]:
    """The fields of all messages in requests and answers of served methods."""
    descriptors = [method.descriptor for method in catalog.methods]
    types = reachable(
        kind for method in descriptors for kind in (method.input_type, method.output_type)
    )
    return {
        f"{field.full_name} {kind_of(field)}"
        for message in types.values()
        for field in message.fields
    }


def kind_of(field: FieldDescriptor) -> str:
    """A field's type as a proto file writes it."""
    kind = type_name(field) or SCALAR_TYPES[field.type]
    return f"repeated {kind}" if field.is_repeated else kind


def shortened(names: list[str]) -> list[str]:
    return names if len(names) <= LOGGED_CHANGES else [*names[:LOGGED_CHANGES], "…"]
