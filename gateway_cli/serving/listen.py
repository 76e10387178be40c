"""Listening sockets and the server's certificate, or one line that says why there are none."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509

from gateway.core.errors import ConfigurationError
from gateway.core.listening import (
    BACKLOG_CONNECTIONS,
    RESERVED_FILES,
    Certificate,
    ConnectionLimit,
    empty_context,
)
from gateway.core.open_files import room_for
from gateway.core.settings.key_files import KeyPair, load_pair, minute, pair_of
from gateway.core.settings.model import Commit, Reloadable, Settings
from gateway.features.catalog import further_ports

log = structlog.stdlib.get_logger("gateway.server")

EXPIRY_WARNING = timedelta(days=14)
REST = "REST_HOST and REST_PORT, or --host and --port for the demo"


def listen(host: str, port: int, *, shared: bool = False, settings: str = REST) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigurationError, naming `settings`.

    Several `shared` sockets of one user can listen on one port (SO_REUSEPORT).
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(
            address, family=family, backlog=BACKLOG_CONNECTIONS, reuse_port=shared
        )
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(
            f"cannot listen on {host}: {reason_of(error, port)}; choose another ({settings})"
        ) from None


def listen_together(host: str, port: int, number: int) -> list[socket.socket]:
    """`number` sockets on one port, among which the kernel spreads new connections.

    Raises ConfigurationError, also if another gateway shares the port.
    """
    with listen(host, port) as alone:
        port = alone.getsockname()[1]
    return [listen(host, port, shared=True) for _ in range(number)]


@contextmanager
def listen_further(settings: Settings) -> Iterator[list[socket.socket]]:
    """The sockets of the features' ports, in their order. Raises ConfigurationError."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(listen(each.host, each.port, settings=each.settings))
            for each in further_ports(settings)
        ]


def reason_of(error: OSError | UnicodeError, port: int) -> str:
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return f"port {port} is in use"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, OSError) and error.errno is not None:
        return f"port {port}: {os.strerror(error.errno)}"
    return str(error)


def bound_url(listener: socket.socket, *, tls: bool = False) -> str:
    """The URL that the socket is bound to: `http://0.0.0.0:8448` for all of IPv4."""
    host, port = listener.getsockname()[:2]
    return url(host, port, tls=tls)


def url_of(listener: socket.socket, *, tls: bool = False) -> str:
    """A URL at which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    here = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return url(here, port, tls=tls)


def url(host: str, port: int, *, tls: bool) -> str:
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def load_certificate(settings: Settings) -> Certificate | None:
    """The certificate of TLS_CERT_FILE; None for plain HTTP. Raises ConfigurationError."""
    pair = pair_of(settings, "tls")
    return None if pair is None else Certificate(make_context(pair))


def reloadable_certificate(certificate: Certificate) -> Reloadable:
    """The certificate, which can change; HTTPS cannot become HTTP."""

    def prepare(settings: Settings) -> Commit:
        pair = pair_of(settings, "tls")
        if pair is None:
            raise ConfigurationError("TLS_CERT_FILE and TLS_KEY_FILE: without them only a restart")
        context = make_context(pair)
        return lambda: certificate.use(context)

    return Reloadable("the certificate and its key", ("tls_cert_file", "tls_key_file"), prepare)


def make_context(pair: KeyPair) -> ssl.SSLContext:
    """A server's context with this pair; warns if it expires soon. Raises ConfigurationError."""
    context = empty_context()
    certificate = load_pair(pair, context)
    if (ends := ends_soon(certificate)) is not None:
        log.warning("the TLS certificate expires soon", file=str(pair.certificate), ends=ends)
    return context


def ends_soon(certificate: x509.Certificate) -> str | None:
    """The expiry of a certificate, if it is within EXPIRY_WARNING."""
    ends = certificate.not_valid_after_utc
    return minute(ends) if ends - datetime.now(UTC) < EXPIRY_WARNING else None


def make_room(limit: ConnectionLimit) -> None:
    """Raise the limit on open files until the connections fit.

    If they do not, warn and lower the limit on connections: without a free file, connections would
    be dropped without an answer, and Cuebot could not be reached again.
    """
    connections = limit.most
    wanted = connections + RESERVED_FILES
    files = room_for(wanted)
    if files < wanted and limit.fit(files):
        log.warning(
            "MAX_CONNECTIONS does not fit into the limit on open files; raise that (ulimit -n)",
            max_connections=connections,
            open_files=files,
            effective=limit.most,
        )
