"""What to say to somebody who asked for a path that is not there."""

from collections.abc import Iterable
from difflib import get_close_matches

from gateway.errors import Code, GatewayError
from gateway.schema.catalog import Catalog

SHOWN = 120
LISTED = 8


def unknown_path(path: str, catalog: Catalog) -> GatewayError:
    """The 404 for a path that is no method's, with what is near."""
    service, _, name = path.removeprefix("/").partition("/")
    native = catalog.aliases.get(service, service)
    if f"/{native}/{name}" in catalog.withheld:
        return not_found(f"{native}/{name} is not served here (INCLUDE_SERVICES, EXCLUDE_SERVICES)")
    methods: dict[str, list[str]] = {}
    for route in catalog.routes:
        owner, _, method = route[1:].partition("/")
        methods.setdefault(owner, []).append(method)
    if service not in methods:
        return not_found(
            f"nothing is served at {path[:SHOWN]!r}; paths are /package.Interface/Method"
            + suggestion(service, methods)
        )
    if not name:
        listed = ", ".join(methods[service][:LISTED])
        return not_found(f"{service} needs a method: {listed}, …")
    return not_found(
        f"{service} has no method {name[:SHOWN]!r}{suggestion(name, methods[service])}"
    )


def suggestion(word: str, names: Iterable[str]) -> str:
    """`; did you mean GetJobs?`: the nearest name, whatever its case, or one that begins so."""
    lowered = {name.lower(): name for name in names}
    sought = word[:SHOWN].lower()
    near = get_close_matches(sought, lowered, n=1) or [
        name for name in lowered if sought and name.startswith(sought)
    ]
    return f"; did you mean {lowered[near[0]]}?" if near else ""


def not_found(message: str) -> GatewayError:
    return GatewayError(Code.NOT_FOUND, message)
