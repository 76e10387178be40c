"""New entities on the farm, with Cuebot's defaults."""

from collections.abc import Collection, Sequence
from typing import Any

from cuebot_simulator.world.departments import use_department
from cuebot_simulator.world.plans import GIGABYTE_KB, HostPlan
from cuebot_simulator.world.refusals import check_length
from cuebot_simulator.world.state import DEFAULT_DEPARTMENT, Farm, by_name

LONGEST_USER, LONGEST_SUBJECT, LONGEST_COMMENT = 36, 128, 4000


def add_show(farm: Farm, name: str, **values: Any) -> Any:
    show = farm.add(
        farm.shows,
        "show.Show",
        **{
            "id": farm.new_id(f"show/{name}", farm.shows),
            "name": name,
            "default_min_cores": 1,
            "default_max_cores": 100,
            "default_min_gpus": 100,
            "default_max_gpus": 100_000,
            "booking_enabled": True,
            "dispatch_enabled": True,
            "active": True,
            **values,
        },
    )
    show.show_stats.SetInParent()
    add_group(farm, show, name)
    return show


def add_group(
    farm: Farm, show: Any, name: str, *, parent: Any = None, department: str = DEFAULT_DEPARTMENT
) -> Any:
    """A group of a show: its root group, if it has no parent."""
    group = farm.add(
        farm.groups,
        "job.Group",
        parent=show.id,
        id=farm.new_id(f"group/{show.id}/{name}/{parent.id if parent else ''}", farm.groups),
        name=name,
        department=department,
        default_job_priority=-1,
        default_job_min_cores=-1,
        default_job_max_cores=-1,
        default_job_min_gpus=-1,
        default_job_max_gpus=-1,
        min_cores=0,
        max_cores=-1,
        max_gpus=-1,
        level=parent.level + 1 if parent else 0,
        parent_id=parent.id if parent else "",
    )
    group.group_stats.SetInParent()
    use_department(farm, show, department)
    return group


def add_facility(farm: Farm, name: str) -> Any:
    return farm.add(
        farm.facilities,
        "facility.Facility",
        id=farm.new_id(f"facility/{name}", farm.facilities),
        name=name,
    )


def add_allocation(farm: Farm, facility: Any, name: str, tag: str, *, billable: bool = True) -> Any:
    """An allocation, the default if it is the first. `name` has its facility: `local.general`."""
    allocation = farm.add(
        farm.allocations,
        "facility.Allocation",
        id=farm.new_id(f"allocation/{name}", farm.allocations),
        name=name,
        tag=tag,
        facility=facility.name,
        billable=billable,
    )
    farm.default_allocation = farm.default_allocation or allocation.id
    return allocation


def add_subscription(farm: Farm, show: Any, allocation: Any, *, size: int, burst: int) -> Any:
    """A show's share of an allocation, in hundredths of cores."""
    name = f"{allocation.name}.{show.name}"
    return farm.add(
        farm.subscriptions,
        "subscription.Subscription",
        parent=show.id,
        id=farm.new_id(f"subscription/{allocation.id}/{show.id}", farm.subscriptions),
        name=name,
        show_name=show.name,
        facility=allocation.facility,
        allocation_name=allocation.name,
        size=size,
        burst=burst,
    )


def add_service(
    farm: Farm,
    name: str,
    *,
    cores: int = 100,
    memory: float = 4,
    threadable: bool = True,
    tags: Sequence[str] = ("general",),
) -> Any:
    """A service, with its defaults for layers (hundredths of cores, GB)."""
    return farm.add(
        farm.services,
        "service.Service",
        id=farm.make_id(f"service/{name}"),
        name=name,
        threadable=threadable,
        min_cores=cores,
        max_cores=0,
        min_memory=int(memory * GIGABYTE_KB),
        tags=list(tags),
        min_memory_increase=2 * GIGABYTE_KB,
    )


def add_limit(farm: Farm, name: str, most: int) -> Any:
    return farm.add(
        farm.limits,
        "limit.Limit",
        id=farm.new_id(f"limit/{name}", farm.limits),
        name=name,
        max_value=most,
        soft_value=-1,
        report_ttl=900,
        auto_tag=True,
    )


def add_host(farm: Farm, plan: HostPlan, *, nimby: bool = False, tags: Collection[str] = ()) -> Any:
    now, memory = farm.now, plan.memory * GIGABYTE_KB
    return farm.add(
        farm.hosts,
        "host.Host",
        id=farm.make_id(f"host/{plan.name}"),
        name=plan.name,
        alloc_name=plan.alloc,
        nimby_enabled=nimby,
        cores=plan.cores,
        idle_cores=plan.cores,
        gpus=plan.gpus,
        idle_gpus=plan.gpus,
        memory=memory - GIGABYTE_KB,
        idle_memory=memory - GIGABYTE_KB,
        total_memory=memory,
        free_memory=memory - GIGABYTE_KB,
        total_swap=8 * GIGABYTE_KB,
        free_swap=8 * GIGABYTE_KB,
        total_mcp=200 * GIGABYTE_KB,
        free_mcp=120 * GIGABYTE_KB,
        boot_time=now,
        ping_time=now,
        os="rocky9",
        tags=[by_name(farm.allocations, plan.alloc).tag, plan.name, *tags],
        state=plan.state,
        lock_state=plan.lock,
        thread_mode="AUTO",
    )


def add_owner(farm: Farm, name: str, show: Any) -> Any:
    return farm.add(
        farm.owners,
        "host.Owner",
        parent=show.id,
        id=farm.make_id(f"owner/{name}"),
        name=name,
        show=show.name,
    )


def add_comment(farm: Farm, about: Any, *, user: str, subject: str, text: str) -> Any:
    """A comment on a job or a host. Raises Refusal when one of its texts is too long."""
    check_length(user, LONGEST_USER)
    check_length(subject, LONGEST_SUBJECT)
    check_length(text, LONGEST_COMMENT)
    comment = farm.add(
        farm.comments,
        "comment.Comment",
        parent=about.id,
        id=farm.new_id(f"comment/{about.id}/{farm.now}", farm.comments),
        timestamp=farm.now,
        user=user,
        subject=subject,
        message=text,
    )
    about.has_comment = True
    return comment
