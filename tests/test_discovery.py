"""Discovery at startup: which source is asked, what its answers mean, and what clients see."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_reflection.v1alpha import reflection_pb2
from structlog.testing import capture_logs

from gateway.errors import ConfigurationError
from gateway.schema.reflection import ReflectionSource
from gateway.schema.refresh import LiveCatalog
from gateway.schema.selection import Selection
from gateway.schema.sources import (
    AutoSource,
    FixedSource,
    NoReflection,
    NotReady,
    Schema,
    choose_source,
    read_file,
    read_package,
)
from tests.opencue import opencue
from tests.servers import (
    Context,
    ScriptedCuebot,
    running_cuebot,
    running_gateway,
    settings_for,
)

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"

Request = reflection_pb2.ServerReflectionRequest
Response = reflection_pb2.ServerReflectionResponse
Answer = Callable[[Any, Context], Any]


@asynccontextmanager
async def reflecting(answer: Answer, *versions: str) -> AsyncIterator[ReflectionSource]:
    """A source that asks a server whose reflection is scripted: one answer per request."""

    async def info(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async for request in requests:
            response = answer(request, context)
            if asyncio.iscoroutine(response):
                response = await response
            if response is None:
                return
            yield response

    server = grpc.aio.server()
    for version in versions or ("v1",):
        handler = grpc.stream_stream_rpc_method_handler(
            info,
            request_deserializer=Request.FromString,
            response_serializer=Response.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (
                grpc.method_handlers_generic_handler(
                    f"grpc.reflection.{version}.ServerReflection",
                    {"ServerReflectionInfo": handler},
                ),
            )
        )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield ReflectionSource(channel, endpoint=f"127.0.0.1:{port}")
    await server.stop(None)


def file(name: str, *imports: str, service: str = "") -> FileDescriptorProto:
    """A small file; with a service whose one method takes and gives the file's own message."""
    package = name.removesuffix(".proto")
    built = FileDescriptorProto(name=name, package=package, syntax="proto3")
    built.dependency.extend(imports)
    built.message_type.add(name="M")
    if service:
        method = built.service.add(name=service).method.add(name="Call")
        method.input_type = method.output_type = f".{package}.M"
    return built


def listing(*services: str) -> Any:
    response = Response()
    for service in services:
        response.list_services_response.service.add(name=service)
    return response


def handing(*files: FileDescriptorProto) -> Any:
    response = Response()
    for one in files:
        response.file_descriptor_response.file_descriptor_proto.append(one.SerializeToString())
    return response


def refusing(code: grpc.StatusCode) -> Answer:
    async def answer(request: Any, context: Context) -> Any:
        await context.abort(code, "scripted")

    return answer


# --- reflection -----------------------------------------------------------------------------


@pytest.mark.parametrize("versions", [("v1",), ("v1alpha",), ("v1", "v1alpha")])
async def test_either_version_of_reflection_is_spoken(versions: tuple[str, ...]) -> None:
    """v1 is asked first, v1alpha when there is no v1; both give the same schema."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files, reflection=versions)) as cuebot,
        grpc.aio.insecure_channel(cuebot.endpoint) as channel,
    ):
        schema = await ReflectionSource(channel, endpoint=cuebot.endpoint).fetch()
    assert schema.origin == f"reflection {versions[0]} of {cuebot.endpoint}"
    assert schema.confirmed
    assert set(schema.services) == set(opencue().services)
    assert schema.digest == opencue().digest


async def test_files_are_asked_for_once_and_kept() -> None:
    """A server may hand out one file at a time, each only once, and no well-known types."""
    files = {
        "a.proto": file("a.proto", "c.proto", "google/protobuf/timestamp.proto", service="A"),
        "b.proto": file("b.proto", "c.proto", service="B"),
        "c.proto": file("c.proto"),
    }
    asked: list[str] = []

    def answer(request: Any, context: Context) -> Any:
        match request.WhichOneof("message_request"):
            case "list_services":
                return listing("a.A", "b.B")
            case "file_containing_symbol":
                name = request.file_containing_symbol.partition(".")[0] + ".proto"
            case _:
                name = request.file_by_filename
        asked.append(name)
        return handing(files[name])

    async with reflecting(answer) as source:
        schema = await source.fetch()
    assert sorted(asked) == ["a.proto", "b.proto", "c.proto"]
    assert schema.services == ("a.A", "b.B")


async def test_a_service_without_description_is_skipped() -> None:
    """What a server lists and cannot describe is reported; the rest is served."""

    def answer(request: Any, context: Context) -> Any:
        if request.HasField("list_services"):
            return listing("a.A", "ghost.G", "d.D")
        if request.file_containing_symbol == "a.A":
            return handing(file("a.proto", service="A"))
        if request.file_containing_symbol == "d.D":
            return handing(file("d.proto", "lost.proto", service="D"))
        error = reflection_pb2.ErrorResponse(error_code=5, error_message="nothing known")
        return Response(error_response=error)

    async with reflecting(answer) as source:
        schema = await source.fetch()
    assert schema.services == ("a.A",)
    assert {skip.service: skip.reason for skip in schema.skipped} == {
        "ghost.G": "the server says 5: nothing known",
        "d.D": "its import lost.proto is missing: the server says 5: nothing known",
    }


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (grpc.StatusCode.UNIMPLEMENTED, NoReflection),
        (grpc.StatusCode.UNAUTHENTICATED, NoReflection),
        (grpc.StatusCode.PERMISSION_DENIED, NoReflection),
        (grpc.StatusCode.UNAVAILABLE, NotReady),
        (grpc.StatusCode.DEADLINE_EXCEEDED, NotReady),
        (grpc.StatusCode.INTERNAL, NotReady),
    ],
)
async def test_what_a_status_means(code: grpc.StatusCode, meaning: type[Exception]) -> None:
    """Only a refusal means that there is no reflection; anything else is asked again later."""
    async with reflecting(refusing(code), "v1", "v1alpha") as source:
        with pytest.raises(meaning):
            await source.fetch()


async def test_no_reflection_is_never_taken_for_an_outage() -> None:
    """A server that refuses at once is understood each time, whatever races inside grpc.aio."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot,
        grpc.aio.insecure_channel(cuebot.endpoint) as channel,
    ):
        source = ReflectionSource(channel, endpoint=cuebot.endpoint)
        for _ in range(50):
            with pytest.raises(NoReflection):
                await source.fetch()


