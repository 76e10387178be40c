"""`cuebot-gateway routes`."""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from textwrap import wrap

import click

from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method_search import ranked
from gateway.core.suggestions import did_you_mean
from gateway_cli.client.cuebot import discover
from gateway_cli.client.declarations import served_document, type_named
from gateway_cli.client.method_names import matches
from gateway_cli.client.search import methods_of
from gateway_cli.common_options import Way, config_option, json_option, settings_from, way_options
from gateway_cli.exits import complain
from gateway_client.errors import Failure
from gateway_client.openapi_document import Document
from gateway_client.terminal.layout import GAP, aligned
from gateway_client.terminal.text import json_text, printable_lines

HEADER = ("PATH", "REQUEST", "RESPONSE", "ALIAS OF", "SUMMARY")
UNNAMED = "-"
"""Shown for a type without a name in the document."""
OF_PATHS = re.compile(r"[/.*?\[]")
"""Characters of filters that are no words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path, with the full names of its types, perhaps after `stream`."""

    path: str
    request: str
    response: str
    alias_of: str | None
    """The native path; None for a native one."""
    streaming: bool
    summary: str
    """What the method does; perhaps empty."""


@click.command()
@click.argument("words", metavar="[FILTER]...", nargs=-1)
@click.option("--native", is_flag=True, help="Leave out aliases.")
@json_option
@way_options
@config_option
def routes(
    words: tuple[str, ...], native: bool, as_json: bool, way: Way, config: Path | None
) -> None:
    """List every path that is served, or would be.

    With --url or GATEWAY_URL, these are the paths that the token may call at that gateway, by its
    OpenAPI document. Otherwise Cuebot's schema is discovered.

    FILTER is words that say what a method does (pause job): each method is there once, the best
    matches come first, and a letter may be wrong. With a slash, a dot, * or ? it is part of the
    path in any case, a glob, or a short name as call takes it (Job/GetJobs). Each row has the path,
    the request and response types, for an alias the native path, and what the method does. On a
    terminal too narrow for the table, each path gets a few short lines.

    \b
    Example:
      cuebot-gateway routes retry dead frames
      cuebot-gateway routes frameinterface/get

    \b
    Exit status:
      0  paths are listed
      1  nothing matches, or there is no schema to be had
      2  wrong usage or settings
    """
    settings = settings_from(config)
    pattern = " ".join(words)
    source: Catalog | Document
    if way.url is None:
        source = discover(settings)
        known, withheld, where = list(all_routes(source)), source.absent.withheld, ""
    else:
        source = served_document(way, settings)
        known, withheld, where = list(documented_routes(source)), {}, source.url
    listed = [route for route in known if not (native and route.alias_of)]
    found = by_words(pattern, source, listed) if pattern and not OF_PATHS.search(pattern) else []
    found = found or [route for route in listed if matches(route.path, pattern)]
    if as_json:
        click.echo(json_text([asdict(route) for route in found]))
    elif found:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(printable_lines("\n".join(lines(found, width))))
    if not found:
        raise Failure(why_none(pattern, [route.path for route in known], withheld, where))
    if where and not as_json:
        complain(f"from {where}, which has what the token may call")


def all_routes(catalog: Catalog) -> Iterator[Route]:
    for path, method in sorted(catalog.routes.items()):
        descriptor = method.descriptor
        yield Route(
            path=path,
            request="stream " * descriptor.client_streaming + descriptor.input_type.full_name,
            response="stream " * descriptor.server_streaming + descriptor.output_type.full_name,
            alias_of=None if path == method.path else method.path,
            streaming=method.streams,
            summary=method.summary,
        )


def documented_routes(document: Document) -> Iterator[Route]:
    for path, operation in sorted(document.operations.items()):
        yield Route(
            path=path,
            request=type_named(operation.request).removeprefix(".") or UNNAMED,
            response=type_named(operation.response).removeprefix(".") or UNNAMED,
            alias_of=None if path == operation.path else operation.path,
            streaming=False,  # documents leave streaming methods out
            summary=operation.summary,
        )


def by_words(query: str, source: Catalog | Document, listed: Iterable[Route]) -> list[Route]:
    """The native paths of the methods that fit, the best one first."""
    native = {route.path: route for route in listed if route.alias_of is None}
    return [native[method.path] for method in ranked(query, methods_of(source))]


def lines(routes: list[Route], width: int | None) -> Iterator[str]:
    """A table, or a few lines for each path if the table is wider than `width`."""
    rows = [
        (each.path, each.request, each.response, each.alias_of or "", each.summary)
        for each in routes
    ]
    table = aligned(HEADER, rows)
    if width is None or max(map(len, table)) <= width:
        yield from table
        return
    for each in routes:
        yield each.path
        yield from wrap(each.summary, width, initial_indent=GAP, subsequent_indent=GAP)
        if each.alias_of:
            yield f"{GAP}alias of {each.alias_of}"
        types = f"{GAP}{each.request} → {each.response}"
        if len(types) <= width:
            yield types
        else:
            yield f"{GAP}{each.request}"
            yield f"{GAP}→ {each.response}"


def why_none(pattern: str, paths: Iterable[str], withheld: Iterable[str], where: str) -> str:
    """The reason why no path is listed; `where` is the URL of the document, if there is one."""
    if not pattern:
        if where:
            return f"{where} has no method: the token may call none; see cuebot-gateway check"
        return "no method is served; see INCLUDE_SERVICES and EXCLUDE_SERVICES"
    number = sum(matches(path, pattern) for path in withheld)
    if number:
        do = "method does" if number == 1 else "methods do"
        return (
            f"no served path matches {pattern!r}, but {number} withheld {do};"
            " see cuebot-gateway check"
        )
    names: list[str] = []
    for path in paths:
        service, _, method = path[1:].partition("/")
        names += (method, service.rpartition(".")[2], service, path[1:])
    about = f" of {where}" if where else ""
    near = did_you_mean(pattern.strip("/*"), names, several=True)
    return f"no path{about} matches {pattern!r}{near}"
