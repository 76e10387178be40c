"""Searching audit logs: from files to the calls that are asked for."""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import IO, Any

import click
import orjson

from gateway_cli.client.method_names import matches
from gateway_cli.terminal.exits import Failure

GZIP = b"\x1f\x8b"
BEGINNING = b'{"time":"'
"""How each line begins. Inside a JSON text the quotes would have backslashes."""
PERSON_FIELDS = ("username", "user")
"""Fields of requests that say for whom the change is made."""

Entry = dict[str, Any]
"""A line of an audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is searched for. What is empty does not matter."""

    job: str = ""
    """A glob of names and ids."""
    by: str = ""
    """A glob of a person."""
    since: str = ""
    """A time as the lines have it."""
    method: str = ""
    """As `matches` takes it."""

    def fits(self, entry: Entry) -> bool:
        """Whether a call is one of those."""
        if entry["time"] < self.since or not matches(str(entry["method"]), self.method):
            return False
        if self.job and not any(map(word(self.job).search, texts(entry.get("request")))):
            return False
        return not self.by or any(fnmatchcase(person, self.by) for person in persons(entry))


def word(glob: str) -> re.Pattern[str]:
    """Finds a name that fits the glob as a whole word of a text, such as a job spec."""
    parts = {"*": r"[\w.-]*", "?": r"[\w.-]"}
    inside = "".join(parts.get(each) or re.escape(each) for each in glob)
    return re.compile(rf"(?<![\w.-]){inside}(?![\w.-])")


def persons(entry: Entry) -> Iterator[str]:
    """Who may have made a call: the token's subject and claims, and whom the request names."""
    yield entry.get("subject") or ""
    yield from texts(entry.get("claims"))
    yield from texts(entry.get("request"), PERSON_FIELDS)


def texts(json: object, names: tuple[str, ...] = ()) -> Iterator[str]:
    """All texts in a JSON value; with names, only those under such a name."""
    if isinstance(json, str) and not names:
        yield json
    elif isinstance(json, dict):
        for name, value in json.items():
            yield from texts(value, () if name in names else names)
    elif isinstance(json, list):
        for each in json:
            yield from texts(each, names)


def since(seconds: float, now: datetime) -> str:
    """The time so long ago, as the lines have it."""
    moment = max(now.timestamp() - seconds, 0)
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def search(files: Iterable[str], wanted: Wanted) -> tuple[list[Entry], int]:
    """The calls, sorted by time, and how many lines were not readable.

    Of a call with an intent and an outcome, that is the outcome. Raises Failure for a file that
    cannot be read.
    """
    found: dict[object, Entry] = {}
    broken = 0
    for file in files:
        for line in lines_of(file):
            entry = entry_in(line)
            if entry is None:
                broken += 1
            elif "phase" in entry and wanted.fits(entry):  # else it is a line of the log
                key = entry.get("call") or line
                if key not in found or entry["phase"] != "intent":
                    found[key] = entry
    return sorted(found.values(), key=lambda entry: str(entry["time"])), broken


def lines_of(file: str) -> Iterator[bytes]:
    """The lines of a file, which may be compressed; `-` is standard input. Raises Failure."""
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
    """The entry in a line, which may stand behind a piece of another; None if there is none."""
    start = 0
    while start >= 0:
        try:
            entry = orjson.loads(line[start:])
            return entry if isinstance(entry, dict) else None
        except orjson.JSONDecodeError:
            start = line.find(BEGINNING, start + 1)
    return None
