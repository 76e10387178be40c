"""host.ProcInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm import orders
from gateway.demo.farm.messages import fill, given
from gateway.demo.farm.orders import order
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.criteria import find_procs
from gateway.demo.interfaces.handler import Handler


def get_procs(farm: Farm, request: Any, answer: Any) -> None:
    answer.procs.procs.extend(find_procs(farm, given(request, "r", None)))


def frame_of(farm: Farm, request: Any) -> Any:
    """The frame that the request's proc runs. Raises Missing."""
    return farm.frames[farm.parent_of[by_id(farm.procs, request.proc.id).id]]


def get_frame(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, frame=frame_of(farm, request))


def get_layer(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, layer=farm.layers[farm.parent_of[frame_of(farm, request).id]])


def get_job(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, job=farm.job_of(frame_of(farm, request)))


def get_host(farm: Farm, request: Any, answer: Any) -> None:
    proc = by_id(farm.procs, request.proc.id)
    fill(answer, host=farm.hosts[farm.host_of[proc.id]])


def kill(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.kill_frames, [frame_of(farm, request)])


def unbook(farm: Farm, request: Any, answer: Any) -> None:
    """The proc leaves after its frame, or at once with `kill`."""
    frame = frame_of(farm, request)
    fill(by_id(farm.procs, request.proc.id), unbooked=True)
    if given(request, "kill", False):
        order(farm, orders.kill_frames, [frame])


def unbook_procs(farm: Farm, request: Any, answer: Any) -> None:
    """Unbook all that fit and are not unbooked yet; the answer says how many."""
    procs = [proc for proc in find_procs(farm, given(request, "r", None)) if not proc.unbooked]
    for proc in procs:
        fill(proc, unbooked=True)
    if given(request, "kill", False):
        order(farm, orders.kill_frames, [farm.frames[farm.parent_of[proc.id]] for proc in procs])
    fill(answer, num_procs=len(procs))


METHODS: Mapping[str, Handler] = {
    "GetFrame": get_frame,
    "GetHost": get_host,
    "GetJob": get_job,
    "GetLayer": get_layer,
    "GetProcs": get_procs,
    "Kill": kill,
    "Unbook": unbook,
    "UnbookProcs": unbook_procs,
}
