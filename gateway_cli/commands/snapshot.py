"""`cuebot-gateway snapshot`."""

import os
import shutil
import sys
from pathlib import Path

import click

from gateway.discovery.files import FILE_SUFFIXES
from gateway_cli.client.discover import discover
from gateway_cli.common_options import config_option, settings_from
from gateway_cli.file_set import file_set
from gateway_cli.terminal.exits import Failure
from gateway_cli.terminal.text import printable_lines

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
    """Give the file this content in one step, or leave it as it is. Raises OSError."""
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
