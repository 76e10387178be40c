"""A reload part by part: what one of them does not do to the others."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from gateway.settings.model import Commit, Reloadable, Settings
from gateway_cli.serving.reload import Reload
from tests.support.audit import comes
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio


class Hanging:
    """A part whose disk hangs."""

    def __init__(self) -> None:
        self.asked, self.used = 0, 0
        self.works = threading.Event()

    def prepare(self, settings: Settings) -> Commit:
        self.asked += 1
        assert self.works.wait(PATIENCE)
        return self.use

    def use(self) -> None:
        self.used += 1


@pytest.fixture
def unresponsive() -> Iterator[Hanging]:
    part = Hanging()
    yield part
    part.works.set()


async def test_a_disk_that_hangs(unresponsive: Hanging, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other parts follow at once, and the reload ends after a while; so do the next ones.

    Nobody asks the disk again until it has answered.
    """
    monkeypatch.setattr("gateway_cli.serving.reload.LONGEST", 0.2)
    followed: list[str] = []
    parts = [
        Reloadable("those of the disk", (), unresponsive.prepare),
        Reloadable("the others", (), lambda _: lambda: followed.append("part")),
    ]
    reload = Reload(Settings(), parts, Settings, lambda: followed.append("end"))
    with capture_logs() as lines:
        async with asyncio.timeout(PATIENCE):
            first = asyncio.create_task(reload.run())
            await comes(lambda: followed)
            assert followed == ["part"]
            await first
            await reload.run()
    assert followed == ["part", "end"] * 2
    assert [line["event"] for line in lines] == ["reload: those of the disk stay as they were"] * 2
    assert "cannot be had" in lines[0]["problem"]
    assert (unresponsive.asked, unresponsive.used) == (1, 0)
    unresponsive.works.set()
    monkeypatch.undo()
    async with asyncio.timeout(PATIENCE):
        while not unresponsive.used:
            await reload.run()
