"""Methods by the names that people write: `job.JobInterface/GetJobs`, `Job/GetJobs`."""

import re
from fnmatch import fnmatchcase

from gateway.schema.catalog import Catalog, alias_of, unknown_path
from gateway.schema.method import Method
from gateway_cli.terminal.exits import InvalidCall

NAME = re.compile(r"/{0,2}([A-Za-z_][\w.]*)(?:/|\.(?!\w*Interface\Z))([A-Za-z_]\w*)", re.ASCII)
"""A service and a method, with a slash or a dot between them."""


def parse_name(written: str) -> tuple[str, str]:
    """`/job.JobInterface/GetJobs`, with or without slashes, as service and method.

    Raises InvalidCall for any other form.
    """
    found = NAME.fullmatch(written)
    if found is None:
        raise InvalidCall(f"{written!r} is not of the form INTERFACE/METHOD, such as Job/GetJobs")
    return found[1], found[2]


def path_of(written: str) -> str:
    """The likely path of a method, without a schema: `/frame.FrameInterface/Kill` for `Frame/Kill`.

    Gateways serve every interface also as `x.XInterface`. Raises InvalidCall.
    """
    service, method = parse_name(written)
    if "." not in service:
        service = with_package(service)
    return f"/{service}/{method}"


def find_method(written: str, catalog: Catalog) -> Method:
    """The method with this name. Raises InvalidCall for an unknown or ambiguous one."""
    service, name = parse_name(written)
    path = f"/{service}/{name}"
    if path not in catalog.routes and "." not in service:
        candidates = services_named(service, name, catalog)
        if len(candidates) > 1:
            raise InvalidCall(f"{service} is ambiguous: {' or '.join(candidates)}")
        path = f"/{candidates[0] if candidates else with_package(service)}/{name}"
    if path not in catalog.routes:
        raise InvalidCall(explained(f"{service}/{name}", path, unknown_path(path, catalog).message))
    return catalog.routes[path]


def services_named(service: str, method: str, catalog: Catalog) -> list[str]:
    """The full names of services with this short name; if some have the method, only those."""
    for methods in (
        [each for each in catalog.methods if each.descriptor.name == method],
        catalog.methods,
    ):
        services = sorted({each.service for each in methods})
        for short in (service, with_suffix(service)):
            if found := [name for name in services if name.rpartition(".")[2] == short]:
                return found
    return []


def explained(written: str, path: str, message: str) -> str:
    """A message about a path, after the name from which the path was derived."""
    derived = path in message and path[1:] not in written
    return f"{written}: {message}" if derived else message


def with_suffix(service: str) -> str:
    """`Job` and `JobInterface` as `JobInterface`."""
    return service if service.endswith("Interface") else f"{service}Interface"


def with_package(service: str) -> str:
    """`Job` as `job.JobInterface`."""
    return alias_of(with_suffix(service)) or service


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern, in any case, occurs in the path or is a short name (`Job/GetJobs`)."""
    path, pattern = path.lower(), pattern.lower()
    short = pattern.lstrip("/").replace("/", "interface/")
    return fnmatchcase(path, f"*{pattern}*") or ("/" in short and fnmatchcase(path, f"*.{short}*"))
