"""A schema: the files and services of one Cuebot, what they declare, limits on it, and its pool.

Each schema has a descriptor pool of its own: pools cannot unload files, and Cuebot's flat file
names (`job.proto`) collide with others in the default pool. Limits are counted while a schema
arrives: memory and time are in proportion to it, and some steps block the process, since protobuf
adds a file in one go, and a message type is compiled in one go.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib import import_module
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.fields import json_name

Kind = Literal["message", "enum", "service", "method"]

SchemaSource = Literal["reflection", "package", "files"]
PACKAGE_PREFIX = "package:"

MESSAGES_OF_FILE, ENUMS_OF_FILE, SERVICES_OF_FILE = 4, 5, 6
FIELDS, NESTED, ENUMS, ONEOFS = 2, 3, 4, 8
VALUES = METHODS = 2
"""Field numbers in descriptor.proto, which make up the paths of source_code_info."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A service that is listed but cannot be served, and why."""

    service: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The schema of one source. `confirmed`: the source was Cuebot itself."""

    files: tuple[FileDescriptorProto, ...]
    services: tuple[str, ...]
    """Full names."""
    origin: str
    confirmed: bool
    skipped: tuple[Skipped, ...] = ()

    @property
    def source(self) -> SchemaSource:
        if self.confirmed:
            return "reflection"
        return "package" if self.origin.startswith(PACKAGE_PREFIX) else "files"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content in hex, independent of the source and the order of files.

        Comments are left out, as are services that are not listed, and parts that not every source
        has: protobuf's own files, and JSON names that follow from the field's name.
        """
        whole, services = sha256(), frozenset(self.services)
        for file in sorted(self.files, key=lambda file: file.name):
            if not file.name.startswith("google/protobuf/"):
                content = essence(file, services).SerializeToString(deterministic=True)
                whole.update(sha256(content).digest())
        for service in sorted(self.services):
            whole.update(service.encode() + b"\n")
        return whole.hexdigest()


def assumed_schema(files: Iterable[FileDescriptorProto], origin: str) -> Schema:
    """The schema in these files, with all their services, which Cuebot has not confirmed."""
    files = tuple(files)
    return Schema(files=files, services=services_of(files), origin=origin, confirmed=False)


class NoSchema(Exception):
    """A source has answered, and no method of its answer can be served."""


def services_of(files: Iterable[FileDescriptorProto]) -> tuple[str, ...]:
    return tuple(full_name(file, service) for file in files for service in file.service)


def full_name(file: FileDescriptorProto, service: ServiceDescriptorProto) -> str:
    return f"{file.package}.{service.name}".removeprefix(".")


def only_services(file: FileDescriptorProto, services: Container[str]) -> FileDescriptorProto:
    """A copy of the file with only these services, and their comments."""
    chosen = (n for n, each in enumerate(file.service) if full_name(file, each) in services)
    kept = {number: place for place, number in enumerate(chosen)}
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("service")
    bare.service.extend(file.service[number] for number in kept)
    places = bare.source_code_info.location
    del places[:]
    for place in file.source_code_info.location:
        of_service = len(place.path) > 1 and place.path[0] == SERVICES_OF_FILE
        if not of_service or place.path[1] in kept:
            places.append(place)
            if of_service:
                places[-1].path[1] = kept[place.path[1]]
    return bare


def essence(file: FileDescriptorProto, services: Container[str]) -> FileDescriptorProto:
    """The file with only these services, and without parts that do not affect calls."""
    bare = only_services(file, services)
    bare.ClearField("source_code_info")
    for field in fields_of(bare):
        name = str(field.name)  # bytes, if it is not UTF-8 and its file of no use
        if field.HasField("json_name") and field.json_name == json_name(name):
            field.ClearField("json_name")
    return bare


def fields_of(scope: Any) -> Iterator[Any]:
    """Every field and extension that a file or a message declares, at any depth."""
    yield from scope.extension
    if isinstance(scope, FileDescriptorProto):
        nested = scope.message_type
    else:
        yield from scope.field
        nested = scope.nested_type
    for message in nested:
        yield from fields_of(message)


# --- declarations and comments ----------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Declaration:
    """One thing that a file declares."""

    kind: Kind
    name: str
    """Full name: `job.JobInterface.GetJobs`."""
    file: Any
    """Its FileDescriptorProto."""
    proto: Any
    """DescriptorProto, EnumDescriptorProto and so on."""
    path: tuple[int, ...]
    """Its place in source_code_info."""


