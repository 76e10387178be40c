"""Which methods are served.

The rules are about native names, never about paths: an alias must not lead around them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from google.protobuf.descriptor import MethodDescriptor

NEVER_BY_DEFAULT = ("grpc.*", "report.RqdReportInterface", "rqd.*")
"""Infrastructure, and what render hosts report themselves with, which a client could forge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Globs of the services, or single methods (`service/Method`), that clients may call.

    With `include`, nothing else is served. `exclude` always wins. What is never served by
    default needs its own exact name in `include`.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def withheld_by(self, service: str, method: str) -> str | None:
        """The rule that withholds the method of the service (full name), in words.

        None when clients may call it.
        """
        names = (service, f"{service}/{method}")
        for glob in self.exclude:
            if matches(names, (glob,)):
                return f"EXCLUDE_SERVICES has {glob}"
        if self.include and not matches(names, self.include):
            return "INCLUDE_SERVICES does not name it"
        if matches(names, NEVER_BY_DEFAULT) and not any(name in self.include for name in names):
            return "never served by default"
        return None

    def unused(self, methods: Iterable[MethodDescriptor]) -> tuple[str, ...]:
        """The globs that match none of the methods, which is probably a mistake."""
        known = [
            name
            for method in methods
            for service in [method.containing_service.full_name]
            for name in (service, f"{service}/{method.name}")
        ]
        return tuple(glob for glob in (*self.include, *self.exclude) if not matches(known, (glob,)))


def matches(names: Sequence[str], globs: Iterable[str]) -> bool:
    """Whether one of the names matches one of the globs."""
    return any(fnmatchcase(name, glob) for glob in globs for name in names)
