"""The command line, `cuebot-gateway`: one module per command, found here by name."""

import click

from gateway import __version__
from gateway.cli.call import call
from gateway.cli.check import check
from gateway.cli.common import PROGRAM
from gateway.cli.compare import compare
from gateway.cli.completion import completion
from gateway.cli.demo import demo
from gateway.cli.describe import describe
from gateway.cli.routes import routes
from gateway.cli.serve import serve
from gateway.cli.snapshot import snapshot
from gateway.cli.token import token


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name=PROGRAM)
def main() -> None:
    """JSON over HTTP in front of OpenCue's Cuebot.

    Settings come from the environment and a TOML file; config/gateway.toml and
    docs/configuration.md list them all.
    """


for command in (serve, check, routes, describe, call, compare, snapshot, token, completion, demo):
    main.add_command(command)
