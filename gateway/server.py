"""uvicorn, as this gateway needs it: no trust in headers, a clean stop, one-line failures."""

import math
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.app import create_app
from gateway.exchange import ABORT
from gateway.listen import url_of
from gateway.settings import Settings

log = structlog.stdlib.get_logger("gateway")


class Protocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, without two of its habits, and with a way to drop a connection."""

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        cast(dict[str, object], self.scope)[ABORT] = self.transport.abort
        # Or trailers would join the headers that the app has been given, and a token in a
        # trailer would count (RFC 9110 section 6.5.1 forbids that).
        self.headers = []

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: such requests are refused, and anybody could fill the log with them."""


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
            http=Protocol,
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
