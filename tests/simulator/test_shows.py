"""Shows, their whiteboard, and their life."""

from typing import Any

import pytest

from cuebot_simulator.world.jobs import launch_job
from cuebot_simulator.world.plans import JobPlan, LayerPlan
from cuebot_simulator.world.studio_data import LONG
from tests.simulator.in_process import LIGHT, Cuebot


def find(cuebot: Cuebot, name: str = "demo") -> Any:
    return cuebot("ShowInterface/FindShow", name=name).show


def ref(cuebot: Cuebot, name: str = "demo") -> dict[str, str]:
    return {"id": find(cuebot, name).id}


def launch(cuebot: Cuebot, show: str) -> Any:
    layer = LayerPlan(name="beauty", frames=(1, 2))
    plan = JobPlan(show=show, shot="sh900", user="lena", name="new_v001", layers=(layer,))
    return launch_job(cuebot.farm, plan)


def running(cuebot: Cuebot, name: str = "demo") -> int:
    return int(find(cuebot, name).show_stats.running_frames)


def test_the_whiteboard_is_five_seconds_old_at_most(cuebot: Cuebot) -> None:
    def jobs() -> list[str]:
        found = cuebot("ShowInterface/GetJobWhiteboard", show=ref(cuebot), fresh=True)
        return list(found.whiteboard.jobs)

    assert jobs() == []
    launched = launch(cuebot, "demo")
    cuebot.wait(4.9)
    assert jobs() == []
    cuebot.wait(0.1)
    assert jobs() == [launched.id]


@pytest.mark.parametrize(
    ("method", "field", "stopped"),
    [
        ("EnableBooking", "booking_enabled", False),
        ("EnableDispatching", "dispatch_enabled", False),
        ("SetSchedulerManaged", "scheduler_managed", True),
    ],
)
def test_a_show_can_be_kept_from_the_farm(
    cuebot: Cuebot, method: str, field: str, stopped: bool
) -> None:
    cuebot(f"ShowInterface/{method}", show=ref(cuebot), enabled=stopped)
    assert getattr(find(cuebot), field) is stopped
    cuebot.wait(LONG[1])
    assert running(cuebot) == 0
    assert find(cuebot).show_stats.pending_frames > 0
    cuebot(f"ShowInterface/{method}", show=ref(cuebot), enabled=not stopped)
    cuebot.wait(6)
    assert running(cuebot) > 0


def test_an_archived_show_has_another_name_everywhere(cuebot: Cuebot) -> None:
    before = running(cuebot)
    cuebot("ShowInterface/Archive", show=ref(cuebot), target_show_name="harbor")
    assert cuebot.refusal("ShowInterface/FindShow", name="demo")[0] == "NOT_FOUND"
    old = find(cuebot, "demo_archive")
    assert running(cuebot, "demo_archive") == before > 0
    assert cuebot.job(LIGHT).show == "demo_archive"
    procs = cuebot("ProcInterface/GetProcs", r={"shows": ["demo_archive"]}).procs.procs
    assert len(procs) == before
    found = cuebot("ShowInterface/GetSubscriptions", show=old).subscriptions
    assert {each.name for each in found.subscriptions} == {
        "local.general.demo_archive",
        "local.desktop.demo_archive",
    }
    assert sum(each.reserved_cores for each in found.subscriptions) == round(
        old.show_stats.reserved_cores * 100
    )
    assert cuebot("OwnerInterface/GetOwner", name="artist1").owner.show == "demo_archive"
    departments = cuebot("ShowInterface/GetDepartments", show=old).departments
    assert all(each.name.startswith("demo_archive.") for each in departments.departments)
    assert cuebot("ShowInterface/GetRootGroup", show=old).group.name == "demo"


def test_jobs_for_an_archived_show_go_to_its_target(cuebot: Cuebot) -> None:
    cuebot("ShowInterface/Archive", show=ref(cuebot), target_show_name="harbor")
    job = launch(cuebot, "demo")
    assert (job.show, job.group) == ("harbor", "harbor")
    cuebot("ShowInterface/Archive", show=ref(cuebot, "northwind"), target_show_name="demo")
    assert launch(cuebot, "northwind").show == "harbor"
