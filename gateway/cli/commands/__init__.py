"""The commands, one file each: options, help text, and a call of the room that does the work."""

from gateway.cli.commands.call import call
from gateway.cli.commands.check import check
from gateway.cli.commands.compare import compare
from gateway.cli.commands.completion import completion
from gateway.cli.commands.demo import demo
from gateway.cli.commands.describe import describe
from gateway.cli.commands.routes import routes
from gateway.cli.commands.serve import serve
from gateway.cli.commands.snapshot import snapshot
from gateway.cli.commands.token import token

COMMANDS = (serve, check, routes, describe, call, compare, snapshot, token, completion, demo)
