"""`cuebot-gateway demo`."""

import click

from gateway.cli.terminal.failures import one_line_failures

SMALL_STUDIO = 8
MOST_JOBS = 1_000_000


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
@click.option("--tls", is_flag=True, help="HTTPS, with a certificate authority of its own.")
@click.option(
    "--jobs",
    default=SMALL_STUDIO,
    show_default=True,
    type=click.IntRange(1, MOST_JOBS),
    help="How many jobs the farm has; its hosts are as many as they need.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same farm.")
@one_line_failures
def demo(
    host: str,
    port: int | None,
    cuebot_only: bool,
    no_reflection: bool,
    tls: bool,
    jobs: int,
    seed: int,
) -> None:
    """Try the gateway on a simulated farm.

    Starts a simulated Cuebot and the gateway in front of it, and prints a token and commands to
    paste. Frames run, fail and end there, jobs come and go. Nothing outside this machine is
    touched.

    \b
    Example:
      cuebot-gateway demo --port 9000
      cuebot-gateway demo --jobs 20000 --seed 7
    """
    from gateway.cli.demo.run import run_demo  # only the demo needs the demo extra

    run_demo(
        host=host,
        port=port,
        cuebot_only=cuebot_only,
        reflection=not no_reflection,
        tls=tls,
        jobs=jobs,
        seed=seed,
    )
