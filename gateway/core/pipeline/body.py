"""Reading request bodies, within limits of size, time and memory."""

import asyncio
from collections.abc import Iterable

from starlette.types import Receive

from gateway.core.direct_connection import LARGE_BODY_BYTES
from gateway.core.errors import Code, GatewayError, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.long_work import let_others_run
from gateway.core.pipeline.content_coding import Codings
from gateway.core.pipeline.context import CLOSE, ClientGone, ReceivedBody, RequestContext


class BodyReader:
    """Reads bodies of at most `max_body` bytes, within `timeout` seconds each. What a surface adds
    to a message (`Surface.overhead`) is not counted.

    Large bodies share `room`, counted in decoded bytes, until their requests end.
    Decoding and joining parts temporarily take up to the same amount again.
    Bodies of up to LARGE_BODY_BYTES are always accepted: connections have buffers of that size.
    """

    def __init__(self, *, max_body: int, timeout: float, room: FairQuota, codings: Codings) -> None:
        self.max_body = max_body
        self.codings = codings
        self._always_fine = min(max_body, LARGE_BODY_BYTES)
        self._timeout = timeout
        self._room = room

    async def read(self, context: RequestContext, receive: Receive) -> bytes:
        """The whole body, decoded. The request returns its room.

        Raises GatewayError for a body that is too large, too slow or not in its Content-Encoding,
        or without room; ClientGone when the client disconnects.
        """
        decoder = self.codings.decoder(context.request.headers.get(b"content-encoding"))
        overhead = self._overhead(context)
        parts: list[bytes] = []
        size = received_bytes = 0
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGone
                    is_over = not message.get("more_body", False)
                    received = message.get("body", b"")
                    received_bytes += len(received)
                    context.body = context.body._replace(size=received_bytes, is_over=is_over)
                    self.check(received_bytes, overhead)
                    content = (received,) if decoder is None else decoder.feed(received)
                    size = await self._gather(context, content, parts, size, overhead)
                    if is_over:
                        break
                if decoder is not None:
                    decoder.finish()
        except TimeoutError:
            context.body = context.body._replace(is_over=True)  # no more will come
            raise GatewayError(
                Code.DEADLINE_EXCEEDED,
                f"the body did not arrive within {self._timeout:g} s",
                status=408,
                headers=CLOSE,
            ) from None
        del decoder  # frees the window before the copy
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def expand(self, context: RequestContext, coding: bytes, data: bytes) -> bytes:
        """The content of data in a coding, within the limits of a body.

        Raises GatewayError for invalid data, and for content that is too large or without room.
        """
        decoder = self.codings.decoder(coding)
        if decoder is None or not data:
            return data
        parts: list[bytes] = []
        await self._gather(context, decoder.feed(data), parts)
        decoder.finish()
        return b"".join(parts)

    async def _gather(
        self,
        context: RequestContext,
        content: Iterable[bytes],
        parts: list[bytes],
        size: int = 0,
        overhead: int = 0,
    ) -> int:
        """Add content to `parts`, which have `size` bytes. Returns their new size."""
        for part in content:
            if not part:
                await let_others_run()
                continue
            parts.append(part)
            size += len(part)
            self.check(size, overhead)
            self._count(context, size)
        return size

    def take(self, context: RequestContext) -> bytes | None:
        """The whole body without waiting; None if it is coded or incomplete.

        The request returns its room. Raises GatewayError for a body that is too large or without
        room.
        """
        if context.direct is None or b"content-encoding" in context.request.headers:
            return None
        body = context.direct.take_body()
        if body is None:
            return None
        context.body = ReceivedBody(len(body), True)
        if len(body) > self._always_fine:
            self.check(len(body), self._overhead(context))
            self._count(context, len(body))
        return body

    def check(self, size: int, overhead: int = 0) -> None:
        """413 for a message that is too large, or a body with what a surface adds to it."""
        if size > self.max_body + overhead:
            raise body_too_large(self.max_body)

    def _overhead(self, context: RequestContext) -> int:
        surface = context.surface
        return 0 if surface is None else surface.overhead(self.max_body)

    def _count(self, context: RequestContext, size: int) -> None:
        before = 0 if context.body.room is None else context.body.room[1]
        if size <= max(LARGE_BODY_BYTES, before):
            return
        if not self._room.take(context.principal, size - before):
            raise unavailable("too many large bodies are being read", "bodies")
        context.body = context.body._replace(room=(self._room, size))


def body_too_large(max_body: int) -> GatewayError:
    return GatewayError(
        Code.RESOURCE_EXHAUSTED,
        f"the body is larger than MAX_BODY_MB ({max_body / 2**20:g} MB)",
        status=413,
        headers=CLOSE,
    )
