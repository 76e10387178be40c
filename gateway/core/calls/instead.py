"""The place of other calls, which answer for one that Cuebot cannot answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.core.calls.plan import Calls
from gateway.core.errors import GatewayError
from gateway.core.schema.method import Aspect, Method


@dataclass(frozen=True, slots=True)
class Instead(Aspect):
    """Calls that answer for a method. Other methods do not have it."""

    answer: Callable[[Calls, Method, bytes, GatewayError | None], Awaitable[bytes]]
    """To a request. The error is Cuebot's own (NOT_FOUND), if it has been asked, and is raised if
    these calls find nothing either. Raises GatewayError.
    """
    is_native: bool
    """Whether Cuebot has the method: then these calls are made only if it finds nothing."""
