"""uvicorn, as this gateway needs it: no trust in headers, a clean stop, one-line failures."""

import asyncio
import gc
import math
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from gateway.app import create_app
from gateway.server.connection import HttpProtocol
from gateway.server.crowd import Crowd
from gateway.server.files import make_room
from gateway.server.listen import url_of
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
    protocol = partial(
        HttpProtocol, crowd=Crowd(settings.max_connections), patience=settings.http_timeout
    )
    return Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=cast(Any, protocol),  # it asks for a class, and calls it
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=math.ceil(settings.shutdown_timeout),
        )
    )


def settle() -> None:
    """Keep what startup has made out of the garbage collector's sight.

    Old schemas are garbage in cycles, and a full collection holds the event loop: 50 to 70 ms with
    all modules in it, some 15 ms without.
    """
    gc.collect()
    gc.freeze()


def reload(app: Starlette) -> None:
    """What SIGHUP does: look whether the schema has changed."""
    log.info("SIGHUP: looking for another schema")
    app.state.live.look_again()


async def serve(settings: Settings, listener: socket.socket) -> None:
    """Run the gateway on the listening socket until a signal asks it to stop.

    Raises ConfigurationError when the settings cannot work.
    """
    app = create_app(settings)
    server = make_server(app, settings)
    make_room(settings.max_connections)
    with suppress(NotImplementedError):  # where there is no SIGHUP
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload, app)
    settle()
    log.info("listening", url=url_of(listener))
    await server.serve(sockets=[listener])
    log.info("stopped")
