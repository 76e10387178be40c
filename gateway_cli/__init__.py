"""The command line: one module per command."""

import click

from gateway import __version__
from gateway_cli.commands.audit import audit
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
from gateway_cli.commands.token import token
from gateway_cli.exits import PROGRAM, exits_cleanly


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
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
    audit,
    mcp,
    snapshot,
    token,
    completion,
    demo,
)

for command in COMMANDS:
    assert command.callback is not None
    command.callback = exits_cleanly(command.callback)
    main.add_command(command)
