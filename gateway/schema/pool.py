"""A descriptor pool for each schema: pools cannot unload files, and Cuebot's flat file names
(`job.proto`) collide with others in the default pool.
"""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.schema.description import fields_of, services_of

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
