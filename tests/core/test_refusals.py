"""What has been refused, and when."""

import pytest

from gateway.core.errors import unavailable
from gateway.core.refusals import Refusals


def test_what_was_refused_a_minute_ago_is_not_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((1000.0, 1000.5, 1059.0, 1059.0, 1060.5))
    monkeypatch.setattr("gateway.core.refusals.monotonic", lambda: next(times))
    refusals = Refusals()
    full = unavailable("full", "connections")
    for _ in range(3):
        refusals.turned_away(full)
    assert refusals.recent() == {"connections": 3}
    assert refusals.recent() == {"connections": 1}
    assert refusals.since_start == {"connections": 3}
