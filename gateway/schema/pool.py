"""A descriptor pool of its own for each schema.

Pools cannot unload files, and Cuebot's flat file names (`job.proto`) collide with others in the
default pool.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.schema.description import fields_of, services_of

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
    found = well_known_files() | {file.name: file for file in files}
    pool, added, broken = DescriptorPool(), set(), dict[str, str]()

    def add(name: str, importers: tuple[str, ...]) -> str | None:
        """Add a file that `importers` are waiting for; why that cannot be."""
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


def check_json_names(file: FileDescriptorProto) -> None:
    """Raise TypeError for a JSON name that is not UTF-8: pools do not look at those."""
    for field in fields_of(file):
        if not isinstance(field.json_name, str):
            raise TypeError(f"the JSON name of {field.name} is not UTF-8")


def why_missing(
    files: Iterable[FileDescriptorProto], broken: Mapping[str, str]
) -> Callable[[str], str]:
    """Tells of a service why a pool made of these files does not have it."""
    reasons = {
        service: broken[file.name]
        for file in files
        if file.name in broken
        for service in services_of((file,))
    }
    return lambda service: reasons.get(service, "no file declares it")