async def test_a_server_that_ends_the_stream_early_is_not_ready() -> None:
    """A stream that ends without an answer says nothing about the schema."""
    async with reflecting(lambda request, context: None) as source:
        with pytest.raises(NotReady):
            await source.fetch()


# --- the other sources ----------------------------------------------------------------------


async def test_auto_falls_back_to_the_package_and_says_so() -> None:
    """A stock Cuebot is served from the installed descriptors, as an assumption."""
    async with reflecting(refusing(grpc.StatusCode.UNIMPLEMENTED)) as reflection:
        with capture_logs() as logs:
            schema = await AutoSource(reflection).fetch()
    assert (schema.origin, schema.confirmed) == ("package:opencue_proto", False)
    assert [(line["log_level"], line["origin"]) for line in logs] == [
        ("warning", "package:opencue_proto")
    ]


async def test_auto_without_a_package_names_the_ways_out() -> None:
    """When nothing describes Cuebot, the problem says why and what can be done."""
    async with reflecting(refusing(grpc.StatusCode.UNIMPLEMENTED)) as reflection:
        live = LiveCatalog(AutoSource(reflection, package="not_there_at_all"), Selection())
        assert not await live.attempt()
    for words in (
        "no server reflection",
        "not_there_at_all is not installed",
        "reflection in Cuebot",
        "cuebot-gateway[opencue]",
        "DESCRIPTOR_SOURCE",
    ):
        assert words in live.problem


async def test_auto_does_not_fall_back_while_cuebot_is_away() -> None:
    """An absent Cuebot may have reflection when it comes: the package is not assumed yet."""
    async with reflecting(refusing(grpc.StatusCode.UNAVAILABLE)) as reflection:
        with pytest.raises(NotReady):
            await AutoSource(reflection).fetch()


def test_the_package_is_read_and_not_imported() -> None:
    """All of OpenCue's services are found, without filling protobuf's default pool."""
    schema = read_package("opencue_proto")
    assert len(schema.services) >= 20
    assert "job.JobInterface" in schema.services
    assert not schema.confirmed
    import sys

    assert "opencue_proto.job_pb2" not in sys.modules


@pytest.mark.parametrize("name", ["not_there_at_all", "json", "opencue_proto..", ""])
def test_packages_that_are_none(name: str) -> None:
    """A package that is absent, or holds no descriptors, is one clear line."""
    with pytest.raises(ConfigurationError, match=r"is not installed|holds no protobuf"):
        read_package(name)


