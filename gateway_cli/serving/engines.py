"""The choice of the engine: our own server, or uvicorn's own protocol where that was taken out."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from gateway.core.listening import BACKLOG_CONNECTIONS, ConnectionLimit, Engine, Serving

OURS = "gateway.server"
"""Can be taken out, as features can; hence only this module imports it."""
HAS_OURS = find_spec(OURS) is not None
UNBOUNDED = "uvicorn serves HTTP: connections, slow clients and unfinished requests are not bounded"


class UvicornEngine:
    """An `Engine` that keeps no bounds: see UNBOUNDED."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._servers: list[asyncio.Server] = []

    async def open(
        self, listeners: Sequence[socket.socket], app: ASGIApp, limit: ConnectionLimit
    ) -> None:
        serving = self._serving
        config = uvicorn.Config(
            app,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=max(1, int(serving.timeout)),
        )
        config.load()
        kind: Callable[..., asyncio.Protocol] = config.http_protocol_class
        protocol = partial(
            kind,
            config=config,
            server_state=serving.state,
            app_state=serving.app_state,
        )
        loop = asyncio.get_running_loop()
        for listener in listeners:
            server = await loop.create_server(
                protocol, sock=listener, backlog=BACKLOG_CONNECTIONS, **serving.tls
            )
            self._servers.append(server)

    def finish(self) -> None:
        for server in self._servers:
            server.close()
        for connection in self._connections():
            connection.shutdown()

    def answering(self) -> int:
        return len(self._serving.state.tasks)

    def cut_off(self) -> None:
        for connection in self._connections():
            connection.transport.close()

    def _connections(self) -> list[Any]:
        return [*self._serving.state.connections]


def open_engine(serving: Serving) -> Engine:
    if not HAS_OURS:
        return UvicornEngine(serving)
    engine: Engine = import_module(f"{OURS}.engine").OwnEngine(serving)
    return engine
