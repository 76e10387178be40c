"""The headers that parts of the gateway read and send."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderNames:
    """Names, as they are usually written."""

    read: tuple[str, ...] = ()
    """Of requests: what pages of other origins may send."""
    sent: tuple[str, ...] = ()
    """Of answers: what these pages may read."""


OF_CORE = HeaderNames(
    read=("Content-Encoding", "Content-Type", "Grpc-Timeout", "X-Request-ID"),
    sent=(
        *("X-Request-ID", "X-Schema", "Server-Timing", "X-Cuebot", "Retry-After"),
        *("X-Ignored-Fields", "X-Defaulted-Fields", "X-Truncated"),
    ),
)


def together(parts: Iterable[HeaderNames]) -> HeaderNames:
    """Those of the core, and of the parts, each once."""
    every = (OF_CORE, *parts)
    return HeaderNames(
        read=tuple(dict.fromkeys(name for each in every for name in each.read)),
        sent=tuple(dict.fromkeys(name for each in every for name in each.sent)),
    )
