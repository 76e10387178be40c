"""The command line: one module per command."""

import click

from gateway import __version__
from gateway.cli.commands import COMMANDS
from gateway.cli.terminal.exits import PROGRAM


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def main() -> None:
    """JSON over HTTP in front of OpenCue's Cuebot.

    Settings come from the environment and a TOML file; config/gateway.toml and
    docs/configuration.md list them all.
    """


for command in COMMANDS:
    main.add_command(command)
