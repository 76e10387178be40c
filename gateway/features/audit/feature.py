"""The audit log."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from gateway.core.errors import OwnCause
from gateway.core.families import counter, gauge
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.settings.model import Reloadable, Settings, Strict
from gateway.feature import Feature
from gateway.features.audit.audit_log import CANNOT_WRITE, check_audit, open_audit
from gateway.features.audit.settings import AuditSettings


class Audit(Feature):
    name = "audit"
    families = (
        gauge(
            "audit_lag_seconds",
            "How long the oldest unwritten audit line has waited.",
            together=max,
        ),
        counter("audit_dropped_total", "Audit lines that were given up."),
    )
    commands: ClassVar[Mapping[str, str]] = {"audit": "gateway.features.audit.commands"}
    refusals: ClassVar[Mapping[OwnCause, str]] = {CANNOT_WRITE: "The audit log cannot be written"}

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        with found.settings():
            check_audit(settings)

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return AuditSettings

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
