"""Choosing paths by a filter, and saying why none was found."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from gateway.hints import did_you_mean
from gateway.schema.catalog import Catalog


def matches(path: str, pattern: str) -> bool:
    """Whether the pattern, in any case, occurs in the path or is short for it (`Job/GetJobs`)."""
    path, pattern = path.lower(), pattern.lower()
    short = pattern.lstrip("/").replace("/", "interface/")
    return fnmatchcase(path, f"*{pattern}*") or ("/" in short and fnmatchcase(path, f"*.{short}*"))


def why_none(pattern: str, catalog: Catalog) -> str:
    """Why no path is listed, with a suggestion if possible."""
    if not pattern:
        return "no method is served; see INCLUDE_SERVICES and EXCLUDE_SERVICES"
    withheld = sum(matches(path, pattern) for path in catalog.withheld)
    if withheld:
        do = "method does" if withheld == 1 else "methods do"
        return (
            f"no served path matches {pattern!r}, but {withheld} withheld {do};"
            " see cuebot-gateway check"
        )
    return f"no path matches {pattern!r}{did_you_mean(pattern.strip('/*'), names(catalog))}"


def names(catalog: Catalog) -> Iterator[str]:
    """What a filter may be meant to match: methods, services, short services, whole paths."""
    for path in catalog.routes:
        service, _, method = path[1:].partition("/")
        yield from (method, service.rpartition(".")[2], service, f"{service}/{method}")
