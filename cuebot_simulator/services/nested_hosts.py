"""Hosts with what runs on them, as the host whiteboard shows them."""

from typing import Any

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm


def nested_host(farm: Farm, host: Any) -> Any:
    """The host with its procs, each of which names its host again, without procs."""
    parent = copied(farm, host, "host.NestedHost")
    nested = copied(farm, host, "host.NestedHost")
    nested.procs.SetInParent()
    for proc in farm.procs_on(host):
        nested_proc = copied(farm, proc, "host.NestedProc")
        fill(nested_proc, parent=parent)
        nested.procs.nested_procs.append(nested_proc)
    return nested


def copied(farm: Farm, message: Any, name: str) -> Any:
    """Another kind of message, with all fields of the same names."""
    copy = farm.messages.new(name)
    for field, value in message.ListFields():
        fill(copy, **{field.name: list(value) if field.is_repeated else value})
    return copy
