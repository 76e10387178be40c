"""Which methods are served.

The rules are about methods, never about paths: no name of a method leads around a rule that has
another of its names.
"""

from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.hints import did_you_mean

NEVER_BY_DEFAULT = ("grpc.*", "report.RqdReportInterface", "rqd.*")
"""Infrastructure, and what render hosts report themselves with, which a client could forge."""


@dataclass(frozen=True, slots=True)
class UnusedGlob:
    """A glob that names nothing: a mistake, and what it was to withhold is served."""

    setting: str
    glob: str
    hint: str
    """`; did you mean …?`, or nothing."""

    def __str__(self) -> str:
        return f"{self.setting}: {self.glob} matches nothing that Cuebot has{self.hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Globs of the services, or single methods (`service/Method`), that clients may call.

    With `include`, nothing else is served. `exclude` always wins. A glob may have any name of a
    method, except that what is never served by default needs its own exact one in `include`.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def withheld_by(self, service: str, method: str, aliases: Collection[str] = ()) -> str | None:
        """The rule that withholds the method of the service (full name), in words.

        `aliases` are other names of it, and of its service. None when clients may call it.
        """
        native = (service, f"{service}/{method}")
        names = (*native, *aliases)
        for glob in self.exclude:
            if matches(names, (glob,)):
                return f"EXCLUDE_SERVICES has {glob}"
        if self.include and not matches(names, self.include):
            return "INCLUDE_SERVICES does not name it"
        if matches(native, NEVER_BY_DEFAULT) and not any(name in self.include for name in native):
            return "never served by default"
        return None

    def unused(self, known: Collection[str], skipped: Collection[str]) -> tuple[UnusedGlob, ...]:
        """The globs that match none of these names of services and methods.

        Of services that are skipped, the methods are not known. Excluding what is never served by
        default is no mistake, whether Cuebot has it or not.
        """
        return (
            *unused("INCLUDE_SERVICES", self.include, known, skipped),
            *unused("EXCLUDE_SERVICES", self.exclude, known, (*skipped, *NEVER_BY_DEFAULT)),
        )


def unused(
    setting: str, globs: Iterable[str], known: Collection[str], harmless: Collection[str]
) -> Iterator[UnusedGlob]:
    """The globs that match none of these names, unless what they name is one of the harmless."""
    for glob in globs:
        if not matches(known, (glob,)) and not matches((glob.partition("/")[0],), harmless):
            yield UnusedGlob(setting, glob, did_you_mean(glob, known))


def chosen(names: Collection[str], globs: Iterable[str], words: Container[str] = ()) -> bool:
    """Whether a glob matches one of the names, and none that has `!` in front does.

    Instead of a glob, there may be one of the words that stand for whatever has the names.
    """
    found = False
    for glob in globs:
        plain = glob.removeprefix("!")
        if plain in words or matches(names, (plain,)):
            if plain != glob:
                return False
            found = True
    return found


def matches(names: Collection[str], globs: Iterable[str]) -> bool:
    """Whether one of the names matches one of the globs."""
    return any(fnmatchcase(name, glob) for glob in globs for name in names)
