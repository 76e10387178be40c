"""Methods that the descriptors have and Cuebot does not: what is said, and who is told of them."""

import asyncio
from pathlib import Path
from uuid import UUID

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from structlog.testing import capture_logs

from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    free_port,
    gateway_for,
    running_cuebot,
)

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

GET_SHOWS = "/show.ShowInterface/GetShows"
GET_DEPEND = "/depend.DependInterface/GetDepend"
SATISFY = "/depend.DependInterface/Satisfy"
UNSATISFY = "/depend.DependInterface/Unsatisfy"
DEPEND: dict[str, object] = {"depend": {"id": "d"}}
SET_ALLOCATION = "/host.HostInterface/SetAllocation"
CREATE = "/show.ShowInterface/CreateShow"
FIND_SHOW = "/show.ShowInterface/FindShow"


def lacks(cuebot: ScriptedCuebot, *paths: str) -> None:
    """From now on Cuebot says, as grpc-java does, that it does not have these methods."""
    for path in paths:
        cuebot.fails(path, grpc.StatusCode.UNIMPLEMENTED, f"Method not found: {path[1:]}")


async def listed(gateway: Gateway) -> set[str]:
    """The paths in the document, which the pages list."""
    return set((await gateway.client.get("/openapi.json")).json()["paths"])


async def refused(gateway: Gateway, path: str) -> str:
    """What a call of a method that Cuebot lacks is told."""
    answer = await gateway.post(path, DEPEND if path in (SATISFY, UNSATISFY) else {})
    assert (answer.status_code, answer.json()["error"]) == (501, "UNIMPLEMENTED")
    message: str = answer.json()["message"]
    return message


@pytest.fixture
async def gateway(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway that has forgotten what earlier tests have found."""
    gateway = await shared_gateway(cuebot.endpoint)
    gateway.app.parts.live.request_refresh()
    return gateway


@pytest.mark.parametrize(
    ("source", "way_out", "tried"),
    [
        ("package:opencue_proto", "DESCRIPTOR_SOURCE=<your Cuebot's proto/src>", ""),
        ("cuebot.binpb", "they are newer than this Cuebot", "DESCRIPTOR_SOURCE="),
        ("reflection", "are all of one version?", "DESCRIPTOR_SOURCE"),
    ],
)
async def test_a_lacking_method_has_a_way_out(
    cuebot: ScriptedCuebot, tmp_path: Path, source: str, way_out: str, tried: str
) -> None:
    """Other than what has been tried."""
    if source.endswith(".binpb"):
        path = tmp_path / source
        path.write_bytes(FileDescriptorSet(file=opencue().files).SerializeToString())
        source = str(path)
    lacks(cuebot, GET_DEPEND)
    async with gateway_for(cuebot.endpoint, descriptor_source=source) as gateway:
        for _ in range(2):
            message = await refused(gateway, GET_DEPEND)
            assert message.startswith(f"Method not found: {GET_DEPEND[1:]}; this Cuebot")
            assert way_out in message
            assert not tried or tried not in message


async def test_a_lacking_method_is_not_listed(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    before = await listed(gateway)
    interfaces = (await gateway.client.get("/status.json")).json()["schema"]["interfaces"]
    gone = {path for path in before if path.startswith("/depend.")}
    lacks(cuebot, *gone)
    with capture_logs() as logs:
        for path in (*gone, *gone):
            await refused(gateway, path)
    assert await listed(gateway) == before - gone
    status = (await gateway.client.get("/status.json")).json()["schema"]
    assert status["interfaces"] == interfaces - 1
    told = [line["method"] for line in logs if line["event"].startswith("Cuebot does not serve")]
    assert sorted(told) == sorted(gone)
    assert (await gateway.post(GET_SHOWS, {})).status_code == 200


async def test_a_lacking_method_is_not_suggested(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Neither for words that have been searched for before."""

    async def suggested() -> bool:
        answer = await gateway.post("/host.HostInterface/MoveHost", {})
        return SET_ALLOCATION in answer.json()["message"]

    assert await suggested()
    lacks(cuebot, SET_ALLOCATION)
    whole = {"host": {"id": str(UUID(int=1))}, "allocationId": str(UUID(int=2))}
    answer = await gateway.post(SET_ALLOCATION, whole)
    assert answer.status_code == 501
    assert not await suggested()


async def test_unlisted_methods_can_be_called(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    lacks(cuebot, GET_DEPEND)
    await refused(gateway, GET_DEPEND)
    cuebot.answers(GET_DEPEND, b"")
    assert (await gateway.post(GET_DEPEND, {})).status_code == 200


async def test_other_words_hide_none(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Only grpc-java's words about a method of the descriptors do."""
    before = await listed(gateway)
    for text in (
        "Method depend.DependInterface/GetDepend is unimplemented",
        "Method not found!",
        "Method not found: depend.DependInterface/GetDepend or so",
        "Method not found: farm.FarmInterface/NotInTheDescriptors",
    ):
        cuebot.fails(GET_DEPEND, grpc.StatusCode.UNIMPLEMENTED, text)
        assert (await refused(gateway, GET_DEPEND)).startswith(text)
    words = f"Method not found: {SATISFY[1:]}"
    cuebot.fails(SATISFY, grpc.StatusCode.NOT_FOUND, words)
    assert (await gateway.post(SATISFY, DEPEND)).json()["message"] == words
    assert await listed(gateway) == before


async def test_a_step_that_cuebot_lacks_is_named(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    lacks(cuebot, FIND_SHOW)
    answer = await gateway.post(CREATE, {"name": "new"})
    message = answer.json()["message"]
    assert answer.status_code == 501
    assert message.startswith(f"name: it could not be looked up: Method not found: {FIND_SHOW[1:]}")
    assert CREATE in await listed(gateway)


async def test_a_cuebot_that_comes_back_may_have_it() -> None:
    """What was found of the one before is forgotten when there is a new connection."""
    port = free_port()
    old, new = ScriptedCuebot(opencue().files), ScriptedCuebot(opencue().files)
    for cuebot in (old, new):
        cuebot.start_over()
    lacks(old, UNSATISFY)
    async with gateway_for(f"127.0.0.1:{port}", ready=False) as gateway:
        async with running_cuebot(old, port):
            await gateway.app.parts.live.wait()
            await refused(gateway, UNSATISFY)
            assert UNSATISFY not in await listed(gateway)
        async with running_cuebot(new, port):
            while (await gateway.post(UNSATISFY, DEPEND)).status_code != 200:
                pass
            while UNSATISFY not in await listed(gateway):
                pass


async def test_of_several_cuebots_none_hides_what_another_has(cuebot: ScriptedCuebot) -> None:
    other = ScriptedCuebot(opencue().files)
    other.start_over()
    lacks(cuebot, UNSATISFY)
    async with running_cuebot(other):
        endpoints = f"{cuebot.endpoint},{other.endpoint}"
        async with gateway_for(endpoints) as gateway:
            while await gateway.app.parts.upstream.usable(PATIENCE) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert {(await gateway.post(UNSATISFY, DEPEND)).status_code for _ in "1234"} == {200}
            lacks(other, UNSATISFY)
            await refused(gateway, UNSATISFY)
            assert UNSATISFY in await listed(gateway)
