"""The end of a command of `cuebot-gateway`."""

import sys
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from gateway.core.errors import ConfigurationError, GatewayError
from gateway.core.logs import configure_logging
from gateway_client.errors import CallError, Failure, WrongSetting
from gateway_client.terminal import exits

PROGRAM = "cuebot-gateway"
complain = partial(exits.complain, program=PROGRAM)


def exits_cleanly(command: Callable[..., None]) -> Callable[..., None]:
    """`exits_cleanly` of `cuectl`, for errors of the gateway's own code as well.

    Wrong settings and wrong usage have status 2; other failures 1. Only errors are logged, unless
    the command configures logging itself.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        configure_logging("error", "console", sys.stderr)
        try:
            command(*arguments, **options)
        except ConfigurationError as error:
            raise WrongSetting(str(error)) from None
        except (CallError, GatewayError) as error:
            raise Failure(str(error)) from None

    return exits.exits_cleanly(run, PROGRAM)
