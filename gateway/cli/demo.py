"""`cuebot-gateway demo`."""

import click

from gateway.cli.common import one_line_failures


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=None,
    type=click.IntRange(0, 65535),
    help="Port of the gateway (8448), or with --cuebot-only of Cuebot (8443); 0: a free one.",
)
@click.option("--cuebot-only", is_flag=True, help="Start the simulated Cuebot alone.")
@click.option(
    "--no-reflection", is_flag=True, help="A Cuebot without server reflection, as the stock one is."
)
@one_line_failures
def demo(host: str, port: int | None, cuebot_only: bool, no_reflection: bool) -> None:
    """Try the gateway on a simulated farm.

    Starts a simulated Cuebot and the gateway in front of it, and prints a token and commands to
    paste. Nothing outside this machine is touched.

    \b
    Example:
      cuebot-gateway demo --port 9000
    """
    from gateway.demo.run import run_demo  # only the demo needs the opencue extra

    run_demo(host=host, port=port, cuebot_only=cuebot_only, reflection=not no_reflection)
