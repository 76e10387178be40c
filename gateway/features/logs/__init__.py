"""The logs of frames (`/logs/{job}/{frame}`), read where RQD writes them."""

from gateway.features.logs.feature import Logs

__all__ = ["Logs"]
