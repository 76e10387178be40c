"""The nearest name, for "did you mean …?"."""

from collections.abc import Iterable


def did_you_mean(word: str, names: Iterable[str], likeness: float = 0.6) -> str:
    """`; did you mean GetJobs?`: the closest name, ignoring case; empty if there is none.

    `likeness` is that of `difflib`, from 0 to 1: short words are soon alike.
    """
    near = nearest(word, names, likeness)
    return f"; did you mean {near}?" if near else ""


def nearest(word: str, names: Iterable[str], likeness: float) -> str:
    from difflib import get_close_matches  # slow to import, and needed after a mistake only

    lowered = {name.lower(): name for name in names}
    sought = word.lower()
    near = get_close_matches(sought, lowered, n=1, cutoff=likeness) or [
        name for name in lowered if sought and name.startswith(sought)
    ]
    return lowered[near[0]] if near else ""
