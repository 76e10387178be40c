"""`cuebot-gateway audit`."""

import gzip
import math
import re
import shutil
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import IO, Any, NamedTuple

import click
import orjson

from gateway_cli.calling.table import cell
from gateway_cli.client.method_names import matches
from gateway_cli.common_options import json_option
from gateway_cli.exits import complain
from gateway_client.durations import time_option
from gateway_client.errors import Failure
from gateway_client.terminal.layout import aligned
from gateway_client.terminal.text import clip, counted, json_text

GZIP = b"\x1f\x8b"
BEGINNING = b'{"time":"'
"""What each line begins with. Inside a JSON string the quotes would be escaped."""
UNVERIFIED = "unverified"
"""The name of what a request says of an object besides its id; Cuebot looks at the id alone."""
CUT = "…"
"""A name that truncated requests have."""
PERSON_FIELDS = ("username", "user")
"""Fields of requests that name the person behind a change."""

Entry = dict[str, Any]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """The criteria of a search; an empty one fits everything."""

    job: str = ""
    """A glob for names and ids."""
    by: str = ""
    """A glob for persons."""
    since: str = ""
    """A time in the format of the lines."""
    method: str = ""
    """A pattern for `matches`."""
    unverified: bool = False
    """Whether unverified texts count."""

    def fits(self, entry: Entry) -> bool:
        if entry["time"] < self.since or not matches(str(entry["method"]), self.method):
            return False
        if self.job and not any(map(word(self.job).search, self.subjects(entry))):
            return False
        return not self.by or any(fnmatchcase(person, self.by) for person in self.persons(entry))

    def subjects(self, entry: Entry) -> Iterator[str]:
        """Names and ids that a call may be about: of its objects, request and look-ups."""
        for part in ("about", "also_about", "request", "found"):
            yield from self.texts(entry.get(part))

    def persons(self, entry: Entry) -> Iterator[str]:
        """The persons behind a call: the token's subject and claims, and the request's."""
        yield entry.get("subject") or ""
        yield from self.texts(entry.get("claims"))
        yield from self.texts(entry.get("request"), PERSON_FIELDS)

    def texts(self, json: object, names: tuple[str, ...] = ()) -> Iterator[str]:
        """All texts in a JSON value; with names, only those under one of them."""
        if isinstance(json, str) and not names:
            yield json
        elif isinstance(json, dict):
            for name, value in json.items():
                if name != UNVERIFIED or self.unverified:
                    yield from self.texts(value, () if name in names else names)
        elif isinstance(json, list):
            for each in json:
                yield from self.texts(each, names)

    def misses(self, entry: Entry) -> bool:
        """Whether a call may be about the job although its truncated line does not show it."""
        if not self.job or not is_cut(entry):
            return False
        return not self.fits(entry) and replace(self, job="").fits(entry)


def word(glob: str) -> re.Pattern[str]:
    """A pattern for names that fit a glob, as whole words of a text such as a job spec."""
    parts = {"*": r"[\w.-]*", "?": r"[\w.-]"}
    inside = "".join(parts.get(each) or re.escape(each) for each in glob)
    return re.compile(rf"(?<![\w.-]){inside}(?![\w.-])")


def is_cut(entry: Entry) -> bool:
    request = entry.get("request")
    return isinstance(request, dict) and CUT in request


def since(seconds: float, now: datetime) -> str:
    """The time so many seconds ago, in the format of the lines."""
    moment = max(now.timestamp() - seconds, 0)
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Search(NamedTuple):
    calls: list[Entry]
    """Sorted by time; the outcome of a call, or else its intent."""
    broken: int
    """Unreadable lines."""
    missed: int
    """Calls with truncated requests that may fit."""


def search(files: Iterable[str], criteria: Criteria) -> Search:
    """Search these files. Raises Failure for one that cannot be read."""
    found: dict[object, Entry] = {}
    missed: set[object] = set()
    broken = 0
    for file in files:
        for line in lines_of(file):
            entry = entry_in(line)
            if entry is None:
                broken += 1
                continue
            if "phase" not in entry:  # a line of the log
                continue
            key = entry.get("call") or line
            if criteria.fits(entry):
                if key not in found or entry["phase"] != "intent":
                    found[key] = entry
            elif criteria.misses(entry):
                missed.add(key)
    calls = sorted(found.values(), key=lambda entry: str(entry["time"]))
    return Search(calls, broken, len(missed))


def lines_of(file: str) -> Iterator[bytes]:
    """The lines of a file, perhaps gzipped; `-` is standard input. Raises Failure."""
    try:
        with click.open_file(file, "rb") as opened:
            plain: IO[bytes] | gzip.GzipFile = opened
            if opened.seekable():
                if opened.read(2) == GZIP:
                    plain = gzip.GzipFile(fileobj=opened)
                opened.seek(0)
            yield from filter(None, map(bytes.strip, plain))
    except (OSError, EOFError, zlib.error) as error:
        raise Failure(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from None


def entry_in(line: bytes) -> Entry | None:
    """The entry in a line, perhaps after a piece of another; None without one."""
    start = 0
    while start >= 0:
        try:
            entry = orjson.loads(line[start:])
            return entry if isinstance(entry, dict) else None
        except orjson.JSONDecodeError:
            start = line.find(BEGINNING, start + 1)
    return None


def row(entry: Entry) -> tuple[str, ...]:
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
        cell(entry.get("client")) + (f" via {cell(entry['via'])}" if "via" in entry else ""),
        cell(str(entry["method"]).removeprefix("/")),
        cell(outcome),
        cell(ms if ms is None else f"{ms:.1f}"),
        cell(entry.get("path") or entry.get("request")),
    )
