"""What `describe` prints: what a name means as proto text with headings, or the candidates."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.hints import did_you_mean
from gateway.schema.catalog import Catalog
from gateway.schema.description import Declaration, declarations
from gateway.schema.pool import build_pool, well_known_files
from gateway_cli.client.openapi_document import Document
from gateway_cli.describe.from_document import files_of
from gateway_cli.describe.prototext import ProtoText, syntax_of
from gateway_cli.terminal.exits import Failure

OWN_PACKAGE = "google.protobuf."
"""Protobuf's own types, whose short names (`Type`, `Value`) are rarely meant."""
LISTED = 40
"""How many candidates are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is declared, and where of it is served."""

    files: Iterable[Any]
    aliases: Mapping[str, str]
    """Other names of services, and their full names."""
    paths: Mapping[str, str]
    """Each path that is served, and the native one of the same method."""
    withheld: Mapping[str, str]
    """Native paths that are not served, and why."""
    document: str = ""
    """The URL of the OpenAPI document that all this was made from."""


def source_of(catalog: Catalog) -> Source:
    """What a catalog has, with protobuf's own types."""
    return Source(
        files=(well_known_files() | {file.name: file for file in catalog.schema.files}).values(),
        aliases=catalog.aliases,
        paths={path: method.path for path, method in catalog.routes.items()},
        withheld=catalog.withheld,
    )


def source_of_document(document: Document) -> Source:
    """What a gateway says that it has, with protobuf's own types."""
    paths = {path: each.path for path, each in document.operations.items()}
    aliases = {
        path[1:].partition("/")[0]: native[1:].partition("/")[0]
        for path, native in paths.items()
        if path.rpartition("/")[2] == native.rpartition("/")[2]
    }
    return Source(
        files=[*well_known_files().values(), *files_of(document)],
        aliases={alias: name for alias, name in aliases.items() if alias != name},
        paths=paths,
        withheld={},
        document=document.url,
    )


def description(name: str, source: Source) -> str:
    """The proto text of what has this name. Raises Failure if that is nothing, or ambiguous."""
    declared = {each.name: each for each in declarations(source.files)}
    candidates = find_declarations(name, declared.values(), source.aliases)
    if not candidates:
        known = [*declared, *(each.rpartition(".")[2] for each in declared)]
        hint = did_you_mean(name.strip("/.").replace("/", "."), known)
        where = f" in {source.document}" if source.document else ""
        raise Failure(f"no message, enum, service or method is named {name!r}{where}{hint}")
    if len(candidates) > 1:
        raise Failure("\n".join((f"{name!r} is ambiguous:", *listed(candidates))))
    pool, _ = build_pool(() if source.document else source.files)
    text = ProtoText(source.files, pool, numbers=not source.document)
    found = [
        f"// {heading(each, source)}\n{text.of(each)}"
        for each in with_types(candidates[0], declared)
    ]
    if source.document:
        found.insert(0, f"// From {source.document}: names as in JSON, no field numbers.")
    return "\n\n".join(found)


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


def with_types(declared: Declaration, known: dict[str, Declaration]) -> Iterator[Declaration]:
    """The declaration and, if it is a method, those of its request and response."""
    yield declared
    if declared.kind == "method":
        for name in dict.fromkeys((declared.proto.input_type, declared.proto.output_type)):
            if found := known.get(name.removeprefix(".")):  # its file may be missing
                yield found


def heading(declared: Declaration, source: Source) -> str:
    """Where a method is served; for anything else, what it is and where it is declared."""
    if declared.kind != "method":
        what = f"{declared.kind} {declared.name}"
        if source.document:
            return what
        return f"{what}, {declared.file.name} ({syntax_of(declared.file)})"
    service, _, method = declared.name.rpartition(".")
    native = f"/{service}/{method}"
    paths = [path for path, each in source.paths.items() if each == native]
    if paths:
        return f"POST {', also '.join(paths)}"
    return f"{native} is not served: {source.withheld.get(native, 'see cuebot-gateway check')}"


def listed(candidates: tuple[Declaration, ...]) -> Iterator[str]:
    """One line for each candidate, with a name that `describe` takes."""
    for each in candidates[:LISTED]:
        service, _, method = each.name.rpartition(".")
        yield f"  {each.kind} " + (f"/{service}/{method}" if each.kind == "method" else each.name)
    if len(candidates) > LISTED:
        yield "  …"
