"""Which methods are served: INCLUDE_SERVICES and EXCLUDE_SERVICES.

A rule with one name of a method holds for all of its names.
"""

from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from gateway.core.suggestions import did_you_mean

NEVER_BY_DEFAULT = ("grpc.*", "report.RqdReportInterface", "rqd.*")
"""Infrastructure, and the reports of render hosts, which a client could forge."""


@dataclass(frozen=True, slots=True)
class UnusedGlob:
    """A glob that matches nothing: a mistake, as what it was to withhold may be served."""

    setting: str
    glob: str
    hint: str
    """`; did you mean …?`, or empty."""

    def __str__(self) -> str:
        return f"{self.setting}: {self.glob} matches nothing that Cuebot has{self.hint}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Globs of services, or methods (`service/Method`), that clients may call.

    With `include`, nothing else is served; `exclude` takes precedence. A glob matches any name of a
    method; those never served by default need an exact native name in `include`.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def withheld_by(self, service: str, method: str, aliases: Collection[str] = ()) -> str | None:
        """The rule that withholds a method, in words; None if clients may call it.

        `aliases` are other names of the method, and of its service.
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
        """The globs that match none of the known names of services and methods.

        Skipped services have unknown methods. To exclude what is never served is no mistake.
        """
        return (
            *unused("INCLUDE_SERVICES", self.include, known, skipped),
            *unused("EXCLUDE_SERVICES", self.exclude, known, (*skipped, *NEVER_BY_DEFAULT)),
        )


def unused(
    setting: str, globs: Iterable[str], known: Collection[str], harmless: Collection[str]
) -> Iterator[UnusedGlob]:
    """The globs that match none of the names, unless they match a harmless service."""
    for glob in globs:
        if not matches(known, (glob,)) and not matches((glob.partition("/")[0],), harmless):
            yield UnusedGlob(setting, glob, did_you_mean(glob, known))


def chosen(names: Collection[str], globs: Iterable[str], words: Container[str] = ()) -> bool:
    """Whether a glob matches one of the names, and no glob with `!` does.

    A glob that is one of `words` matches, too.
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
    return any(fnmatchcase(name, glob) for glob in globs for name in names)
