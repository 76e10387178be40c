"""The protocols of gRPC calls to Cuebot, bytes in and bytes out, and their one error.

The rest of the gateway calls an `Upstream`: an `Endpoint`, or a `Balancer` over several. An
endpoint has a `Channel`, which keeps a connection to one address; CUEBOT_TRANSPORT selects its
kind.
"""

import ssl
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from gateway.core.errors import Code

Metadata = tuple[tuple[str, str], ...]
"""Values are printable ASCII. Fields that differ from call to call come first."""


class Reason(Enum):
    STATUS = "status"
    NOT_CONNECTED = "not connected"
    REFUSED = "refused"
    """The peer declares that it has not processed the call."""
    LOST = "lost"
    TOO_LARGE = "too large"
    """The answer exceeds GRPC_MAX_RECV_MSG_MB; `details` has the sizes."""
    NO_MEMORY = "no memory"
    DEADLINE = "deadline"
    """Our own deadline passed."""
    CANCELLED = "cancelled"
    """The peer reset the call."""
    PROTOCOL = "protocol"
    """The answer is not gRPC: a web server's, a broken frame, not one message."""


class CallFailed(Exception):
    """A call without an answer.

    `code` is the gRPC status, `details` its message for people. A retry is safe unless the request
    `may_have_reached_server`. `status_details` is the serialized google.rpc.Status, if any.
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

    def again(self) -> "CallFailed":
        """The failure as another exception, for another caller."""
        return CallFailed(
            self.code,
            self.details,
            self.reason,
            may_have_reached_server=self.may_have_reached_server,
            status_details=self.status_details,
        )

    @property
    def quoted(self) -> str:
        """The status with its message, if any: `PERMISSION_DENIED: who are you?`."""
        return f"{self.code.name}: {self.details}" if self.details else self.code.name


def not_connected(problem: str) -> CallFailed:
    return CallFailed(
        Code.UNAVAILABLE, problem, Reason.NOT_CONNECTED, may_have_reached_server=False
    )


def refused(problem: str, code: Code = Code.UNAVAILABLE) -> CallFailed:
    """A call that the peer has not processed and will not process."""
    return CallFailed(code, problem, Reason.REFUSED, may_have_reached_server=False)


def lost(problem: str) -> CallFailed:
    return CallFailed(Code.UNAVAILABLE, problem, Reason.LOST)


def not_grpc(problem: str, code: Code = Code.INTERNAL) -> CallFailed:
    """An answer that violates gRPC's protocol."""
    return CallFailed(code, problem, Reason.PROTOCOL)


def too_late(*, may_have_reached_server: bool = True) -> CallFailed:
    return CallFailed(
        Code.DEADLINE_EXCEEDED,
        "no answer before the deadline",
        Reason.DEADLINE,
        may_have_reached_server=may_have_reached_server,
    )


def too_large(size: int, most: int) -> CallFailed:
    sizes = f"{size / 2**20:.4g} MB, and the limit is {most / 2**20:.4g} MB"
    return CallFailed(Code.RESOURCE_EXHAUSTED, sizes, Reason.TOO_LARGE)


def no_memory(size: int) -> CallFailed:
    problem = f"there is no room for an answer of {size / 2**20:.4g} MB now (MAX_ANSWER_MEMORY)"
    return CallFailed(Code.UNAVAILABLE, problem, Reason.NO_MEMORY)


SMALL_ANSWER_BYTES = 256 * 1024
Expects = Callable[[int, Callable[[], None]], bool]
"""Called with the size of an answer above SMALL_ANSWER_BYTES, before the rest is received.

The rest is received when the function is called, at once or later. False if it never will be: the
call fails as NO_MEMORY.
"""


def takes_all(size: int, go_on: Callable[[], None]) -> bool:
    go_on()
    return True


class UpstreamCall(NamedTuple):
    """One call to Cuebot."""

    path: str
    """`/job.JobInterface/GetJobs`."""
    payload: bytes
    """The request's bytes."""
    timeout: float
    """Seconds from now on. Without any left, the call is not made."""
    metadata: Metadata = ()
    expects: Expects = takes_all
    """Asked before a large answer is received."""


class Upstream(Protocol):
    """Calls Cuebot. Cancelling the caller's task cancels the call."""

    def call(self, asked: UpstreamCall) -> Coroutine[Any, Any, bytes]:
        """The answer's bytes. Raises CallFailed."""

    async def usable(self, timeout: float) -> int:
        """The number of connected, responsive endpoints. `timeout` (seconds) is for the first."""


class Follower(Protocol):
    """Follows the methods that Cuebot serves, by reflection."""

    @property
    def probe(self) -> str:
        """`/package.Interface/Method`, which only reads and takes an empty request, or ""."""

    def request_refresh(self) -> None:
        """Another Cuebot may answer now."""


class State(Enum):
    """https://github.com/grpc/grpc/blob/master/doc/connectivity-semantics-and-api.md"""

    IDLE = auto()
    CONNECTING = auto()
    READY = auto()
    TRANSIENT_FAILURE = auto()
    """From a failed attempt to connect until one succeeds."""
    SHUTDOWN = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOptions:
    """Options for all kinds of channels. Times are in seconds, sizes in bytes."""

    max_message: int
    connect_timeout: float = 5.0
    initial_backoff: float = 0.25
    max_backoff: float = 1.5
    """Maximum of the pause between two attempts, which doubles each time. Readiness has to follow
    within 5 s."""
    idle_timeout: float = 180.0
    """An idle connection is replaced after this time, before a firewall silently drops it."""
    keepalive_time: float = 0.0
    """Interval of pings during calls; 0 is never."""
    keepalive_timeout: float = 20.0
    """A connection with an unanswered ping ends after this time."""
    patience: float = 5.0
    """Time of waiting calls without any answer after which a connection is probed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS to Cuebot: trusted CAs, and the client certificate."""

    context: ssl.SSLContext
    roots: bytes | None
    """CUEBOT_CA_FILE (PEM); None is gRPC's public CAs."""
    certificate: bytes | None
    key: bytes | None = field(repr=False)


class Channel(Protocol):
    """Keeps a connection to one address. Belongs to the event loop of its first use."""

    def unary(self, asked: UpstreamCall) -> Awaitable[bytes]:
        """The answer's bytes, to be awaited at once. Raises CallFailed, by then or here.

        Does not wait for a connection: without one, the call fails as NOT_CONNECTED. Cancelling
        the caller's task cancels the call.
        """

    def get_state(self, *, try_to_connect: bool = False) -> State:
        """With `try_to_connect`, an idle channel begins to connect."""

    async def wait_for_state_change(self, last: State) -> None:
        """Wait until the state is not `last`."""

    async def problem(self) -> Exception | None:
        """Why there is no connection, as Python's exception. None if unknown."""

    @property
    def spoke(self) -> bool:
        """Whether a peer has ever sent HTTP/2 SETTINGS on a connection."""

    @property
    def connections(self) -> int:
        """The number of connections, including closing ones with active calls."""

    @property
    def answered_at(self) -> float:
        """Loop time of the latest answer on the connection; 0 before the first."""

    async def silence(self) -> None:
        """Wait until calls have waited for `patience` without any answer."""

    def ping(self, timeout: float) -> None:
        """End the connection and its calls unless a ping is answered in `timeout` seconds.

        Pings at most once between two answers.
        """

    async def close(self) -> None:
        """End the connection and all calls on it."""
