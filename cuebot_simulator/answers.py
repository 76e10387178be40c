"""One call to the simulated Cuebot without the wire: which method answers it, or how it fails."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc import StatusCode

from cuebot_simulator.services import (
    actions,
    allocations,
    comments,
    cue,
    deeds,
    departments,
    depends,
    facilities,
    filters,
    frames,
    groups,
    hosts,
    jobs,
    layers,
    limits,
    matchers,
    owners,
    procs,
    render_partitions,
    service_overrides,
    services,
    shows,
    subscriptions,
    tasks,
)
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.database_errors import check_texts
from cuebot_simulator.world.failures import Missing, Refusal, not_found
from cuebot_simulator.world.state import Farm

SERVICES: Mapping[str, Mapping[str, Handler]] = {
    "comment.CommentInterface": comments.METHODS,
    "cue.CueInterface": cue.METHODS,
    "department.DepartmentInterface": departments.METHODS,
    "depend.DependInterface": depends.METHODS,
    "facility.AllocationInterface": allocations.METHODS,
    "facility.FacilityInterface": facilities.METHODS,
    "filter.ActionInterface": actions.METHODS,
    "filter.FilterInterface": filters.METHODS,
    "filter.MatcherInterface": matchers.METHODS,
    "host.DeedInterface": deeds.METHODS,
    "host.HostInterface": hosts.METHODS,
    "host.OwnerInterface": owners.METHODS,
    "host.ProcInterface": procs.METHODS,
    "job.FrameInterface": frames.METHODS,
    "job.GroupInterface": groups.METHODS,
    "job.JobInterface": jobs.METHODS,
    "job.LayerInterface": layers.METHODS,
    "limit.LimitInterface": limits.METHODS,
    "renderPartition.RenderPartitionInterface": render_partitions.METHODS,
    "service.ServiceInterface": services.METHODS,
    "service.ServiceOverrideInterface": service_overrides.METHODS,
    "show.ShowInterface": shows.METHODS,
    "subscription.SubscriptionInterface": subscriptions.METHODS,
    "task.TaskInterface": tasks.METHODS,
}
"""What is simulated. Every other method of the schema is UNIMPLEMENTED."""

NEWER = ("host.HostInterface/RestartRqdNow", "host.HostInterface/RestartRqdWhenIdle")
"""What newer protos have in a service that Cuebot has without it."""


def unimplemented(name: str, *, known: bool) -> Refusal:
    """What gRPC says of a method without code, or of one in a service that is not there at all."""
    if known and name not in NEWER:
        text = f"Method {name} is unimplemented"
    else:
        text = f"Method not found: {name}"
    return Refusal(text, StatusCode.UNIMPLEMENTED)


def answer_to(farm: Farm, method: MethodDescriptor, request: Any) -> Any:
    """The answer to a call. Raises Refusal, with the real server's code and text, if it fails,
    and Unanswered if that never says anything.

    What is due on the farm by now happens first.
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
