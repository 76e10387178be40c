"""TRACES=on, for which the extra `otel` has to be there."""

from typing import TYPE_CHECKING

from gateway.errors import ConfigurationError
from gateway.http.spans import Sampler
from gateway.settings.model import Settings

if TYPE_CHECKING:
    from gateway.observe.traces import Traces


def open_traces(settings: Settings) -> "Traces | None":
    """What records requests and sends their spans, if TRACES is on. Raises ConfigurationError."""
    if settings.traces == "off":
        return None
    check_traces(settings)
    from gateway.observe.traces import Traces

    try:
        return Traces(Sampler(settings.traces_ratio))
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
