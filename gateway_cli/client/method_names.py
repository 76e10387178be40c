"""Methods by the names that people write: `job.JobInterface/GetJobs`, `Job/GetJobs`."""

from fnmatch import fnmatchcase

from gateway.core.schema.catalog import Catalog, unknown_path
from gateway.core.schema.method import Method
from gateway_client.errors import InvalidCall
from gateway_client.method_names import explained, parse_name, with_package, with_suffix


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


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern, in any case, occurs in the path or is a short name (`Job/GetJobs`)."""
    path, pattern = path.lower(), pattern.lower()
    short = pattern.lstrip("/").replace("/", "interface/")
    return fnmatchcase(path, f"*{pattern}*") or ("/" in short and fnmatchcase(path, f"*.{short}*"))
