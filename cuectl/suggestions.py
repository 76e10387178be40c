"""The nearest name, for "did you mean …?"."""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

LIKE_COMMANDS = 0.7


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


def command_meant(
    words: Sequence[str],
    tried: Mapping[str, str],
    verbs: Mapping[str, Mapping[str, Any]],
    commands: Container[str],
) -> list[str]:
    """The command line that somebody means, such as `hosts a` for `host a`; empty if nothing is
    like it. `tried` are words of other programs.
    """
    if not words:
        return []
    first, rest = words[0].lower(), [*words[1:]]
    command = tried.get(" ".join(words[:2]).lower())
    if command is not None:
        rest = rest[1:]
    else:
        command = first if first in verbs or first in commands else tried.get(first)
    if command == "":  # as in `get jobs`
        return command_meant(rest, tried, verbs, commands)
    if not command:
        command = nearest(first, verbs, LIKE_COMMANDS)
        if command and not verbs[command].get("reads"):
            return [command]  # which may not do with these words what was meant
    return [command, *rest] if command else []
