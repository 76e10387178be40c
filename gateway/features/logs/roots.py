"""Below which folders logs may be read (LOG_ROOTS), and where a log lies among them."""

from collections.abc import Iterable
from typing import NamedTuple

PARENTS = frozenset(("", ".", ".."))
"""Parts of a path that are no names."""


class Root(NamedTuple):
    told: str
    """The folder as Cuebot tells of it."""
    here: str
    """The same folder, as it is mounted here."""


class Place(NamedTuple):
    """Where a log lies: names below a root."""

    root: Root
    names: tuple[str, ...]

    @property
    def told(self) -> str:
        """The path as Cuebot tells of it."""
        return "/".join((self.root.told.rstrip("/"), *self.names))

    def beside(self, suffix: str) -> "Place":
        """The file with this at the end of its name."""
        return self._replace(names=(*self.names[:-1], self.names[-1] + suffix))


def root_of(text: str) -> Root:
    """`/shots`, or `/shots=/mnt/shots`. Raises ValueError."""
    told, equals, here = text.partition("=")
    folders = [names_in(each.strip()) for each in ((told, here) if equals else (told, told))]
    named = ["/" + "/".join(each) for each in folders if each is not None]
    if len(named) < len(folders):
        raise ValueError(
            "expected folders such as /shots, or /shots=/mnt/shots for one that is mounted"
            f" elsewhere, not {text!r}"
        )
    return Root(*named)


def names_in(path: str) -> tuple[str, ...] | None:
    """The names in an absolute path; None for a path that is not absolute, or that leads up."""
    if not path.startswith("/") or "\0" in path:
        return None
    names = tuple(each for each in path.split("/") if each not in ("", "."))
    return None if ".." in names else names


def place_of(folder: str, name: str, roots: Iterable[Root]) -> Place | None:
    """Where a file of a folder lies: below the longest root that has it. None if none has."""
    names = names_in(folder)
    if names is None or not is_name_of_file(name):
        return None
    found: Place | None = None
    longest = -1
    for each in roots:
        above = names_in(each.told) or ()
        if len(above) > longest and names[: len(above)] == above:
            found, longest = Place(each, (*names[len(above) :], name)), len(above)
    return found


def is_name_of_file(name: str) -> bool:
    """Whether it can only be the name of a file in a folder."""
    return name not in PARENTS and "/" not in name and "\0" not in name
