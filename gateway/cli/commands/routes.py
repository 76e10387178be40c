"""`cuebot-gateway routes`."""

import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import click
import orjson

from gateway.cli.client.discover import discover
from gateway.cli.common_options import config_option, json_option, settings_from
from gateway.cli.routes.filter import matches, why_none
from gateway.cli.routes.listing import all_routes, lines
from gateway.cli.terminal.exits import Failure, exits_cleanly
from gateway.cli.terminal.text import printable_lines


@click.command()
@click.argument("pattern", metavar="[FILTER]", default="")
@click.option("--native", is_flag=True, help="Leave out aliases.")
@json_option
@config_option
@exits_cleanly
def routes(pattern: str, native: bool, as_json: bool, config: Path | None) -> None:
    """List every path that would be served.

    FILTER is part of the path in any case, a glob, or a short name as call takes it
    (Job/GetJobs). Each row has the path, the request and response types and, for an alias, the
    native path. On a terminal too narrow for the table, each path gets a few short lines.

    \b
    Example:
      cuebot-gateway routes frameinterface/get

    \b
    Exit status:
      0  paths are listed
      1  nothing matches, or the schema could not be discovered
      2  wrong usage or settings
    """
    catalog = discover(settings_from(config)).catalog
    found = [
        route
        for route in all_routes(catalog)
        if matches(route.path, pattern) and not (native and route.alias_of)
    ]
    if as_json:
        click.echo(orjson.dumps([asdict(route) for route in found], option=orjson.OPT_INDENT_2))
    elif found:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        click.echo(printable_lines("\n".join(lines(found, width))))
    if not found:
        raise Failure(why_none(pattern, catalog))