def declarations(files: Iterable[Any]) -> Iterator[Declaration]:
    """Every message, enum, service and method of these files, nested ones included."""
    for file in files:
        scope = f"{file.package}." if file.package else ""
        for number, enum in enumerate(file.enum_type):
            yield Declaration("enum", scope + enum.name, file, enum, (ENUMS_OF_FILE, number))
        for number, message in enumerate(file.message_type):
            yield from of_message(file, message, scope, (MESSAGES_OF_FILE, number))
        for number, service in enumerate(file.service):
            place = (SERVICES_OF_FILE, number)
            name = scope + service.name
            yield Declaration("service", name, file, service, place)
            for index, method in enumerate(service.method):
                path = (*place, METHODS, index)
                yield Declaration("method", f"{name}.{method.name}", file, method, path)


def of_message(file: Any, message: Any, scope: str, path: tuple[int, ...]) -> Iterator[Declaration]:
    """The message and the declarations in it, without the types behind maps."""
    if message.options.map_entry:
        return
    name = scope + message.name
    yield Declaration("message", name, file, message, path)
    for number, enum in enumerate(message.enum_type):
        yield Declaration("enum", f"{name}.{enum.name}", file, enum, (*path, ENUMS, number))
    for number, nested in enumerate(message.nested_type):
        yield from of_message(file, nested, f"{name}.", (*path, NESTED, number))


def comments_of(files: Iterable[Any]) -> dict[str, str]:
    """Comments by full name: `job.Job`, `job.Job.name`, `job.JobInterface.Kill`.

    An enum's value is named like a field. Empty if the source has no comments.
    """
    found: dict[str, str] = {}
    for file in files:
        places = {tuple(place.path): place for place in file.source_code_info.location}
        if not places:
            continue
        for name, path in commentable(file):
            if (place := places.get(path)) is not None and (text := text_of(place)):
                found[name] = text
    return found


def commentable(file: Any) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Full name and path of every declaration, field and enum value."""
    for each in declarations((file,)):
        yield each.name, each.path
        if each.kind == "message":
            for number, field in enumerate(each.proto.field):
                yield f"{each.name}.{field.name}", (*each.path, FIELDS, number)
        elif each.kind == "enum":
            for number, value in enumerate(each.proto.value):
                yield f"{each.name}.{value.name}", (*each.path, VALUES, number)


def first_sentence(comment: str) -> str:
    """The first sentence (or line) of a comment, without its full stop."""
    line = comment.partition("\n")[0]
    return line.partition(". ")[0].removesuffix(".")


def text_of(place: Any) -> str:
    """The comments above a declaration and behind it."""
    texts = (place.leading_comments, place.trailing_comments)
    return "\n\n".join(text for text in map(without_margin, texts) if text)


def without_margin(text: str) -> str:
    """A comment without the space or star that begins its lines."""
    lines = (line.strip().removeprefix("*").removeprefix(" ").rstrip() for line in text.split("\n"))
    return "\n".join(lines).strip()


# --- limits -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """The limits, with OpenCue's schema in parentheses."""

    services: int = 1000
    """(28)"""
    methods: int = 10_000
    """(315)"""
    files: int = 1000
    """(18)"""
    file_bytes: int = 2**20
    """Serialized, with its comments (29 KB without)."""
    schema_bytes: int = 16 * 2**20
    """All files (89 KB)."""
    file_declarations: int = 10_000
    """Messages, fields, oneofs, enums, values, extensions, services, methods and imports (940)."""
    schema_declarations: int = 100_000
    """All files (2,900)."""
    message_fields: int = 500
    """(36)"""


LIMITS = SchemaLimits()


class TooLarge(NoSchema):
    """The schema exceeds a limit, and is not used."""

    def __init__(self, what: str, most: int) -> None:
        super().__init__(f"the schema has more than {most:,} {what}, and is not taken")


class SchemaSize:
    """The size of the schema so far. Each method raises TooLarge."""

    def __init__(self, limits: SchemaLimits = LIMITS) -> None:
        self._limits = limits
        self._files = 0
        self._bytes = 0
        self._declarations = 0
        self._methods = 0

    @property
    def bytes_left(self) -> int:
        return self._limits.schema_bytes - self._bytes

    def add_bytes(self, size: int) -> None:
        """Count a file before it is parsed."""
        self._files += 1
        self._bytes += size
        check(self._files, self._limits.files, "files")
        check(size, self._limits.file_bytes, "bytes in a file")
        check(self._bytes, self._limits.schema_bytes, "bytes of files")

    def check_services(self, services: int) -> None:
        check(services, self._limits.services, "services")

    def check_files(self, files: int) -> None:
        check(files, self._limits.files, "files")

    def add(self, file: FileDescriptorProto) -> None:
        limits = self._limits
        methods = sum(len(each.method) for each in file.service)
        declared = len(file.service) + methods + len(file.dependency) + len(file.extension)
        declared += len(file.enum_type) + sum(len(each.value) for each in file.enum_type)
        waiting = list(file.message_type)
        while waiting:
            message = waiting.pop()
            check(len(message.field), limits.message_fields, f"fields in {message.name[:100]}")
            declared += declared_in(message)
            check(declared, limits.file_declarations, f"declarations in {file.name[:100]}")
            waiting += message.nested_type
        self._methods += methods
        self._declarations += declared
        check(self._methods, limits.methods, "methods")
        check(declared, limits.file_declarations, f"declarations in {file.name[:100]}")
        check(self._declarations, limits.schema_declarations, "declarations")


