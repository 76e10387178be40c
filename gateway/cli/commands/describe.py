"""`cuebot-gateway describe`."""

from collections.abc import Iterator
from pathlib import Path

import click

from gateway.cli.client.discover import discover
from gateway.cli.describe.find import find_declarations
from gateway.cli.describe.prototext import ProtoText, syntax_of
from gateway.cli.terminal.failures import Failure, config_option, one_line_failures, settings_from
from gateway.cli.terminal.text import printable_lines
from gateway.discovery.once import Discovery
from gateway.hints import did_you_mean
from gateway.schema.declarations import Declaration, declarations
from gateway.schema.pool import build_pool, well_known_files

LISTED = 40
"""How many candidates are worth reading."""


@click.command()
@click.argument("name")
@config_option
@one_line_failures
def describe(name: str, config: Path | None) -> None:
    """Print a message, enum, service or method as proto text.

    NAME is a full name (job.Job, job.JobInterface.GetJobs), a path (/job.JobInterface/GetJobs,
    also that of an alias), or just the end of one (Job, GetShows) when that is clear. A method
    is printed with its request and response. Exit status: 0; 1 when nothing or more than one
    thing has that name, or Cuebot cannot be reached; 2 for wrong settings.

    \b
    Example:
      cuebot-gateway describe JobInterface/GetJobs
    """
    click.echo(printable_lines(description(name, discover(settings_from(config)))))


def description(name: str, found: Discovery) -> str:
    """The proto text of what is called so. Raises Failure when that is nothing or not clear."""
    files = (well_known_files() | {file.name: file for file in found.schema.files}).values()
    declared = {each.name: each for each in declarations(files)}
    meant = find_declarations(name, declared.values(), found.catalog.aliases)
    if not meant:
        known = [*declared, *(each.rpartition(".")[2] for each in declared)]
        hint = did_you_mean(name.strip("/.").replace("/", "."), known)
        raise Failure(f"no message, enum, service or method is called {name!r}{hint}")
    if len(meant) > 1:
        raise Failure("\n".join(candidates(name, meant)))
    pool, _ = build_pool(files)
    text = ProtoText(files, pool)
    return "\n\n".join(
        f"// {heading(each, found)}\n{text.of(each)}" for each in with_types(meant[0], declared)
    )


def with_types(declared: Declaration, known: dict[str, Declaration]) -> Iterator[Declaration]:
    """The declaration and, if it is a method's, those of its request and response."""
    yield declared
    if declared.kind == "method":
        types = (declared.proto.input_type, declared.proto.output_type)
        for name in dict.fromkeys(types):
            if found := known.get(name.removeprefix(".")):  # or its file is missing
                yield found


def heading(declared: Declaration, found: Discovery) -> str:
    """Where a method is served, or what and from where something else is."""
    if declared.kind != "method":
        return f"{declared.kind} {declared.name}, {declared.file.name} ({syntax_of(declared.file)})"
    service, _, method = declared.name.rpartition(".")
    native = f"/{service}/{method}"
    paths = [path for path, each in found.catalog.routes.items() if each.path == native]
    if paths:
        return f"POST {', also '.join(paths)}"
    rule = found.selection.withheld_by(service, method) or "cuebot-gateway check tells why"
    return f"{native} is not served: {rule}"


def candidates(name: str, meant: tuple[Declaration, ...]) -> Iterator[str]:
    """What a name can mean, one a line."""
    yield f"{name!r} can be {len(meant)} things; which?"
    for each in meant[:LISTED]:
        service, _, method = each.name.rpartition(".")
        yield f"  {each.kind} " + (f"/{service}/{method}" if each.kind == "method" else each.name)
    if len(meant) > LISTED:
        yield "  …"
