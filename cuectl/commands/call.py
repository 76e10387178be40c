"""`cuectl call`."""

import gc
import os

import click
from click.shell_completion import CompletionItem

from cuectl import PROGRAM
from cuectl.session import Session
from gateway_client.call_options import CallOptions, call_options


class HelpOfMethods(click.Command):
    """A command whose `METHOD --help` describes that method."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and not {"-h", "--help"}.isdisjoint(args):
            from cuectl.methods import description, known_methods
            from gateway_client.errors import CallError, InvalidCall, WrongSetting

            try:
                click.echo(description(args[0], known_methods(ctx.ensure_object(Session))))
            except (InvalidCall, WrongSetting, CallError) as error:
                raise click.UsageError(str(error), ctx) from None
            ctx.exit()
        return super().parse_args(ctx, args)


def complete_name(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from cuectl.completion import methods_like

    return methods_like(context.ensure_object(Session), begun)


def complete_word(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from cuectl.completion import fields_like

    name = str(context.params.get("name", ""))
    return fields_like(context.ensure_object(Session), name, begun)


def complete_fields(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    """The fields of the method's answer."""
    from cuectl.completion import answer_fields_like

    # An option without its value is where click stops reading.
    *_, after = os.environ.get("COMP_WORDS", "").partition(" call ")
    session = context.find_root().ensure_object(Session)
    return answer_fields_like(session, after.strip().partition(" ")[0], begun)


@click.command(cls=HelpOfMethods)
@click.argument("name", metavar="METHOD", shell_complete=complete_name)
@click.argument("words", metavar="[ARGUMENT]...", nargs=-1, shell_complete=complete_word)
@call_options(complete_fields)
@click.pass_obj
def call(session: Session, name: str, words: tuple[str, ...], options: CallOptions) -> None:
    """Call any method and print its answer.

    The method is job.JobInterface/GetJobs, Job/GetJobs, or GetJobs where only one has that name,
    in any case. `cuectl call METHOD --help` shows its fields. Arguments are:

    \b
      r.shows=demo      a field; dots lead into objects, and what is repeated
                        is a list
      r.shows:=["a"]    a field as JSON
      spec@job.xml      a field with the text of a file
      @job.json         the request as JSON, in a file; - is standard input
      {"name": "x"}     the request as JSON

    \b
    Example:
      cuectl call job/getjobs r.shows=demo --fields name,priority
      cuectl call Job/GetJobs r.jobs=NAME --until state=FINISHED

    Exit status: see cuectl --help
    """
    from cuectl.methods import known_methods, native_name
    from gateway_client.showing import make_call

    if options.watch is not None:
        gc.enable()
    document = known_methods(session)
    method = native_name(name, document)
    make_call(session.client(options.timeout, document), method, words, options, PROGRAM)
