"""`GET /logs/{job}/{frame}`: a log as it is in the file, and who may read it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.features.logs.farm import LoggingFarm, logging_farm
from tests.support.needs import needs
from tests.support.rights import rule, signed

pytestmark = pytest.mark.anyio

TEXT = b"one\ntwo \xe2\x82\xac\nthree\n"
ACCESS = [
    rule("logs", {"role": "logs"}, "logs"),
    rule("reads", {"role": "reads"}, "reads"),
    rule("jobs", {"role": "jobs"}, "job.*/Get*"),
    rule("others", {"role": "others"}, "reads", "!logs"),
    rule("see", {"role": "see"}, "reads", see="user = $sub"),
]


@pytest.fixture(scope="module")
async def shared_farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoggingFarm]:
    async with logging_farm(tmp_path_factory.mktemp("shots"), access=ACCESS) as farm:
        yield farm


@pytest.fixture
def farm(shared_farm: LoggingFarm) -> LoggingFarm:
    shared_farm.write(TEXT)
    return shared_farm


@pytest.mark.parametrize(
    ("job", "frame"), [("name", "name"), ("id", "id"), ("name", "id"), ("id", "name")]
)
async def test_a_log_by_names_and_ids(farm: LoggingFarm, job: str, frame: str) -> None:
    path = f"/logs/{getattr(farm.job, job)}/{getattr(farm.frame, frame)}"
    answer = await farm.gateway.client.get(path)
    assert (answer.status_code, answer.content) == (200, TEXT)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["accept-ranges"] == "bytes"


async def test_a_number_without_the_zeros(farm: LoggingFarm) -> None:
    number, layer = farm.frame.name.split("-", 1)
    answer = await farm.gateway.client.get(f"/logs/{farm.job.name}/{int(number)}-{layer}")
    assert answer.content == TEXT


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-2", (0, 3)),
        ("bytes=4-", (4, 18)),
        ("bytes=-6", (12, 18)),
        ("bytes=-600", (0, 18)),
        ("bytes=5-600", (5, 18)),
    ],
)
async def test_a_range(farm: LoggingFarm, asked: str, part: tuple[int, int]) -> None:
    answer = await farm.gateway.client.get(farm.path, headers={"Range": asked})
    start, end = part
    assert (answer.status_code, answer.content) == (206, TEXT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(TEXT)}"


async def test_the_last_lines(farm: LoggingFarm) -> None:
    answer = await farm.gateway.client.get(farm.path, params={"lines": 2})
    assert (answer.status_code, answer.content) == (200, TEXT[4:])


@needs("access", "tokens")
@pytest.mark.parametrize(
    ("role", "status"), [("logs", 200), ("reads", 200), ("jobs", 403), ("others", 403)]
)
async def test_a_rule_allows_logs_by_their_word(farm: LoggingFarm, role: str, status: int) -> None:
    answer = await farm.gateway.client.get(farm.path, headers=signed(role=role))
    assert answer.status_code == status


@needs("object_rights", "tokens")
async def test_a_hidden_log_is_answered_as_a_missing_one(farm: LoggingFarm) -> None:
    client, whose = farm.gateway.client, farm.job.user
    answer = await client.get(farm.path, headers=signed(whose, role="see"))
    assert answer.content == TEXT
    hidden = await client.get(farm.path, headers=signed("someone", role="see"))
    missing = farm.path.replace(farm.job.name, "x" * len(farm.job.name))
    nothing = await client.get(missing, headers=signed("someone", role="see"))
    assert hidden.status_code == nothing.status_code == 404
    assert hidden.content == nothing.content.replace(
        b"x" * len(farm.job.name), farm.job.name.encode()
    )
    apart = ("x-request-id", "server-timing", "date")
    assert [each for each in hidden.headers.items() if each[0] not in apart] == [
        each for each in nothing.headers.items() if each[0] not in apart
    ]


async def test_without_roots_a_404_names_the_setting(tmp_path: Path) -> None:
    async with logging_farm(tmp_path, log_roots="") as farm:
        answer = await farm.gateway.client.get(farm.path)
        assert answer.status_code == 404
        assert "LOG_ROOTS" in answer.json()["message"]
