"""The paths of a catalog, as a table or as short lines."""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.cli.terminal.table import GAP, aligned
from gateway.schema.catalog import Catalog
from gateway.schema.method import Method

HEADER = ("PATH", "REQUEST", "RESPONSE", "ALIAS OF")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path."""

    path: str
    request: str
    response: str
    alias_of: str | None
    """The native path; None if this is it."""
    streaming: bool
    """Streaming methods are answered with 501."""


def all_routes(catalog: Catalog) -> Iterator[Route]:
    """What is served, sorted by path."""
    for path, method in sorted(catalog.routes.items()):
        yield Route(
            path=path,
            request=request_type(method),
            response=response_type(method),
            alias_of=None if path == method.path else method.path,
            streaming=method.streams,
        )


def request_type(method: Method) -> str:
    """The full name of the request type, after `stream` if the client sends a stream of them."""
    name: str = method.descriptor.input_type.full_name
    return f"stream {name}" if method.descriptor.client_streaming else name


def response_type(method: Method) -> str:
    """The full name of the response type, after `stream` if there is a stream of them."""
    name: str = method.descriptor.output_type.full_name
    return f"stream {name}" if method.descriptor.server_streaming else name


def lines(routes: list[Route], width: int | None) -> Iterator[str]:
    """A table, or a few lines for each path if the table is wider than `width`."""
    rows = [(each.path, each.request, each.response, each.alias_of or "") for each in routes]
    table = aligned(HEADER, rows)
    if width is None or max(map(len, table)) <= width:
        yield from table
        return
    for each in routes:
        yield each.path
        if each.alias_of:
            yield f"{GAP}alias of {each.alias_of}"
        types = f"{GAP}{each.request} → {each.response}"
        if len(types) <= width:
            yield types
        else:
            yield f"{GAP}{each.request}"
            yield f"{GAP}→ {each.response}"
