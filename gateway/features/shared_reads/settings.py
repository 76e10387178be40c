"""The setting of shared reads."""

from typing import Literal

from gateway.core.settings.model import Strict


class SharedReadsSettings(Strict):
    shared_reads: Literal["on", "principal", "off"] = "on"
