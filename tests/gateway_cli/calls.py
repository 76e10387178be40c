"""Calls with a client, what they print, and servers that are not quite a gateway."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from io import BytesIO, StringIO

from gateway_cli.calling.options import Watch
from gateway_cli.calling.output import Output
from gateway_cli.calling.showing import call_and_show
from gateway_cli.calling.views import OutputOptions
from gateway_client.arguments import read_arguments
from gateway_client.client import Client
from tests.support.patience import PATIENCE, until
from tests.support.servers import Gateway

NOWHERE = "127.0.0.1:1"

Opening = Callable[..., AbstractAsyncContextManager[Client]]
FarmGateway = Callable[..., Awaitable[Gateway]]
"""Takes settings by keyword; see the fixture `farm_gateway`."""


@dataclass
class Done:
    """How a call ended and what it printed."""

    status: int
    out: str
    err: str

    @property
    def problem(self) -> str:
        """The one line of standard error; nothing else was printed."""
        assert self.out == ""
        (line,) = self.err.splitlines()
        assert line.startswith("cuebot-gateway: ")
        return line.removeprefix("cuebot-gateway: ")


async def perform(
    opening: AbstractAsyncContextManager[Client],
    name: str,
    *words: str,
    dry_run: bool = False,
    fields: tuple[str, ...] = (),
    options: OutputOptions | None = None,
    watch: Watch | None = None,
) -> Done:
    """What `call` does with a client, and prints as JSON, a table of `fields`, or as `options`."""
    options = options or OutputOptions(form="table" if fields else "json", fields=fields)
    out, err = BytesIO(), StringIO()
    output = Output(
        out=out, program="cuebot-gateway", err=err, form=options.form, fields=options.fields
    )
    async with asyncio.timeout(PATIENCE):
        status = await call_and_show(
            opening,
            output,
            name=name,
            request=read_arguments(words),
            options=None if dry_run else options,
            watch=watch,
        )
    return Done(status, out.getvalue().decode(), err.getvalue())


class Watching:
    """A watch under way, and what it has printed."""

    def __init__(
        self,
        opening: AbstractAsyncContextManager[Client],
        name: str,
        options: OutputOptions | None = None,
    ) -> None:
        options = options or OutputOptions()
        self.out, self.err = BytesIO(), StringIO()
        output = Output(
            program="cuebot-gateway",
            out=self.out,
            err=self.err,
            form=options.form,
            fields=options.fields,
        )
        self._task = asyncio.create_task(
            call_and_show(
                opening,
                output,
                name=name,
                request=read_arguments(()),
                options=options,
                watch=Watch(every=0.01),
            )
        )

    @property
    def text(self) -> str:
        return self.out.getvalue().decode()

    async def prints(self, *lines: str) -> None:
        """Wait until these are its last lines."""
        await until(lambda: self.text.split("\n")[-len(lines) - 1 : -1] == [*lines])

    async def end(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


Reply = tuple[str, dict[str, str], bytes]
LOSES: Reply = ("", {}, b"")
"""Closes the connection instead of answering."""


@dataclass
class StandIn:
    """An HTTP server with canned replies, by verb; of several, the last one stays."""

    replies: dict[str, Reply | list[Reply]]
    seen: list[tuple[str, str, dict[str, str], bytes]]
    """Verb, path, headers (lower-case names) and body of each request."""
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        verb, path, _ = head[0].split()
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])
        }
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.seen.append((verb, path, headers, body))
        replies = self.replies[verb]
        if isinstance(replies, list):
            replies = replies.pop(0) if len(replies) > 1 else replies[0]
        status, more, content = replies
        if not status:
            writer.close()
            return
        lines = {"Content-Length": str(len(content)), "Connection": "close"} | more
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status}\r\n{text}\r\n".encode() + content)
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def stand_in(**replies: Reply | list[Reply]) -> AsyncIterator[StandIn]:
    server = StandIn(replies, [])
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        server.url = f"http://127.0.0.1:{port}"
        yield server


JSON = {"Content-Type": "application/json"}
NO_PUT: Reply = ("405 Method Not Allowed", JSON, b'{"code": 12, "message": "use POST"}')
