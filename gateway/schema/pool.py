"""A descriptor pool of its own for each schema.

Pools cannot unload files, and Cuebot's flat file names (`job.proto`) collide with others in the
default pool.
"""

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.schema.description import services_of

WELL_KNOWN = (
    *("any", "api", "descriptor", "duration", "empty", "field_mask"),
    *("source_context", "struct", "timestamp", "type", "wrappers"),
)


def well_known_files() -> dict[str, FileDescriptorProto]:
    """The files of protobuf's own types by name; sources may leave them out."""
    files = {}
    for name in WELL_KNOWN:
        file = FileDescriptorProto()
        import_module(f"google.protobuf.{name}_pb2").DESCRIPTOR.CopyToProto(file)
        files[file.name] = file
    return files


def imports_of(
    files: Iterable[FileDescriptorProto], known: Mapping[str, FileDescriptorProto]
) -> Iterator[str]:
    """The names of all files that these import, directly or by way of those that are known."""
    seen: set[str] = set()
    waiting = list(files)
    while waiting:
        for name in waiting.pop().dependency:
            if name not in seen:
                seen.add(name)
                yield name
                if name in known:
                    waiting.append(known[name])


def build_pool(files: Iterable[FileDescriptorProto]) -> tuple[DescriptorPool, Mapping[str, str]]:
    """A pool with these files, each after its imports, and what could not be added.

    The second value is file name to reason: an import that is missing, leads back to the file or
    is broken itself, or whatever protobuf has against the file.
    """
    building = Building(well_known_files() | {file.name: file for file in files})
    for name in building.files:
        building.ensure(name, ())
    return building.pool, building.broken


class Building:
    """A pool that is being filled, each file after its imports."""

    def __init__(self, files: Mapping[str, FileDescriptorProto]) -> None:
        self.files = files
        self.pool = DescriptorPool()
        self.broken: dict[str, str] = {}
        self._added: set[str] = set()

    def ensure(self, name: str, importers: tuple[str, ...]) -> None:
        """Add the file, unless that has been tried before. `importers` are waiting for it."""
        if name in self._added or name in self.broken:
            return
        for imported in self.files[name].dependency:
            if problem := self._cannot_import(imported, (*importers, name)):
                self.broken[name] = problem
                return
        try:
            self.pool.AddSerializedFile(self.files[name].SerializeToString())
            self._added.add(name)
        except TypeError as error:
            self.broken[name] = f"{name} is not a valid file: {error}"

    def _cannot_import(self, imported: str, importers: tuple[str, ...]) -> str | None:
        name = importers[-1]
        if imported in importers:
            return f"{name} imports {imported}, which imports {name} in turn"
        if imported not in self.files:
            return f"{name} imports {imported}, which the source does not have"
        self.ensure(imported, importers)
        return self.broken.get(imported)


def declares(file: FileDescriptorProto, service: str) -> bool:
    """Whether the file declares the service of this full name."""
    return service in services_of((file,))


def why_missing(
    service: str, files: Iterable[FileDescriptorProto], broken: Mapping[str, str]
) -> str:
    """Why a pool made of these files does not have the service."""
    for file in files:
        if file.name in broken and declares(file, service):
            return broken[file.name]
    return "no file declares it"
