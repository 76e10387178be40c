"""A small studio's farm on a stopped clock, new for every test."""

import pytest

from gateway.demo.farm.clock import StoppedClock
from gateway.demo.farm.messages import Messages, read_messages
from gateway.demo.farm.studio import build_farm
from tests.demo.desk import Desk

NOW = 1_790_000_000


@pytest.fixture(scope="session")
def messages() -> Messages:
    return read_messages()


@pytest.fixture
def desk(messages: Messages) -> Desk:
    clock = StoppedClock(NOW)
    return Desk(build_farm(messages, clock=clock), clock)
