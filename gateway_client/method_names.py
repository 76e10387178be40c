"""Methods by the names that people write: `job.JobInterface/GetJobs`, `Job/GetJobs`."""

import re

from gateway_client.errors import InvalidCall

NAME = re.compile(r"/{0,2}([A-Za-z_][\w.]*)(?:/|\.(?!\w*Interface\Z))([A-Za-z_]\w*)", re.ASCII)
"""A service and a method, with a slash or a dot between them."""
INTERFACE = re.compile(r"(?:.*\.)?(([A-Za-z0-9_]+)Interface)")
INITIALS = re.compile(r"^(?:[A-Z]+(?=[A-Z][a-z])|[A-Z]+)")


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


def explained(written: str, path: str, message: str) -> str:
    """A message about a path, after the name from which the path was derived."""
    derived = path in message and path[1:] not in written
    return f"{written}: {message}" if derived else message


def with_suffix(service: str) -> str:
    """`Job` and `JobInterface` as `JobInterface`."""
    return service if service.endswith("Interface") else f"{service}Interface"


def with_package(service: str) -> str:
    """`Job` as `job.JobInterface`."""
    found = INTERFACE.fullmatch(with_suffix(service))
    if found is None:
        return service
    interface, word = found.groups()
    return INITIALS.sub(lambda initials: initials[0].lower(), word) + f".{interface}"
