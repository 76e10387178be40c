"""TRACES: the sampler by OpenTelemetry's variables, and the extra `otel`.

OpenTelemetry is imported only if TRACES is on.
"""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Settings
from gateway.features.traces.settings import TraceSettings
from gateway.features.traces.trace_context import Sampler

if TYPE_CHECKING:
    from gateway.features.traces.traces import Tracing

PARENT_BASED = "parentbased_"
SAMPLERS = ("always_on", "always_off", "traceidratio")
"""With or without PARENT_BASED, as in OTEL_TRACES_SAMPLER."""


def open_traces(settings: Settings) -> "Tracing | None":
    """The interceptor that sends spans, if TRACES is on. Raises ConfigurationError."""
    sampler = check_traces(settings)
    if sampler is None or os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    from gateway.features.traces.traces import Tracing

    try:
        return Tracing(sampler)
    except ValueError as error:
        raise ConfigurationError(f"TRACES: the variables OTEL_… are not right: {error}") from None


def check_traces(settings: Settings) -> Sampler | None:
    """The sampler, if TRACES is on. Raises ConfigurationError if it could not work."""
    section = settings.section(TraceSettings)
    if section.traces == "off":
        return None
    try:
        import gateway.features.traces.traces  # noqa: F401
    except ImportError as error:
        raise ConfigurationError(
            f"TRACES: needs the extra otel ({error}); pip install 'cuebot-gateway[otel]'"
        ) from None
    if section.traces_ratio is not None:
        return Sampler(section.traces_ratio)
    return sampler_of(os.environ)


def sampler_of(environ: Mapping[str, str]) -> Sampler:
    """The sampler of OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. Raises ConfigurationError."""
    name = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    kind, argument = name.removeprefix(PARENT_BASED), environ.get("OTEL_TRACES_SAMPLER_ARG", "")
    if kind not in SAMPLERS:
        names = ", ".join(SAMPLERS)
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER: expected {names}, or one of them after {PARENT_BASED},"
            f" got {name!r}"
        )
    try:
        ratio = float(argument or 1) if kind == "traceidratio" else float(kind == "always_on")
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise ConfigurationError(
            f"OTEL_TRACES_SAMPLER_ARG: expected a ratio from 0 to 1, got {argument!r}"
        )
    return Sampler(ratio, parent_based=name.startswith(PARENT_BASED))