def check(found: int, most: int, what: str) -> None:
    if found > most:
        raise TooLarge(what, most)


def declared_in(message: DescriptorProto) -> int:
    """Declarations of the message without nested messages."""
    fields = len(message.field) + len(message.extension) + len(message.oneof_decl)
    return 1 + fields + sum(1 + len(each.value) for each in message.enum_type)


def check_size(files: Iterable[FileDescriptorProto], limits: SchemaLimits = LIMITS) -> None:
    """Raise TooLarge if all of these together exceed a limit."""
    size, services = SchemaSize(limits), 0
    for file in files:
        size.add_bytes(file.ByteSize())
        size.add(file)
        services += len(file.service)
        size.check_services(services)


# --- descriptor pools -------------------------------------------------------------------------

WELL_KNOWN = (
    *("any", "api", "descriptor", "duration", "empty", "field_mask"),
    *("source_context", "struct", "timestamp", "type", "wrappers"),
)


def well_known_files() -> dict[str, FileDescriptorProto]:
    """protobuf's own files by name, which sources may leave out."""
    files = {}
    for name in WELL_KNOWN:
        file = FileDescriptorProto()
        import_module(f"google.protobuf.{name}_pb2").DESCRIPTOR.CopyToProto(file)
        files[file.name] = file
    return files


def build_pool(files: Iterable[FileDescriptorProto]) -> tuple[DescriptorPool, Mapping[str, str]]:
    """A pool with these files, and the reason for each file that could not be added.

    An import is missing, broken or circular, or protobuf refuses the file.
    """
    found = well_known_files() | {file.name: file for file in files}
    pool, added, broken = DescriptorPool(), set(), dict[str, str]()

    def add(name: str, importers: tuple[str, ...]) -> str | None:
        """Add a file, after its imports; why that failed, if it did."""
        if name not in added and name not in broken:
            for imported in found[name].dependency:
                if problem := why_not(imported, (*importers, name)):
                    broken[name] = problem
                    return problem
            try:
                check_json_names(found[name])
                pool.AddSerializedFile(found[name].SerializeToString())
                added.add(name)
            except TypeError as error:
                broken[name] = f"{name} is not a valid file: {error}"
        return broken.get(name)

    def why_not(imported: str, importers: tuple[str, ...]) -> str | None:
        name = importers[-1]
        if imported in importers:
            return f"{name} imports {imported}, which imports {name} in turn"
        if imported not in found:
            return f"{name} imports {imported}, which the source does not have"
        return add(imported, importers)

    for name in found:
        add(name, ())
    return pool, broken


def message_classes(pool: DescriptorPool, names: Iterable[str]) -> tuple[type[Message], ...]:
    """The classes of all messages in the files with these names.

    Whoever uses the pool keeps them. Otherwise protobuf creates a class when it is first asked for;
    two threads at once may create two, and the process crashes when one of these is freed.
    """
    found: list[type[Message]] = []

    def add(types: Iterable[Descriptor]) -> None:
        for each in types:
            found.append(GetMessageClass(each))
            add(each.nested_types)

    for name in (*well_known_files(), *names):
        with suppress(KeyError):  # a file that could not be added
            add(pool.FindFileByName(name).message_types_by_name.values())
    return tuple(found)


def check_json_names(file: FileDescriptorProto) -> None:
    """Raise TypeError for a JSON name that is not UTF-8, which pools do not check."""
    for field in fields_of(file):
        if not isinstance(field.json_name, str):
            raise TypeError(f"the JSON name of {field.name} is not UTF-8")


def why_missing(
    files: Iterable[FileDescriptorProto], broken: Mapping[str, str]
) -> Callable[[str], str]:
    """A function: why the pool of these files lacks a service."""
    reasons = {
        service: broken[file.name]
        for file in files
        if file.name in broken
        for service in services_of((file,))
    }
    return lambda service: reasons.get(service, "no file declares it")
