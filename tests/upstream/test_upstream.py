"""The way to Cuebot: cancelled calls, slow and absent servers, and the settings about it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from threading import Barrier

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message_factory import GetMessageClass
from structlog.testing import capture_logs

from gateway.codec.decode import Decoders
from gateway.codec.encode import Encoders
from gateway.codec.path import ROOT
from gateway.errors import Code, ConfigurationError, GatewayError
from gateway.schema.pool import build_pool
from gateway.settings.loading import load_settings
from gateway.upstream.endpoint import GrpcUpstream
from tests.support.opencue import message_class
from tests.support.servers import (
    ON_EACH_TRANSPORT,
    SECRET,
    Context,
    ScriptedCuebot,
    free_port,
    running_cuebot,
    running_gateway,
    settings_for,
)
from tests.support.webserver import web_server

pytestmark = [pytest.mark.anyio, *ON_EACH_TRANSPORT]

PATIENCE = 20.0
PROMPTLY = 5.0
SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"


@asynccontextmanager
async def upstream_to(endpoint: str) -> AsyncIterator[GrpcUpstream]:
    """An upstream of its own."""
    upstream = GrpcUpstream(settings_for(endpoint), endpoint)
    try:
        yield upstream
    finally:
        await upstream.close()


# --- calls ----------------------------------------------------------------------------------


async def test_a_cancelled_call_is_cancelled_at_the_server() -> None:
    """Cuebot stops working on a call whose caller was cancelled."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def handler(request: bytes, context: Context) -> bytes:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    cuebot = ScriptedCuebot(handlers={SHOWS: handler})
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        call = asyncio.create_task(upstream.call(SHOWS, b"", PATIENCE, ()))
        async with asyncio.timeout(PATIENCE):
            await started.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await cancelled.wait()


async def test_a_call_that_is_cancelled_early_does_not_run_on() -> None:
    """However early the caller is cancelled, nothing is left running at the server.

    `call.cancel` in the `finally` is there because grpc.aio has lost cancellations that came while
    a call was being started (grpc #43462); versions that do not lose them pass without it.
    """
    begun = ended = 0

    async def handler(request: bytes, context: Context) -> bytes:
        nonlocal begun, ended
        begun += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended += 1
        raise AssertionError

    cuebot = ScriptedCuebot(handlers={SHOWS: handler})
    cuebot.answers(FIND_SHOW, b"")
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        for turns in range(60):
            call = asyncio.create_task(upstream.call(SHOWS, b"", PATIENCE, ()))
            for _ in range(turns % 12):
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        await upstream.call(FIND_SHOW, b"", PATIENCE, ())  # whatever was sent has arrived
        async with asyncio.timeout(PROMPTLY):
            while ended < begun:  # noqa: ASYNC110 - there is no event for that
                await asyncio.sleep(0.01)


