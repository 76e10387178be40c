"""`X-Dry-Run`: the calls that a request would make, which are not made."""

from gateway.features.dry_run.feature import DryRun

__all__ = ["DryRun"]
