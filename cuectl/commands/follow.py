"""`cuectl follow`."""

import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from cuectl import PROGRAM
from cuectl.call_options import time_option
from cuectl.errors import CallError, Failure
from cuectl.session import Session, Verb
from cuectl.terminal.exits import FAILED, GAVE_UP, complain


def complete_name(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from cuectl.completion import fitting, names_for

    session = context.ensure_object(Session)
    kind = session.cache.verbs.get("follow", {}).get("names", "")
    return fitting(names_for(session, kind), begun)


@click.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True, shell_complete=complete_name)
@click.option("--fail-fast", is_flag=True, help="End with 1 at the first dead frame.")
@time_option("--timeout", most=30 * 86400, help="Give up after this time.")
@click.pass_obj
def follow(
    session: Session, names: tuple[str, ...], fail_fast: bool, timeout: float | None
) -> None:
    """Follow a job until it is done.

    A terminal shows a bar for each of its layers. The exit status is 0 if it is done, and 1 if it
    has failed or cannot go on.

    \b
    Example:
      cuectl follow demo-sh010-lena_comp_v003 --timeout 8h && echo done

    Exit status: see cuectl --help
    """
    about = session.part("follow")
    if not about:
        raise Failure("this gateway does not say what can be followed, or the token may not")
    if fail_fast and "failFast" not in about:
        raise Failure("this gateway does not say when --fail-fast ends")
    sys.exit(follow_all(session, about, names, timeout, fails_fast=fail_fast))


def follow_all(
    session: Session,
    about: Verb,
    names: Sequence[str],
    timeout: float | None,
    *,
    fails_fast: bool = False,
) -> int:
    """Follow one after the other; the exit status."""
    import asyncio
    import gc

    from cuectl.client.gateway import GatewayClient
    from cuectl.following import Following

    gc.enable()

    current = ""

    async def run(client: GatewayClient) -> int:
        nonlocal current
        status = 0
        for current in names:
            following = Following(client, about, current, fails_fast=fails_fast)
            problem = await following.until_done()
            if problem:
                status = FAILED
                complain(f"{current} {problem}", PROGRAM)
            else:
                click.echo(f"{current} is {', '.join(('done', *following.notes))}", err=True)
        return status

    async def within(client: GatewayClient) -> int:
        try:
            async with asyncio.timeout(timeout):
                return await run(client)
        except TimeoutError:
            left = ", ".join(names[names.index(current) :])
            complain(f"gave up: not done within {timeout:g} s: {left}", PROGRAM)
            return GAVE_UP

    try:
        return session.run(within)
    except CallError as error:
        from cuectl.names import Names, with_near_name

        sought = iter([(current, str(about.get("names", "")))])
        raise with_near_name(error, Names(session), sought) from None
