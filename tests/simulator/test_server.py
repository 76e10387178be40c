"""The server of a simulated Cuebot, and the farm that lives behind it."""

import asyncio
import errno
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from cuebot_simulator.server import SimulatedCuebot
from cuebot_simulator.world.clock import StoppedClock
from cuebot_simulator.world.messages import Messages
from cuebot_simulator.world.studio import build_farm
from tests.simulator.conftest import NOW
from tests.support.patience import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

each_reflection = pytest.mark.parametrize(
    "path",
    [
        f"/grpc.reflection.{each}.ServerReflection/ServerReflectionInfo"
        for each in ("v1", "v1alpha")
    ],
)


@pytest.fixture
async def server(messages: Messages) -> AsyncIterator[SimulatedCuebot]:
    """A simulated Cuebot on a stopped clock, which describes itself."""
    simulated = SimulatedCuebot(farm=build_farm(messages, clock=StoppedClock(NOW)))
    await simulated.start()
    yield simulated
    await simulated.stop()


async def get_shows(cuebot: SimulatedCuebot) -> bytes:
    """The shows, over the wire."""
    async with grpc.aio.insecure_channel(cuebot.endpoint) as channel:
        ask: Any = channel.unary_unary("/show.ShowInterface/GetShows")
        answer: bytes = await ask(b"", timeout=10, metadata=(("x-request-id", "r1"),))
        return answer


async def reflect(cuebot: SimulatedCuebot, path: str, **request: Any) -> ServerReflectionResponse:
    """The answer to one request for a description."""
    async with grpc.aio.insecure_channel(cuebot.endpoint) as channel:
        ask: Any = channel.stream_stream(
            path,
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
        answer: ServerReflectionResponse = await ask(
            iter([ServerReflectionRequest(**request)])
        ).read()
        return answer


@each_reflection
async def test_without_reflection_it_is_as_the_stock_cuebot(messages: Messages, path: str) -> None:
    cuebot = SimulatedCuebot(farm=build_farm(messages), reflection=False)
    await cuebot.start()
    try:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await reflect(cuebot, path, list_services="")
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert await get_shows(cuebot)
    finally:
        await cuebot.stop()


@each_reflection
async def test_it_describes_itself_in_both_versions(server: SimulatedCuebot, path: str) -> None:
    listed = (await reflect(server, path, list_services="")).list_services_response.service
    assert sorted(each.name for each in listed) == sorted(server.farm.messages.services)
    for each in listed:
        answer = await reflect(server, path, file_containing_symbol=each.name)
        assert answer.file_descriptor_response.file_descriptor_proto


async def test_a_port_in_use_is_one_clear_line(server: SimulatedCuebot) -> None:
    with pytest.raises(OSError, match="in use") as caught:
        await SimulatedCuebot(port=server.port, farm=server.farm).start()
    assert caught.value.errno == errno.EADDRINUSE
    assert "\n" not in str(caught.value)


async def test_it_starts_again_on_its_port(server: SimulatedCuebot) -> None:
    port = server.port
    before = await get_shows(server)
    await server.stop()
    assert await server.start() == port
    assert await get_shows(server) == before


async def test_things_happen_while_nobody_calls(messages: Messages) -> None:
    farm = build_farm(messages, clock=StoppedClock(NOW))
    happened = asyncio.Event()
    farm.agenda.after(0, happened.set)
    cuebot = SimulatedCuebot(farm=farm)
    await cuebot.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await happened.wait()
    finally:
        await cuebot.stop()
