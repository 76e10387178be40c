"""`cuebot-gateway describe`."""

from pathlib import Path

import click

from gateway_cli.client.discover import discover
from gateway_cli.client.served import served_document
from gateway_cli.common_options import Way, config_option, settings_from, way_options
from gateway_cli.describe.reference import description, source_of, source_of_document
from gateway_cli.terminal.text import printable_lines


@click.command()
@click.argument("name")
@way_options
@config_option
def describe(name: str, way: Way, config: Path | None) -> None:
    """Print a message, enum, service or method as proto text.

    With --url or GATEWAY_URL, it is made from that gateway's OpenAPI document, which has what the
    token may call. Otherwise Cuebot's schema is discovered.

    NAME is a full name (job.Job, job.JobInterface.GetJobs), a path (/job.JobInterface/GetJobs,
    or that of an alias), or just the end of one (Job, GetShows) if it is unambiguous. A method
    is printed with its request and response.

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
        source = source_of_document(served_document(way.url, way.token, way.sub, settings))
    click.echo(printable_lines(description(name, source)))
