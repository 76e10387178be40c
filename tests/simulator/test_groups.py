"""job.GroupInterface."""

from typing import Any

import pytest

from tests.simulator.in_process import COMP, FINISHED, LIGHT, NOTHING_FOUND, Cuebot


def group(cuebot: Cuebot, name: str, show: str = "demo") -> Any:
    return cuebot("GroupInterface/FindGroup", show=show, name=name).group


def sub_group(cuebot: Cuebot, parent: Any, name: str) -> Any:
    return cuebot("GroupInterface/CreateSubGroup", group=parent, name=name).group


def now(cuebot: Cuebot, thing: Any) -> Any:
    """A group as it is by now."""
    return cuebot("GroupInterface/GetGroup", id=thing.id).group


def names_in(cuebot: Cuebot, parent: Any) -> list[str]:
    found = cuebot("GroupInterface/GetGroups", group=parent)
    return [each.name for each in found.groups.groups]


def jobs_in(cuebot: Cuebot, parent: Any) -> list[str]:
    found = cuebot("GroupInterface/GetJobs", group=parent)
    return [job.name for job in found.jobs.jobs]


def test_an_empty_group_goes(cuebot: Cuebot) -> None:
    comp, root, before = group(cuebot, "comp"), group(cuebot, "demo"), cuebot.job(FINISHED)
    cuebot("GroupInterface/SetDefaultJobPriority", group=root, priority=7)
    cuebot("GroupInterface/ReparentJobs", group=root, jobs={"jobs": [cuebot.job(COMP)]})
    dailies = cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter
    cuebot("FilterInterface/Delete", filter=dailies)
    cuebot.wait()
    cuebot("GroupInterface/Delete", group=comp)
    assert names_in(cuebot, root) == ["fx", "light"]
    assert cuebot.refusal("GroupInterface/GetGroup", id=comp.id) == ("NOT_FOUND", NOTHING_FOUND)
    after = cuebot.job(FINISHED)
    assert (after.group, after.priority) == ("demo", before.priority)
    assert root.group_stats.pending_jobs + 1 == now(cuebot, root).group_stats.pending_jobs
    cuebot.wait(60)


def test_groups_move_with_what_is_below_them(cuebot: Cuebot) -> None:
    light, fx = group(cuebot, "light"), group(cuebot, "fx")
    hero = sub_group(cuebot, fx, "hero")
    cuebot(
        "GroupInterface/ReparentGroups",
        group=light,
        groups={"groups": [{"id": "no"}, {"id": fx.id}, {"id": fx.id}]},
    )
    moved = now(cuebot, fx)
    assert (moved.parent_id, moved.level) == (light.id, 2)
    assert (now(cuebot, hero).parent_id, now(cuebot, hero).level) == (fx.id, 3)
    assert names_in(cuebot, group(cuebot, "demo")) == ["comp", "light"]


def test_jobs_move_and_take_the_defaults_of_the_group(cuebot: Cuebot) -> None:
    fx, comp = group(cuebot, "fx"), group(cuebot, "comp")
    for method, field, value in (
        ("Priority", "priority", 0),
        ("MinCores", "min_cores", 2),
        ("MaxCores", "max_cores", 20),
        ("MinGpus", "min_gpus", 1),
    ):
        cuebot(f"GroupInterface/SetDefaultJob{method}", group=fx, **{field: value})
    before = cuebot.job(COMP)
    cuebot("GroupInterface/ReparentJobs", group=fx, jobs={"jobs": [before]})
    job = cuebot.job(COMP)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("fx", 0, 2, 20)
    assert (job.min_gpus, job.max_gpus) == (1, before.max_gpus)
    assert COMP in jobs_in(cuebot, fx)
    assert now(cuebot, fx).group_stats.running_frames == 3
    assert now(cuebot, comp).group_stats.pending_jobs == 0
    assert {proc.group_name for proc in cuebot.farm.procs.values() if proc.job_name == COMP} == {
        "fx"
    }


@pytest.mark.parametrize(
    ("limit", "value", "default", "in_jobs"),
    [
        ("MinCores", 4.6, 4, 4),
        ("MaxCores", 40, 40, 40),
        ("MaxCores", 0, -1, 0),
        ("MaxCores", -1, -1, None),
        ("MinGpus", 1, 1, 1),
        ("MinGpus", -2, -1, -2),
        ("MaxGpus", 2, 2, 2),
        ("MaxGpus", -1, -1, None),
    ],
)
def test_defaults_go_to_the_present_jobs(
    cuebot: Cuebot, limit: str, value: float, default: float, in_jobs: float | None
) -> None:
    comp, field = group(cuebot, "comp"), f"{limit[:3].lower()}_{limit[3:].lower()}"
    before, other = getattr(cuebot.job(COMP), field), getattr(cuebot.job(LIGHT), field)
    cuebot(f"GroupInterface/SetDefaultJob{limit}", group=comp, **{field: value})
    assert getattr(now(cuebot, comp), f"default_job_{field}") == default
    wanted = before if in_jobs is None else in_jobs
    assert [getattr(cuebot.job(name), field) for name in (COMP, FINISHED)] == [wanted, wanted]
    assert getattr(cuebot.job(LIGHT), field) == other
