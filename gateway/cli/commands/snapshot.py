"""`cuebot-gateway snapshot`."""

import os
import shutil
import sys
from pathlib import Path

import click

from gateway.cli.client.discover import discover
from gateway.cli.terminal.failures import Failure, config_option, one_line_failures, settings_from
from gateway.cli.terminal.text import printable_lines
from gateway.discovery.factory import FILE_SUFFIXES
from gateway.schema.description import Schema
from gateway.schema.file_set import file_set

STANDARD_OUTPUT = "-"


@click.command()
@click.argument("file")
@config_option
@one_line_failures
def snapshot(file: str, config: Path | None) -> None:
    """Save the schema to a file.

    FILE ends in .binpb, .protoset, .desc or .pb, or is - for standard output; DESCRIPTOR_SOURCE
    can then name it. It is a FileDescriptorSet, for other gRPC tools too. An older FILE is
    replaced, and stays as it is when anything fails. Exit status: 0; 1 when Cuebot cannot be
    reached or FILE not be written; 2 for a wrong suffix or wrong settings.

    \b
    Example:
      cuebot-gateway snapshot cuebot.binpb
      DESCRIPTOR_SOURCE=cuebot.binpb cuebot-gateway serve
    """
    refuse_impossible(file)
    schema = discover(settings_from(config)).schema
    content = file_set(schema)
    if file == STANDARD_OUTPUT:
        click.echo(content, nl=False)
        return
    try:
        replace(Path(file), content)
    except OSError as error:
        raise Failure(f"cannot write {file}: {error.strerror}") from None
    click.echo(printable_lines(f"{file}: {summary(schema)}"))


def refuse_impossible(file: str) -> None:
    """Raises UsageError for a name that DESCRIPTOR_SOURCE would not take, and for a terminal."""
    if file == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            raise click.UsageError("a snapshot is binary; redirect it, or name a file")
    elif not file.endswith(FILE_SUFFIXES):
        raise click.UsageError(
            f"{file}: DESCRIPTOR_SOURCE takes files that end in {', '.join(FILE_SUFFIXES)}"
        )


def summary(schema: Schema) -> str:
    """What was saved, in one line."""
    kind = "confirmed" if schema.confirmed else "assumed, not confirmed by Cuebot"
    return (
        f"{len(schema.services)} services of {schema.origin} ({kind}), digest {schema.digest[:12]}"
    )


def replace(path: Path, content: bytes) -> None:
    """Give the file this content at once, or leave it as it is. Raises OSError."""
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
