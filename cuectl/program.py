"""`cuectl`: its verbs under headings by what they are about, and those of studios."""

import gc
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from cuectl import PROGRAM, __version__
from cuectl.commands.call import call
from cuectl.commands.completion import completion
from cuectl.commands.context import context
from cuectl.commands.whoami import whoami
from cuectl.completion import contexts_like
from cuectl.foreign import unknown
from cuectl.session import Session
from cuectl.verb import Verb
from cuectl.verbs import farm, frames, hosts, jobs, layers, limits, shows, waiting
from gateway_client.errors import WrongSetting
from gateway_client.terminal.exits import MEANINGS, exits_cleanly
from gateway_client.terminal.text import one_line, printable

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def verbs_in(*modules: ModuleType) -> list[click.Command]:
    """Their verbs, in the order in which they stand there."""
    return [each for module in modules for each in vars(module).values() if isinstance(each, Verb)]


SECTIONS: Mapping[str, Sequence[click.Command]] = {
    "Jobs": verbs_in(jobs),
    "Waiting and launching": verbs_in(waiting),
    "Layers and frames": verbs_in(frames, layers),
    "Hosts and procs": verbs_in(hosts),
    "Shows and subscriptions": verbs_in(shows),
    "Farm": verbs_in(limits, farm),
    "Other": (call, whoami, context, completion),
}
"""In the order of a day's work."""
OWN = {str(each.name): each for commands in SECTIONS.values() for each in commands}
ENTRY_POINTS = "cuectl.verbs"
"""A package of a studio's names its Click commands here."""
OF_STUDIO = "Of this studio"


def of_studio() -> "Mapping[str, EntryPoint]":
    """Entry points of other packages, by the name of the verb; cuectl's own verbs come first."""
    from importlib.metadata import entry_points  # slow to import

    found = {each.name: each for each in entry_points(group=ENTRY_POINTS)}
    return {name: each for name, each in sorted(found.items()) if name not in OWN}


class Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*OWN, *of_studio()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        command = OWN.get(cmd_name)
        if command is None and (entry := of_studio().get(cmd_name)):
            command = loaded(entry)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        exits_cleanly(super().invoke, PROGRAM)(ctx)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # A shell that completes a line never comes to the function of the group.
        refuse_bytes(args)
        ctx.obj = Session(*(ctx.params.get(name) for name in ("name", "url", "token")))
        is_verb = self.get_command(ctx, args[0]) is not None
        if not is_verb and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(unknown(args[0], self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        shown = {
            title: [(str(each.name), each.get_short_help_str(60)) for each in commands]
            for title, commands in SECTIONS.items()
        }
        if others := of_studio():
            shown[OF_STUDIO] = [
                (printable(name), printable(loaded(each).get_short_help_str(60)))
                for name, each in others.items()
            ]
        for title, rows in shown.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_paragraph()
        statuses = ", ".join(f"{number} {text}" for number, text in MEANINGS.items())
        formatter.write_text(f"Exit status: {statuses}.")


def loaded(entry: "EntryPoint") -> click.Command:
    """The command of a studio's; for what is none, a command that says so (exit status 2)."""
    try:
        command = entry.load()
    except (Exception, SystemExit) as error:
        problem = f"cannot be loaded: {type(error).__name__}: {error}"
    else:
        if isinstance(command, click.Command):
            return command
        problem = "is no Click command"
    return Broken(entry.name, one_line(f"{entry.value} {problem}"))


class Broken(click.Command):
    """A verb that cannot run, whatever is behind it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(name, help=problem, add_help_option=False)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if ctx.resilient_parsing:  # a shell completes the line
            return []
        raise WrongSetting(f"{ctx.info_name}: {self.help}")


@click.group(
    cls=Verbs,
    subcommand_metavar="VERB [NAME...] [--options]",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__)
@click.option(
    "--context", "name", metavar="NAME", help="Use this context (CUECTL_CONTEXT).",
    shell_complete=lambda _, __, begun: contexts_like(begun),
)  # fmt: skip
@click.option("--url", help="Ask this gateway (GATEWAY_URL; else the current context).")
@click.option("--token", help="The token; set TOKEN to hide it from other users.")
def main(name: str | None, url: str | None, token: str | None) -> None:
    """Ask an OpenCue farm, through a cuebot-gateway. VERB --help has examples."""


def refuse_bytes(arguments: Sequence[str]) -> None:
    """Raises UsageError for an argument that is no text: JSON has no place for it."""
    for each in arguments:
        try:
            each.encode()
        except UnicodeEncodeError:
            raise click.UsageError(f"{printable(each)} is not text in UTF-8") from None


def run(**options: Any) -> None:
    exits_cleanly(lambda: main(prog_name=PROGRAM, **options), PROGRAM)()


def start() -> None:
    gc.disable()  # it would look through what is being imported, and the process ends soon
    run()
