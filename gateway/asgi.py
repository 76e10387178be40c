"""The gateway for any ASGI server, from environment variables: `uvicorn gateway.asgi:app`.

The server handles connections, certificates and workers. REST_HOST, REST_PORT, TLS_*, WORKERS,
MAX_CONNECTIONS, HTTP_TIMEOUT for heads, SHUTDOWN_* and the reload on SIGHUP work only with
`cuebot-gateway serve`.
"""

import os
import sys

import structlog

from gateway.app import Gateway, create_app
from gateway.core.errors import ConfigurationError
from gateway.core.logs import configure_logging
from gateway.core.settings.loading import retired
from gateway.core.settings.reach import ANYWHERE
from gateway.features.catalog import further_ports
from gateway.features.settings import load_settings, misspelled

log = structlog.stdlib.get_logger("gateway")


def app_from_environment() -> Gateway:
    """Exits the process with one line per wrong setting."""
    try:
        settings = load_settings(os.environ)
        configure_logging(settings.log_level, settings.log_format)
        for warning in (*misspelled(os.environ), *retired(settings)):
            log.warning(warning)
        for port in further_ports(settings):
            raise ConfigurationError(port.without)
        return create_app(settings, reached_at=ANYWHERE)
    except ConfigurationError as error:
        sys.exit(f"gateway.asgi: {error}")


app = app_from_environment()
