"""A stand-in for the module of that name, until it is there."""

from typing import Any

from gateway.demo.farm.state import Farm


def add_partition(farm: Farm, part: Any, request: Any) -> Any:
    """A render partition on the host that the request names."""
    return farm.messages.new("renderPartition.RenderPartition", host=request.host)