def test_a_package_in_two_places_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two versions of a namespace package on one path would be mixed in silence."""
    for place in ("one", "two"):
        (tmp_path / place / "twice_proto").mkdir(parents=True)
        monkeypatch.syspath_prepend(str(tmp_path / place))
    with pytest.raises(ConfigurationError, match="installed twice"):
        read_package("twice_proto")


def test_a_descriptor_set_file_is_read(tmp_path: Path) -> None:
    """A FileDescriptorSet gives the same schema as the package it was made from."""
    path = tmp_path / "cue.binpb"
    path.write_bytes(FileDescriptorSet(file=opencue().files).SerializeToString())
    source = choose_source(str(path), FixedSource(opencue()))
    assert isinstance(source, FixedSource)
    assert source.schema.digest == opencue().digest
    assert source.schema.origin == str(path)


@pytest.mark.parametrize("content", [b"", b"not protobuf", b"\x0a\x05abc", b"\x0a\x00"])
def test_files_that_are_no_descriptor_set(tmp_path: Path, content: bytes) -> None:
    """A truncated or foreign file stops startup with a line that names it."""
    path = tmp_path / "x.desc"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"DESCRIPTOR_SOURCE: .*x\.desc"):
        read_file(path)


@pytest.mark.parametrize(
    "value", ["nonsense", "package:not_there_at_all", "/nowhere/at/all.binpb", "cue.json"]
)
def test_a_wrong_source_stops_startup(value: str) -> None:
    """DESCRIPTOR_SOURCE is checked before anything is served."""
    with pytest.raises(ConfigurationError, match="DESCRIPTOR_SOURCE"):
        choose_source(value, FixedSource(opencue()))


def schema_of(*files: FileDescriptorProto) -> Schema:
    return Schema(files=files, services=("a.A",), origin="x", confirmed=True)


def test_the_digest_is_of_the_content() -> None:
    """Order and comments do not count; a new field does."""
    one, two = file("a.proto", service="A"), file("b.proto")
    forward, backward = schema_of(one, two), schema_of(two, one)
    assert forward.digest == backward.digest
    commented = FileDescriptorProto.FromString(two.SerializeToString())
    commented.source_code_info.location.add(leading_comments="hello")
    assert schema_of(one, commented).digest == forward.digest
    commented.message_type[0].field.add(name="more", number=1, type=9, label=1)
    assert schema_of(one, commented).digest != forward.digest


# --- what clients see -----------------------------------------------------------------------


async def ready_state(gateway: Any) -> tuple[int, dict[str, str]]:
    answer = await gateway.client.get("/readyz", headers={"Authorization": ""})
    return answer.status_code, answer.json()


async def test_an_absent_cuebot_is_503_until_it_comes() -> None:
    """The gateway starts alone, says 503, and is ready by itself within 5 s of Cuebot's coming."""
    async with running_cuebot(ScriptedCuebot()) as placeholder:
        port = int(placeholder.endpoint.rpartition(":")[2])
    async with running_gateway(settings_for(f"127.0.0.1:{port}"), ready=False) as gateway:
        assert (await gateway.client.get("/healthz")).json() == {"status": "ok"}
        answer = await gateway.post(SHOWS, {})
        assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        status, state = await ready_state(gateway)
        assert status == 503
        assert state == {"status": "unavailable", "cuebot": "unreachable", "schema": "none"}
        cuebot = ScriptedCuebot(opencue().files)
        cuebot.answers(SHOWS, b"")
        async with running_cuebot(cuebot, port):
            async with asyncio.timeout(5):
                await gateway.app.state.live.wait()
            assert (await ready_state(gateway))[0] == 200
            assert (await gateway.post(SHOWS, {})).status_code == 200


async def test_a_lost_cuebot_is_not_ready_and_comes_back() -> None:
    """When Cuebot goes, calls are 503 and readiness too; when it returns, so do they."""
    first = ScriptedCuebot(opencue().files)
    async with running_cuebot(first) as cuebot:
        port = int(cuebot.endpoint.rpartition(":")[2])
        context = running_gateway(settings_for(cuebot.endpoint))
        gateway = await context.__aenter__()
    try:
        answer = await gateway.post(SHOWS, {})
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        assert "Cuebot cannot be reached" in answer.json()["message"]
        status, state = await ready_state(gateway)
        assert (status, state["cuebot"], state["schema"]) == (503, "unreachable", "confirmed")
        again = ScriptedCuebot(opencue().files)
        again.answers(SHOWS, b"")
        async with running_cuebot(again, port), asyncio.timeout(10):
            while (await ready_state(gateway))[0] != 200:
                pass
            assert (await gateway.post(SHOWS, {})).status_code == 200
    finally:
        await context.__aexit__(None, None, None)


async def test_a_stock_cuebot_is_served_as_assumed() -> None:
    """Without reflection the installed package serves, and readiness says that it is assumed."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot,
        running_gateway(settings_for(cuebot.endpoint)) as gateway,
    ):
        cuebot.answers(SHOWS, b"")
        assert (await gateway.post(SHOWS, {})).status_code == 200
        assert (await ready_state(gateway))[1]["schema"] == "assumed"


async def test_demanded_reflection_that_is_not_there() -> None:
    """DESCRIPTOR_SOURCE=reflection does not fall back; the problem names the ways out."""
    async with running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot:
        settings = settings_for(cuebot.endpoint, descriptor_source="reflection")
        async with running_gateway(settings, ready=False) as gateway:
            live = gateway.app.state.live
            async with asyncio.timeout(10):
                while "Three ways out" not in live.problem:
                    await gateway.client.get("/healthz")
            assert (await gateway.post(SHOWS, {})).status_code == 503


async def test_health_needs_no_token_and_other_verbs_are_405() -> None:
    """Health is open to load balancers, and answers in the one shape when it is misused."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files)) as cuebot,
        running_gateway(settings_for(cuebot.endpoint)) as gateway,
    ):
        for path in ("/healthz", "/readyz"):
            answer = await gateway.client.get(path, headers={"Authorization": ""})
            assert answer.status_code == 200
            wrong = await gateway.client.post(path)
            assert wrong.status_code == 405
            assert wrong.json()["code"] == 12
            assert "GET" in wrong.headers["allow"]
