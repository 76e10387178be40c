"""The states of a connection, and which of them may follow which."""

from collections.abc import Mapping
from enum import Enum


class State(Enum):
    """What a connection is doing, and so what its timeout is for (`HttpProtocol._enter`)."""

    OPENING = "opening", False
    """There is no connection yet: in TLS, before and during the handshake."""
    READING_HEAD = "reading head", False
    """It waits until a head is complete: the first one, or one that has begun to arrive."""
    IDLE = "idle", False
    """It waits for another request, of which nothing has come since the last answer."""
    ANSWERING = "answering", False
    """It serves requests, for which there is no timeout here."""
    LINGERING = "lingering", True
    """It has given its last answer, and drops what its client is still sending."""
    CLOSING = "closing", True
    """The transport is closing: it sends what is left."""
    CLOSED = "closed", True
    """It is gone."""

    def __init__(self, _: str, is_over: bool) -> None:
        self.is_over = is_over
        """Whether whatever comes is ignored."""


# Every request needs some of them, and `State.IDLE` would be slow before Python 3.12.
OPENING, READING_HEAD, IDLE, ANSWERING, LINGERING, CLOSING, CLOSED = State

NEXT: Mapping[State, tuple[State, ...]] = {
    OPENING: (READING_HEAD,),
    READING_HEAD: (ANSWERING, LINGERING, CLOSING, CLOSED),
    IDLE: (READING_HEAD, ANSWERING, LINGERING, CLOSING, CLOSED),
    ANSWERING: (ANSWERING, IDLE, LINGERING, CLOSING, CLOSED),
    LINGERING: (CLOSING, CLOSED),
    CLOSING: (CLOSING, CLOSED),
    CLOSED: (),
}
"""What may follow. Only tests check it: every request would pay for it more than for the rest.

ANSWERING begins again with each request that has waited in line, and CLOSING, with all its time,
when the last request ends or too much still comes.
"""
