"""`cuectl`: commands that are in the code, and verbs that the gateway's document has.

Modules are imported when they are needed: a command of a shell has to be fast.
"""

import gc
import shlex
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import click
from click.shell_completion import CompletionItem

from cuectl import PROGRAM, __version__
from cuectl.session import Session, Verb
from cuectl.terminal.exits import MEANINGS, exits_cleanly
from cuectl.terminal.text import one_line

COMMANDS = ("call", "completion", "context", "follow", "launch", "whoami")
"""Modules in cuectl/commands, each with a command of its name."""
SHORT = {
    "call": "Call any method and print its answer.",
    "completion": "Print a script that sets up completion in a shell.",
    "context": "Choose between gateways.",
    "follow": "Follow a job until it is done.",
    "launch": "Launch jobs from a file.",
    "whoami": "Show the gateway, your name, and what you may do.",
}


class Commands(click.Group):
    """Commands of the code, and verbs, which are looked up when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        session: Session = ctx.ensure_object(Session)
        return sorted({*COMMANDS, *session.known_verbs(ctx.params)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        session = ctx.ensure_object(Session)
        if cmd_name in COMMANDS:
            module = import_module(f"cuectl.commands.{cmd_name}")
            command: click.Command = getattr(module, cmd_name)
        else:
            verb = session.verb(cmd_name, ctx.params)
            if verb is None:
                return None
            from cuectl.verbs import command_of

            command = command_of(cmd_name, verb, session)
        return as_clean(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        session = ctx.ensure_object(Session)
        if args[0] not in COMMANDS and len(args) > 1:
            args = self._rearranged(session, args, ctx)
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from cuectl.rephrasing import LIKE_COMMANDS, command_meant
            from cuectl.suggestions import did_you_mean

            verbs, commands = session.known_verbs(ctx.params), {*COMMANDS} - session.absent
            meant = command_meant(args, session.tried, verbs, commands)
            if meant is None:
                near = did_you_mean(args[0], COMMANDS, LIKE_COMMANDS)
            elif meant.is_certain:
                return super().resolve_command(ctx, told(meant.line))
            else:
                line = shlex.join((PROGRAM, *meant.line))
                near = f"; did you mean {line if len(meant.line) > 1 else meant.line[0]}?"
            if not near:
                from cuectl.methods import methods_about

                methods = methods_about(session, args[0])
                listed = " or ".join(f"cuectl call {each}" for each in methods)
                near = f"; there is {listed}" if listed else ""
            raise click.UsageError(f"{error.format_message().rstrip('.')}{near}", ctx) from None

    def _rearranged(self, session: Session, args: list[str], ctx: click.Context) -> list[str]:
        from cuectl.rephrasing import rearranged

        verbs = session.known_verbs(ctx.params)
        choosing = options_of_lists(session, verbs.get(args[0], {}))
        meant = rearranged(args, verbs, choosing)
        return args if meant == args else told(meant)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        session: Session = ctx.ensure_object(Session)
        verbs = session.known_verbs(ctx.params)
        rows = [(name, str(verb.get("summary", ""))) for name, verb in verbs.items()]
        with formatter.section("Verbs of this gateway"):
            if rows:
                formatter.write_dl(rows)
            else:
                formatter.write_text(one_line(session.why_no_verbs))
        with formatter.section("Commands"):
            formatter.write_dl([row for row in SHORT.items() if row[0] not in session.absent])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Exit status"):
            formatter.write_dl([(str(number), text) for number, text in MEANINGS.items()])


def told(line: Sequence[str]) -> list[str]:
    """The line, which is told to be what is done."""
    click.echo(f"as {shlex.join((PROGRAM, *line))}", err=True)
    return [*line]


def options_of_lists(session: Session, verb: Verb) -> set[str]:
    """The options with a value that choose rows, of a verb or of what lists its names."""
    from cuectl.requests import is_flag
    from cuectl.selection import choosing_options

    options: Mapping[str, Verb]
    listing = session.listing(verb)
    if listing is not None and verb.get("reads"):
        options = {}  # `job show X` has another meaning
    elif listing is not None:
        options = choosing_options(verb, listing[1])
    else:
        options = verb.get("options", {}) if not verb.get("arguments") else {}
    return {name for name, about in options.items() if not is_flag(about)}


def as_clean(command: click.Command) -> click.Command:
    """The command, whose failures become one line and an exit status."""
    if isinstance(command, click.Group):
        for each in command.commands.values():
            as_clean(each)
    elif command.callback is not None and not hasattr(command.callback, "is_clean"):
        command.callback = exits_cleanly(command.callback, PROGRAM)
        setattr(command.callback, "is_clean", True)  # noqa: B010 - functions have no such field
    return command


def show_version(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value and not context.resilient_parsing:
        click.echo(f"{PROGRAM}, version {__version__}")
        context.exit()


def complete_context(
    context: click.Context, parameter: click.Parameter, begun: str
) -> list[CompletionItem]:
    from cuectl.completion import contexts_like

    return contexts_like(begun)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=show_version,
    help="Show the version and exit.",
)  # fmt: skip
# Those that say which gateway are eager, as --help is: a --help behind them shows its verbs.
@click.option(
    "--context", "name", metavar="NAME", is_eager=True, shell_complete=complete_context,
    help="Use this context (CUECTL_CONTEXT).",
)  # fmt: skip
@click.option("--url", is_eager=True, help="Ask this gateway (GATEWAY_URL).")
@click.option(
    "--token", is_eager=True, help="The token; set TOKEN to hide it from other users."
)  # fmt: skip
@click.pass_context
def main(context: click.Context, name: str | None, url: str | None, token: str | None) -> None:
    """Ask an OpenCue farm, through a cuebot-gateway.

    The gateway is --url or that of --context, else GATEWAY_URL, else the current context (cuectl
    context add).
    """
    context.ensure_object(Session).choose(name, url, token)


def run(**options: Any) -> None:
    exits_cleanly(lambda: main(prog_name=PROGRAM, **options), PROGRAM)()


def start() -> None:
    gc.disable()  # it would look through what is being imported, and the process ends soon
    run()
