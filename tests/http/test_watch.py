"""Event streams: reads that are watched."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.http.watch import WatchLimits
from tests.support.events import Event, watching
from tests.support.opencue import message_class
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for

pytestmark = pytest.mark.anyio

HOSTS = "/host.HostInterface/GetHosts"
FIND_JOB = "/job.JobInterface/FindJob"
GET_JOB = "/job.JobInterface/GetJob"
GET_JOBS = "/job.JobInterface/GetJobs"
JOB_ID = "00000000-0000-0000-0000-000000000001"
QUICK = WatchLimits(tick_seconds=0.01, check_seconds=0.05)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks may follow one another at once."""
    monkeypatch.setattr("gateway.calls.query.LEAST_PERIOD_SECONDS", 0.001)
    monkeypatch.setattr("gateway.calls.query.USUAL_PERIOD_SECONDS", 0.02)
    monkeypatch.setattr("gateway.app.WATCH_LIMITS", QUICK)


@pytest.fixture
async def farm(cuebot: ScriptedCuebot) -> AsyncIterator[Gateway]:
    async with gateway_for(cuebot.endpoint) as gateway:
        yield gateway


def hosts(*names: str, **states: int) -> bytes:
    """An answer of GetHosts; hosts are UP, or in the given state."""
    answer = message_class("host.HostGetHostsResponse")()
    answer.hosts.SetInParent()
    for name in (*names, *states):
        answer.hosts.hosts.add(id=f"id of {name}", name=name, state=states.get(name, 0))
    payload: bytes = answer.SerializeToString()
    return payload


def names(rows: Any) -> list[str]:
    return [row["name"] for row in rows]


def all_of(event: Event) -> list[str]:
    assert event.kind == "snapshot"
    return names(event.data["hosts"]["hosts"])


@pytest.mark.parametrize("body", [None, {}])
async def test_what_changes_is_sent(cuebot: ScriptedCuebot, farm: Gateway, body: object) -> None:
    cuebot.answers(HOSTS, hosts("a", "b"))
    async with watching(farm, HOSTS, body) as stream:
        headers = stream.answer.headers
        assert headers["content-type"] == "text/event-stream"
        assert headers["cache-control"] == "no-store"
        assert headers["x-accel-buffering"] == "no"
        assert "content-encoding" not in headers
        assert await stream.block() == ["retry: 2000"]
        first = await stream.next()
        assert first.data == (await farm.post(HOSTS, {})).json()
        cuebot.answers(HOSTS, hosts("c", b=1))
        second = await stream.next()
        assert (second.kind, names(second.data["added"])) == ("change", ["c"])
        assert second.data["changed"] == [
            {**second.data["added"][0], "id": "id of b", "name": "b", "state": "DOWN"}
        ]
        assert second.data["removed"] == ["id of a"]
        assert first.id != second.id
        cuebot.answers(HOSTS, hosts("c"))
        third = await stream.next()
        assert third.data == {"added": [], "changed": [], "removed": ["id of b"]}
