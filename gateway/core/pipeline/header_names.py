"""The headers that parts of the gateway read and send."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderNames:
    """Names, as they are usually written."""

    read: tuple[str, ...] = ()
    """Of requests: what pages of other origins may send."""
    once: tuple[str, ...] = ()
    """Those that are no lists: their values have TWICE in them if they come more than once."""
    sent: tuple[str, ...] = ()
    """Of answers."""
    reported: tuple[str, ...] = ()
    """Of answers, too: they say what has become of a request, and go with its answer wherever that
    is kept, or shown beside others.
    """

    @property
    def answered(self) -> tuple[str, ...]:
        """What pages of other origins may read."""
        return (*self.sent, *self.reported)

    @property
    def lower_reported(self) -> dict[bytes, str]:
        """By names as requests and answers have them, in lower case."""
        return {name.lower().encode(): name for name in self.reported}


OF_CORE = HeaderNames(
    read=("Content-Encoding", "Content-Type", "Grpc-Timeout", "X-Request-ID"),
    sent=(*("X-Request-ID", "X-Schema", "Server-Timing", "X-Cuebot", "Retry-After"),),
    reported=("X-Ignored-Fields", "X-Defaulted-Fields", "X-Truncated"),
)


def together(parts: Iterable[HeaderNames]) -> HeaderNames:
    """Those of the core, and of the parts, each once."""
    every = (OF_CORE, *parts)
    return HeaderNames(
        read=tuple(dict.fromkeys(name for each in every for name in each.read)),
        once=tuple(dict.fromkeys(name for each in every for name in each.once)),
        sent=tuple(dict.fromkeys(name for each in every for name in each.sent)),
        reported=tuple(dict.fromkeys(name for each in every for name in each.reported)),
    )
