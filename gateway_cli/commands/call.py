"""`cuebot-gateway call`."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import click

from gateway.errors import Code, GatewayError
from gateway_cli.client.arguments import Arguments, read_arguments
from gateway_cli.client.client import (
    FORMS,
    Answer,
    Client,
    Form,
    OutputOptions,
    answer_to,
    answers_to,
)
from gateway_cli.client.cuebot import cuebot_client
from gateway_cli.client.gateway import gateway_client
from gateway_cli.commands.completion import complete_method
from gateway_cli.commands.describe import describe
from gateway_cli.common_options import (
    Way,
    config_option,
    settings_from,
    time_option,
    way_options,
)
from gateway_cli.terminal.exits import FAILED, WRONG_USAGE, InvalidCall, end_interrupted_line
from gateway_cli.terminal.output import Output, output_of_process
from gateway_cli.tokens import token_source

NOT_FOUND, UNAVAILABLE, CUT, GAVE_UP = 3, 4, 5, 6
"""Exit statuses that only this command has."""
STATUS = {Code.NOT_FOUND: NOT_FOUND, Code.UNAVAILABLE: UNAVAILABLE}
REFUSED = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
USUAL_PERIOD = "2s"


def split_fields(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """`a, b.c` as `("a", "b.c")`."""
    fields = tuple(name for name in (part.strip() for part in (value or "").split(",")) if name)
    if value is not None and not fields:
        raise click.BadParameter("expected field names separated by commas", context, parameter)
    return fields


class HelpOfMethods(click.Command):
    """A command whose `METHOD --help` describes that method."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and not {"-h", "--help"}.isdisjoint(args):
            describe.main([full_name_of(args[0])], prog_name="describe", standalone_mode=False)
            click.echo("\nThe options of call: cuebot-gateway call --help")
            ctx.exit()
        return super().parse_args(ctx, args)


def full_name_of(name: str) -> str:
    """`JobInterface/Pause` for `Job/Pause`, as `describe` takes it."""
    interface, slash, method = name.rpartition("/")
    if slash and not interface.endswith("Interface"):
        interface += "Interface"
    return f"{interface}{slash}{method}"


