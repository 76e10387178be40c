"""Texts that clients search with: regular expressions, and the patterns of a SQL LIKE.

RE2 takes time in proportion to the text, whatever the pattern. It knows no back-references and no
look-ahead, which Cuebot's database does. On platforms without it, `re` takes its place.
"""

import re
from typing import Any

from cuebot_simulator.world.refusals import Refusal, violation

try:
    import re2
except ImportError:
    re2 = re

LONGEST_PATTERN = 500
MOST_REPEATS = 255  # the database takes no larger numbers in `{…}`
REPEATS = re.compile(r"\{([0-9]+)(?:,([0-9]*))?\}")


def compile_pattern(text: str) -> Any:
    """A regular expression, as of `re`. Raises Refusal for a bad one, as the database does."""
    if len(text) > LONGEST_PATTERN:
        raise invalid(f"it is longer than {LONGEST_PATTERN} characters")
    if any(len(number) > 3 or int(number) > MOST_REPEATS for number in numbers_in(text)):
        raise invalid(f"it repeats something more than {MOST_REPEATS} times")
    return compiled(text)


def numbers_in(text: str) -> list[str]:
    return [number for found in REPEATS.findall(text) for number in found if number]


def compiled(text: str) -> Any:
    try:
        if re2 is re:
            return re.compile(text)
        options = re2.Options()
        options.log_errors = False
        return re2.compile(text, options)
    except re2.error:
        raise invalid(f"RE2 does not take {text[:80]}") from None


def invalid(why: str) -> Refusal:
    return violation(f"invalid regular expression: {why}")


def compile_like(text: str) -> Any:
    """The pattern of a SQL LIKE as a regular expression: `_` is any character, `%` any number."""
    parts = (WILDCARDS.get(each) or re.escape(each) for each in text)
    return compiled(f"(?s){''.join(parts)}")


WILDCARDS = {"_": ".", "%": ".*"}
