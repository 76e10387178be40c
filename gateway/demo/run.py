"""`cuebot-gateway demo`: a simulated Cuebot, the gateway in front of it, and what to paste."""

import asyncio
import gc
import secrets
import signal
import socket

import click
import uvloop

from gateway.app import create_app
from gateway.auth import mint_token, rules_of
from gateway.demo.cuebot import SimulatedCuebot
from gateway.demo.farm.messages import read_messages
from gateway.demo.farm.state import Farm
from gateway.demo.farm.studio import build_farm
from gateway.logs import configure_logging
from gateway.schema.refresh import LiveCatalog
from gateway.server.listen import listen, url_of
from gateway.server.serving import make_server
from gateway.settings import Settings

CUEBOT_PORT = 8443
GATEWAY_PORT = 8448
TOKEN_SECONDS = 12 * 3600

BANNER = """
A simulated farm is up. Paste this to try it:

  export GATEWAY_URL={url}
  export TOKEN={token}

  # the shows
  curl -sS -w '\\n' $GATEWAY_URL/show.ShowInterface/GetShows \\
    -H "Authorization: Bearer $TOKEN" -d '{{}}'

  # pause a job
  curl -sS -w '\\n' $GATEWAY_URL/job.JobInterface/Pause -H "Authorization: Bearer $TOKEN" \\
    -d '{{"job": {{"id": "{job_id}"}}}}'

  # look at it: isPaused is true
  curl -sS -w '\\n' $GATEWAY_URL/job.JobInterface/FindJob -H "Authorization: Bearer $TOKEN" \\
    -d '{{"name": "{job_name}"}}'

With the same two variables: cuebot-gateway call Job/GetJobs --fields name,user --watch 5s
In a browser: {url}/ (the farm) and {url}/docs (try calls)
Base URL: {url}    simulated Cuebot (gRPC{reflection}): {endpoint}
Stop with Ctrl-C.
"""


def run_demo(
    *, host: str, port: int | None, cuebot_only: bool, reflection: bool, jobs: int, seed: int
) -> None:
    """Run the demo until a signal. Raises ConfigurationError when a port is taken."""
    configure_logging("warning", "console")
    farm = large_farm(seed=seed, jobs=jobs)
    if cuebot_only:
        chosen = CUEBOT_PORT if port is None else port
        uvloop.run(
            run_cuebot(SimulatedCuebot(host=host, port=chosen, reflection=reflection, farm=farm))
        )
        return
    with listen(host, GATEWAY_PORT if port is None else port) as listener:
        uvloop.run(run_both(SimulatedCuebot(reflection=reflection, farm=farm), listener))


def large_farm(*, seed: int, jobs: int) -> Farm:
    """A farm that may be so large that looking for garbage among its objects takes long."""
    gc.disable()
    farm = build_farm(read_messages(), seed=seed, jobs=jobs)
    gc.freeze()
    gc.enable()
    return farm


async def run_cuebot(cuebot: SimulatedCuebot) -> None:
    """The simulated Cuebot alone."""
    await cuebot.start()
    click.echo(f"A simulated Cuebot listens on {cuebot.endpoint} (gRPC). Stop with Ctrl-C.")
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    await cuebot.stop()


async def run_both(cuebot: SimulatedCuebot, listener: socket.socket) -> None:
    """The simulated Cuebot and a gateway in front of it."""
    await cuebot.start()
    secret = secrets.token_urlsafe(32)
    settings = Settings.model_validate(
        {
            "cuebot_endpoint": cuebot.endpoint,
            "jwt_secret": secret,
            "shutdown_timeout": 2,
            "docs": "public",
        }
    )
    app = create_app(settings)
    server = make_server(app, settings)
    token = mint_token(secret.encode(), rules_of(settings), "demo", TOKEN_SECONDS)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    welcome = asyncio.create_task(greet(app.state.live, cuebot, listener, token))
    try:
        await serving
    finally:
        welcome.cancel()
        await cuebot.stop()


async def greet(
    live: LiveCatalog, cuebot: SimulatedCuebot, listener: socket.socket, token: str
) -> None:
    """Print the banner, once the gateway can serve what it promises."""
    await live.wait()
    job = next(iter(cuebot.farm.jobs.values()))
    click.echo(
        BANNER.format(
            token=token,
            url=url_of(listener),
            job_name=job.name,
            job_id=job.id,
            endpoint=cuebot.endpoint,
            reflection=" with reflection" if cuebot.reflection else ", no reflection",
        )
    )
