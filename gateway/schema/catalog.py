"""What there is to call: services, methods, their codecs, and one dictionary of paths."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.codec.decode import Decoders
from gateway.codec.encode import Encoders
from gateway.codec.fields import is_message, message_of
from gateway.compat.profile import NOTHING, Profile
from gateway.compat.resolve import NATIVE, Adapting, Idle, answer_aliases
from gateway.schema.aliases import service_aliases
from gateway.schema.description import NoSchema, Schema, Skipped
from gateway.schema.method import Method, path_of
from gateway.schema.pool import build_pool, why_missing
from gateway.schema.selection import Selection

TAG_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """An immutable generation of the schema. Its descriptor pool is nobody else's."""

    methods: tuple[Method, ...]
    routes: Mapping[str, Method]
    """Native and alias paths to methods: one look-up per request."""
    names: Mapping[str, tuple[str, ...]]
    """The same by service, aliases too: what is said to somebody who asks for another."""
    aliases: Mapping[str, str]
    """Alias to full service name."""
    withheld: frozenset[str]
    """Native paths of methods that are there and not served."""
    skipped: tuple[Skipped, ...]
    idle_globs: tuple[str, ...]
    """Globs of the selection that name nothing in this schema."""
    digest: str
    origin: str
    confirmed: bool
    missing: Mapping[str, str]
    """Paths of methods that Cuebot does not have and people ask for, with what to say to them."""
    idle_entries: tuple[Idle, ...]
    """Entries of the compatibility profile that do nothing here."""
    tag: tuple[bytes, bytes]
    """The header that tells clients which schema they were served with."""
    files: tuple[FileDescriptorProto, ...]
    """What all this was made from; descriptors do not keep the comments."""


def build_catalog(schema: Schema, selection: Selection, profile: Profile = NOTHING) -> Catalog:
    """The catalog of everything in the schema that may be served.

    A service whose file cannot be used is skipped, with the reason. Raises NoSchema when that
    leaves none.
    """
    pool, broken = build_pool(schema.files)
    declared: list[MethodDescriptor] = []
    skipped = list(schema.skipped)
    for name in sorted(schema.services):
        try:
            declared += pool.FindServiceByName(name).methods
        except KeyError:
            skipped.append(Skipped(service=name, reason=why_missing(name, schema.files, broken)))
    if not declared:
        reason = skipped[-1].reason if skipped else "it has none"
        raise NoSchema(f"no service of {schema.origin} can be used: {reason}")
    idle: list[Idle] = []
    names = answer_aliases(profile, pool, idle)
    encoders, decoders = Encoders(pool, names), Decoders(pool, returned_types(declared), names)
    served = {
        path_of(method)[1:]: Method(path_of(method), method, encoders, decoders)
        for method in declared
        if selection.serves(method.containing_service.full_name, method.name)
    }
    names_of_all = {path_of(method)[1:] for method in declared}
    adapting = Adapting(profile, served, names_of_all)
    methods = adapting.adapted()
    aliases = service_aliases(schema.services)
    routes = build_routes(methods, aliases, adapting.method_aliases())
    missing = missing_methods(profile, names_of_all, routes, aliases, idle)
    return Catalog(
        methods=tuple(methods),
        routes=MappingProxyType(routes),
        names=MappingProxyType(names_by_service(routes)),
        aliases=MappingProxyType(aliases),
        withheld=frozenset(map(path_of, declared)).difference(method.path for method in methods),
        skipped=tuple(skipped),
        idle_globs=selection.idle(declared),
        digest=schema.digest,
        origin=schema.origin,
        confirmed=schema.confirmed,
        missing=MappingProxyType(missing),
        idle_entries=(*idle, *adapting.idle),
        tag=(b"x-schema", schema.digest[:TAG_DIGITS].encode()),
        files=schema.files,
    )


def missing_methods(
    profile: Profile,
    names: Collection[str],
    routes: Mapping[str, Method],
    aliases: Mapping[str, str],
    idle: list[Idle],
) -> dict[str, str]:
    """Path to what to say, for methods that a service of this schema has only in documents.

    `names` are all methods that it has, served or not.
    """
    services = {name.partition("/")[0] for name in names}
    found: dict[str, str] = {}
    for name, text in profile.missing.items():
        service, _, _ = name.partition("/")
        if service not in services:
            idle.append(Idle(f"missing.{name}", f"there is no service {service}"))
        elif name in names:
            idle.append(Idle(f"missing.{name}", NATIVE))
        else:
            found |= {path: text for path in paths_of(name, aliases) if path not in routes}
    return found


def returned_types(methods: Iterable[MethodDescriptor]) -> frozenset[str]:
    """The full names of all message types that occur in answers, at any depth."""
    found: dict[str, Descriptor] = {}
    waiting = [method.output_type for method in methods]
    while waiting:
        descriptor = waiting.pop()
        if descriptor.full_name not in found:
            found[descriptor.full_name] = descriptor
            waiting += [message_of(field) for field in descriptor.fields if is_message(field)]
    return frozenset(found)


def build_routes(
    methods: Iterable[Method], aliases: Mapping[str, str], documented: Mapping[str, str]
) -> dict[str, Method]:
    """Path to method: its own path, that under its service's alias, and those of `documented`.

    The last maps other names of methods (`job.LayerInterface/Kill`) to native ones.
    """
    routes: dict[str, Method] = {}
    for method in methods:
        for path in paths_of(method.path[1:], aliases):
            routes[path] = method
    for name, native in documented.items():
        for path in paths_of(name, aliases):
            routes.setdefault(path, routes[f"/{native}"])
    return routes


def names_by_service(paths: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Service, as paths write it, to the names of its methods."""
    names: dict[str, list[str]] = {}
    for path in paths:
        service, _, method = path[1:].partition("/")
        names.setdefault(service, []).append(method)
    return {service: tuple(methods) for service, methods in names.items()}


def paths_of(name: str, aliases: Mapping[str, str]) -> list[str]:
    """The paths of a method (`job.LayerInterface/Kill`): its own, and the alias if there is one."""
    service, _, method = name.partition("/")
    found = [alias for alias, owner in aliases.items() if owner == service]
    return [f"/{each}/{method}" for each in (service, *found)]
