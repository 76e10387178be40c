"""`cuebot-gateway check` on logs."""

from pathlib import Path

import pytest

from gateway.core.findings import Findings, Told
from gateway.features.logs.check import check_logs
from gateway.features.settings import Settings
from tests.support.commands import OPENCUE, in_process
from tests.support.needs import needs

pytestmark = pytest.mark.anyio


async def test_it_names_the_folders_and_those_that_are_not_there(tmp_path: Path) -> None:
    found, missing = Findings(), tmp_path / "missing"
    roots = f"{tmp_path}, /logs={missing}"
    await check_logs(Settings.model_validate({"log_roots": roots}), found)
    second = f"/logs, mounted at {missing}"
    assert found.told == [Told("Logs", f"below {tmp_path}", (second,))]
    assert found.facts == {"log_roots": [str(tmp_path), second]}
    assert found.warnings == [f"LOG_ROOTS: {second}: is no folder here that this user may read"]


async def test_without_folders_it_says_nothing() -> None:
    found = Findings()
    await check_logs(Settings(), found)
    assert (found.told, found.warnings, found.facts) == ([], [], {"log_roots": []})


@needs("access", "tokens")
@pytest.mark.parametrize(
    ("may", "status"), [('["logs"]', 0), ('["reads"]', 0), ('["reads", "!logs"]', 1)]
)
def test_as_somebody(may: str, status: int) -> None:
    rules = f'[{{"name": "r", "who": {{}}, "may": {may}}}]'
    given = {"ACCESS": rules, "DESCRIPTOR_SOURCE": OPENCUE, "JWT_SECRET": "x" * 32}
    ran = in_process("check", "--as", "sub=kim", "logs", **given)
    assert ran.status == status
    decision = "denied: access rule 'r' does not allow it" if status else "allowed"
    assert ran.text.endswith(f"Method    logs (reads)\nDecision  {decision}\n")
    assert (" methods, and read logs\n" in ran.text) == (not status)
