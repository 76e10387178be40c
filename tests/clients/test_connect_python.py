"""`connectrpc` from PyPI: both protocols, both codecs, with gzip (its default) and without."""

from typing import Any

import grpc
import grpc.aio
import pytest
from connectrpc.client import ConnectClient
from connectrpc.code import Code
from connectrpc.codec import Codec
from connectrpc.compat import google_protobuf_binary_codec, google_protobuf_json_codec
from connectrpc.compression.gzip import GzipCompression
from connectrpc.errors import ConnectError
from connectrpc.method import IdempotencyLevel, MethodInfo, StreamType
from connectrpc.protocol import ProtocolType
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.rpc import status_pb2

from cuebot_simulator.server import SimulatedCuebot
from tests.support.patience import PATIENCE
from tests.support.protos import opencue
from tests.support.servers import Context, Gateway, ScriptedCuebot, SharedGateway, bearer

pytestmark = pytest.mark.anyio

CODECS: dict[str, Codec] = {
    "proto": google_protobuf_binary_codec(),
    "JSON": google_protobuf_json_codec(ignore_unknown_fields=False),
}
COMPRESSIONS = {"plain": None, "gzip": GzipCompression()}
WAYS = [
    *(
        f"{way}, {compression}"
        for way in ("Connect, proto", "Connect, JSON", "GET, proto", "GET, JSON", "gRPC-Web, proto")
        for compression in COMPRESSIONS
    )
]
each_way = pytest.mark.parametrize("way", WAYS)
each_change = pytest.mark.parametrize("way", [way for way in WAYS if not way.startswith("GET")])
each_plain_way = pytest.mark.parametrize("way", [way for way in WAYS if way.endswith("plain")])
JOB = "demo-sh010-lena_comp_v003"


@pytest.fixture
async def farm(simulated_cuebot: SimulatedCuebot, shared_gateway: SharedGateway) -> Gateway:
    return await shared_gateway(simulated_cuebot.endpoint)


async def call(
    gateway: Gateway,
    way: str,
    path: str,
    request: Any = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_ms: int | None = None,
) -> Any:
    """The answer as a message. `request` is JSON. Raises ConnectError."""
    protocol, codec, compression = way.split(", ")
    service, _, name = path[1:].partition("/")
    method = opencue().pool.FindServiceByName(service).methods_by_name[name]
    sent = opencue().message_class(method.input_type.full_name)()
    described = MethodInfo(
        name=name,
        service_name=service,
        input=type(sent),
        output=opencue().message_class(method.output_type.full_name),
        idempotency_level=IdempotencyLevel.UNKNOWN,
        stream_type=StreamType.UNARY,
    )
    chosen = COMPRESSIONS[compression]
    async with ConnectClient(
        gateway.url,
        codec=CODECS[codec],
        protocol=ProtocolType.GRPC_WEB if protocol == "gRPC-Web" else ProtocolType.CONNECT,
        send_compression=chosen,
        accept_compression=() if chosen is None else (chosen,),
    ) as client:
        return await client.execute_unary(
            request=json_format.ParseDict(request or {}, sent),
            method=described,
            headers=bearer() if headers is None else headers,
            timeout_ms=timeout_ms,
            use_get=protocol == "GET",
        )


@each_way
async def test_a_read_is_what_json_says(farm: Gateway, way: str) -> None:
    found = await call(farm, way, "/job.JobInterface/GetJobs", {"r": {}})
    plain = (await farm.post("/job.JobInterface/GetJobs", {"r": {}})).json()
    assert len(plain["jobs"]["jobs"]) > 3
    assert found == json_format.ParseDict(plain, type(found)())


@each_change
async def test_a_change_is_made(farm: Gateway, way: str) -> None:
    for verb, is_paused in (("Pause", True), ("Resume", False)):
        await call(farm, way, f"/job.JobInterface/{verb}", {"job": {"name": JOB}})
        found = await call(farm, way, "/job.JobInterface/FindJob", {"name": JOB})
        assert found.job.is_paused is is_paused


@each_way
async def test_an_error_of_cuebot_has_its_code_message_and_details(
    gateway: Gateway, cuebot: ScriptedCuebot, way: str
) -> None:
    status = status_pb2.Status(code=9, message="no “proc” is free")
    status.details.add().Pack(Duration(seconds=2))

    async def fail(request: bytes, context: Context) -> bytes:
        trailer = (("grpc-status-details-bin", status.SerializeToString()),)
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, status.message, trailer)
        raise AssertionError  # abort raises

    cuebot.handlers["/job.JobInterface/FindJob"] = fail
    with pytest.raises(ConnectError) as caught:
        await call(gateway, way, "/job.JobInterface/FindJob", {"name": JOB})
    error = caught.value
    assert (error.code, error.message) == (Code.FAILED_PRECONDITION, status.message)
    (detail,) = error.details
    assert (detail.type_name, detail.message_bytes) == ("google.protobuf.Duration", b"\x08\x02")


@each_plain_way
@pytest.mark.parametrize(
    ("headers", "code", "words"),
    [(None, Code.NOT_FOUND, "no pending job 'nope'"), ({}, Code.UNAUTHENTICATED, "send a token")],
)
async def test_an_error_of_the_gateway_has_its_code_and_message(
    farm: Gateway, way: str, headers: dict[str, str] | None, code: Code, words: str
) -> None:
    asked = {"job": {"name": "nope"}}
    with pytest.raises(ConnectError) as caught:
        await call(farm, way, "/job.JobInterface/GetLayers", asked, headers=headers)
    assert caught.value.code is code
    assert words in caught.value.message


@each_plain_way
@pytest.mark.gateway(grpc_timeout=86400)
async def test_a_timeout_is_what_cuebot_is_given(
    gateway: Gateway, cuebot: ScriptedCuebot, way: str
) -> None:
    left: list[float] = []

    async def note(request: bytes, context: Context) -> bytes:
        left.append(context.time_remaining() or 0)
        return b""

    cuebot.handlers["/job.JobInterface/FindJob"] = note
    await call(gateway, way, "/job.JobInterface/FindJob", {"name": JOB}, timeout_ms=3_600_000)
    assert 3_600 - PATIENCE < left[0] <= 3_600
