"""A small studio's farm on a stopped clock, new for every test."""

import os
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import Messages, read_messages
from cuebot_simulator.world.studio import build_farm
from tests.simulator.in_process import Cuebot
from tests.support.versions import Unreachable, published

NOW = 1_790_000_000


@pytest.fixture(scope="session")
def messages() -> Messages:
    """The installed messages, or those of the published version that OPENCUE_VERSION names."""
    version = os.environ.get("OPENCUE_VERSION")
    if version is None:
        return read_messages()
    schema = published(version)
    if isinstance(schema, Unreachable):
        pytest.skip(f"opencue-proto {version} cannot be fetched: {schema}")
    return Messages(schema)


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
