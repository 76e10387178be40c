"""The least that a gateway made of uvicorn and grpc.aio can do: no routes, tokens, limits or JSON.

It passes the same bytes to the upstream and to the client, whatever the request. Its cost is the
libraries' share of every request, and the unit of the regression gate.
"""

import asyncio
import os

import grpc.aio
import uvicorn
from starlette.types import Receive, Scope, Send

METHOD = "/show.ShowInterface/GetShows"


class Floor:
    """The ASGI app."""

    def __init__(self, endpoint: str) -> None:
        self._call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
        self._call = grpc.aio.insecure_channel(endpoint).unary_unary(METHOD)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = True
        while more:
            more = (await receive()).get("more_body", False)
        answer = await self._call(b"", timeout=30)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def serve(endpoint: str, port: int) -> None:
    """Serve until a signal."""
    config = uvicorn.Config(
        Floor(endpoint), host="127.0.0.1", port=port, lifespan="off", ws="none", access_log=False
    )
    await uvicorn.Server(config).serve()


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(os.environ["CUEBOT_ENDPOINT"], int(os.environ["REST_PORT"])))
