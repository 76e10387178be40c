"""The seam between `call` and what answers it: a gateway over HTTP, or Cuebot itself."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

NAME = re.compile(r"/{0,2}([A-Za-z_][\w.]*)(?:/|\.(?!\w*Interface\Z))([A-Za-z_]\w*)", re.ASCII)
"""`job.JobInterface/GetJobs`, or with a dot between the two, which a service alone has as well."""


class WrongCall(Exception):
    """What was asked for does not exist: a method, a field. Its text is one line for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A success."""

    pieces: Iterable[bytes]
    """Its JSON, compact, to be joined. May raise GatewayError on the way."""
    ignored: tuple[str, ...] = ()
    """The paths of the request's fields that no message has."""


IGNORED_FIELDS = "X-Ignored-Fields"


def ignored_in(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The names of fields that were left out, as the gateway tells them in a header."""
    return tuple(unquote(name) for name in headers.get(IGNORED_FIELDS, "").split(", ") if name)


class Caller(Protocol):
    """A way to call methods by the names that people write.

    Every outcome but a success is a GatewayError, whose headers may name ignored fields, or
    WrongCall when there is no such method.
    """

    async def call(self, name: str, body: bytes) -> Answer:
        """Call the method with this JSON."""
        ...

    async def rehearse(self, name: str, body: bytes) -> Answer:
        """Check the call and tell what would be sent, without Cuebot's getting it."""
        ...


def parse_name(written: str) -> tuple[str, str]:
    """`/job.JobInterface/GetJobs`, with or without its slash or with dots, as service and method.

    Raises WrongCall for another form.
    """
    found = NAME.fullmatch(written)
    if found is None:
        raise WrongCall(f"{written!r} is not of the form INTERFACE/METHOD, such as Job/GetJobs")
    return found[1], found[2]


def about(written: str, path: str, message: str) -> str:
    """What there is to say of a path, after what was written if that has only led to the path."""
    guessed = path in message and path[1:] not in written
    return f"{written}: {message}" if guessed else message


def is_short(service: str) -> bool:
    """Whether a service is named without its package: `JobInterface`, `Job`."""
    return "." not in service


def interface(service: str) -> str:
    """`Job` and `JobInterface` as `JobInterface`."""
    return service if service.endswith("Interface") else f"{service}Interface"
