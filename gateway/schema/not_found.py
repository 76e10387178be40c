"""The errors about what is not there: a path, or the schema itself."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from gateway.errors import Code, GatewayError, unavailable
from gateway.hints import SHOWN, did_you_mean
from gateway.schema.catalog import Catalog

LISTED = 8
METHOD_NAME = re.compile(r"(\w+)/(\w+)")
"""How texts of the compatibility profile name a method: by its service's last name and its own."""

Names = Mapping[str, Sequence[str]]
"""Names of methods by service or alias."""


def no_schema() -> GatewayError:
    """The 503 while there is no catalog."""
    return unavailable(
        "the gateway does not know Cuebot's interface yet; its log tells why", "no_schema"
    )


def unknown_path(path: str, catalog: Catalog, told: Names | None = None) -> GatewayError:
    """The 404 for a path that is no method's, with the nearest one that is.

    `told` are the methods that whoever asks may be told of; None for all.
    """
    service, _, name = path.removeprefix("/").partition("/")
    methods = catalog.names if told is None else told
    if text := catalog.missing.get(path):
        hint = f": {text}" if methods is catalog.names or names_only(text, methods) else ""
        return not_found(f"no Cuebot has {service}/{name}{hint}")
    native = catalog.aliases.get(service, service)
    if f"/{native}/{name}" in catalog.withheld:
        return not_found(f"{native}/{name} is not served here (INCLUDE_SERVICES, EXCLUDE_SERVICES)")
    if service not in methods:
        return not_found(
            f"nothing is served at {path[:SHOWN]!r}; paths are /package.Interface/Method"
            + (written_out(service, name, methods) or nearest(service, tuple(methods)))
        )
    if not name:
        listed = ", ".join(methods[service][:LISTED])
        return not_found(f"{service} needs a method: {listed}, …")
    return not_found(f"{service} has no method {name[:SHOWN]!r}{nearest(name, methods[service])}")


nearest = lru_cache(maxsize=256)(did_you_mean)
"""Looking for similar names takes longer than most calls, and clients repeat their mistakes."""


def names_only(text: str, methods: Names) -> bool:
    """Whether a text names no methods but these."""
    known = {(each.rpartition(".")[2], name) for each in methods for name in methods[each]}
    return known.issuperset(METHOD_NAME.findall(text))


def written_out(service: str, name: str, methods: Names) -> str:
    """`; did you mean /job.JobInterface/GetJobs?` for `Job/GetJobs`, in any case; else empty."""
    short = {service.lower(), f"{service.lower()}interface"}
    for owner, served in methods.items():
        if owner.rpartition(".")[2].lower() in short:
            for method in served:
                if method.lower() == name.lower():
                    return f"; did you mean /{owner}/{method}?"
    return ""


def not_found(message: str) -> GatewayError:
    return GatewayError(Code.NOT_FOUND, message)
