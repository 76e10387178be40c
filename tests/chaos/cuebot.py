"""A simulated Cuebot in a process of its own, which writes down each comment that it is sent.

Its journal outlives it: a comment that stands there twice was made twice.
"""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from cuebot_simulator import server
from cuebot_simulator.answers import answer_to
from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm
from tests.support.farms import NOW
from tests.support.patience import PATIENCE
from tests.support.servers import free_port

READY = "listens"
JOBS = 8


def farm_of(jobs: int) -> Farm:
    return build_farm(read_messages(), jobs=jobs, clock=StoppedClock(NOW))


class CuebotProcess:
    """The process: it can be killed and started again on the same port."""

    def __init__(self, journal: Path, jobs: int = JOBS) -> None:
        self.port = free_port()
        self.jobs = jobs
        self._journal = journal
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.cuebot", f"{self.port}", f"{self._journal}"]
        self._process = subprocess.Popen(  # noqa: S603 - it is our own command
            [*command, f"{self.jobs}"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(READY), line

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=PATIENCE)
            self._process = None

    def made(self) -> Counter[str]:
        return Counter(self._journal.read_text().split())


async def serve(port: int, journal: int, farm: Farm) -> None:
    """Until the process is killed. A comment is written down before it is made."""

    def answer(farm: Farm, method: MethodDescriptor, request: Any) -> Any:
        if method.name == "AddComment":
            os.write(journal, f"{request.new_comment.message}\n".encode())
        return answer_to(farm, method, request)

    setattr(server, "answer_to", answer)  # noqa: B010 - for this process alone
    await SimulatedCuebot(port=port, farm=farm).start()
    print(READY, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    port, journal, jobs = sys.argv[1:]
    opened = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    asyncio.run(serve(int(port), opened, farm_of(int(jobs))))
