"""The nearest name, for "did you mean …?"."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice

DID_YOU_MEAN = "; did you mean "
QUOTED_CHARS = 80
"""Characters of a client's input that an error message repeats."""

MAX_COMPARED_NAMES = 4000
"""Comparing that many takes some milliseconds."""

NOT_A_FIELD: Mapping[str, str] = {
    "dryrun": "; for a dry run, send the header X-Dry-Run: 1, or use call --dry-run"
}
"""How to ask for what is no field, by the names that people try: letters in lower case."""


def other_way(word: str) -> str:
    """`; for a dry run, send …` for `dryRun`; empty for nearly all words."""
    letters = word[:QUOTED_CHARS].replace("_", "").replace("-", "")
    return NOT_A_FIELD.get(letters.lower(), "")


def did_you_mean(word: str, names: Iterable[str], mark: str = "") -> str:
    """`; did you mean GetJobs?`: the closest name, ignoring case, or one with `word` as its
    prefix.

    Empty if there is none. `mark` surrounds the name.
    """
    lowered = {name.lower(): name for name in islice(names, MAX_COMPARED_NAMES)}
    sought = word[:QUOTED_CHARS].lower()
    near = get_close_matches(sought, lowered, n=1) or [
        name for name in lowered if sought and name.startswith(sought)
    ]
    return f"{DID_YOU_MEAN}{mark}{lowered[near[0]]}{mark}?" if near else ""
