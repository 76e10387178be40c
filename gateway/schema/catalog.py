"""What there is to call: services, methods, their codecs, and one dictionary of paths."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from google.protobuf.descriptor import Descriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from gateway.codec.decode import Decode, Decoders
from gateway.codec.encode import Encode, Encoders
from gateway.codec.fields import is_message, message_of
from gateway.schema.compat import service_aliases
from gateway.schema.pool import build_pool, why_missing
from gateway.schema.selection import Selection
from gateway.schema.sources import NoSchema, Schema, Skipped

READ_PREFIXES = ("Get", "Find", "Is")


@dataclass(frozen=True, eq=False)
class Method:
    """One native method, whatever aliases lead to it."""

    path: str
    """`/job.JobInterface/GetJobs`, as on the wire of gRPC."""
    descriptor: MethodDescriptor
    encoders: Encoders = field(repr=False)
    decoders: Decoders = field(repr=False)

    @cached_property
    def decode(self) -> Decode:
        """JSON body to request bytes."""
        return self.decoders.decoder(self.descriptor.input_type)

    @cached_property
    def encode(self) -> Encode:
        """Answer bytes to JSON."""
        return self.encoders.encoder(self.descriptor.output_type)

    @cached_property
    def reads_only(self) -> bool:
        """Whether calling it changes nothing, by its own word or else by its name."""
        options = self.descriptor.GetOptions()
        if options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS:
            return True
        return any(
            self.descriptor.name == prefix
            or (
                self.descriptor.name.startswith(prefix)
                and self.descriptor.name[len(prefix)].isupper()
            )
            for prefix in READ_PREFIXES
        )

    @cached_property
    def streams(self) -> bool:
        return bool(self.descriptor.client_streaming or self.descriptor.server_streaming)

    @property
    def service(self) -> str:
        """The full name of its service."""
        name: str = self.descriptor.containing_service.full_name
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """An immutable generation of the schema. Its descriptor pool is nobody else's."""

    methods: tuple[Method, ...]
    routes: Mapping[str, Method]
    """Native and alias paths to methods: one look-up per request."""
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


def build_catalog(schema: Schema, selection: Selection) -> Catalog:
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
    encoders, decoders = Encoders(pool), Decoders(pool, returned_types(declared))
    methods = [
        Method(path_of(method), method, encoders, decoders)
        for method in declared
        if selection.serves(method.containing_service.full_name, method.name)
    ]
    aliases = service_aliases(schema.services)
    return Catalog(
        methods=tuple(methods),
        routes=MappingProxyType(build_routes(methods, aliases)),
        aliases=MappingProxyType(aliases),
        withheld=frozenset(map(path_of, declared)).difference(method.path for method in methods),
        skipped=tuple(skipped),
        idle_globs=selection.idle(declared),
        digest=schema.digest,
        origin=schema.origin,
        confirmed=schema.confirmed,
    )


def path_of(method: MethodDescriptor) -> str:
    """The method's path on the wire of gRPC."""
    return f"/{method.containing_service.full_name}/{method.name}"


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


def build_routes(methods: Iterable[Method], aliases: Mapping[str, str]) -> dict[str, Method]:
    """Path to method, for the methods' own paths and those under their service's alias."""
    alias_for = {service: alias for alias, service in aliases.items()}
    routes: dict[str, Method] = {}
    for method in methods:
        routes[method.path] = method
        if alias := alias_for.get(method.service):
            routes[f"/{alias}/{method.descriptor.name}"] = method
    return routes
