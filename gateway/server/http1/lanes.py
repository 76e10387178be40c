"""The way to the app's express lane, for requests that it takes; the others go the ASGI way."""

import asyncio
from time import monotonic

from gateway.http.express import ExpressLane
from gateway.server.http1.asgi import AsgiService
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.request_cycle import RequestCycle

BODY_GRACE = 0.05
"""Seconds that the lane waits for a body that has not come with its head. Most clients send it in a
packet of its own, right behind; one that takes longer goes the ASGI way."""


class ExpressService:
    """Serves each request on the lane if that takes it, and else with the app."""

    def __init__(
        self, lane: ExpressLane, asgi: AsgiService, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._lane = lane
        self._asgi = asgi
        self._loop = loop

    def __call__(self, request: RequestCycle, connection: HttpProtocol) -> None:
        if not self._lane.takes(request):
            self._asgi(request, connection)
        elif request.complete:
            self._serve(request, connection)
        else:
            self._await_body(request, connection)

    def _serve(self, request: RequestCycle, connection: HttpProtocol) -> None:
        peer = connection.client[0] if connection.client else ""
        self._lane.serve(request, peer, self._asgi.start)

    def _await_body(self, request: RequestCycle, connection: HttpProtocol) -> None:
        """Serve the request when its body has come, or let the app wait for that."""
        began = monotonic()

        def end() -> None:
            timer.cancel()
            request.on_complete = request.on_disconnect = None
            request.waited = monotonic() - began

        def complete() -> None:
            end()
            self._serve(request, connection)

        def give_up() -> None:
            end()
            self._asgi(request, connection)

        timer = self._loop.call_later(BODY_GRACE, give_up)
        request.on_complete = complete
        request.on_disconnect = give_up