async def test_requests_over_grpcs_default_limit_pass() -> None:
    """A body of more than 4 MB, which MAX_BODY_MB permits, reaches a Cuebot that takes it."""
    cuebot = ScriptedCuebot()
    cuebot.answers(FIND_SHOW, b"")
    options = (("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0))
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((cuebot,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    settings = settings_for(
        f"127.0.0.1:{port}", max_body_mb=8, descriptor_source="package:opencue_proto"
    )
    name = "x" * (6 * 2**20)
    try:
        async with running_gateway(settings) as gateway:
            answer = await gateway.post(FIND_SHOW, {"name": name})
    finally:
        await server.stop(None)
    assert answer.status_code == 200
    assert (
        cuebot.seen[0][1]
        == message_class("show.ShowFindShowRequest")(name=name).SerializeToString()
    )


async def test_a_cuebot_that_is_away_says_when_to_come_again() -> None:
    """UNAVAILABLE, from Cuebot or from the way to it, carries Retry-After."""
    cuebot = ScriptedCuebot()
    cuebot.fails(SHOWS, grpc.StatusCode.UNAVAILABLE, "restarting")
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        with pytest.raises(GatewayError) as scripted:
            await upstream.call(SHOWS, b"", PATIENCE, ())
    async with upstream_to(f"127.0.0.1:{free_port()}") as upstream:
        with pytest.raises(GatewayError) as unreached:
            await upstream.call(SHOWS, b"", PATIENCE, ())
    for caught in (scripted, unreached):
        assert caught.value.code is Code.UNAVAILABLE
        assert caught.value.headers == {"Retry-After": "1"}
    assert scripted.value.message == "restarting"
    assert unreached.value.message.startswith("Cuebot cannot be reached: ")


async def test_other_failures_do_not_say_so() -> None:
    """A failure that would come again has no Retry-After."""
    cuebot = ScriptedCuebot()
    cuebot.fails(SHOWS, grpc.StatusCode.NOT_FOUND, "no")
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        with pytest.raises(GatewayError) as caught:
            await upstream.call(SHOWS, b"", PATIENCE, ())
    assert caught.value.headers == {}


# --- connecting -----------------------------------------------------------------------------


@asynccontextmanager
async def slow_door(endpoint: str, seconds: float) -> AsyncIterator[str]:
    """The endpoint of a proxy that lets each connection wait before it passes anything on."""
    host, _, port = endpoint.rpartition(":")

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        onward, back = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, back), pump(onward, writer))

    door = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{door.sockets[0].getsockname()[1]}"
    finally:
        door.close()
        await door.wait_closed()


async def test_a_server_that_is_slow_to_answer_is_reached() -> None:
    """A busy Cuebot, whose first bytes come a second after the connection, is not given up."""
    cuebot = ScriptedCuebot()
    cuebot.answers(SHOWS, b"late")
    async with (
        running_cuebot(cuebot),
        slow_door(cuebot.endpoint, 1.0) as endpoint,
        upstream_to(endpoint) as upstream,
        asyncio.timeout(PATIENCE),
    ):
        assert await upstream.call(SHOWS, b"", PATIENCE, ()) == b"late"


async def test_an_absent_cuebot_is_not_usable_at_once() -> None:
    """A refused connection is an answer: nobody waits for the rest of their patience."""
    async with upstream_to(f"127.0.0.1:{free_port()}") as upstream, asyncio.timeout(PATIENCE):
        assert not await upstream.usable(PATIENCE * 100)


async def test_a_cuebot_that_is_there_is_usable() -> None:
    """A connection that can be made within the patience is made."""
    cuebot = ScriptedCuebot()
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        assert await upstream.usable(PATIENCE)


async def test_the_log_tells_when_cuebot_goes_and_comes() -> None:
    """One line when the connection is lost and one when it is back, however many tries fail."""
    port = free_port()
    endpoint = f"127.0.0.1:{port}"

    async def until(lines: list[object], count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(lines) < count:  # noqa: ASYNC110 - there is no event for a log line
                await asyncio.sleep(0.01)

    returns: list[int] = []
    with capture_logs() as logs:
        lines: list[object] = logs  # type: ignore[assignment]
        async with upstream_to(endpoint) as upstream:
            watching = asyncio.create_task(upstream.watch(lambda: returns.append(len(lines))))
            await until(lines, 1)
            async with running_cuebot(ScriptedCuebot(), port):
                await until(lines, 2)
            await until(lines, 3)
            async with running_cuebot(ScriptedCuebot(), port):
                await until(lines, 4)
                watching.cancel()  # before the server goes, which would be a line more
                with suppress(asyncio.CancelledError):
                    await watching
    for line in logs[::2]:
        assert "Connection refused" in line.pop("reason")
    gone = {"event": "Cuebot cannot be reached", "log_level": "warning", "endpoint": endpoint}
    back = {"event": "Cuebot is connected", "log_level": "info", "endpoint": endpoint}
    assert logs == [gone, back, gone, back]
    assert returns == [3]  # the first connection is no return


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_a_web_servers_answer_is_not_cuebots(status: int) -> None:
    """gRPC makes UNAUTHENTICATED, UNIMPLEMENTED and so on of it, which Cuebot has not said."""
    async with web_server(status) as endpoint, upstream_to(endpoint) as upstream:
        with pytest.raises(GatewayError) as caught:
            await upstream.call("/show.ShowInterface/GetShows", b"", PATIENCE, ())
    assert (caught.value.code, caught.value.status) == (Code.UNAVAILABLE, 503)
    assert "web server" in caught.value.message
    assert str(status) in caught.value.message


# --- schema and codecs ----------------------------------------------------------------------


def interface(package: str) -> FileDescriptorProto:
    """A file with a service `FrameInterface` of this package, whose one method is X."""
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.message_type.add(name="M")
    method = file.service.add(name="FrameInterface").method.add(name="X")
    method.input_type = method.output_type = f".{package}.M"
    return file


async def test_an_excluded_service_does_not_leave_its_name_to_another() -> None:
    """A path that is the own name of an excluded service never becomes an alias of another."""
    cuebot = ScriptedCuebot((interface("job"), interface("frame")))
    cuebot.answers("/job.FrameInterface/X", b"")
    cuebot.answers("/frame.FrameInterface/X", b"")
    async with running_cuebot(cuebot):
        settings = settings_for(cuebot.endpoint, exclude_services="frame.FrameInterface")
        async with running_gateway(settings) as gateway:
            excluded = await gateway.post("/frame.FrameInterface/X", {})
            assert cuebot.seen == []
            served = await gateway.post("/job.FrameInterface/X", {})
    assert (excluded.status_code, excluded.json()["code"]) == (404, 5)
    assert served.status_code == 200


@contextmanager
def hasty_threads() -> Iterator[None]:
    """Threads that are interrupted as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def test_codecs_can_be_compiled_by_several_threads_at_once() -> None:
    """Types that lead to each other and to themselves are whole for whoever gets them."""
    file = FileDescriptorProto(name="t.proto", package="t", syntax="proto3")
    names = [f"M{number}" for number in range(6)]
    for name in names:
        message = file.message_type.add(name=name)
        for number, other in enumerate(names, 1):
            field = message.field.add(name=f"f{number}", number=number, type=11, label=1)
            field.type_name = f".t.{other}"
    threads = 4
    with hasty_threads(), ThreadPoolExecutor(threads) as executor:
        for _ in range(30):
            pool, _ = build_pool([file])
            decoders, encoders = Decoders(pool), Encoders(pool)
            types = [pool.FindMessageTypeByName(f"t.{name}") for name in names]
            barrier = Barrier(threads)

            def use(shift: int) -> None:
                barrier.wait(PATIENCE)  # noqa: B023 - done before the next round
                for descriptor in types[shift:] + types[:shift]:  # noqa: B023
                    message = GetMessageClass(descriptor)()
                    read = decoders.reader(descriptor)  # noqa: B023
                    read({"f1": {"f2": {"f1": {}}}}, message, ROOT, [])
                    assert encoders.to_json(descriptor)(message) is not None  # noqa: B023

            for done in [executor.submit(use, shift) for shift in range(threads)]:
                done.result(PATIENCE)


# --- settings -------------------------------------------------------------------------------


def problem(**environ: str) -> str:
    """The line with which this environment stops startup."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"JWT_SECRET": SECRET, **environ})
    return str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://cuebot:8443",
        "cuebot",
        "cuebot:",
        ":8443",
        "cue bot:1",
        "cuebot:0",
        "cuebot:99999",
        "cuebot:8443/x",
        "cuebot:84\n43",
        "cuebot:٨٤٤٣",
        "::1:8443",
        "[::1]",
        "a:1,b",
        "a:1,",
        ",",
        "a:1 b:2",
        " ",
        "\t",
        " cuebot:8443",
        "cuebot:8443 ",
        "cuebot:8443\n",
    ],
)
def test_what_is_no_endpoint_stops_startup(endpoint: str) -> None:
    """CUEBOT_ENDPOINT that is no host:port is refused with one line that names it."""
    line = problem(CUEBOT_ENDPOINT=endpoint)
    assert line.startswith("CUEBOT_ENDPOINT: ")
    assert line.isprintable()


@pytest.mark.parametrize("endpoint", ["[::1]:8443", "cuebot:8443", "10.0.0.1:1", "a-b.c_d:65535"])
def test_endpoints(endpoint: str) -> None:
    """A host name or address with a port is taken as it is, IPv6 in brackets."""
    settings = load_settings({"JWT_SECRET": SECRET, "CUEBOT_ENDPOINT": endpoint})
    assert settings.cuebot_endpoint == (endpoint,)


@pytest.mark.parametrize("rps", ["1e-300", "0.0009", "5e-324", "1e7"])
def test_rates_that_no_bucket_can_keep_stop_startup(rps: str) -> None:
    """RATE_LIMIT_RPS is 0 or a rate whose times can be reckoned with."""
    line = problem(RATE_LIMIT_RPS=rps)
    assert line.startswith("RATE_LIMIT_RPS: ")
    assert line.isprintable()


def test_the_same_holds_for_overrides() -> None:
    """A rate in RATE_LIMIT_OVERRIDES is checked as the default one is."""
    line = problem(RATE_LIMIT_OVERRIDES='[{"subjects": ["a"], "rps": 1e-300}]')
    assert line.startswith("RATE_LIMIT_OVERRIDES[0].rps: ")
