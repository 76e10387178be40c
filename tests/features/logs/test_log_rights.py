"""Who may read a log."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from tests.features.logs.farm import LoggingFarm, logging_farm
from tests.features.logs.test_logs import TEXT
from tests.support.audit import lines_of
from tests.support.needs import needs
from tests.support.rights import rule, signed

pytestmark = [pytest.mark.anyio, needs("object_rights", "tokens")]

ACCESS = [
    rule("logs", {"role": "logs"}, "logs"),
    rule("reads", {"role": "reads"}, "reads"),
    rule("jobs", {"role": "jobs"}, "job.*/Get*"),
    rule("others", {"role": "others"}, "reads", "!logs"),
    rule("see", {"role": "see"}, "reads", see="user = $sub"),
]


@pytest.fixture(scope="module")
async def farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LoggingFarm]:
    async with logging_farm(tmp_path_factory.mktemp("shots"), access=ACCESS) as farm:
        farm.write(TEXT)
        yield farm


@pytest.mark.parametrize(
    ("role", "status"), [("logs", 200), ("reads", 200), ("jobs", 403), ("others", 403)]
)
async def test_a_rule_allows_logs_by_their_word(farm: LoggingFarm, role: str, status: int) -> None:
    answer = await farm.gateway.client.get(farm.path, headers=signed(role=role))
    assert answer.status_code == status


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


async def test_a_frame_of_a_hidden_job_by_its_id(farm: LoggingFarm) -> None:
    hidden, missing = farm.job.id, "12345678-1234-1234-1234-123456789012"
    headers = signed("someone", role="see")
    texts = [
        (await farm.gateway.client.get(f"/logs/{job}/{farm.frame.id}", headers=headers)).text
        for job in (hidden, missing)
    ]
    assert texts[0].replace(hidden, missing) == texts[1]


async def test_a_denial_is_counted(farm: LoggingFarm) -> None:
    denied: list[str] = []

    class Noted(Interceptor):
        def end(self, context: RequestContext) -> None:
            if context.call.denied is not None:
                denied.append(context.call.denied.by)

    farm.gateway.app.parts.pipeline.interceptors.append(Noted())
    await farm.gateway.client.get(farm.path, headers=signed(role="jobs"))
    assert denied == ["jobs"]


@needs("audit")
async def test_a_denied_read_has_an_audit_line_and_a_hidden_one_none(tmp_path: Path) -> None:
    """As reads of methods have."""
    log = tmp_path / "audit.log"
    async with logging_farm(tmp_path, access=ACCESS, audit_log=str(log)) as farm:
        for who in (signed(role="jobs"), signed("someone", role="see"), signed(role="reads")):
            await farm.gateway.client.get(f"{farm.path}?lines=5", headers=who)
        (line,) = lines_of(log)
        expected = {"path": farm.path, "denied": "jobs", "status": 403, "phase": "outcome"}
        assert expected.items() <= line.items()
        assert line["method"] == "/job.JobInterface/GetFrames"
