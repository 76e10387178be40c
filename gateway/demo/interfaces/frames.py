"""job.FrameInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm import orders
from gateway.demo.farm.failures import Missing
from gateway.demo.farm.messages import fill, given
from gateway.demo.farm.orders import order
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.criteria import find_frames, page_of
from gateway.demo.interfaces.handler import Handler
from gateway.demo.interfaces.layers import layer_named


def get_frame(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, frame=by_id(farm.frames, request.id))


def find_frame(farm: Farm, request: Any, answer: Any) -> None:
    """A frame by number, in a layer of a pending job by their names."""
    for frame in farm.frames_of(layer_named(farm, request.job, request.layer)):
        if frame.number == request.frame:
            fill(answer, frame=frame)
            return
    raise Missing


def get_frames(farm: Farm, request: Any, answer: Any) -> None:
    """Frames of a pending job by name."""
    criteria = given(request, "r", None)
    frames = find_frames(farm.frames_of(farm.pending_job(request.job)), criteria)
    answer.frames.frames.extend(page_of(frames, criteria))


def kill(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.kill_frames, [by_id(farm.frames, request.frame.id)])


def eat(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.eat_frames, [by_id(farm.frames, request.frame.id)])


def retry(farm: Farm, request: Any, answer: Any) -> None:
    order(farm, orders.retry_frames, [by_id(farm.frames, request.frame.id)])


METHODS: Mapping[str, Handler] = {
    "Eat": eat,
    "FindFrame": find_frame,
    "GetFrame": get_frame,
    "GetFrames": get_frames,
    "Kill": kill,
    "Retry": retry,
}
