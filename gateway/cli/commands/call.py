"""`cuebot-gateway call`."""

import asyncio
import os
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
from click.core import ParameterSource

from gateway.cli.client.caller import Caller, WrongCall
from gateway.cli.client.cuebot import calling_cuebot
from gateway.cli.client.gateway import calling_gateway
from gateway.cli.client.token_source import token_source
from gateway.cli.commands.completion import complete_method
from gateway.cli.terminal.failures import (
    FAILED,
    WRONG,
    config_option,
    leave_the_line,
    one_line_failures,
    quiet_logs,
    settings_from,
)
from gateway.cli.terminal.output import Output, output_for
from gateway.cli.terminal.watch import watch
from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.settings.kinds import DAY, parse_duration

NOT_FOUND, UNREACHABLE = 3, 4
"""Exit statuses, beside those of every command."""
STATUS = {Code.NOT_FOUND: NOT_FOUND, Code.UNAVAILABLE: UNREACHABLE}
REFUSED = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
SHORTEST = 0.1
"""Seconds that a call, or the pause between two, may be made to take."""


def parse_time(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> float | None:
    """`30s`, `500ms`, `2m`, as seconds."""
    if value is None:
        return None
    try:
        seconds = parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None
    if not SHORTEST <= seconds <= DAY:
        raise click.BadParameter(f"expected {SHORTEST * 1000:g}ms to a day", context, parameter)
    return seconds


def split_fields(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """`a, b.c` as `("a", "b.c")`."""
    fields = tuple(name for name in (part.strip() for part in (value or "").split(",")) if name)
    if value is not None and not fields:
        raise click.BadParameter("expected names with commas between them", context, parameter)
    return fields


@click.command()
@click.argument("name", metavar="INTERFACE/METHOD", shell_complete=complete_method)
@click.argument("body", metavar="[JSON|-]", default="{}")
@click.option("--url", envvar="GATEWAY_URL", show_envvar=True, help="Call through this gateway.")
@click.option("--direct", is_flag=True, help="Call Cuebot itself, whatever GATEWAY_URL says.")
@click.option("--token", help="The gateway's token. In the environment, as TOKEN, nobody sees it.")
@click.option("--sub", help="Sign a token for this subject with JWT_SECRET (default: your user).")
@click.option(
    "--fields",
    metavar="NAMES",
    callback=split_fields,
    help="Print a table of these fields: name,jobStats.runningFrames",
)
@click.option(
    "--watch",
    "pause",
    metavar="TIME",
    callback=parse_time,
    help="Call again and again with this pause (5s), until Ctrl-C.",
)
@click.option(
    "--timeout",
    metavar="TIME",
    callback=parse_time,
    help="How long the call may take (default: GRPC_TIMEOUT, 30s).",
)
@click.option("--dry-run", is_flag=True, help="Check the call and show it; Cuebot does not get it.")
@click.option(
    "--indent/--compact",
    default=None,
    help="How JSON is printed (default: indented on a terminal, one line in a pipe).",
)
@config_option
@click.pass_context
@one_line_failures
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
    """Call a method, and print its answer.

    With --url or GATEWAY_URL the call goes through that gateway, with a token. Otherwise it goes
    straight to Cuebot (CUEBOT_ENDPOINT, DESCRIPTOR_SOURCE), by the gateway's own rules.

    The method is job.JobInterface/GetJobs or, in short, Job/GetJobs. Its fields are JSON: an
    argument, or with - standard input.

    \b
    Example:
      cuebot-gateway call Show/GetShows --fields name,showStats.runningFrames
      cuebot-gateway call Job/FindJob '{"name": "demo-sh010-lena_comp_v003"}'
      cuebot-gateway call Job/GetJobs --fields name,priority --watch 5s

    \b
    Exit status:
      0    it worked, or Ctrl-C has ended --watch
      1    the call failed; standard error says how, in one line
      2    wrong usage or settings: no such option, method or field
      3    Cuebot answered NOT_FOUND
      4    UNAVAILABLE: Cuebot or the gateway cannot be reached or is not ready
      130  Ctrl-C
      141  whoever read the answer went before its end
    """
    settings = settings_from(config)
    quiet_logs()
    timeout = settings.grpc_timeout if timeout is None else timeout
    if direct and context.get_parameter_source("url") is ParameterSource.COMMANDLINE:
        raise ConfigurationError("--url and --direct are both given; leave one out")
    if direct or url is None:
        if token is not None or sub is not None:
            raise ConfigurationError("--token and --sub are for a gateway; give --url too")
        way = calling_cuebot(settings, timeout)
    else:
        way = calling_gateway(url, token_source(settings, token, sub), timeout)
    output = output_for(sys.stdout, sys.stderr, os.environ, fields=fields, indent=indent)
    order = Order(
        name=name,
        body=sys.stdin.buffer.read() if body == "-" else os.fsencode(body),
        dry_run=dry_run,
        pause=pause,
        token_of_environment=token is None and sub is None and "TOKEN" in os.environ,
    )
    try:
        status = asyncio.run(carry_out(order, way, output))
    except KeyboardInterrupt:
        if pause is None:
            raise
        leave_the_line()
        status = 0
    sys.exit(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to call, and how often."""

    name: str
    body: bytes
    dry_run: bool = False
    pause: float | None = None
    """Seconds between two calls; None is one call."""
    token_of_environment: bool = False
    """Whether the token is what TOKEN says, which may be left from something else."""


async def carry_out(order: Order, way: AbstractAsyncContextManager[Caller], output: Output) -> int:
    """Call and show what comes of it; the exit status.

    Raises ConfigurationError when the way cannot be opened.
    """
    async with way as caller:
        ask = partial(caller.rehearse if order.dry_run else caller.call, order.name, order.body)
        try:
            if order.pause is not None:
                await watch(ask, output, pause=order.pause, name=order.name)
            output.answer(await ask())
        except WrongCall as error:
            output.complain(str(error))
            return WRONG
        except GatewayError as error:
            output.failure(error)
            if order.token_of_environment and error.code in REFUSED:
                output.complain("the token is that of TOKEN; unset it, or sign one with --sub")
            return STATUS.get(error.code, FAILED)
    return 0
