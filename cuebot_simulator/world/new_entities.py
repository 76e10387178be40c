"""New things on the farm, as Cuebot makes them: with its defaults, and whatever goes with them."""

from collections.abc import Collection, Sequence
from typing import Any

from cuebot_simulator.world.database_errors import check_length
from cuebot_simulator.world.departments import use_department
from cuebot_simulator.world.plans import GIGABYTE, HostPlan
from cuebot_simulator.world.state import DEFAULT_DEPARTMENT, Farm, by_name

LONGEST_USER, LONGEST_SUBJECT, LONGEST_COMMENT = 36, 128, 4000
"""Characters of a comment's parts."""


def add_show(farm: Farm, name: str, **values: Any) -> Any:
    """A show with its root group."""
    show = farm.messages.new(
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
    farm.shows[show.id] = show
    add_group(farm, show, name)
    return show


def add_group(
    farm: Farm, show: Any, name: str, *, parent: Any = None, department: str = DEFAULT_DEPARTMENT
) -> Any:
    """A group of a show: its root group, if it has no parent."""
    group = farm.messages.new(
        "job.Group",
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
    farm.groups[group.id] = group
    farm.own(show.id, group.id)
    use_department(farm, show, department)
    return group


def add_facility(farm: Farm, name: str) -> Any:
    facility = farm.messages.new(
        "facility.Facility", id=farm.new_id(f"facility/{name}", farm.facilities), name=name
    )
    farm.facilities[facility.id] = facility
    return facility


def add_allocation(farm: Farm, facility: Any, name: str, tag: str, *, billable: bool = True) -> Any:
    """An allocation, the default if it is the first. Its name begins with its facility's:
    `local.general`.
    """
    allocation = farm.messages.new(
        "facility.Allocation",
        id=farm.new_id(f"allocation/{name}", farm.allocations),
        name=name,
        tag=tag,
        facility=facility.name,
        billable=billable,
    )
    farm.allocations[allocation.id] = allocation
    farm.default_allocation = farm.default_allocation or allocation.id
    return allocation


def add_subscription(farm: Farm, show: Any, allocation: Any, *, size: int, burst: int) -> Any:
    """A show's share of an allocation, in hundredths of cores. It is named after both."""
    name = f"{allocation.name}.{show.name}"
    subscription = farm.messages.new(
        "subscription.Subscription",
        id=farm.new_id(f"subscription/{allocation.id}/{show.id}", farm.subscriptions),
        name=name,
        show_name=show.name,
        facility=allocation.facility,
        allocation_name=allocation.name,
        size=size,
        burst=burst,
    )
    farm.subscriptions[subscription.id] = subscription
    farm.own(show.id, subscription.id)
    return subscription


def add_service(
    farm: Farm,
    name: str,
    *,
    cores: int = 100,
    memory: float = 4,
    threadable: bool = True,
    tags: Sequence[str] = ("general",),
) -> Any:
    """A service: a kind of work, with what it takes by default (hundredths of cores, GB)."""
    service = farm.messages.new(
        "service.Service",
        id=farm.make_id(f"service/{name}"),
        name=name,
        threadable=threadable,
        min_cores=cores,
        max_cores=0,
        min_memory=int(memory * GIGABYTE),
        tags=list(tags),
        min_memory_increase=2 * GIGABYTE,
    )
    farm.services[service.id] = service
    return service


def add_limit(farm: Farm, name: str, most: int) -> Any:
    """A limit on how many frames run at once, on all the farm."""
    limit = farm.messages.new(
        "limit.Limit",
        id=farm.new_id(f"limit/{name}", farm.limits),
        name=name,
        max_value=most,
        soft_value=-1,
        report_ttl=900,
        auto_tag=True,
    )
    farm.limits[limit.id] = limit
    return limit


def add_host(farm: Farm, plan: HostPlan, *, nimby: bool = False, tags: Collection[str] = ()) -> Any:
    """An idle host."""
    now, memory = farm.now, plan.memory * GIGABYTE
    host = farm.messages.new(
        "host.Host",
        id=farm.make_id(f"host/{plan.name}"),
        name=plan.name,
        alloc_name=plan.alloc,
        nimby_enabled=nimby,
        cores=plan.cores,
        idle_cores=plan.cores,
        gpus=plan.gpus,
        idle_gpus=plan.gpus,
        memory=memory - GIGABYTE,
        idle_memory=memory - GIGABYTE,
        total_memory=memory,
        free_memory=memory - GIGABYTE,
        total_swap=8 * GIGABYTE,
        free_swap=8 * GIGABYTE,
        total_mcp=200 * GIGABYTE,
        free_mcp=120 * GIGABYTE,
        boot_time=now,
        ping_time=now,
        os="rocky9",
        tags=[by_name(farm.allocations, plan.alloc).tag, plan.name, *tags],
        state=plan.state,
        lock_state=plan.lock,
        thread_mode="AUTO",
    )
    farm.hosts[host.id] = host
    return host


def add_owner(farm: Farm, name: str, show: Any) -> Any:
    owner = farm.messages.new(
        "host.Owner", id=farm.make_id(f"owner/{name}"), name=name, show=show.name
    )
    farm.owners[owner.id] = owner
    farm.own(show.id, owner.id)
    return owner


def add_comment(farm: Farm, about: Any, *, user: str, subject: str, text: str) -> Any:
    """A comment on a job or a host, which know that they have one.

    Raises Refusal when one of its texts is too long.
    """
    check_length(user, LONGEST_USER)
    check_length(subject, LONGEST_SUBJECT)
    check_length(text, LONGEST_COMMENT)
    comment = farm.messages.new(
        "comment.Comment",
        id=farm.new_id(f"comment/{about.id}/{farm.now}", farm.comments),
        timestamp=farm.now,
        user=user,
        subject=subject,
        message=text,
    )
    farm.comments[comment.id] = comment
    farm.own(about.id, comment.id)
    about.has_comment = True
    return comment
