"""What features run as long as the app does."""

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.app import create_app
from gateway.feature import Feature
from gateway.features import FEATURES
from tests.support.servers import settings_for

pytestmark = pytest.mark.anyio


class Broken(Feature):
    name = "broken"

    async def run(self) -> None:
        raise KeyError("no such shelf")


class Steady(Feature):
    name = "steady"
    was_cancelled = False
    runs: asyncio.Event

    async def run(self) -> None:
        self.runs.set()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            type(self).was_cancelled = True
            raise


async def test_one_that_fails_is_logged_with_its_name() -> None:
    """The others, and the gateway, go on until the end."""
    features, Steady.runs = [*FEATURES, Broken, Steady], asyncio.Event()
    app = create_app(settings_for("127.0.0.1:1", rest_host="127.0.0.1"), features=features)
    with capture_logs() as logged:
        async with app.router.lifespan_context(app):
            await Steady.runs.wait()
            assert not Steady.was_cancelled
    failed = [each for each in logged if each.get("feature")]
    assert [(each["event"], each["feature"]) for each in failed] == [
        ("a feature has stopped working", "broken")
    ]
    assert failed[0]["exc_info"]
    assert Steady.was_cancelled
