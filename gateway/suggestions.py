"""The nearest name, for "did you mean …?"."""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice

DID_YOU_MEAN = "; did you mean "
SHOWN = 80
"""How many characters of a client's own words an error repeats."""

MOST_NAMES = 4000
"""How many names are looked at, which takes some milliseconds."""


def did_you_mean(word: str, names: Iterable[str], mark: str = "") -> str:
    """`; did you mean GetJobs?`: the nearest name, whatever its case, or one that begins so.

    Empty when there is none. `mark` goes around the name.
    """
    lowered = {name.lower(): name for name in islice(names, MOST_NAMES)}
    sought = word[:SHOWN].lower()
    near = get_close_matches(sought, lowered, n=1) or [
        name for name in lowered if sought and name.startswith(sought)
    ]
    return f"{DID_YOU_MEAN}{mark}{lowered[near[0]]}{mark}?" if near else ""
