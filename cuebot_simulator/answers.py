"""One call to the simulated Cuebot without the wire: which method answers it, or how it fails."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from cuebot_simulator.services import (
    allocations,
    comments,
    cue,
    departments,
    depends,
    filters,
    frames,
    groups,
    hosts,
    jobs,
    layers,
    limits,
    owners,
    procs,
    services,
    shows,
)
from cuebot_simulator.services.handlers import Methods
from cuebot_simulator.world.refusals import Missing, Refusal, check_texts, not_found
from cuebot_simulator.world.state import Farm

SERVICES: Mapping[str, Methods] = {
    "comment.CommentInterface": comments.METHODS,
    "cue.CueInterface": cue.METHODS,
    "department.DepartmentInterface": departments.DEPARTMENT_METHODS,
    "depend.DependInterface": depends.METHODS,
    "facility.AllocationInterface": allocations.ALLOCATION_METHODS,
    "facility.FacilityInterface": allocations.FACILITY_METHODS,
    "filter.ActionInterface": filters.ACTION_METHODS,
    "filter.FilterInterface": filters.FILTER_METHODS,
    "filter.MatcherInterface": filters.MATCHER_METHODS,
    "host.DeedInterface": owners.DEED_METHODS,
    "host.HostInterface": hosts.METHODS,
    "host.OwnerInterface": owners.OWNER_METHODS,
    "host.ProcInterface": procs.PROC_METHODS,
    "job.FrameInterface": frames.METHODS,
    "job.GroupInterface": groups.METHODS,
    "job.JobInterface": jobs.METHODS,
    "job.LayerInterface": layers.METHODS,
    "limit.LimitInterface": limits.METHODS,
    "renderPartition.RenderPartitionInterface": procs.PARTITION_METHODS,
    "service.ServiceInterface": services.SERVICE_METHODS,
    "service.ServiceOverrideInterface": services.OVERRIDE_METHODS,
    "show.ShowInterface": shows.METHODS,
    "subscription.SubscriptionInterface": allocations.SUBSCRIPTION_METHODS,
    "task.TaskInterface": departments.TASK_METHODS,
}
"""The simulated methods. Every other method of the schema is UNIMPLEMENTED."""

UNKNOWN_TO_CUEBOT = ("host.HostInterface/RestartRqdNow", "host.HostInterface/RestartRqdWhenIdle")
"""Methods of newer protos, in services that Cuebot has without them."""


def unimplemented(name: str, *, known: bool) -> Refusal:
    """gRPC's answer for a method without code, or in an unknown service."""
    if known and name not in UNKNOWN_TO_CUEBOT:
        text = f"Method {name} is unimplemented"
    else:
        text = f"Method not found: {name}"
    return Refusal(text, StatusCode.UNIMPLEMENTED)


def answer_to(farm: Farm, method: MethodDescriptor, request: Any) -> Any:
    """The answer to a call, after all that is due on the farm by now has happened.

    Raises Refusal for a call that fails, and Unanswered for one that Cuebot never answers.
    """
    service = method.containing_service.full_name
    handler = SERVICES.get(service, {}).get(method.name)
    if handler is None:
        raise unimplemented(f"{service}/{method.name}", known=service in SERVICES)
    farm.catch_up()
    answer = GetMessageClass(method.output_type)()
    try:
        handler(farm, request, answer)
    except Missing:
        check_texts(request)
        raise not_found(f"{service}/{method.name}") from None
    return answer
