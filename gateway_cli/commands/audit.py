"""`cuebot-gateway audit`."""

import math
import shutil
import sys
from datetime import UTC, datetime

import click

from gateway_cli.audit_trail import Criteria, Entry, search, since
from gateway_cli.common_options import json_option, time_option
from gateway_cli.terminal.exits import Failure, complain
from gateway_cli.terminal.table import aligned, cell
from gateway_cli.terminal.text import clip, counted, json_text

HEADER = ("TIME", "SUBJECT", "CLIENT", "METHOD", "OUTCOME", "MS", "REQUEST")


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--job", default="", help="Only about this: a name or id, or a glob of it.")
@click.option(
    "--by", default="", help="Only by this person: subject, claim, or username in the request."
)
@time_option("--since", "since_", most=math.inf, help="Only those of the last 30m, 2h, 7d.")
@click.option("--method", default="", help="Only these methods, as routes takes its FILTER.")
@click.option("--unverified", is_flag=True, help="Also by what a request says beside an id.")
@json_option
def audit(
    files: tuple[str, ...],
    job: str,
    by: str,
    since_: float | None,
    method: str,
    unverified: bool,
    as_json: bool,
) -> None:
    """Search audit logs for who has changed what.

    FILE is what AUDIT_LOG names, also rotated and compressed (.gz), or - for standard input. --job
    finds any name or id in the request, of a job or of anything else. What a request says beside an
    id counts only with --unverified: Cuebot looks at the id. Each row is a call to Cuebot; an
    outcome that is unknown is that of a gateway that crashed in between. With --json, each is a
    line of JSON.

    \b
    Example:
      cuebot-gateway audit /var/log/cuebot-gateway/audit.log* --by lena --since 2h

    \b
    Exit status:
      0  calls are listed
      1  nothing was found, or a file cannot be read
      2  wrong usage
    """
    start = "" if since_ is None else since(since_, datetime.now(UTC))
    criteria = Criteria(job=job, by=by, since=start, method=method, unverified=unverified)
    found = search(files, criteria)
    if as_json:
        for entry in found.calls:
            click.echo(json_text(entry, indent=False))
    elif found.calls:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in aligned(HEADER, map(row, found.calls)):
            click.echo(line if width is None else clip(line, width))
    if found.broken:
        complain(f"{counted(found.broken, 'line')} could not be read; a full disk cuts lines short")
    if found.missed:
        others = counted(found.missed, "other call")
        complain(f"{others} may be about it, too: they asked for more than their lines show")
    if not found.calls:
        raise Failure("no call was found")


def row(entry: Entry) -> tuple[str, ...]:
    """The cells of a call."""
    outcome = entry.get("code") or "unknown"
    if entry.get("denied"):
        outcome = f"denied by {entry['denied']}"
        if entry.get("dry_run"):
            outcome += ", dry run"
        if "count" in entry:
            outcome += f", {entry['count']} times"
    elif entry.get("called") is False:
        outcome += ", not called"
    ms = entry.get("ms")
    return (
        cell(f"{entry['time'][:19]}Z"),
        cell(entry.get("subject")),
        cell(entry.get("client")),
        cell(str(entry["method"]).removeprefix("/")),
        cell(outcome),
        cell(ms if ms is None else f"{ms:.1f}"),
        cell(entry.get("request")),
    )
