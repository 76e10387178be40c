"""The nearest name, for "did you mean …?"."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from itertools import islice

DID_YOU_MEAN = "; did you mean "
QUOTED_CHARS = 80
"""Characters of a client's input that an error message repeats."""

MAX_COMPARED_NAMES = 4000
"""Comparing that many takes some milliseconds."""

LIKENESS = 0.6
"""Of names that look alike; 1 is equal."""
LONG_WORD_LETTERS = 4
SEVERAL = 3
BETWEEN_PARTS = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")

NOT_A_FIELD: dict[str, str] = {}
"""How to ask for what is no field, by the names that people try: letters in lower case. Filled when
features are put together (`Feature.not_a_field`).
"""


def other_way(word: str) -> str:
    """How to ask for what the word means; empty for nearly all words."""
    letters = word[:QUOTED_CHARS].replace("_", "").replace("-", "")
    return NOT_A_FIELD.get(letters.lower(), "")


def did_you_mean(
    word: str,
    names: Iterable[str],
    mark: str = "",
    likeness: float = LIKENESS,
    several: bool = False,
) -> str:
    """`; did you mean GetJobs?`: the nearest name, ignoring case, or one with `word` as its prefix.

    Empty if there is none. `mark` surrounds the name. With `several`, up to three that are a letter
    away: `GetJob or GetJobs` for `GetJobz`.
    """
    names = list(islice(names, MAX_COMPARED_NAMES))
    sought = word[:QUOTED_CHARS].lower()
    near = (
        nearest_names(word, names, SEVERAL if several else 1, likeness)
        or [name for name in names if sought and name.lower().startswith(sought)][:1]
    )
    near = near[:1] + [name for name in near[1:] if is_a_letter_away(sought, name.lower())]
    told = " or ".join(f"{mark}{name}{mark}" for name in near)
    return f"{DID_YOU_MEAN}{told}?" if near else ""


def is_a_letter_away(word: str, name: str) -> bool:
    """Whether one letter is missing or too many, or both: another one, or in another place."""
    return SequenceMatcher(None, name, word).ratio() >= (len(word) - 1) / len(word)


def nearest_names(
    word: str, names: Iterable[str], most: int = 1, likeness: float = LIKENESS
) -> list[str]:
    """Names that the word is a part of, the shortest first; without any, those that look alike."""
    sought = word[:QUOTED_CHARS].lower()
    lowered = {name.lower(): name for name in names}
    holding = [name for name, written in lowered.items() if is_part(sought, written)]
    near = get_close_matches(sought, holding or lowered, most, 0.0 if holding else likeness)
    return [lowered[name] for name in near]


def is_part(word: str, name: str) -> bool:
    """Whether a word in lower case is one of the words in a name, as `n22` in `local.n22`; a long
    one may also be part of a word.
    """
    if word not in name.lower():
        return False
    if len(word) >= LONG_WORD_LETTERS:
        return True
    return word in (part.lower() for part in BETWEEN_PARTS.split(name))
