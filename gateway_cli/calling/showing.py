"""A call or a watch with a client, and what it prints."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from time import strftime
from typing import NoReturn

from gateway_cli.calling.options import CallOptions, Watch
from gateway_cli.calling.output import Output, output_of_process
from gateway_cli.calling.views import OutputOptions, answer_to, answers_to
from gateway_client.arguments import Arguments, read_arguments
from gateway_client.client import Answer, Client
from gateway_client.errors import CallError, InvalidCall
from gateway_client.terminal.exits import CUT, GAVE_UP, WRONG_USAGE, end_interrupted_line, status_of

REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def make_call(
    opening: AbstractAsyncContextManager[Client],
    name: str,
    words: Sequence[str],
    options: CallOptions,
    program: str,
    *,
    token_from_environment: bool = False,
) -> NoReturn:
    """Make the call of a command line, show its answer, and exit. Raises what `opening` raises."""
    try:
        status = asyncio.run(
            call_and_show(
                opening,
                output_of_process(options.form, options.output.fields, options.indent, program),
                name=name,
                request=read_arguments(words),
                options=None if options.dry_run else options.output,
                watch=options.watch,
                token_from_environment=token_from_environment,
            )
        )
    except KeyboardInterrupt:
        if not options.ends_by_hand:
            raise
        end_interrupted_line()
        status = 0
    sys.exit(status)


async def call_and_show(
    opening: AbstractAsyncContextManager[Client],
    output: Output,
    *,
    name: str,
    request: Arguments,
    options: OutputOptions | None,
    watch: Watch | None = None,
    token_from_environment: bool = False,
) -> int:
    """Call once, or `watch`, and show the answer. Returns the exit status.

    Without `options`, it is a dry run. Raises what `opening` raises. A refused token from the
    environment is reported as such.
    """
    async with opening as client:
        try:
            if options is None:
                answer = await client.call(name, request, dry_run=True)
            elif watch is None:
                answer = await answer_to(client, name, request, options)
                await ask_for_units(client, output, name)
            else:
                answers = answers_to(
                    client, name, request, options, every=watch.every, until=watch.until
                )
                async with asyncio.timeout(watch.timeout):
                    answer = await last_of(client, answers, output, watch, name)
            if watch is None or not watch.shows:
                output.answer(answer)
            if answer.cut_at:
                output.complain(cut(answer.cut_at))
                return CUT
        except TimeoutError:
            assert watch is not None
            output.progress("")
            output.complain(f"gave up: no {watch.until!r} within {watch.timeout:g} s")
            return GAVE_UP
        except InvalidCall as error:
            output.complain(str(error))
            return WRONG_USAGE
        except CallError as error:
            output.progress("")
            output.failure(error)
            if token_from_environment and error.code in REFUSED:
                output.complain("the token came from TOKEN; unset it, or sign one with --sub")
            return status_of(error)
    return 0


async def ask_for_units(client: Client, output: Output, name: str) -> None:
    if output.form == "table" and output.units is None:
        output.units = await client.units(name)


def cut(rows: int) -> str:
    return f"warning: there may be more than these {rows} rows; ask for more (…limit=100000)"


async def last_of(
    client: Client,
    results: AsyncIterator[Answer | CallError],
    output: Output,
    watch: Watch,
    name: str,
) -> Answer:
    """Show what is watched until it ends; the last answer. Raises InvalidCall and CallError."""
    last = Answer(content=b"")
    failed = ""
    ticking = asyncio.create_task(tick(output, watch)) if not watch.shows else None
    try:
        async for result in results:
            if isinstance(result, Answer):
                last, failed = result, ""
                await ask_for_units(client, output, name)
            if watch.shows:
                space = output.start_over(f"{name} every {watch.every:g} s, {strftime('%H:%M:%S')}")
                if isinstance(result, Answer):
                    output.answer(result, space=space)
                else:
                    output.failure(result)
            elif isinstance(result, CallError) and failed != str(result):
                output.progress("")
                output.failure(result)
                failed = str(result)
    finally:
        if ticking is not None:
            ticking.cancel()
            output.progress("")
    return last


async def tick(output: Output, watch: Watch) -> None:
    """Say once a second for how long it has been waiting."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while True:
        output.progress(f"waiting for {watch.until}: {loop.time() - began:.0f} s")
        await asyncio.sleep(1)
