"""Fixtures for tests of the command line."""

import os
from functools import partial

import pytest

from cuebot_simulator.server import SimulatedCuebot
from gateway_cli.client.cuebot import cuebot_client
from gateway_client.gateway import gateway_client
from tests.gateway_cli.calls import FarmGateway, Opening
from tests.support.servers import ScriptedCuebot, SharedGateway, settings_for, token


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients would use the proxies of this machine, as curl does."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture(params=["gateway", "direct"])
async def opening(
    request: pytest.FixtureRequest,
    cuebot: ScriptedCuebot | SimulatedCuebot,
    shared_gateway: SharedGateway,
) -> Opening:
    """Opens a client of `cuebot`. A test that asks for it runs through a gateway and straight."""
    if request.param == "direct":
        settings = settings_for(cuebot.endpoint, jwt_secret=None)
        return lambda timeout=10: cuebot_client(settings, timeout)
    url = (await shared_gateway(cuebot.endpoint)).url
    return lambda timeout=10: gateway_client(url, token, timeout)


@pytest.fixture
def farm_gateway(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> FarmGateway:
    """A function: the gateway with these settings in front of the demo's farm."""
    return partial(shared_gateway, simulated_cuebot.endpoint)
