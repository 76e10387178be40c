"""What crosses all requests: limits before them, interceptors around their calls, reporters after.

The assembly has a list of each kind, in the order in which they have their turn. A new one is its
module, its line in a list, and its setting.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from gateway.access.limits import Count
from gateway.calls.invoke import Call
from gateway.http.context import RequestContext


class Limit(Protocol):
    """Bounds what one client may ask for (`RateLimits`)."""

    async def admit(self, subject: str | None, address: str) -> Count:
        """Count a request of this subject, or of this address without one.

        It may wait for its turn. The outcome says whether it may go on.
        """


class CallInterceptor(Protocol):
    """Does something about each call to Cuebot, its look-ups and follow-ups, too (`AuditLog`)."""

    def around(self, context: RequestContext, call: Call) -> Call:
        """`call`, with what is done before it, after it or instead of it.

        It may raise GatewayError, and is cancelled when the client goes.
        """


Reporter = Callable[[RequestContext], None]
"""Is told of a finished request. It must not wait, nor raise."""


def report(context: RequestContext, reporters: Iterable[Reporter]) -> None:
    """The request is over: it gives back what it has, and the reporters are told."""
    context.close()
    for each in reporters:
        each(context)


def intercepted(
    interceptors: Sequence[CallInterceptor], context: RequestContext, call: Call
) -> Call:
    """`call` with all interceptors around it, the first of them outermost."""
    for each in reversed(interceptors):
        call = each.around(context, call)
    return call
