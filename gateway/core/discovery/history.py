"""What has come of looking for a schema so far."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

log = structlog.stdlib.get_logger("gateway.schema")


@dataclass(slots=True)
class History:
    """Times are unix seconds, and 0 before the first."""

    problem: str = "the schema has not been asked for yet"
    """Why the last attempt has failed; empty if it has not."""
    broken: tuple[str, ...] = ()
    """Why no catalog can be made of the latest schema; a line for each feature to blame."""
    refreshes: dict[str, int] = field(
        default_factory=lambda: {"same": 0, "changed": 0, "failed": 0}
    )
    """Number of attempts by result."""
    catalogs: int = 0
    """Number of catalogs so far."""
    looked_at: float = 0.0
    """Time of the source's last answer."""
    changed_at: float = 0.0
    """Time of the last catalog with another schema."""

    def note_answer(self, *, is_news: bool) -> None:
        """An attempt has succeeded: with something to serve that is different, or not."""
        if self.catalogs and self.problem:
            log.info("schema refreshed again")
        self.problem = ""
        self.looked_at = time.time()
        self.refreshes["changed" if is_news else "same"] += 1

    def note_failure(self, problem: str, log_problem: Callable[[str], object]) -> None:
        """Keep the problem, and log it if it is a new one."""
        self.refreshes["failed"] += 1
        if self.catalogs:
            problem = f"the schema could not be refreshed: {problem}"
        if problem != self.problem:
            self.problem = problem
            log_problem(problem)

    def note_catalog(self, *, has_other_schema: bool) -> None:
        """There is another catalog from now on."""
        self.catalogs += 1
        if has_other_schema:
            self.changed_at = time.time()
