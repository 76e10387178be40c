"""A listening socket, or one line that says why there is none."""

import errno
import os
import socket
from contextlib import AbstractContextManager, nullcontext

from gateway.errors import ConfigurationError
from gateway.server.accept import BACKLOG
from gateway.settings.model import Settings

REST = "REST_HOST and REST_PORT, or --host and --port for the demo"


def listen(host: str, port: int, *, shared: bool = False, settings: str = REST) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigurationError without one.

    A shared one lets other shared ones of the same user listen there too (SO_REUSEPORT).
    `settings` are those that have said where.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=BACKLOG, reuse_port=shared)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"cannot listen on {host}: {reason_of(error, port)}; choose another ({settings})"
        ) from None


def listen_together(host: str, port: int, number: int) -> list[socket.socket]:
    """So many sockets on one port, among which the kernel spreads new connections.

    Raises ConfigurationError as `listen` does: also when another gateway shares that port.
    """
    with listen(host, port) as alone:
        port = alone.getsockname()[1]
    return [listen(host, port, shared=True) for _ in range(number)]


def listen_for_metrics(settings: Settings) -> AbstractContextManager[socket.socket | None]:
    """The socket of METRICS_PORT, if there is to be one. Raises ConfigurationError as `listen`."""
    if settings.metrics_port is None or settings.metrics == "off":
        return nullcontext()
    host = settings.metrics_host or "127.0.0.1"
    return listen(host, settings.metrics_port, settings="METRICS_PORT")


def reason_of(error: OSError | UnicodeError, port: int) -> str:
    """What is wrong, in words for people."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} is in use"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError) and error.errno is not None:
        return f"port {port}: {os.strerror(error.errno)}"
    return str(error)


def bound_url(listener: socket.socket, *, tls: bool = False) -> str:
    """What the socket is bound to, as a URL: `http://0.0.0.0:8448` for all of IPv4."""
    host, port = listener.getsockname()[:2]
    return url(host, port, tls=tls)


def url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """The URL under which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return url(here, port, tls=tls)


def url(host: str, port: int, *, tls: bool) -> str:
    """The URL of a host (an IPv6 address without brackets) and a port."""
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"
