"""`cuebot-gateway routes`."""

import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import click
import orjson

from gateway.cli.client.discover import discover
from gateway.cli.terminal.failures import Failure, config_option, one_line_failures, settings_from
from gateway.cli.terminal.table import GAP, aligned
from gateway.cli.terminal.text import printable_lines
from gateway.hints import did_you_mean
from gateway.schema.catalog import Catalog
from gateway.schema.method import Method


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path, as it is shown."""

    path: str
    request: str
    response: str
    alias_of: str | None
    """The native path; None when it is that itself."""
    streaming: bool
    """Such a method is answered with 501."""


@click.command()
@click.argument("pattern", metavar="[FILTER]", default="")
@click.option("--native", is_flag=True, help="Leave out aliases.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
@config_option
@one_line_failures
def routes(pattern: str, native: bool, as_json: bool, config: Path | None) -> None:
    """List every path that would be served.

    FILTER is a part of the path in any case, or a glob of one, or a short name as call takes it
    (Job/GetJobs). Shown are the path, the types of request and response, and for an alias the
    native path. A terminal that is too narrow for the table gets a few short lines for each path.
    Exit status: 0; 1 when nothing matches or Cuebot cannot be reached; 2 for wrong settings.

    \b
    Example:
      cuebot-gateway routes frameinterface/get
    """
    catalog = discover(settings_from(config)).catalog
    found = [
        route
        for route in all_routes(catalog)
        if fits(route.path, pattern) and not (native and route.alias_of)
    ]
    if as_json:
        click.echo(orjson.dumps([asdict(route) for route in found], option=orjson.OPT_INDENT_2))
    elif found:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(printable_lines("\n".join(lines(found, width))))
    if not found:
        raise Failure(nothing_found(pattern, catalog))


def all_routes(catalog: Catalog) -> Iterator[Route]:
    """What is served, by path."""
    for path, method in sorted(catalog.routes.items()):
        yield Route(
            path=path,
            request=request_of(method),
            response=response_of(method),
            alias_of=None if path == method.path else method.path,
            streaming=method.streams,
        )


def request_of(method: Method) -> str:
    """The full name of the request type, with `stream` before it when there are several."""
    name: str = method.descriptor.input_type.full_name
    return f"stream {name}" if method.descriptor.client_streaming else name


def response_of(method: Method) -> str:
    """The same of the response type."""
    name: str = method.descriptor.output_type.full_name
    return f"stream {name}" if method.descriptor.server_streaming else name


def fits(path: str, pattern: str) -> bool:
    """Whether the pattern is in the path, in any case, or is short for it (`Job/GetJobs`)."""
    path, pattern = path.lower(), pattern.lower()
    short = pattern.lstrip("/").replace("/", "interface/")
    return fnmatchcase(path, f"*{pattern}*") or ("/" in short and fnmatchcase(path, f"*.{short}*"))


def lines(found: list[Route], width: int | None) -> Iterator[str]:
    """A table, or where it does not fit into so many columns, a block for each path."""
    header = ("PATH", "REQUEST", "RESPONSE", "ALIAS OF")
    rows = [(each.path, each.request, each.response, each.alias_of or "") for each in found]
    table = aligned(header, rows)
    if width is None or max(map(len, table)) <= width:
        yield from table
        return
    for each in found:
        yield each.path
        if each.alias_of:
            yield f"{GAP}alias of {each.alias_of}"
        both = f"{each.request} → {each.response}"
        yield from indented([both] if len(GAP + both) <= width else both.split(" → "))


def indented(texts: Iterable[str]) -> Iterator[str]:
    """The second text, if there is one, begins with an arrow."""
    for number, text in enumerate(texts):
        yield f"{GAP}→ {text}" if number else GAP + text


def nothing_found(pattern: str, catalog: Catalog) -> str:
    """Why no path is shown, and what may have been meant."""
    if not pattern:
        return "nothing is served (INCLUDE_SERVICES, EXCLUDE_SERVICES)"
    withheld = sum(fits(path, pattern) for path in catalog.withheld)
    if withheld:
        return (
            f"no path that is served matches {pattern!r}, but {withheld} withheld"
            f" method{'s' * (withheld > 1)}; cuebot-gateway check tells why"
        )
    return f"no path matches {pattern!r}{did_you_mean(pattern.strip('/*'), names(catalog))}"


def names(catalog: Catalog) -> Iterator[str]:
    """What a filter may be about: methods, services with and without package, whole paths."""
    for path in catalog.routes:
        service, _, method = path[1:].partition("/")
        yield from (method, service.rpartition(".")[2], service, f"{service}/{method}")
