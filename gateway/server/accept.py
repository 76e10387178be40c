"""Accepts connections, each counted before anything is read from it.

uvloop's server would not report failed or stalled TLS handshakes, and would close connections
silently when the process is out of file descriptors.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from gateway.core.listening import BACKLOG_CONNECTIONS, ConnectionLimit
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.request_cycle import last_answer
from gateway.server.http1.state import OPENING, ServerContext

ACCEPT_BATCH_SIZE = 16
ACCEPT_PAUSE_SECONDS = 0.5


class Acceptor:
    def __init__(
        self,
        listeners: Iterable[socket.socket],
        context: ServerContext[HttpProtocol],
        limit: ConnectionLimit,
        tls: Mapping[str, Any],
    ) -> None:
        """`tls` are asyncio's TLS options, empty for plain HTTP."""
        self.listeners = [*listeners]
        self.context = context
        self._limit = limit
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        for listener in self.listeners:
            listener.setblocking(False)
            self._listen(listener)

    def close(self) -> None:
        """Close the sockets, and serve clients in the backlog, which would be reset otherwise."""
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            self._loop.remove_reader(listener)
            self._accept(listener, BACKLOG_CONNECTIONS)
            listener.close()

    def _listen(self, listener: socket.socket) -> None:
        if listener in self.listeners:
            self._loop.add_reader(listener, self._accept, listener, ACCEPT_BATCH_SIZE)

    def _accept(self, listener: socket.socket, most: int) -> None:
        for _ in range(most):
            try:
                accepted, name = listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:  # the client has gone already
                continue
            except OSError as error:
                self._pause(listener, error)
                return
            self._admit(accepted, str(name[0]))

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        self._limit.warnings.warn_seldom(
            "no connections can be accepted; see the limits on open files (ulimit -n)",
            reason=os.strerror(error.errno or 0),
        )
        self._loop.remove_reader(listener)
        self._loop.call_later(ACCEPT_PAUSE_SECONDS, self._listen, listener)

    def _admit(self, accepted: socket.socket, address: str) -> None:
        """Open a connection, even if only to refuse it with a reason."""
        no_place = self._limit.enter(address)
        if no_place is None:
            leave: Callable[[], None] = partial(self._limit.leave, address)
        elif self._limit.linger():
            leave = self._limit.linger_no_more
        else:
            with accepted, suppress(OSError):
                if not self._tls:
                    answer = last_answer(no_place, self.context.state.default_headers)
                    accepted.send(answer, socket.MSG_DONTWAIT)
            return
        connection = HttpProtocol(self.context, leave, no_place)
        task = self._loop.create_task(self._open(accepted, connection))
        self.context.state.tasks.add(task)
        task.add_done_callback(self.context.state.tasks.discard)

    async def _open(self, accepted: socket.socket, connection: HttpProtocol) -> None:
        try:
            with suppress(OSError):  # also when the handshake takes too long
                await self._loop.connect_accepted_socket(lambda: connection, accepted, **self._tls)
        finally:
            if connection.state is OPENING:
                connection.leave()
