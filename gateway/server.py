"""uvicorn, as this gateway needs it: no trust in headers, a clean stop, one-line failures."""

import math
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import uvicorn
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.connection import HttpProtocol
from gateway.listen import url_of
from gateway.settings import Settings

log = structlog.stdlib.get_logger("gateway")


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
            http=HttpProtocol,
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
    server = make_server(create_app(settings), settings)
    log.info("listening", url=url_of(listener))
    await server.serve(sockets=[listener])
    log.info("stopped")
