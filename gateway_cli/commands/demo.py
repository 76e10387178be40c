"""`cuebot-gateway demo`."""

from typing import Any

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=None,
    type=click.IntRange(0, 65535),
    help="Port of the gateway (8448) or, with --cuebot-only, of Cuebot (8443); 0 takes a free one.",
)
@click.option("--cuebot-only", is_flag=True, help="Start only the simulated Cuebot.")
@click.option(
    "--no-reflection", is_flag=True, help="A Cuebot without server reflection, like the stock one."
)
@click.option("--tls", is_flag=True, help="Serve HTTPS, with a certificate authority of its own.")
@click.option(
    "--jobs",
    default=8,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="How many jobs the farm has; it gets as many hosts as they need.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same farm.")
def demo(**options: Any) -> None:
    """Try the gateway on a simulated farm.

    Starts a simulated Cuebot with the gateway in front of it, and prints a token and commands to
    paste. Frames run, fail and finish, and jobs come and go. Nothing outside this machine is
    touched. It has settings of its own, and reads none from the environment.

    \b
    Example:
      cuebot-gateway demo --port 9000
      cuebot-gateway demo --jobs 20000 --seed 7
    """
    from gateway_cli.demo import run_demo  # only the demo needs the demo extra

    run_demo(**options)
