"""What the rest of the gateway knows of a way to Cuebot: bytes in, bytes out, over gRPC."""

from collections.abc import Sequence
from enum import Enum
from typing import Protocol

from gateway.errors import Code, GatewayError

Metadata = Sequence[tuple[str, str]]
"""Names and values; values are printable ASCII."""
Homes = frozenset[str] | None
"""The endpoints (`host:port`) that a call may go to; None is any of them."""


class NotSent(GatewayError):
    """A call that has not left this machine, so that making it elsewhere makes it once."""


class Reason(Enum):
    """Why a call has failed: by whose word, and where on the way."""

    STATUS = "status"
    """Cuebot answered with this status itself."""
    NOT_CONNECTED = "not connected"
    """There was no connection to send the call over."""
    REFUSED = "refused"
    """The peer has not looked at the call, and says so."""
    LOST = "lost"
    """The connection ended before the answer did."""
    TOO_LARGE = "too large"
    """The answer is larger than GRPC_MAX_RECV_MSG_MB."""
    DEADLINE = "deadline"
    """Our own deadline passed."""
    CANCELLED = "cancelled"
    """The call was cancelled on the way: the peer reset it."""
    PROTOCOL = "protocol"
    """What came is not gRPC: a web server's answer, a broken frame, no single message."""


class CallFailed(Exception):
    """A call without an answer.

    `code` is the gRPC status and `details` its message, for people. `sent` tells whether the
    request can have reached Cuebot: when it is False, making the call again makes it once.
    `status_details` is the serialized google.rpc.Status that came with the status, if any.
    """

    def __init__(
        self,
        code: Code,
        details: str,
        reason: Reason = Reason.STATUS,
        *,
        sent: bool = True,
        status_details: bytes = b"",
    ) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.reason = reason
        self.sent = sent
        self.status_details = status_details


class Upstream(Protocol):
    """A way to call Cuebot. Cancelling the caller's task cancels the call."""

    async def call(
        self,
        method_path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        homes: Homes = None,
    ) -> bytes:
        """The answer's bytes. Raises CallFailed for every other outcome.

        `timeout` is in seconds.
        """
        ...

    @property
    def size(self) -> int:
        """How many endpoints there are."""
        ...

    async def usable(self, patience: float) -> int:
        """How many endpoints a call could be sent to now.

        Waits up to `patience` seconds for the first of them to connect.
        """
        ...
