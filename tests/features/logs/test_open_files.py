"""Room for the files that logs keep open."""

import resource
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway.features.logs import feature
from gateway.features.logs.open_files import LEAST_FILES, OTHER_FILES, room_for
from tests.features.logs.farm import logging_farm

INFINITE = resource.RLIM_INFINITY
OTHERS = 100 + OTHER_FILES


@pytest.mark.parametrize(
    ("soft", "hard", "then", "room"),
    [
        (INFINITE, INFINITE, INFINITE, 50),
        (OTHERS + 60, 10_000, OTHERS + 60, 50),
        (OTHERS, 10_000, OTHERS + 50, 50),
        (OTHERS, OTHERS + 20, OTHERS + 20, 20),
        (64, 64, 64, LEAST_FILES),
    ],
)
def test_the_limit_is_raised_as_far_as_needed(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, then: int, room: int
) -> None:
    files = [(soft, hard)]
    monkeypatch.setattr(resource, "getrlimit", lambda which: files[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: files.append(limits))
    assert room_for(50, 100) == room
    assert files[-1] == (then, hard)


@pytest.mark.anyio
async def test_without_room_fewer_logs_are_read_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature, "room_for", lambda files, connections: files // 4)
    with capture_logs() as lines:
        async with logging_farm(tmp_path) as farm:
            logs = farm.gateway.app.feature(feature.Logs)
            assert (logs.readers.total, logs.followers.total) == (63, 249)
            farm.write(b"text\n")
            assert (await farm.gateway.client.get(farm.path)).content == b"text\n"
    assert [line["followers"] for line in lines if "open files" in line["event"]] == [249]
