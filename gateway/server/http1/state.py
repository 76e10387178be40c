"""The states of a connection, and the transitions between them."""

from collections.abc import Mapping
from enum import Enum


class State(Enum):
    """Decides the timeout of a connection (`HttpProtocol._enter`)."""

    OPENING = "opening", False
    """Before the connection is made; in TLS, until the end of the handshake."""
    READING_HEAD = "reading head", False
    """Waiting for the first head, or for the rest of one."""
    IDLE = "idle", False
    """Waiting for the first byte of the next request."""
    ANSWERING = "answering", False
    """Serving requests. No timeout here."""
    LINGERING = "lingering", True
    CLOSING = "closing", True
    """The transport is closing and sends pending data."""
    CLOSED = "closed", True

    def __init__(self, _: str, is_over: bool) -> None:
        self.is_over = is_over


# Module constants, since `State.IDLE` is slow before Python 3.12.
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
"""Allowed transitions, checked only by tests: a check would be noticeable in every request.

ANSWERING is re-entered for each queued request, CLOSING (with its full time) when the last request
ends or too much input arrives.
"""
