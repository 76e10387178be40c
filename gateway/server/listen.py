"""A listening socket, or one line that says why there is none."""

import errno
import os
import socket

from gateway.errors import ConfigurationError

BACKLOG = 2048


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigurationError without one."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"cannot listen on {host}: {reason_of(error, port)}"
            "; choose another (REST_HOST and REST_PORT, or --host and --port for the demo)"
        ) from None


def reason_of(error: OSError | UnicodeError, port: int) -> str:
    """What is wrong, in words for people."""
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} is in use"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError) and error.errno is not None:
        return f"port {port}: {os.strerror(error.errno)}"
    return str(error)


def url_of(listener: socket.socket) -> str:
    """The URL under which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://{f'[{here}]' if ':' in here else here}:{port}"
