"""`cuebot-gateway serve`."""

import os
import signal
from functools import partial
from pathlib import Path

import click
import structlog
import uvloop

from gateway.core.logs import configure_logging
from gateway.core.settings.loading import retired
from gateway.features.settings import misspelled
from gateway_cli.common_options import config_option, settings_from
from gateway_cli.serving.listen import listen, listen_further
from gateway_cli.serving.process import serve as serve_gateway
from gateway_cli.serving.workers import run_workers

log = structlog.stdlib.get_logger("gateway")


@click.command()
@config_option
def serve(config: Path | None) -> None:
    """Run the gateway on REST_HOST and REST_PORT (0.0.0.0:8448).

    \b
    Example:
      export JWT_SECRET=$(openssl rand -base64 32)
      CUEBOT_ENDPOINT=cuebot:8443 cuebot-gateway serve
    """
    if hasattr(signal, "SIGHUP"):  # it would end a process that cannot reload yet
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    load = partial(settings_from, config)
    settings = load()
    configure_logging(settings.log_level, settings.log_format)
    for warning in (*misspelled(os.environ), *retired(settings)):
        log.warning(warning)
    if settings.workers > 1:
        run_workers(settings, load)
        return
    with (
        listen(settings.rest_host, settings.rest_port) as listener,
        listen_further(settings) as further,
    ):
        uvloop.run(serve_gateway(settings, listener, load, further=further))
