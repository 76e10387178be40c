"""uvicorn, as this gateway needs it: no trust in headers, a clean stop, one-line failures."""

import math
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.errors import ConfigurationError
from gateway.settings import Settings

BACKLOG = 2048


class Server(uvicorn.Server):
    """Ends with exit status 0 after a graceful stop, where uvicorn raises the signal again."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def make_server(app: ASGIApp, settings: Settings) -> Server:
    """A server for the app, to be run with the socket of `listen`."""
    return Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=math.ceil(settings.http_timeout),
            timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
        )
    )


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Run the gateway on the listening socket until a signal asks it to stop.

    Raises ConfigurationError when the settings cannot work.
    """
    await make_server(create_app(settings), settings).serve(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises ConfigurationError without one."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server(address, family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: {reason}"
            "; choose another (REST_PORT, or --port for the demo)"
        ) from None
