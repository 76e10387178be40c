"""`cuebot-gateway call`."""

from pathlib import Path

import click

from gateway_cli.calling.options import CallOptions, call_options
from gateway_cli.calling.showing import make_call
from gateway_cli.client.cuebot import cuebot_client
from gateway_cli.commands.completion import complete_method
from gateway_cli.commands.describe import describe
from gateway_cli.common_options import Way, config_option, settings_from, way_options
from gateway_cli.exits import PROGRAM
from gateway_cli.tokens import token_source
from gateway_client.gateway import gateway_client


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
@call_options
@way_options
@config_option
def call(
    name: str,
    words: tuple[str, ...],
    options: CallOptions,
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
      2    wrong usage or settings: no such option, method or field, or a
           wrong value (INVALID_ARGUMENT)
      3    Cuebot answered NOT_FOUND
      4    UNAVAILABLE: Cuebot or the gateway is unreachable or not ready
      5    the answer may be cut: it has as many rows as were asked for
      6    --until has not come true within --timeout
      130  Ctrl-C
      141  the reader of the output (head) went away
    """
    settings = settings_from(config)
    timeout = settings.grpc_timeout if options.timeout is None else options.timeout
    if way.url is None:
        opening = cuebot_client(settings, timeout)
    else:
        opening = gateway_client(way.url, token_source(settings, way.token, way.sub), timeout)
    by_environment = way.token_from_environment
    make_call(opening, name, words, options, PROGRAM, token_from_environment=by_environment)
