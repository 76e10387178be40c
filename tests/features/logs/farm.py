"""A farm whose jobs have logs in files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cuebot_simulator.server import SimulatedCuebot
from tests.support.farms import running_farm, still_farm
from tests.support.servers import Gateway, gateway_for


@dataclass
class LoggingFarm:
    """A frame, its job, and where its log is."""

    cuebot: SimulatedCuebot
    gateway: Gateway
    folder: Path
    """That of LOG_ROOTS."""
    job: Any
    frame: Any

    @property
    def path(self) -> str:
        return f"/logs/{self.job.name}/{self.frame.name}"

    @property
    def file(self) -> Path:
        return file_of(self.folder, self.job, self.frame)

    def write(self, content: bytes, attempt: int | None = None) -> Path:
        """The log, or that of an earlier attempt."""
        file = self.file
        if attempt is not None:
            file = file.with_name(f"{file.name}.{attempt}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file


def file_of(folder: Path, job: Any, frame: Any) -> Path:
    """Where RQD writes it, below the folder in the place of /shots."""
    name = f"{job.name}.{frame.name}.rqlog"
    return folder.joinpath(job.log_dir.removeprefix("/shots/"), name)


@asynccontextmanager
async def logging_farm(folder: Path, **settings: object) -> AsyncIterator[LoggingFarm]:
    farm = still_farm()
    given: dict[str, Any] = {"log_roots": f"/shots={folder}"} | settings
    async with running_farm(farm) as cuebot, gateway_for(cuebot.endpoint, **given) as gateway:
        job = next(iter(farm.jobs.values()))
        frame = farm.frames_of(job)[0]
        yield LoggingFarm(cuebot, gateway, folder, job, frame)
