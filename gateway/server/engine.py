"""The engine of our own server, which bounds connections and what they hold."""

import asyncio
import ctypes
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from starlette.types import ASGIApp

from gateway.core.listening import ConnectionLimit, Serving
from gateway.server.accept import Acceptor
from gateway.server.http1.asgi import asgi_service
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.sharing import UnfinishedMemory
from gateway.server.http1.state import ServerContext

TRIM_AFTER_SECONDS = 5.0


class OwnEngine:
    """An `Engine`."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.acceptors: list[Acceptor] = []
        self._trim_is_due = False

    @property
    def connections(self) -> set[HttpProtocol]:
        return self.acceptors[0].context.connections

    async def open(
        self, listeners: Sequence[socket.socket], app: ASGIApp, limit: ConnectionLimit
    ) -> None:
        serving = self._serving
        serve = asgi_service(app, serving.app_state)
        if self.acceptors:
            context = replace(self.acceptors[0].context, serve=serve)
        else:
            context = ServerContext(
                serve=serve,
                timeout=serving.timeout,
                state=serving.state,
                report=serving.report,
                trusted=serving.trusted,
                unfinished=UnfinishedMemory(on_freed=self._trim_heap_soon),
            )
        self.acceptors.append(Acceptor(listeners, context, limit, serving.tls))

    def _trim_heap_soon(self) -> None:
        """Return freed pieces of the heap to the system, once for all that become free meanwhile.

        glibc itself only trims the heap's end. It takes 0.5 ms for each MB.
        """
        if not self._trim_is_due:
            self._trim_is_due = True
            asyncio.get_running_loop().call_later(TRIM_AFTER_SECONDS, self._trim_heap)

    def _trim_heap(self) -> None:
        self._trim_is_due = False
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)

    def finish(self) -> None:
        for acceptor in self.acceptors:
            acceptor.context.is_ending = True
        for connection in self.connections:
            connection.finish()
        for acceptor in self.acceptors:
            acceptor.close()

    def answering(self) -> int:
        return sum(each.is_answering for each in self.connections)

    def cut_off(self) -> None:
        for connection in [*self.connections]:
            connection.cut_off()
