"""What carries unary calls to one endpoint. There are two: `http2` and `grpcio`."""

from typing import Protocol

import grpc
import grpc.aio

from gateway.upstream.interface import Metadata

State = grpc.ChannelConnectivity

IDLE_TIMEOUT = 180.0
"""Seconds. Idle connections are closed by us, before a firewall forgets them without a word."""
CONNECT_TIMEOUT = 5.0
"""Seconds that one try to connect may take."""
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 1.5
"""Seconds between two tries to connect: readiness must follow within 5 s."""


class NeverSent(grpc.aio.AioRpcError):
    """A call for which there was no connection: it is certain that nobody has got it."""


class Transport(Protocol):
    """A channel, as grpc.aio has them, for unary calls in bytes."""

    async def unary(self, path: str, payload: bytes, timeout: float, metadata: Metadata) -> bytes:
        """The answer's message. Raises grpc.aio.AioRpcError for every other outcome.

        NeverSent only if no server can have got the call. Cancelling the caller's task cancels
        the call.
        """
        ...

    def get_state(self, *, try_to_connect: bool = False) -> State:
        """Whether it is connected; with `try_to_connect` it will try to be if it is idle."""
        ...

    async def wait_for_state_change(self, last: State) -> None:
        """Return when the state is another one."""
        ...

    async def close(self) -> None:
        """End the connection and all calls on it."""
        ...
