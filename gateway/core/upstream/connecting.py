"""Connecting to Cuebot, whatever carries the calls then, and what a failure looks like."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

UNACKNOWLEDGED_MS = 20_000
"""Limit on unacknowledged sent data (TCP user timeout, RFC 5482)."""


class ClosedEarly(ConnectionError):
    """The peer closed the connection before its SETTINGS."""

    def __init__(self) -> None:
        super().__init__("the connection was closed before HTTP/2 was spoken")


class SpeaksTls(ConnectionError):
    """The peer answered in TLS."""

    def __init__(self) -> None:
        super().__init__("it answers in TLS")


class Greeted(asyncio.Protocol):
    """A connection that waits for the peer's first words."""

    ready: "asyncio.Future[None]"
    """Resolved by the peer's SETTINGS. Set in `connection_made`."""

    def abort(self) -> None:
        """Drop the connection at once."""


Made = TypeVar("Made", bound=Greeted)


def is_tls(data: bytes) -> bool:
    """Whether a TLS alert or handshake begins here (RFC 8446), too large as a frame."""
    return data[:2] in (b"\x15\x03", b"\x16\x03")


async def resolve(host: str, port: int) -> list[str]:
    """The system resolver's addresses. Raises OSError, or UnicodeError for an invalid name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def connect(
    endpoint: str,
    make_connection: Callable[[], Made],
    *,
    timeout: float,
    tls: ssl.SSLContext | None = None,
    resolve: Resolve = resolve,
) -> Made:
    """Connect to one of the addresses of `endpoint` (`host:port`).

    The addresses share `timeout` seconds evenly. Raises the last one's error: OSError (including
    TimeoutError, ssl.SSLError and ConnectionError), or UnicodeError for an invalid host name.
    """
    host, _, port = endpoint.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    async with asyncio.timeout_at(deadline):
        addresses = list(await resolve(host, int(port)))
    while True:
        address = addresses.pop(0)
        share = (deadline - loop.time()) / (len(addresses) + 1)
        try:
            async with asyncio.timeout(share):
                return await reach(address, int(port), host, make_connection, tls)
        except OSError:
            if not addresses:
                raise


async def reach(
    address: str,
    port: int,
    host: str,
    make_connection: Callable[[], Made],
    tls: ssl.SSLContext | None,
) -> Made:
    """Connect to an address. The certificate has to be for `host`."""
    transport, connection = await asyncio.get_running_loop().create_connection(
        make_connection,
        address,
        port,
        ssl=tls,
        server_hostname=host if tls is not None else None,
    )
    try:
        if tls is not None:
            agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
            if agreed != "h2":
                raise ConnectionError("the server does not offer HTTP/2 (ALPN)")
        notice_silence(transport)
        await connection.ready
    except BaseException:
        connection.abort()
        del transport, connection  # or the error would hold itself: traceback, frame, future
        raise
    return connection


def notice_silence(transport: asyncio.BaseTransport) -> None:
    """Let the kernel end a connection whose peer is gone; otherwise calls hang for 15 minutes."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if option is not None:
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as same:
            same.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_MS)
