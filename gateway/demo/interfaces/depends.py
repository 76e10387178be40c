"""depend.DependInterface."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from gateway.demo.farm import depends
from gateway.demo.farm.messages import fill
from gateway.demo.farm.orders import QUEUED
from gateway.demo.farm.state import Farm, by_id
from gateway.demo.interfaces.handler import Handler


def get_depend(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, depend=by_id(farm.depends, request.id))


def satisfy(farm: Farm, request: Any, answer: Any) -> None:
    depend = by_id(farm.depends, request.depend.id)
    farm.agenda.after(QUEUED, partial(depends.satisfy, farm, depend))


def unsatisfy(farm: Farm, request: Any, answer: Any) -> None:
    """Only a frame on a frame and a layer on a layer can wait again; others stay as they are."""
    depends.unsatisfy(farm, by_id(farm.depends, request.depend.id))


METHODS: Mapping[str, Handler] = {
    "GetDepend": get_depend,
    "Satisfy": satisfy,
    "Unsatisfy": unsatisfy,
}
