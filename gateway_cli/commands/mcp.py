"""`cuebot-gateway mcp`."""

import asyncio
import signal

import click

from cuectl.session import Session
from gateway.core.errors import ConfigurationError


@click.command()
@click.option("--context", "name", metavar="NAME", help="Use this context of cuectl.")
@click.option("--url", help="Ask this gateway (GATEWAY_URL).")
@click.option("--token", help="The token; set TOKEN to hide it from other users.")
@click.option("--read-only", is_flag=True, help="Leave out the tool that changes something.")
def mcp(name: str | None, url: str | None, token: str | None, read_only: bool) -> None:
    """Serve an assistant's tools over standard input and output.

    This is a server of the Model Context Protocol, which programs with assistants start. It is a
    client of the gateway of --url or --context, else of GATEWAY_URL, else of cuectl's current
    context: all it does has the rights, the limits and the audit lines of that token. Its tools
    find methods, describe and read, and preview and make changes.

    It needs the extra mcp: pip install 'cuebot-gateway[mcp]'

    \b
    Example:
      cuebot-gateway mcp --url http://gateway.studio:8448 --read-only

    \b
    Exit status:
      0    standard input has ended
      2    wrong usage or settings: no gateway is known, or the extra is missing
      141  the reader of the output went away
    """
    try:
        from gateway_cli.assistant.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types", "anyio"):
            raise
        raise ConfigurationError(
            "it needs the Python SDK of the Model Context Protocol, 2.0 or newer;"
            " pip install 'cuebot-gateway[mcp]'"
        ) from None
    session = Session(name, url, token)
    # A thread that waits for standard input keeps Python from ending at a Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        asyncio.run(serve(session, read_only=read_only))
    except BaseExceptionGroup as group:  # of the SDK's tasks
        if group.subgroup(BrokenPipeError) is None:
            raise
        raise BrokenPipeError from None
