"""The audit log."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from gateway.core.gateway import Gateway
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.settings.model import Reloadable
from gateway.feature import Feature
from gateway.features.audit.audit_log import open_audit


class Audit(Feature):
    name = "audit"
    commands: ClassVar[Mapping[str, str]] = {"audit": "gateway.features.audit.commands"}
    refusals: ClassVar[Mapping[str, str]] = {"audit_log": "The audit log cannot be written"}

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.log = open_audit(gateway.settings, gateway.log_fields)
        """None without AUDIT_LOG."""

    def interceptors(self) -> Iterable[Interceptor]:
        return () if self.log is None else (self.log,)

    def reloadables(self) -> Iterable[Reloadable]:
        return () if self.log is None else (self.log.reloadable(),)

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        if self.log is None:
            return {}
        return {("audit_lag_seconds",): self.log.lag, ("audit_dropped_total",): self.log.lost}

    async def close(self) -> None:
        if self.log is not None:
            await self.log.close()
