"""From a host name to a connection whose peer speaks HTTP/2."""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence

from gateway.upstream.http2.connection import Connection

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

UNACKNOWLEDGED_MS = 20_000
"""Limit on unacknowledged sent data (TCP user timeout, RFC 5482)."""


async def resolve(host: str, port: int) -> list[str]:
    """The system resolver's addresses. Raises OSError, or UnicodeError for an invalid name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def connect(
    endpoint: str,
    make_connection: Callable[[], Connection],
    *,
    timeout: float,
    tls: ssl.SSLContext | None = None,
    resolve: Resolve = resolve,
) -> Connection:
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
    make_connection: Callable[[], Connection],
    tls: ssl.SSLContext | None,
) -> Connection:
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
        raise
    return connection


def notice_silence(transport: asyncio.BaseTransport) -> None:
    """Let the kernel end a connection whose peer is gone; otherwise calls hang for 15 minutes."""
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if option is not None:
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as same:
            same.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_MS)
