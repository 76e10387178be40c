"""`cuebot-gateway call`."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from gateway.errors import Code, ConfigurationError, GatewayError
from gateway_cli.client.client import Answer, Client, InvalidCall
from gateway_cli.client.cuebot import cuebot_client
from gateway_cli.client.gateway import gateway_client, token_source
from gateway_cli.commands.completion import complete_method
from gateway_cli.common_options import config_option, settings_from, time_option
from gateway_cli.terminal.exits import FAILED, WRONG_USAGE, end_interrupted_line
from gateway_cli.terminal.output import Output, output_of_process

NOT_FOUND, UNAVAILABLE = 3, 4
"""Exit statuses that only this command has."""
STATUS = {Code.NOT_FOUND: NOT_FOUND, Code.UNAVAILABLE: UNAVAILABLE}
REFUSED = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)


def split_fields(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """`a, b.c` as `("a", "b.c")`."""
    fields = tuple(name for name in (part.strip() for part in (value or "").split(",")) if name)
    if value is not None and not fields:
        raise click.BadParameter("expected field names separated by commas", context, parameter)
    return fields


@click.command()
@click.argument("name", metavar="INTERFACE/METHOD", shell_complete=complete_method)
@click.argument("body", metavar="[JSON|-]", default="{}")
@click.option("--url", envvar="GATEWAY_URL", show_envvar=True, help="Call through this gateway.")
@click.option("--direct", is_flag=True, help="Call Cuebot itself, even if GATEWAY_URL is set.")
@click.option("--token", help="The gateway's token; set TOKEN to hide it from other users.")
@click.option("--sub", help="Sign a token for this subject with JWT_SECRET (default: your user).")
@click.option(
    "--fields",
    metavar="NAMES",
    callback=split_fields,
    help="Print a table of these fields, such as name,jobStats.runningFrames.",
)
@time_option(
    "--watch", "pause", help="Repeat the call until Ctrl-C, with this pause in between (5s)."
)
@time_option("--timeout", help="How long the call may take (default: GRPC_TIMEOUT, 30s).")
@click.option("--dry-run", is_flag=True, help="Check the call and show it without sending it.")
@click.option(
    "--indent/--compact",
    default=None,
    help="How JSON is printed (default: indented on a terminal, one line in a pipe).",
)
@config_option
@click.pass_context
def call(
    context: click.Context,
    name: str,
    body: str,
    url: str | None,
    direct: bool,
    token: str | None,
    sub: str | None,
    fields: tuple[str, ...],
    pause: float | None,
    timeout: float | None,
    dry_run: bool,
    indent: bool | None,
    config: Path | None,
) -> None:
    """Call a method and print its answer.

    With --url or GATEWAY_URL the call goes through that gateway, with a token. Otherwise it goes
    straight to Cuebot (CUEBOT_ENDPOINT, DESCRIPTOR_SOURCE), by the same rules.

    The method is job.JobInterface/GetJobs or, for short, Job/GetJobs. The request is JSON: an
    argument or, with -, standard input.

    \b
    Example:
      cuebot-gateway call Show/GetShows --fields name,showStats.runningFrames
      cuebot-gateway call Job/FindJob '{"name": "demo-sh010-lena_comp_v003"}'
      cuebot-gateway call Job/GetJobs --fields name,priority --watch 5s

    \b
    Exit status:
      0    the call succeeded, or Ctrl-C ended --watch
      1    the call failed; one line on standard error says why
      2    wrong usage or settings: no such option, method or field
      3    Cuebot answered NOT_FOUND
      4    UNAVAILABLE: Cuebot or the gateway is unreachable or not ready
      130  Ctrl-C
      141  the reader of the output (head) went away
    """
    settings = settings_from(config)
    timeout = settings.grpc_timeout if timeout is None else timeout
    if direct and context.get_parameter_source("url") is ParameterSource.COMMANDLINE:
        raise ConfigurationError("use either --url or --direct, not both")
    if direct or url is None:
        if token is not None or sub is not None:
            raise ConfigurationError("--token and --sub are for calls through a gateway; add --url")
        opening = cuebot_client(settings, timeout)
    else:
        opening = gateway_client(url, token_source(settings, token, sub), timeout)
    request = sys.stdin.buffer.read() if body == "-" else os.fsencode(body)
    token_from_environment = token is None and sub is None and "TOKEN" in os.environ
    try:
        status = asyncio.run(
            call_and_show(
                opening,
                output_of_process(fields, indent),
                name=name,
                body=request,
                dry_run=dry_run,
                pause=pause,
                token_from_environment=token_from_environment,
            )
        )
    except KeyboardInterrupt:
        if pause is None:
            raise
        end_interrupted_line()
        status = 0
    sys.exit(status)


async def call_and_show(
    opening: AbstractAsyncContextManager[Client],
    output: Output,
    *,
    name: str,
    body: bytes,
    dry_run: bool = False,
    pause: float | None = None,
    token_from_environment: bool = False,
) -> int:
    """Call once, or with a pause (in seconds) repeatedly, and show the answer; the exit status.

    Raises ConfigurationError if the client cannot be opened. If the token came from TOKEN, and may
    be left from something else, a refusal says so.
    """
    async with opening as client:
        call = partial(client.call, name, body, dry_run=dry_run)
        try:
            if pause is not None:
                await watch(call, output, pause=pause, name=name)
            output.answer(await call())
        except InvalidCall as error:
            output.complain(str(error))
            return WRONG_USAGE
        except GatewayError as error:
            output.failure(error)
            if token_from_environment and error.code in REFUSED:
                output.complain("the token came from TOKEN; unset it, or sign one with --sub")
            return STATUS.get(error.code, FAILED)
    return 0


async def watch(
    call: Callable[[], Awaitable[Answer]], output: Output, *, pause: float, name: str
) -> None:
    """Call and show until cancelled, with `pause` seconds after each answer or failure.

    A terminal is redrawn each time; in a pipe, answers follow each other. Raises InvalidCall
    if calling again cannot help.
    """
    while True:
        try:
            result: Answer | GatewayError = await call()
        except GatewayError as error:
            result = error
        now = datetime.now().astimezone()
        space = output.start_over(f"{name} every {pause:g} s, {now:%H:%M:%S}")
        if isinstance(result, Answer):
            output.answer(result, space=space)
        else:
            output.failure(result)
        await asyncio.sleep(pause)
