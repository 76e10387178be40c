"""Fixtures for tests of `cuectl`."""

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cuebot_simulator.log_files import LogFiles
from cuebot_simulator.server import SimulatedCuebot
from tests.cuectl.calls import Cuectl
from tests.support.farms import running_farm, still_farm
from tests.support.needs import missing
from tests.support.servers import Gateway, SharedGateway, gateway_for


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients would use the proxies of this machine, as curl does."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def logs(tmp_path: Path) -> LogFiles:
    """The logs of the farm's frames."""
    return LogFiles(tmp_path / "shots")


@pytest.fixture
async def cuebot(logs: LogFiles) -> AsyncIterator[SimulatedCuebot]:
    """A farm that stands still."""
    async with running_farm(still_farm()) as cuebot:
        cuebot.logs = logs
        yield cuebot


@pytest.fixture
async def gateway(cuebot: SimulatedCuebot, logs: LogFiles) -> AsyncIterator[Gateway]:
    given: dict[str, Any] = {} if missing(["logs"]) else {"log_roots": logs.roots}
    async with gateway_for(cuebot.endpoint, **given) as gateway:
        yield gateway


@pytest.fixture
def cuectl(gateway: Gateway, tmp_path: Path) -> Cuectl:
    return Cuectl(gateway, tmp_path)


@pytest.fixture(scope="module")
async def reading(
    simulated_cuebot: SimulatedCuebot,
    shared_gateway: SharedGateway,
    tmp_path_factory: pytest.TempPathFactory,
) -> Cuectl:
    """As `cuectl`, for tests that change nothing: they share a farm and a cache."""
    return Cuectl(await shared_gateway(simulated_cuebot.endpoint), tmp_path_factory.mktemp("home"))


@pytest.fixture
def newcomer(reading: Cuectl, tmp_path: Path) -> Cuectl:
    """As `reading`, of somebody who has asked nothing yet: the gateway tells each caller one near
    name a second.
    """
    return Cuectl(reading.gateway, tmp_path, subject=tmp_path.name)
