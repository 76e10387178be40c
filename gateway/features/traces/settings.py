"""The settings of traces."""

from typing import Annotated, Literal

from pydantic import Field

from gateway.core.settings.model import Strict
from gateway.core.settings.notes import Retired


class TraceSettings(Strict):
    traces: Literal["on", "off"] = "off"
    traces_ratio: Annotated[
        float | None,
        Retired("set OTEL_TRACES_SAMPLER=parentbased_traceidratio and OTEL_TRACES_SAMPLER_ARG"),
    ] = Field(default=None, ge=0, le=1)
