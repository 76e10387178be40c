"""Searching audit logs: from files to the calls that are asked for."""

import gzip
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import IO, Any, NamedTuple

import click
import orjson

from gateway_cli.client.method_names import matches
from gateway_cli.terminal.exits import Failure

GZIP = b"\x1f\x8b"
BEGINNING = b'{"time":"'
"""How each line begins. Inside a JSON text the quotes would have backslashes."""
UNVERIFIED = "unverified"
"""What a request says of an object besides its id, which is all that Cuebot looks at."""
CUT = "…"
"""The name under which a request tells that it is not shown whole."""
PERSON_FIELDS = ("username", "user")
"""Fields of requests that say for whom the change is made."""

Entry = dict[str, Any]
"""A line of an audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What is searched for. What is empty does not matter."""

    job: str = ""
    """A glob of names and ids."""
    by: str = ""
    """A glob of a person."""
    since: str = ""
    """A time as the lines have it."""
    method: str = ""
    """As `matches` takes it."""
    unverified: bool = False
    """Whether what is unverified counts as well."""

    def fits(self, entry: Entry) -> bool:
        """Whether a call is one of those."""
        if entry["time"] < self.since or not matches(str(entry["method"]), self.method):
            return False
        if self.job and not any(map(word(self.job).search, self.subjects(entry))):
            return False
        return not self.by or any(fnmatchcase(person, self.by) for person in self.persons(entry))

    def subjects(self, entry: Entry) -> Iterator[str]:
        """What a call may be about: texts of the request, and what has been looked up for it."""
        yield from self.texts(entry.get("request"))
        yield from self.texts(entry.get("found"))

    def persons(self, entry: Entry) -> Iterator[str]:
        """Who may have made a call: the token's subject and claims, and whom the request names."""
        yield entry.get("subject") or ""
        yield from self.texts(entry.get("claims"))
        yield from self.texts(entry.get("request"), PERSON_FIELDS)

    def texts(self, json: object, names: tuple[str, ...] = ()) -> Iterator[str]:
        """All texts in a JSON value; with names, only those under such a name."""
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
        """Whether a call that does not fit might be one of those, as its line is not whole."""
        if not self.job or not is_cut(entry):
            return False
        return not self.fits(entry) and replace(self, job="").fits(entry)


def word(glob: str) -> re.Pattern[str]:
    """Finds a name that fits the glob as a whole word of a text, such as a job spec."""
    parts = {"*": r"[\w.-]*", "?": r"[\w.-]"}
    inside = "".join(parts.get(each) or re.escape(each) for each in glob)
    return re.compile(rf"(?<![\w.-]){inside}(?![\w.-])")


def is_cut(entry: Entry) -> bool:
    """Whether the line does not show all of the request."""
    request = entry.get("request")
    return isinstance(request, dict) and CUT in request


def since(seconds: float, now: datetime) -> str:
    """The time so long ago, as the lines have it."""
    moment = max(now.timestamp() - seconds, 0)
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Search(NamedTuple):
    """What was found."""

    calls: list[Entry]
    """Sorted by time; of a call with an intent and an outcome, it is the outcome."""
    broken: int
    """How many lines could not be read."""
    missed: int
    """How many other calls might be among them: their lines do not show the whole request."""


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
