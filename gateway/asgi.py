"""The whole gateway for any ASGI server, made of the environment: `uvicorn gateway.asgi:app`.

What the server says of connections, certificates and workers is the server's: REST_HOST, REST_PORT,
TLS_*, WORKERS, MAX_CONNECTIONS, HTTP_TIMEOUT for heads, and the drain of SHUTDOWN_* are settings of
`cuebot-gateway serve`, which also reads the settings again on SIGHUP.
"""

import os
import sys

import structlog

from gateway.access.secrets import read_secrets, refuse_published
from gateway.app import Gateway, create_app
from gateway.errors import ConfigurationError
from gateway.observe.logs import configure_logging
from gateway.settings.loading import load_settings, misspelled, retired

ANYWHERE = "where its server listens is not known here"

log = structlog.stdlib.get_logger("gateway")


def app_from_environment() -> Gateway:
    """The app. A wrong setting ends the process, with a line for each."""
    try:
        settings = load_settings(os.environ)
        configure_logging(settings.log_level, settings.log_format)
        for warning in (*misspelled(os.environ), *retired(settings)):
            log.warning(warning)
        refuse_published(settings, read_secrets(settings), (ANYWHERE,), or_else="")
        if settings.metrics_port is not None:
            raise ConfigurationError(
                "METRICS_PORT: the server here has one port; without it, METRICS are at /metrics"
            )
        return create_app(settings)
    except ConfigurationError as error:
        sys.exit(f"gateway.asgi: {error}")


app = app_from_environment()
