"""Calls with a client, and what they print."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from io import BytesIO, StringIO

from gateway_cli.argument_words import read_arguments
from gateway_cli.client.client import Client
from gateway_cli.client.output_options import OutputOptions
from gateway_cli.commands.call import call_and_show
from gateway_cli.terminal.output import Output
from tests.support.patience import PATIENCE

NOWHERE = "127.0.0.1:1"

Opening = Callable[..., AbstractAsyncContextManager[Client]]


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
    pause: float | None = None,
) -> Done:
    """What `call` does with a client, and prints as JSON, a table of `fields`, or as `options`."""
    options = options or OutputOptions(form="table" if fields else "json", fields=fields)
    out, err = BytesIO(), StringIO()
    output = Output(out=out, err=err, form=options.form, fields=options.fields)
    async with asyncio.timeout(PATIENCE):
        status = await call_and_show(
            opening,
            output,
            name=name,
            request=read_arguments(words),
            options=None if dry_run else options,
            pause=pause,
        )
    return Done(status, out.getvalue().decode(), err.getvalue())
