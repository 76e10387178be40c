"""`cuebot-gateway snapshot`: the schema as a file."""

import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from gateway.core.codec.fields import json_name
from gateway.core.discovery.files import FILE_SUFFIXES
from gateway.core.schema.description import Schema, fields_of, only_services, well_known_files
from gateway_cli.client.cuebot import discover
from gateway_cli.common_options import config_option, settings_from
from gateway_client.errors import Failure
from gateway_client.terminal.text import printable_lines

STANDARD_OUTPUT = "-"


@click.command()
@click.argument("file")
@config_option
def snapshot(file: str, config: Path | None) -> None:
    """Save the schema to a file.

    FILE ends in .binpb, .protoset, .desc or .pb, or is - for standard output. It is a
    FileDescriptorSet, which DESCRIPTOR_SOURCE and other gRPC tools can read. An existing FILE is
    replaced, or stays as it is if anything fails.

    \b
    Example:
      cuebot-gateway snapshot cuebot.binpb
      DESCRIPTOR_SOURCE=cuebot.binpb cuebot-gateway serve

    \b
    Exit status:
      0  the schema is saved
      1  the schema could not be discovered, or FILE could not be written
      2  wrong usage (another suffix) or settings
    """
    if file == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise click.UsageError("a snapshot is binary; redirect standard output or name a file")
    elif not file.endswith(FILE_SUFFIXES):
        raise click.UsageError(f"{file} does not end in {', '.join(FILE_SUFFIXES)}")
    schema = discover(settings_from(config)).schema
    content = file_set(schema)
    if file == STANDARD_OUTPUT:
        click.echo(content, nl=False)
        return
    try:
        replace(Path(file), content)
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None
    kind = "confirmed" if schema.confirmed else "assumed, not confirmed by Cuebot"
    saved = f"{len(schema.services)} services of {schema.origin} ({kind})"
    click.echo(printable_lines(f"{file}: {saved}, digest {schema.digest[:12]}"))


def replace(path: Path, content: bytes) -> None:
    """Replace the file atomically. Raises OSError."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def file_set(schema: Schema) -> bytes:
    """The schema as a FileDescriptorSet, the same bytes for the same schema.

    `read_file` reads the same services and digest from it. Imported files of protobuf's own are
    included, each file comes after its imports, and each field has its JSON name, as from protoc:
    some tools need that.
    """
    own, well_known = {file.name: file for file in schema.files}, well_known_files()
    files = own | {
        name: well_known[name]
        for name in imports_of(schema.files, well_known | own)
        if name in well_known and name not in own
    }
    whole = FileDescriptorSet(
        file=[only_services(file, schema.services) for file in imports_first(files)]
    )
    for file in whole.file:
        for field in fields_of(file):
            if not field.json_name:
                field.json_name = json_name(str(field.name))
    return whole.SerializeToString(deterministic=True)


def imports_first(files: Mapping[str, FileDescriptorProto]) -> Iterator[FileDescriptorProto]:
    """The files by name, but each after those that it imports, unless they import each other."""
    begun: set[str] = set()
    done: set[str] = set()
    for first in sorted(files):
        waiting = [first]
        while waiting:
            name = waiting[-1]
            begun.add(name)
            imports = (files.keys() & files[name].dependency) - begun
            if imports:
                waiting += sorted(imports)
                continue
            waiting.pop()
            if name not in done:
                done.add(name)
                yield files[name]


def imports_of(
    files: Iterable[FileDescriptorProto], known: Mapping[str, FileDescriptorProto]
) -> Iterator[str]:
    """Names of all imports, direct or through known files."""
    seen: set[str] = set()
    waiting = list(files)
    while waiting:
        for name in waiting.pop().dependency:
            if name not in seen:
                seen.add(name)
                yield name
                if name in known:
                    waiting.append(known[name])