@click.command(cls=HelpOfMethods)
@click.argument("name", metavar="INTERFACE/METHOD", shell_complete=complete_method)
@click.argument("words", metavar="[ARGUMENT]...", nargs=-1)
@click.option(
    "--fields",
    metavar="NAMES",
    callback=split_fields,
    help="Show these fields only, such as name,jobStats.runningFrames.",
)
@click.option(
    "--where",
    metavar="CONDITION",
    help="Show rows that fit, such as 'deadFrames > 2 and startTime < now-2h' or 'not isPaused'.",
)
@click.option(
    "--group", metavar="NAMES", help="Show groups of rows that are equal in these fields."
)
@click.option("--count", is_flag=True, help="Count the rows of each group, or all rows.")
@click.option("--sum", metavar="NAMES", help="Add up these numbers.")
@click.option("--min", metavar="NAMES", help="Show the smallest of these numbers.")
@click.option("--max", metavar="NAMES", help="Show the largest of these numbers.")
@click.option("--sort", metavar="NAMES", help="Sort rows by these fields; -name is descending.")
@click.option("--offset", type=click.IntRange(min=0), help="Leave out so many rows first.")
@click.option("--limit", type=click.IntRange(min=0), help="Show so many rows at most.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(FORMS),
    help="How the answer is printed (default: table with --fields, --group or --count, else json).",
)
@time_option(
    "--watch",
    "every",
    is_flag=False,
    flag_value=USUAL_PERIOD,
    help="Show the answer whenever it changes, until Ctrl-C; look for changes every so often (2s).",
)
@click.option(
    "--until",
    metavar="CONDITION",
    default="",
    help="Wait until all rows fit, such as 'state=FINISHED', and there is one.",
)
@time_option("--timeout", help="How long the call (30s), or waiting for --until, may take.")
@click.option("--dry-run", is_flag=True, help="Check the call and show it without sending it.")
@click.option(
    "--indent/--compact",
    default=None,
    help="How JSON is printed (default: indented on a terminal, one line in a pipe).",
)
@way_options
@config_option
def call(
    name: str,
    words: tuple[str, ...],
    fields: tuple[str, ...],
    where: str | None,
    group: str | None,
    count: bool,
    sum: str | None,  # noqa: A002 - the names of the options
    min: str | None,  # noqa: A002
    max: str | None,  # noqa: A002
    sort: str | None,
    offset: int | None,
    limit: int | None,
    form: Form | None,
    every: float | None,
    until: str,
    timeout: float | None,
    dry_run: bool,
    indent: bool | None,
    way: Way,
    config: Path | None,
) -> None:
    """Call a method and print its answer.

    With --url or GATEWAY_URL the call goes through that gateway, with a token. Otherwise it goes
    straight to Cuebot (CUEBOT_ENDPOINT, DESCRIPTOR_SOURCE), by the same rules.

    The method is job.JobInterface/GetJobs or, for short, Job/GetJobs; `cuebot-gateway routes pause
    job` finds methods by words, and `call Job/Pause --help` describes one. Arguments are:

    \b
      r.shows=demo      a field; dots lead into objects, and what is repeated
                        is a list
      r.shows:=["a"]    a field as JSON
      spec@job.xml      a field with the text of a file
      @job.json         the request as JSON, in a file; - is standard input
      {"name": "x"}     the request as JSON

    --where, --sort, --offset and --limit are about the rows of an answer that is a list, or about
    its groups. -o name prints one name a line (or id, where rows have no name), for xargs.

    \b
    Example:
      cuebot-gateway call Show/GetShows --fields name,showStats.runningFrames
      cuebot-gateway call Job/FindJob name=demo-sh010-lena_comp_v003
      cuebot-gateway call Job/GetJobs r.shows=demo --sort -priority -o csv
      cuebot-gateway call Job/GetJobs --group show --count --sort -count
      cuebot-gateway call Job/GetJobs --fields name,priority --watch 5s
      cuebot-gateway call Job/GetJobs r.jobs=NAME --until state=FINISHED

    \b
    Exit status:
      0    the call succeeded, or Ctrl-C ended --watch
      1    the call failed; one line on standard error says why
      2    wrong usage or settings: no such option, method or field
      3    Cuebot answered NOT_FOUND
      4    UNAVAILABLE: Cuebot or the gateway is unreachable or not ready
      5    the answer may be cut: it has as many rows as were asked for
      6    --until has not come true within --timeout
      130  Ctrl-C
      141  the reader of the output (head) went away
    """
    if form == "name" and fields:
        raise click.UsageError("-o name prints names only; for other fields, use -o csv or table")
    options = OutputOptions(
        fields=fields,
        where=where,
        group=group,
        count=count,
        sum=sum,
        min=min,
        max=max,
        sort=sort,
        offset=offset,
        limit=limit,
    )
    if form == "name" and options.groups:
        raise click.UsageError("-o name prints names of rows; for groups, use -o csv or table")
    form = form or ("table" if fields or options.groups else "json")
    options = replace(options, form=form)
    if dry_run and (until or every is not None):
        raise click.UsageError("a dry run is made once: leave out --watch and --until")
    watch = None
    if until or every is not None:
        watch = Watch(every=every or 2.0, shows=every is not None, until=until)
    settings = settings_from(config)
    if until and timeout is not None:
        watch, timeout = replace(watch or Watch(), timeout=timeout), None
    timeout = settings.grpc_timeout if timeout is None else timeout
    if way.url is None:
        opening = cuebot_client(settings, timeout)
    else:
        opening = gateway_client(way.url, token_source(settings, way.token, way.sub), timeout)
    try:
        status = asyncio.run(
            call_and_show(
                opening,
                output_of_process("json" if dry_run else form, fields, indent),
                name=name,
                request=read_arguments(words),
                options=None if dry_run else options,
                watch=watch,
                token_from_environment=way.token_from_environment,
            )
        )
    except KeyboardInterrupt:
        if every is None or until:
            raise
        end_interrupted_line()
        status = 0
    sys.exit(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A call whose answer is looked at again and again."""

    every: float = 2.0
    """Seconds between two looks."""
    shows: bool = True
    """Whether each answer is shown, or the last one only."""
    until: str = ""
    timeout: float | None = None
    """Seconds until it gives up."""


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
    """Call once, or `watch`, and show the answer; the exit status.

    Without `options`, it is a dry run. Raises ConfigurationError if the client cannot be opened. A
    refusal of a token from the environment says where it came from.
    """
    async with opening as client:
        try:
            if options is None:
                answer = await client.call(name, request, dry_run=True)
            elif watch is None:
                answer = await answer_to(client, name, request, options)
            else:
                answers = answers_to(
                    client, name, request, options, every=watch.every, until=watch.until
                )
                async with asyncio.timeout(watch.timeout):
                    answer = await last_of(answers, output, watch, name)
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
        except GatewayError as error:
            output.progress("")
            output.failure(error)
            if token_from_environment and error.code in REFUSED:
                output.complain("the token came from TOKEN; unset it, or sign one with --sub")
            return STATUS.get(error.code, FAILED)
    return 0


def cut(rows: int) -> str:
    return f"warning: there may be more than these {rows} rows; ask for more (…limit=100000)"


async def last_of(
    results: AsyncIterator[Answer | GatewayError], output: Output, watch: Watch, name: str
) -> Answer:
    """Show what is watched until it ends; the last answer. Raises InvalidCall and GatewayError."""
    last = Answer(content=b"")
    failed = ""
    ticking = asyncio.create_task(tick(output, watch)) if not watch.shows else None
    try:
        async for result in results:
            if isinstance(result, Answer):
                last, failed = result, ""
            if watch.shows:
                now = datetime.now().astimezone()
                space = output.start_over(f"{name} every {watch.every:g} s, {now:%H:%M:%S}")
                if isinstance(result, Answer):
                    output.answer(result, space=space)
                else:
                    output.failure(result)
            elif isinstance(result, GatewayError) and failed != str(result):
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
