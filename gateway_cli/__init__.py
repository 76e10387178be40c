"""The command line: one module per command."""

from importlib import import_module

import click

from gateway import __version__
from gateway.features import FEATURES
from gateway_cli.commands.batch import batch
from gateway_cli.commands.call import call
from gateway_cli.commands.check import check
from gateway_cli.commands.compare import compare
from gateway_cli.commands.completion import completion
from gateway_cli.commands.demo import demo
from gateway_cli.commands.describe import describe
from gateway_cli.commands.mcp import mcp
from gateway_cli.commands.routes import routes
from gateway_cli.commands.serve import serve
from gateway_cli.commands.snapshot import snapshot
from gateway_cli.exits import PROGRAM, exits_cleanly

OF_FEATURES = {name: module for each in FEATURES for name, module in each.commands.items()}


class Commands(click.Group):
    """Our commands, and those of features, which are imported when they are asked for."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*self.commands, *OF_FEATURES})

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name in OF_FEATURES and name not in self.commands:
            add(getattr(import_module(OF_FEATURES[name]), name))
        return super().get_command(context, name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def main() -> None:
    """JSON over HTTP in front of OpenCue's Cuebot.

    Settings come from the environment and a TOML file; config/gateway.toml and
    docs/configuration.md list them all.
    """


COMMANDS = (
    serve,
    check,
    routes,
    describe,
    call,
    batch,
    compare,
    mcp,
    snapshot,
    completion,
    demo,
)


def add(command: click.Command) -> None:
    assert command.callback is not None
    command.callback = exits_cleanly(command.callback)
    main.add_command(command)


for command in COMMANDS:
    add(command)
