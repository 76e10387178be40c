"""What follows the settings while it is used: a reload (SIGHUP) has it prepared, and commits it."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.settings.model import Settings

Commit = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Reloadable:
    """Something that follows the settings while it is used."""

    name: str
    settings: tuple[str, ...]
    """The settings that it follows: their names, or globs of them."""
    prepare: Callable[[Settings], Commit]
    """Reads and checks everything, in a thread; what it gives back cannot fail.

    Raises ConfigurationError.
    """

    def follows(self, name: str) -> bool:
        """Whether a change of this setting is seen here."""
        return any(fnmatchcase(name, each) for each in self.settings)
