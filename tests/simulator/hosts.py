"""What tests of hosts have in common."""

from collections.abc import Sequence
from typing import Any

from tests.simulator.in_process import Cuebot

SILENT = "render-node-07"
"""A host whose machine is dead."""
BUSY = "render-node-01"
IDLE = "desk-203"


def ask(cuebot: Cuebot, method: str, name: str, **values: Any) -> Any:
    return cuebot(f"HostInterface/{method}", host={"id": cuebot.host(name).id}, **values)


def procs(cuebot: Cuebot, name: str) -> Sequence[Any]:
    found: Sequence[Any] = ask(cuebot, "GetProcs", name).procs.procs
    return found
