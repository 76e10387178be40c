"""The settings of metrics."""

from typing import Literal

from pydantic import Field

from gateway.core.settings.model import Strict


class MetricsSettings(Strict):
    metrics: Literal["off", "token", "public"] = "off"
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    metrics_host: str = "127.0.0.1"
