"""`cuebot-gateway describe`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.core.profile.summaries import FieldNotes
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import (
    Declaration,
    build_pool,
    commentable,
    comments_of,
    declarations,
    well_known_files,
)
from gateway.core.schema.method_search import Described, all_occur, ranked
from gateway.core.suggestions import did_you_mean
from gateway_cli.client.cuebot import DIRECT, discover
from gateway_cli.client.declarations import files_of, put_comments, served_document
from gateway_cli.client.search import methods_of
from gateway_cli.common_options import Way, config_option, settings_from, way_options
from gateway_cli.prototext import proto_text, syntax_of
from gateway_client.errors import Failure
from gateway_client.openapi_document import Document
from gateway_client.terminal.layout import columns
from gateway_client.terminal.text import printable_lines

OWN_PACKAGE = "google.protobuf."
"""Protobuf's own types, whose short names (`Type`, `Value`) are rarely meant."""
CANDIDATES_LISTED = 40
METHODS_SUGGESTED = 8
"""Methods listed for words that are no name."""


@click.command()
@click.argument("words", metavar="NAME...", nargs=-1, required=True)
@way_options
@config_option
def describe(words: tuple[str, ...], way: Way, config: Path | None) -> None:
    """Print a message, enum, service or method as proto text.

    With --url or GATEWAY_URL, it is made from that gateway's OpenAPI document, which has what the
    token may call. Otherwise Cuebot's schema is discovered.

    NAME is a full name (job.Job, job.JobInterface.GetJobs), a path (/job.JobInterface/GetJobs,
    or that of an alias), or just the end of one (Job, GetShows) if it is unambiguous. A method
    is printed with what it does, its request and its response. For other words (pause job), the
    methods are listed that do this.

    \b
    Example:
      cuebot-gateway describe JobInterface/GetJobs

    \b
    Exit status:
      0  it is printed
      1  no such name, an ambiguous one, or there is no schema to be had
      2  wrong usage or settings
    """
    settings = settings_from(config)
    if way.url is None:
        source = source_of(discover(settings))
    else:
        source = source_of_document(served_document(way, settings))
    click.echo(printable_lines(description(" ".join(words), source)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Declarations, and the paths of those that are served."""

    files: Iterable[Any]
    aliases: Mapping[str, str]
    """Full names of services by other names."""
    paths: Mapping[str, str]
    """Native paths by all served paths."""
    withheld: Mapping[str, str]
    """Reasons by native paths that are not served."""
    methods: Sequence[Described]
    columns: Mapping[str, Mapping[str, str]]
    """What columns of views are, by name, by native path of a method, and by full name of what has
    them.
    """
    document: str = ""
    """The URL of the OpenAPI document, if the source is one."""


def source_of(catalog: Catalog) -> Source:
    return Source(
        files=(well_known_files() | {file.name: file for file in commented(catalog)}).values(),
        aliases=catalog.directory.aliases,
        paths={path: method.path for path, method in catalog.routes.items()},
        withheld=catalog.absent.withheld,
        methods=methods_of(catalog),
        columns=columns_in(catalog),
    )


def columns_in(catalog: Catalog) -> dict[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    if DIRECT.columns is not None:
        for method in catalog.methods:
            found |= DIRECT.columns(method)
    return found


def commented(catalog: Catalog) -> Iterator[Any]:
    """The files, with what the profile says of methods and fields before their own comments."""
    comments = comments_of(catalog.schema.files)
    texts = dict(FieldNotes.of(catalog).texts)
    for method in catalog.methods:
        name = method.descriptor.full_name
        own = comments.get(name, "")
        if not own.startswith(method.summary):
            texts[name] = f"{method.summary}\n\n{own}".strip()
    for file in catalog.schema.files:
        places = {path for name, path in commentable(file) if name in texts}
        whole = FileDescriptorProto()
        whole.CopyFrom(file)
        kept = [each for each in file.source_code_info.location if tuple(each.path) not in places]
        whole.ClearField("source_code_info")
        whole.source_code_info.location.extend(kept)
        put_comments(texts, whole)
        yield whole


def source_of_document(document: Document) -> Source:
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
        methods=methods_of(document),
        columns={
            each.path: {name: column["description"] for name, column in each.columns.items()}
            for each in document.methods
        },
        document=document.url,
    )


def description(name: str, source: Source) -> str:
    """The proto text for a name. Raises Failure for an unknown or ambiguous one."""
    declared = {each.name: each for each in declarations(source.files)}
    candidates = find_declarations(name, declared.values(), source.aliases)
    if not candidates:
        raise Failure(unknown(name, tuple(declared), source))
    if len(candidates) > 1:
        raise Failure("\n".join((f"{name!r} is ambiguous:", *listed(candidates))))
    pool, _ = build_pool(() if source.document else source.files)
    texts = [
        f"// {heading(each, source)}\n{proto_text(each, pool, numbers=not source.document)}"
        for each in with_types(candidates[0], declared)
    ]
    if source.document:
        texts.insert(0, f"// From {source.document}: names as in JSON, no field numbers.")
    if columns_there := columns_of(candidates[0], source):
        texts.append("\n".join(("// Columns of views", *columns_there)))
    return "\n\n".join(texts)


def columns_of(declared: Declaration, source: Source) -> list[str]:
    """A line for each column of a message's, or of the rows of a method's answers."""
    service, _, method = declared.name.rpartition(".")
    name = f"/{service}/{method}" if declared.kind == "method" else declared.name
    found = source.columns.get(name, {})
    return [f"//   {line}" for line in columns([*found.items()])]


def unknown(name: str, declared: Iterable[str], source: Source) -> str:
    """The message about a name that nothing has: the nearest one, or methods with its words."""
    where = f" in {source.document}" if source.document else ""
    problem = f"no message, enum, service or method is named {name!r}{where}"
    if " " in name or all_occur(name, source.methods):
        found = ranked(name, source.methods)[:METHODS_SUGGESTED]
        lines = [f"  {line}" for line in columns([(each.path, each.summary) for each in found])]
        if lines:
            return "\n".join((f"{problem}; methods with these words:", *lines))
    known = [*declared, *(each.rpartition(".")[2] for each in declared)]
    return problem + did_you_mean(name.strip("/.").replace("/", "."), known, several=True)


def find_declarations(
    name: str, declared: Iterable[Declaration], aliases: Mapping[str, str]
) -> tuple[Declaration, ...]:
    """The declarations for a full name, a path, the end of a name or a short name (`Job/GetJobs`).

    An exact match excludes others. Case is ignored only if nothing is found otherwise.
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
    """The declarations whose names end like this; protobuf's own only if there are no others."""
    found = [
        each
        for each in declared
        if f".{each.name.lower() if fold else each.name}".endswith(f".{wanted}")
    ]
    return tuple(each for each in found if not each.name.startswith(OWN_PACKAGE)) or tuple(found)


def with_types(declared: Declaration, known: dict[str, Declaration]) -> Iterator[Declaration]:
    """The declaration; for a method, also those of its request and response."""
    yield declared
    if declared.kind == "method":
        for name in dict.fromkeys((declared.proto.input_type, declared.proto.output_type)):
            if found := known.get(name.removeprefix(".")):  # None if its file is missing
                yield found


def heading(declared: Declaration, source: Source) -> str:
    """The paths of a method; for anything else, its kind, name and file."""
    if declared.kind != "method":
        what = f"{declared.kind} {declared.name}"
        if source.document:
            return what
        syntax = syntax_of(declared.file)
        left_out = "" if syntax == "proto3" else "; printed without defaults, groups and extensions"
        return f"{what}, {declared.file.name} ({syntax}{left_out})"
    service, _, method = declared.name.rpartition(".")
    native = f"/{service}/{method}"
    paths = [path for path, each in source.paths.items() if each == native]
    if paths:
        return f"POST {', also '.join(paths)}"
    return f"{native} is not served: {source.withheld.get(native, 'see cuebot-gateway check')}"


def listed(candidates: tuple[Declaration, ...]) -> Iterator[str]:
    """A line for each candidate, with a name that `describe` takes."""
    for each in candidates[:CANDIDATES_LISTED]:
        service, _, method = each.name.rpartition(".")
        yield f"  {each.kind} " + (f"/{service}/{method}" if each.kind == "method" else each.name)
    if len(candidates) > CANDIDATES_LISTED:
        yield "  …"
