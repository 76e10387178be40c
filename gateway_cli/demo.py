"""The demo: a simulated Cuebot, the gateway in front of it, and lines to paste."""

import asyncio
import gc
import secrets
import shlex
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import uvloop

from cuebot_simulator.log_files import LogFiles
from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm
from gateway.app import create_app
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import ConfigurationError
from gateway.core.listening import Certificate, empty_context
from gateway.core.logs import configure_logging
from gateway.features.settings import Settings, there
from gateway_cli.serving.drain import Server
from gateway_cli.serving.listen import listen, url_of
from gateway_cli.tokens import signer_of

TRUST = """\
  export SSL_CERT_FILE={ca_file} CURL_CA_BUNDLE={ca_file}

  # For a browser, add that file to its certificate authorities, and remove it afterwards:
  # the file is gone when the demo ends.
"""
NAMES = ("localhost", "127.0.0.1", "::1")
"""The subjects of the certificate, besides --host."""
CUEBOT_PORT = 8443
GATEWAY_PORT = 8448
TEMPORARY = "cuebot-gateway-demo-"
TOKEN_SECONDS = 12 * 3600

BANNER = """
A simulated farm is up. Paste this to try it:

  export GATEWAY_URL={url}
  export TOKEN={token}
{trust}
  # the shows
  curl -sS -w '\\n' $GATEWAY_URL/show.ShowInterface/GetShows \\
    -H "Authorization: Bearer $TOKEN" -d '{{}}'

  # pause a job
  curl -sS -w '\\n' $GATEWAY_URL/job.JobInterface/Pause -H "Authorization: Bearer $TOKEN" \\
    -d '{{"job": "{job_name}"}}'

  # look at the job: isPaused is true
  curl -sS -w '\\n' $GATEWAY_URL/job.JobInterface/FindJob -H "Authorization: Bearer $TOKEN" \\
    -d '{{"name": "{job_name}"}}'

  # the command line: jobs (and with --help what else it can do)
  {program} jobs

In a browser: {url}/ (the farm) and {url}/docs (try calls)
Base URL: {url}    simulated Cuebot (gRPC{reflection}): {endpoint}
Stop with Ctrl-C.
"""


def run_demo(
    *,
    host: str,
    port: int | None,
    cuebot_only: bool,
    no_reflection: bool,
    tls: bool,
    jobs: int,
    seed: int,
) -> None:
    """Run the demo until a signal. Raises ConfigurationError if a port is in use."""
    configure_logging("warning", "console")
    farm, reflection = large_farm(seed=seed, jobs=jobs), not no_reflection
    if cuebot_only:
        chosen = CUEBOT_PORT if port is None else port
        listen(host, chosen).close()  # its errors are clearer than gRPC's
        with temporary_logs() as logs:
            cuebot = SimulatedCuebot(
                host=host, port=chosen, reflection=reflection, farm=farm, logs=logs
            )
            uvloop.run(run_cuebot(cuebot, logs))
        return
    with (
        temporary_logs() as logs,
        listen(host, GATEWAY_PORT if port is None else port) as listener,
        temporary_certificate(host) if tls else nullcontext() as secured,
    ):
        cuebot = SimulatedCuebot(reflection=reflection, farm=farm, logs=logs)
        uvloop.run(run_both(cuebot, logs, listener, secured))


def large_farm(*, seed: int, jobs: int) -> Farm:
    """A farm that garbage collections skip. Raises ConfigurationError without opencue-proto."""
    try:
        messages = read_messages()
    except ConfigurationError as error:
        raise ConfigurationError(
            f"the simulated Cuebot needs opencue-proto: {error}; pip install 'cuebot-gateway[demo]'"
        ) from None
    gc.disable()
    farm = build_farm(messages, seed=seed, jobs=jobs)
    gc.freeze()
    gc.enable()
    return farm


