"""TRACES=on, for which the extra `otel` has to be there."""

from typing import Protocol

from gateway.errors import ConfigurationError
from gateway.http.context import RequestContext
from gateway.settings.model import Settings


class TraceReporter(Protocol):
    """A reporter that sends what it is told of later."""

    def __call__(self, context: RequestContext) -> None: ...
    async def close(self) -> None:
        """Send what is left, or give up soon."""


def open_traces(settings: Settings) -> TraceReporter | None:
    """Who sends spans, if TRACES is on. Raises ConfigurationError."""
    if settings.traces == "off":
        return None
    check_traces(settings)
    from gateway.observe.traces import Traces

    try:
        return Traces()
    except ValueError as error:
        raise ConfigurationError(f"TRACES: the variables OTEL_… are not right: {error}") from None


def check_traces(settings: Settings) -> None:
    """Raises ConfigurationError if TRACES is on and the extra is not installed."""
    if settings.traces == "off":
        return
    try:
        import gateway.observe.traces  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"TRACES: needs the extra otel ({error}); pip install 'cuebot-gateway[otel]'"
        ) from None
