"""One HTTP/1.1 connection: uvicorn's, with bounds on what comes before a request is one."""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.errors import Code, GatewayError
from gateway.exchange import ABORT

LARGEST_HEAD = 64 * 1024
"""Bytes of a request line and headers that may come in pieces."""


class HttpProtocol(HttpToolsProtocol):
    """Answers in the one JSON shape what never becomes a request, and waits for nothing for ever.

    A head (request line and headers) has `timeout_keep_alive` seconds, from its first byte or
    from the connection's beginning.
    """

    _head_bytes = 0
    _in_head = True
    _moved = False
    """Whether the latest bytes have completed a head or a message."""
    _broken = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._broken:
            return
        self._moved = False
        super().data_received(data)
        if self._in_head and not self._moved and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD:
                self._refuse(
                    GatewayError(
                        Code.RESOURCE_EXHAUSTED,
                        f"the headers are larger than {LARGEST_HEAD // 1024} KB",
                        status=431,
                    )
                )
            elif self._head_timer is None:
                self._expect_head()  # uvicorn's own timer ended with the first byte

    def on_headers_complete(self) -> None:
        self._in_head, self._moved = False, True
        self._head_is_here()
        super().on_headers_complete()
        cast(dict[str, object], self.scope)[ABORT] = self.transport.abort
        # Or trailers would join the headers that the app has been given, and a token in a
        # trailer would count (RFC 9110 section 6.5.1 forbids that).
        self.headers = []

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._moved, self._head_bytes = True, True, 0

    def drain(self, patience: float) -> None:
        """Let the answer that is being made be the last one.

        Without one, a request that is on its way may still come within `patience` seconds. What
        has begun to arrive has its usual time. Call it when the server's default headers say
        `Connection: close`, so that new answers do too.
        """
        if not self._answering():
            self.loop.call_later(patience, self._close_if_idle)
            return
        self.cycle.keep_alive = False
        self.cycle.default_headers = self.server_state.default_headers

    def _close_if_idle(self) -> None:
        if not self._answering() and not self._head_bytes and not self.transport.is_closing():
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """What uvicorn says to what is not HTTP."""
        self._refuse(GatewayError(Code.INVALID_ARGUMENT, "this is not a valid HTTP/1.1 request"))

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: such requests are refused, and anybody could fill the log with them."""

    def _expect_head(self) -> None:
        self._head_timer = self.loop.call_later(self.timeout_keep_alive, self._head_is_late)

    def _head_is_here(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        if self._answering():
            self._expect_head()
        else:
            self.transport.abort()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, error: GatewayError) -> None:
        """Answer and close; while an earlier request is being answered, only close after that."""
        self._broken = True
        if self._answering():
            self.cycle.keep_alive = False
            return
        body = error.body()
        self.transport.write(
            b"HTTP/1.1 %d \r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (error.status, len(body), body)
        )
        self.transport.close()
