"""The shape of a simulated method, and those methods that many interfaces have alike."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.messages import fill, given
from cuebot_simulator.world.new_entities import add_comment
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.state import Farm, by_id

Handler: TypeAlias = Callable[[Farm, Any, Any], None]
"""Fills the answer (third) to a request (second), and changes the farm if that is its purpose.

Raises Missing for a thing that is not there, and Refusal for what Cuebot refuses.
"""
Methods: TypeAlias = Mapping[str, Handler]
"""The methods of an interface, by name."""


def requested(farm: Farm, request: Any, kind: str, field: str = "") -> Any:
    """The job, layer, show … whose id is in the request's field of that name. Raises Missing."""
    return by_id(getattr(farm, f"{kind}s"), getattr(request, field or kind).id)


def getter(kind: str) -> Handler:
    """Answers with the thing that has the request's id."""

    def get(farm: Farm, request: Any, answer: Any) -> None:
        fill(answer, **{kind: by_id(getattr(farm, f"{kind}s"), request.id)})

    return get


def setter(
    kind: str, field: str, source: str = "", convert: Callable[[Any], Any] | None = None
) -> Handler:
    """Sets a field to the value that the request has under the same name, or as `source`."""

    def set_field(farm: Farm, request: Any, answer: Any) -> None:
        thing, value = requested(farm, request, kind), given(request, source or field, 0)
        fill(thing, **{field: convert(value) if convert else value})

    return set_field


def lister(kind: str, field: str, find: Callable[[Farm, Any], Iterable[Any]]) -> Handler:
    """Answers with a list: `answer.procs.procs`, if the field is `procs`."""

    def get(farm: Farm, request: Any, answer: Any) -> None:
        found, listed = find(farm, requested(farm, request, kind)), getattr(answer, field)
        listed.SetInParent()
        getattr(listed, field).extend(found)

    return get


def action(kind: str, act: Callable[..., None], *fields: str) -> Handler:
    """Does something to a thing, with these values of the request."""

    def act_on(farm: Farm, request: Any, answer: Any) -> None:
        thing = requested(farm, request, kind)
        act(farm, thing, *(getattr(request, field) for field in fields))

    return act_on


def comment_adder(kind: str) -> Handler:
    """Comments on a job or a host, at the present time, even if the comment names another."""

    def add(farm: Farm, request: Any, answer: Any) -> None:
        new, about = request.new_comment, requested(farm, request, kind)
        add_comment(farm, about, user=new.user, subject=new.subject, text=new.message)

    return add


def partition_adder(kind: str) -> Handler:
    """Adds a render partition for a job, a layer or a frame."""

    def add(farm: Farm, request: Any, answer: Any) -> None:
        part = requested(farm, request, kind)
        fill(answer, render_partition=add_partition(farm, part, request))

    return add


def frame_action(kind: str, action: Callable[[Farm, Any], None]) -> Handler:
    """Does something to a frame, or to all frames of a layer, a moment after the answer."""

    def act(farm: Farm, request: Any, answer: Any) -> None:
        part = requested(farm, request, kind)
        enqueue(farm, action, [part] if kind == "frame" else farm.frames_of(part))

    return act
