"""The result of a load, whichever tool generated it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.scenarios import Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """One round, from the client's side."""

    requests: int
    """Answers received."""
    seconds: float
    p50_ms: float
    p99_ms: float
    wrong: int
    """Answers with an unexpected status, and connections that failed."""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(len(ordered) * share + 0.999999) - 1))]


def headers_of(call: Call, token: str) -> Mapping[str, str]:
    """The headers of a call, except its length."""
    headers = {"Content-Type": "application/json"}
    if call.authorized:
        headers["Authorization"] = f"Bearer {token}"
    if call.request_id:
        headers["X-Request-Id"] = call.request_id
    return headers
