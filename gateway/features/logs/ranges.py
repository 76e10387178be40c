"""Which part of a log a request asks for: `Range`, and what it depends on (RFC 9110, 13 and 14)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from time import time

from gateway.core.pipeline.content import matches
from gateway.features.logs.log_file import State

RANGE = re.compile(r"bytes=(?:([0-9]+)-([0-9]+)?|-([0-9]+))", re.IGNORECASE)
MOST_DIGITS = 19
"""A number with as many is beyond any file."""
NEVER_SATISFIED = (-1, -1)
RECENT_SECONDS = 1.0
"""A file that was modified later may change again within the same second."""

Headers = Mapping[bytes, bytes]


def http_date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(seconds), UTC), usegmt=True)


def is_fresh(headers: Headers, state: State) -> bool:
    """Whether the client has it: 304."""
    known = headers.get(b"if-none-match")
    if known is not None:
        return matches(known.decode("latin-1"), state.etag)
    since = seconds_of(headers.get(b"if-modified-since"))
    return since is not None and int(state.modified) <= since


def wanted_range(headers: Headers, state: State, size: int) -> tuple[int, int] | None:
    """The first byte that is asked for, and the one after the last, of `size` bytes.

    None for all of them: without a range, with several, with one that is not understood, and with
    one for another state (`If-Range`). NEVER_SATISFIED for a range that begins behind the end.
    """
    given = headers.get(b"range")
    if given is None or not is_for(headers.get(b"if-range"), state):
        return None
    found = RANGE.fullmatch(given.decode("latin-1").strip())
    if found is None:
        return None
    first, last, suffix = map(number_of, found.groups())
    if suffix is not None:
        if not suffix:
            return NEVER_SATISFIED
        return (max(size - suffix, 0), size) if size else None
    assert first is not None, "by the pattern"
    if last is not None and last < first:
        return None
    if first >= size:
        return NEVER_SATISFIED
    return first, size if last is None else min(last + 1, size)


def number_of(digits: str | None) -> int | None:
    """The number. Of one that is beyond any file, the first digits alone, which are so, too."""
    return None if digits is None else int(digits.lstrip("0")[:MOST_DIGITS] or "0")


def is_for(if_range: bytes | None, state: State) -> bool:
    """Whether a range is for this state: an ETag, or a date, that is the same (strongly)."""
    if if_range is None:
        return True
    text = if_range.decode("latin-1").strip()
    if text.startswith(('"', "W/")):
        return text == state.etag
    return seconds_of(if_range) == int(state.modified) and time() - state.modified >= RECENT_SECONDS


def seconds_of(date: bytes | None) -> float | None:
    """Unix seconds; None without a date."""
    if date is None:
        return None
    try:
        found = parsedate_to_datetime(date.decode("latin-1"))
    except (ValueError, OverflowError):
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
