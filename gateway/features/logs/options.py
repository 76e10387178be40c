"""What a query string asks of a log."""

from typing import NamedTuple
from urllib.parse import parse_qsl

from gateway.core.errors import Code, GatewayError
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean

MOST_LINES = 100_000
FOLLOWED_LINES = 10
"""What is sent of a log that is followed, unless `lines` says otherwise."""
NAMES = ("attempt", "follow", "lines", "list")
SWITCHES = {"": True, "true": True, "1": True, "false": False, "0": False}


class Asked(NamedTuple):
    lines: int | None = None
    attempt: int | None = None
    follow: bool = False
    list: bool = False


def asked_in(query: bytes) -> Asked:
    """Raises GatewayError (INVALID_ARGUMENT)."""
    given: dict[str, str] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in NAMES:
            near = did_you_mean(name, NAMES)
            there = ", ".join(f"?{each}" for each in NAMES)
            raise bad(name[:QUOTED_CHARS], f"a log has no such option{near} (there are: {there})")
        if name in given:
            raise bad(name, "given twice")
        given[name] = value
    asked = Asked(
        number_in(given, "lines", MOST_LINES),
        number_in(given, "attempt", 10**6),
        switch_in(given, "follow"),
        switch_in(given, "list"),
    )
    if asked.list and len(given) > 1:
        raise bad("list", "it tells which attempts there are, and goes with no other option")
    if asked.follow and asked.attempt is not None:
        raise bad("follow", "only the log of the last attempt grows; leave ?attempt out")
    return asked


def number_in(given: dict[str, str], name: str, most: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else 0
    if not 1 <= number <= most:
        raise bad(name, f"expected 1 to {most}, got {text[:QUOTED_CHARS]!r}")
    return number


def switch_in(given: dict[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text.lower() not in SWITCHES:
        raise bad(name, f"expected nothing, true or false, got {text[:QUOTED_CHARS]!r}")
    return SWITCHES[text.lower()]


def bad(name: str, problem: str) -> GatewayError:
    return GatewayError(Code.INVALID_ARGUMENT, f"?{name}: {problem}")
