"""Dry runs: the calls that a request would make."""

from gateway.features.dry_run.feature import DryRun

__all__ = ["DryRun"]
