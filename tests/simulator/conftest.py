"""A small studio's farm on a stopped clock, new for every test."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import Messages, read_messages
from cuebot_simulator.world.studio import build_farm
from tests.simulator.in_process import Cuebot

NOW = 1_790_000_000


@pytest.fixture(scope="session")
def messages() -> Messages:
    return read_messages()


@pytest.fixture
def cuebot(messages: Messages) -> Cuebot:
    clock = StoppedClock(NOW)
    return Cuebot(build_farm(messages, clock=clock), clock)


@pytest.fixture(autouse=True)
def no_failed_steps() -> Iterator[None]:
    """A step of a farm that fails is only logged. Here it fails the test."""
    with capture_logs() as lines:
        yield
    assert [line for line in lines if line["log_level"] == "error"] == []
