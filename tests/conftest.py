"""Fixtures for all tests."""

from collections.abc import AsyncIterator

import pytest

from tests.support import servers


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """Async tests run on the loop that the gateway runs on."""
    return ("asyncio", {"use_uvloop": True})


@pytest.fixture(scope="session", autouse=True)
async def one_loop(anyio_backend: object) -> AsyncIterator[None]:
    """One event loop for the whole session.

    grpc.aio polls for a process and hands events to the loops it has seen; a call that it
    finishes after its test's own loop was closed fails whichever test runs by then.
    """
    yield  # noqa: PT022 - a fixture that returned would let the loop go


@pytest.fixture
def each_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """For files that mark themselves with `ON_EACH_TRANSPORT`: their tests run on each."""
    transport: str = request.param
    monkeypatch.setitem(servers.ALSO, "cuebot_transport", transport)
    return transport