@contextmanager
def temporary_logs() -> Iterator[LogFiles | None]:
    """Logs of frames in a temporary folder; None where there is no place for one."""
    try:
        folder = TemporaryDirectory(prefix=TEMPORARY)
    except OSError as error:
        click.echo(f"cuebot-gateway: frames have no logs: {error}", err=True)
        yield None
        return
    with folder as directory:
        yield LogFiles(Path(directory))


@contextmanager
def temporary_certificate(host: str) -> Iterator[tuple[Certificate, Path]]:
    """A certificate for this machine and `host`, and a temporary file with its CA.

    The CA's key never touches the disk. Raises ConfigurationError without trustme.
    """
    try:
        import trustme
    except ImportError:
        raise ConfigurationError(
            "--tls needs the package trustme; pip install 'cuebot-gateway[demo]'"
        ) from None
    authority = trustme.CA(organization_name="cuebot-gateway demo")
    context = empty_context()
    authority.issue_cert(*dict.fromkeys((*NAMES, host))).configure_cert(context)
    with TemporaryDirectory(prefix=TEMPORARY) as directory:
        ca_file = Path(directory) / "ca.pem"
        authority.cert_pem.write_to_path(ca_file)
        yield Certificate(context), ca_file


@asynccontextmanager
async def running(cuebot: SimulatedCuebot) -> AsyncIterator[None]:
    await cuebot.start()
    try:
        yield
    finally:
        await cuebot.stop()


async def run_cuebot(cuebot: SimulatedCuebot, logs: LogFiles | None) -> None:
    async with running(cuebot):
        click.echo(f"A simulated Cuebot listens on {cuebot.endpoint} (gRPC). Stop with Ctrl-C.")
        if logs is not None:
            click.echo(
                "A gateway on this machine shows the logs of its frames with"
                f" LOG_ROOTS={logs.roots}"
            )
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        await stopped.wait()


async def run_both(
    cuebot: SimulatedCuebot,
    logs: LogFiles | None,
    listener: socket.socket,
    secured: tuple[Certificate, Path] | None,
) -> None:
    """Run the simulated Cuebot and a gateway in front of it, with HTTPS if `secured`.

    Raises ConfigurationError for a feature that does not start.
    """
    secret = secrets.token_urlsafe(32)
    certificate, ca_file = secured or (None, None)
    async with running(cuebot):
        given = {"cuebot_endpoint": cuebot.endpoint, "shutdown_timeout": 2, "docs": "public"}
        roots = [] if logs is None else [logs.roots]
        of_features = there({"jwt_secret": secret, "log_roots": roots})
        settings = Settings.model_validate(given | of_features)
        app = create_app(settings)
        server = Server(app, settings, certificate)
        sign = signer_of(settings)
        token = "" if sign is None else sign("demo", TOKEN_SECONDS)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        welcome = asyncio.create_task(greet(app.parts.live, cuebot, listener, token, ca_file))
        try:
            await serving
        finally:
            welcome.cancel()


def program() -> str:
    """What a shell in any folder calls cuectl by: its name if PATH has it, else its path."""
    name = "cuectl"
    ours, found = Path(sys.executable).with_name(name), shutil.which(name)
    if not ours.exists():
        return shlex.join([sys.executable, "-m", "cuectl"])
    known = found is not None and Path(found).resolve() == ours.resolve()
    return name if known else shlex.quote(str(ours))


async def greet(
    live: LiveCatalog,
    cuebot: SimulatedCuebot,
    listener: socket.socket,
    token: str,
    ca_file: Path | None,
) -> None:
    """Print the banner once the gateway is ready."""
    await live.wait()
    job = next(iter(cuebot.farm.jobs.values()))
    click.echo(
        BANNER.format(
            token=token,
            url=url_of(listener, tls=ca_file is not None),
            trust="" if ca_file is None else TRUST.format(ca_file=ca_file),
            job_name=job.name,
            program=program(),
            endpoint=cuebot.endpoint,
            reflection=" with reflection" if cuebot.reflection else ", no reflection",
        )
    )
