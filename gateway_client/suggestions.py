"""The nearest name, for "did you mean …?"."""

from collections.abc import Iterable

SEVERAL = 3


def did_you_mean(
    word: str, names: Iterable[str], likeness: float = 0.6, *, several: bool = False
) -> str:
    """`; did you mean GetJobs?`: the closest name, ignoring case; empty if there is none.

    `likeness` is that of `difflib`, from 0 to 1: short words are soon alike. With `several`, up to
    three that are a letter away: `GetJob or GetJobs` for `GetJobz`.
    """
    near = nearest(word, names, likeness, SEVERAL if several else 1)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def nearest(word: str, names: Iterable[str], likeness: float, most: int) -> list[str]:
    """The closest name, and others that are a letter away."""
    from difflib import get_close_matches  # slow to import, and needed after a mistake only

    lowered = {name.lower(): name for name in names}
    sought = word.lower()
    if not sought:
        return []
    a_letter_away = (len(sought) - 1) / len(sought)
    near = (
        get_close_matches(sought, lowered, n=most, cutoff=a_letter_away)
        or get_close_matches(sought, lowered, n=1, cutoff=likeness)
        or [name for name in lowered if name.startswith(sought)][:1]
    )
    return [lowered[name] for name in near]
