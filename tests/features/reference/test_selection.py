"""EXCLUDE_SERVICES, and names that only documents have."""

import pytest

from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog
from tests.support.opencue import opencue
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = pytest.mark.anyio


@pytest.mark.gateway(exclude_services=["job.LayerInterface/Kill"])
@pytest.mark.parametrize("service", ["layer.LayerInterface", "job.LayerInterface"])
async def test_an_excluded_name_of_the_profile_is_404(
    gateway: Gateway, cuebot: ScriptedCuebot, service: str
) -> None:
    """The answer says what it stands for, and the method's own name does not lead there either."""
    answer = await gateway.post(f"/{service}/Kill", {})
    message = answer.json()["message"]
    assert answer.status_code == 404
    assert message.endswith("it is job.LayerInterface/KillFrames, which is not served here")
    answer = await gateway.post(f"/{service}/KillFrames", {})
    assert (answer.status_code, cuebot.seen) == (404, [])


def test_a_name_of_the_profile_that_cuebot_has_is_cuebots() -> None:
    """Where a method of a documented name exists, a glob means that one alone."""
    methods = {"job.JobInterface/Kill": "job.JobInterface/KillFrames"}
    profile = Profile.model_validate({"methods": methods})
    catalog = build_catalog(opencue(), Selection(exclude=("job.JobInterface/Kill",)), profile)
    assert "/job.JobInterface/KillFrames" in catalog.routes
    assert "/job.JobInterface/Kill" not in catalog.routes
