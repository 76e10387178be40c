"""`?list` and `?attempt`: the logs of earlier attempts."""

import os

import pytest

from tests.features.logs.farm import LoggingFarm

pytestmark = pytest.mark.anyio


@pytest.fixture
def farm(shared_farm: LoggingFarm) -> LoggingFarm:
    folder = shared_farm.file.parent
    for each in folder.iterdir() if folder.exists() else ():
        each.unlink()
    return shared_farm


async def listed(farm: LoggingFarm) -> list[dict[str, object]]:
    answer = await farm.gateway.client.get(f"{farm.path}?list")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    found: list[dict[str, object]] = answer.json()["attempts"]
    return found


async def test_the_newest_is_first(farm: LoggingFarm) -> None:
    for attempt in (1, 2):
        os.utime(farm.write(b"x" * attempt, attempt), (attempt, attempt))
    os.utime(farm.write(b"now"), (3.5, 3.5))
    assert await listed(farm) == [
        {"attempt": 3, "size": 3, "modified": "1970-01-01T00:00:03Z"},
        {"attempt": 2, "size": 2, "modified": "1970-01-01T00:00:02Z"},
        {"attempt": 1, "size": 1, "modified": "1970-01-01T00:00:01Z"},
    ]


@pytest.mark.parametrize("seconds", [10**12, -(10**11)])
async def test_a_time_that_no_calendar_has(farm: LoggingFarm, seconds: int) -> None:
    """As far as the file system keeps it: somebody may write anything to their own log."""
    os.utime(farm.write(b"now"), (0, seconds))
    (only,) = await listed(farm)
    assert str(only["modified"])[:4] in ("1970", "9999", "2446")
    assert (await farm.gateway.client.get(farm.path)).content == b"now"


async def test_without_a_log_there_is_no_attempt(farm: LoggingFarm) -> None:
    assert await listed(farm) == []


@pytest.mark.parametrize(("attempt", "text"), [(1, b"first"), (2, b"second"), (3, b"now")])
async def test_one_of_them(farm: LoggingFarm, attempt: int, text: bytes) -> None:
    farm.write(b"first", 1)
    farm.write(b"second", 2)
    farm.write(b"now")
    answer = await farm.gateway.client.get(f"{farm.path}?attempt={attempt}")
    assert (answer.status_code, answer.content) == (200, text)
    part = await farm.gateway.client.get(
        f"{farm.path}?attempt={attempt}", headers={"Range": "bytes=-2"}
    )
    assert (part.status_code, part.content) == (206, text[-2:])


async def test_one_that_is_not_there(farm: LoggingFarm) -> None:
    farm.write(b"first", 1)
    farm.write(b"now")
    answer = await farm.gateway.client.get(f"{farm.path}?attempt=3")
    assert answer.status_code == 404
    assert "attempts with one: 1, 2" in answer.json()["message"]


async def test_the_longest_name_leaves_no_room_for_a_number(farm: LoggingFarm) -> None:
    there = farm.frame.name
    farm.frame.name += "x" * (255 - len(farm.file.name))
    farm.write(b"now")
    try:
        assert [each["attempt"] for each in await listed(farm)] == [1]
        farm.frame.name += "x"
        answer = await farm.gateway.client.get(farm.path)
    finally:
        farm.frame.name = there
    assert answer.status_code == 404
    assert "not there, or not yet" in answer.json()["message"]


async def test_numbers_of_logs_that_somebody_has_deleted(farm: LoggingFarm) -> None:
    farm.write(b"third", 3)
    farm.write(b"now")
    assert [each["attempt"] for each in await listed(farm)] == [4, 3]
    assert (await farm.gateway.client.get(f"{farm.path}?attempt=4")).content == b"now"


async def test_an_attempt_that_has_begun_and_has_no_log_yet(farm: LoggingFarm) -> None:
    """RQD has moved the last one, and writes nothing before it has done so."""
    farm.write(b"first", 1)
    assert [each["attempt"] for each in await listed(farm)] == [1]
    answer = await farm.gateway.client.get(farm.path)
    assert answer.status_code == 404
    assert "not there, or not yet" in answer.json()["message"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("lines=0", "?lines: expected 1 to"),
        ("lines=x", "?lines: expected 1 to"),
        ("lines=1&lines=2", "?lines: given twice"),
        ("attempt=-1", "?attempt: expected 1 to"),
        ("follow=maybe", "?follow: expected nothing, true or false"),
        ("follow&attempt=1", "?follow: only the log of the last attempt grows"),
        ("list&lines=1", "?list: it tells which attempts there are"),
        ("folow", "?folow: a log has no such option; did you mean follow?"),
    ],
)
async def test_what_cannot_be_asked(farm: LoggingFarm, query: str, said: str) -> None:
    answer = await farm.gateway.client.get(f"{farm.path}?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_ARGUMENT")
    assert answer.json()["message"].startswith(said)


async def test_one_that_cannot_be_read(farm: LoggingFarm) -> None:
    """The others are listed beside it; if there are none, the answer says why."""
    farm.write(b"first", 1)
    second = farm.write(b"", 2)
    second.unlink()
    second.symlink_to("/etc/hostname")
    newest = farm.write(b"now")
    newest.unlink()
    newest.symlink_to("/etc/hostname")
    third, another, first = await listed(farm)
    for each in (third, another):
        assert "a link that is not followed" in str(each.pop("problem"))
    assert (third, another, first["size"]) == ({"attempt": 3}, {"attempt": 2}, 5)
    for earlier in newest.parent.glob("*.[12]"):
        earlier.unlink()
    answer = await farm.gateway.client.get(f"{farm.path}?list")
    assert (answer.status_code, "a link" in answer.json()["message"]) == (404, True)
