"""Calls to Cuebot over gRPC, bytes in and bytes out: the protocols of this room, and its one error.

The rest of the gateway calls an `Upstream`: an `Endpoint`, or a `Balancer` over several of them. An
endpoint has a `Channel`, which keeps a connection to one address; CUEBOT_TRANSPORT names its kind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from gateway.errors import Code

Metadata = tuple[tuple[str, str], ...]
"""Names and values; values are printable ASCII. What differs from call to call comes first."""


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
    """The answer is larger than GRPC_MAX_RECV_MSG_MB; `details` are the sizes."""
    NO_MEMORY = "no memory"
    """There has been no room for the answer; `details` say how large it is."""
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
        may_have_reached_server: bool = True,
        status_details: bytes = b"",
    ) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.reason = reason
        self.may_have_reached_server = may_have_reached_server
        self.status_details = status_details

    @property
    def quoted(self) -> str:
        """The status and what was said with it, if anything: `PERMISSION_DENIED: who are you?`."""
        return f"{self.code.name}: {self.details}" if self.details else self.code.name


SMALL_ANSWER = 256 * 1024
"""Bytes of an answer that are received without asking."""
Expects = Callable[[int, Callable[[], None]], bool]
"""Is told that an answer of so many bytes is coming, more than SMALL_ANSWER.

The rest of it is received once the function has been called, at once or later. False if that will
never be: the call fails as NO_MEMORY.
"""


def takes_all(size: int, go_on: Callable[[], None]) -> bool:
    """The `Expects` of who takes any answer."""
    go_on()
    return True


class Upstream(Protocol):
    """A way to call Cuebot. Cancelling the caller's task cancels the call."""

    async def call(
        self,
        path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        expects: Expects = takes_all,
    ) -> bytes:
        """The answer's bytes. Raises CallFailed for every other outcome.

        `timeout` is in seconds.
        """

    async def usable(self, timeout: float) -> int:
        """How many endpoints a call could be sent to now: connected, and not known to hang.

        Waits up to `timeout` seconds for the first of them to connect.
        """


class Follower(Protocol):
    """Keeps up with what Cuebot serves, by asking it."""

    @property
    def probe(self) -> str:
        """The method to call as a probe (`/package.Interface/Method`); empty if none is known.

        It only reads, takes an empty request, and is answered as long as Cuebot works.
        """

    def request_refresh(self) -> None:
        """It may be another Cuebot now."""


class State(Enum):
    """Of a channel (https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-api.md)."""

    IDLE = auto()
    CONNECTING = auto()
    READY = auto()
    TRANSIENT_FAILURE = auto()
    """From a failed attempt to connect until one succeeds."""
    SHUTDOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """How a channel behaves, whatever its kind. Times are seconds, sizes bytes."""

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
    patience: float = 5.0
    """Calls that wait for so long, while none is answered, are reason to doubt the connection."""


class Channel(Protocol):
    """Keeps a connection to one address, and makes calls on it.

    A channel is made without an event loop, and belongs to the one in which it is first used.
    """

    async def unary(
        self,
        path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        expects: Expects = takes_all,
    ) -> bytes:
        """The answer's bytes. Raises CallFailed for every other outcome.

        Without a connection it does not wait for one: the call fails as NOT_CONNECTED. Cancelling
        the caller's task cancels the call.
        """

    def get_state(self, *, try_to_connect: bool = False) -> State:
        """The state now. With `try_to_connect`, an idle channel begins to connect."""

    async def wait_for_state_change(self, last: State) -> None:
        """Return when the state is not `last`."""

    async def problem(self) -> Exception | None:
        """Why there is no connection, as Python raises it. None when that is not known."""

    @property
    def spoke(self) -> bool:
        """Whether there has been a connection whose peer introduced itself as HTTP/2."""

    @property
    def connections(self) -> int:
        """How many connections it has, those included on which only answers are still to come."""

    @property
    def answered_at(self) -> float:
        """The loop's time at which a call was last answered on the connection; 0 before that."""

    async def silence(self) -> None:
        """Return when calls have been waiting for `patience`, and meanwhile none was answered."""

    def ping(self, timeout: float) -> None:
        """End the connection, and the calls on it, unless a ping is answered in so many seconds.

        A connection is pinged once, and again when there has been an answer on it.
        """

    async def close(self) -> None:
        """End the connection and all calls on it."""
