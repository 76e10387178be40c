"""How a channel behaves, whatever its kind."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """Times are seconds, sizes bytes."""

    max_message: int
    """The largest answer that is taken."""
    connect_timeout: float = 5.0
    """How long one attempt to connect may take."""
    initial_backoff: float = 0.25
    max_backoff: float = 1.5
    """The pause between two attempts to connect doubles from one to the other. Readiness has to
    follow within 5 s."""
    idle_timeout: float = 180.0
    """After so long without a call a connection is replaced, before a firewall forgets it without a
    word."""
    keepalive_time: float = 0.0
    """Between two pings while calls are under way; 0 is never."""
    keepalive_timeout: float = 20.0
    """Without an answer to a ping for so long, the connection ends."""
