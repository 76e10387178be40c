"""`cuebot-gateway describe`."""

from pathlib import Path

import click

from gateway_cli.client.discover import discover
from gateway_cli.common_options import config_option, settings_from
from gateway_cli.describe.reference import description
from gateway_cli.terminal.text import printable_lines


@click.command()
@click.argument("name")
@config_option
def describe(name: str, config: Path | None) -> None:
    """Print a message, enum, service or method as proto text.

    NAME is a full name (job.Job, job.JobInterface.GetJobs), a path (/job.JobInterface/GetJobs,
    or that of an alias), or just the end of one (Job, GetShows) if it is unambiguous. A method
    is printed with its request and response.

    \b
    Example:
      cuebot-gateway describe JobInterface/GetJobs

    \b
    Exit status:
      0  it is printed
      1  no such name, an ambiguous one, or the schema could not be discovered
      2  wrong usage or settings
    """
    click.echo(printable_lines(description(name, discover(settings_from(config)))))
