"""The settings of the audit log."""

from typing import Literal

from gateway.core.settings.model import Strict
from gateway.core.settings.types import Switch, Words


class AuditSettings(Strict):
    audit_log: str | None = None
    audit_sync: Switch = False
    audit_fail: Literal["closed", "open"] = "closed"
    audit_redact: Words = ("*password*", "*secret*", "*token*")
