"""What tests of hosts have in common."""

from collections.abc import Sequence
from typing import Any

from tests.simulator.desk import Desk

SILENT = "render-node-07"
"""A host whose machine is dead."""
BUSY = "render-node-01"
IDLE = "desk-203"


def ask(desk: Desk, method: str, name: str, **values: Any) -> Any:
    return desk(f"HostInterface/{method}", host={"id": desk.host(name).id}, **values)


def procs(desk: Desk, name: str) -> Sequence[Any]:
    found: Sequence[Any] = ask(desk, "GetProcs", name).procs.procs
    return found
