"""Server reflection: what is understood, what is forgiven, and what each refusal means."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2

from gateway.core.discovery.reflection import PATH, VERSIONS, ReflectionSource
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import AutoSource, NoReflection, NotReady
from gateway.core.schema.description import (
    LIMITS,
    NoSchema,
    Schema,
    SchemaLimits,
    SchemaSize,
    TooLarge,
)
from gateway.core.schema.selection import Selection
from gateway.core.upstream.cuebot import open_upstream
from gateway.features.catalog import Profile, build_catalog
from tests.support.http2_frames import web_server
from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    ON_EACH_TRANSPORT,
    Context,
    ScriptedCuebot,
    running_cuebot,
    settings_for,
)

pytestmark = [pytest.mark.anyio, *ON_EACH_TRANSPORT]

Request = reflection_pb2.ServerReflectionRequest
Response = reflection_pb2.ServerReflectionResponse
Answer = Callable[[Any, Context], Awaitable[Any]]
Talk = Callable[[AsyncIterator[Any], Context], AsyncIterator[Any]]
Code = grpc.StatusCode


@asynccontextmanager
async def source_at(
    endpoint: str, timeout: float = PATIENCE, limits: SchemaLimits = LIMITS
) -> AsyncIterator[ReflectionSource]:
    """A source that asks there, over a connection of its own."""
    upstream = open_upstream(settings_for(endpoint))
    yield ReflectionSource(upstream, endpoint=endpoint, timeout=timeout, limits=limits)
    await upstream.close()


@asynccontextmanager
async def talking(
    talks: dict[str, Talk], timeout: float = PATIENCE, limits: SchemaLimits = LIMITS
) -> AsyncIterator[ReflectionSource]:
    """A source that asks a server which does this on the streams of each version it has."""
    server = grpc.aio.server()
    for version, talk in talks.items():
        service, _, method = PATH.format(version=version)[1:].partition("/")
        handler = grpc.stream_stream_rpc_method_handler(
            talk,
            request_deserializer=Request.FromString,
            response_serializer=Response.SerializeToString,
        )
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {method: handler}),)
        )
    endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    async with source_at(endpoint, timeout, limits) as source:
        yield source
    await server.stop(None)


def each(answer: Answer) -> Talk:
    """One answer to each request, of which there is one on a stream; None ends it."""

    async def talk(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async for request in requests:
            response = await answer(request, context)
            if response is None:
                return
            yield response

    return talk


def reflecting(answer: Answer, *versions: str, limits: SchemaLimits = LIMITS) -> Any:
    """A source that asks a server with one answer to each request."""
    return talking(dict.fromkeys(versions or ("v1",), each(answer)), limits=limits)


def refusing(code: Code, words: str = "scripted") -> Answer:
    """The same status for every question."""

    async def answer(request: Any, context: Context) -> Any:
        await context.abort(code, words)

    return answer


class Library:
    """A server's files: which it lists, and what it sends when it is asked for one.

    A file comes without its imports, as from a server that has sent them on the stream already.
    """

    def __init__(self, *files: FileDescriptorProto) -> None:
        self.files = {file.name: file for file in files}
        self.listed = [f"{file.package}.{each.name}" for file in files for each in file.service]
        self.answers: dict[str, Any] = {}
        """Other answers than these, by what is asked for."""
        self.asked: list[str] = []

    async def __call__(self, request: Any, context: Context) -> Any:
        if request.HasField("list_services"):
            return listing(*self.listed)
        wanted = request.file_by_filename or request.file_containing_symbol
        self.asked.append(wanted)
        if wanted in self.answers:
            return self.answers[wanted]
        for file in self.files.values():
            if wanted == file.name or wanted in {f"{file.package}.{s.name}" for s in file.service}:
                return handing(file)
        return failing(5, "nothing known")


def file(name: str, *imports: str, service: str = "") -> FileDescriptorProto:
    """A small file; with a service whose one method takes and gives the file's own message.

    The message has a field of the message of each import.
    """
    package = package_of(name)
    built = FileDescriptorProto(name=name, package=package, syntax="proto3")
    message = built.message_type.add(name="M")
    for number, imported in enumerate(imports, 1):
        built.dependency.append(imported)
        own = ".google.protobuf.Timestamp"
        kind = own if imported.startswith("google/") else f".{package_of(imported)}.M"
        message.field.add(name=f"f{number}", number=number, type=11, label=1, type_name=kind)
    if service:
        method = built.service.add(name=service).method.add(name="Call")
        method.input_type = method.output_type = f".{package}.M"
    return built


def package_of(name: str) -> str:
    return name.rpartition("/")[2].removesuffix(".proto")


def listing(*services: str) -> Any:
    response = Response()
    for service in services:
        response.list_services_response.service.add(name=service)
    return response


def handing(*files: FileDescriptorProto) -> Any:
    return sending(*(one.SerializeToString() for one in files))


def sending(*serialized: bytes) -> Any:
    response = Response()
    response.file_descriptor_response.file_descriptor_proto.extend(serialized)
    return response


def failing(code: int, message: str) -> Any:
    error = reflection_pb2.ErrorResponse(error_code=code, error_message=message)
    return Response(error_response=error)


async def found_in(library: Library) -> tuple[tuple[str, ...], dict[str, str]]:
    """The services that can be served in the end, and why others cannot."""
    async with reflecting(library) as source:
        schema = await source.fetch()
    catalog = build_catalog(schema, Selection())
    served = {method.path[1:].partition("/")[0] for method in catalog.methods}
    return tuple(sorted(served)), {skip.service: skip.reason for skip in catalog.absent.skipped}


# --- what is understood ---------------------------------------------------------------------
@pytest.mark.parametrize("versions", [("v1",), ("v1alpha",), ("v1", "v1alpha")])
async def test_either_version_is_spoken(versions: tuple[str, ...]) -> None:
    """v1 is asked first, v1alpha when there is no v1; both give OpenCue's schema as it is."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files, reflection=versions)) as cuebot,
        source_at(cuebot.endpoint) as source,
    ):
        schema = await source.fetch()
    assert schema.origin == f"reflection {versions[0]} of {cuebot.endpoint}"
    assert schema.confirmed
    assert (set(schema.services), schema.digest) == (set(opencue().services), opencue().digest)


async def test_files_are_asked_for_once_and_kept() -> None:
    library = Library(
        file("a.proto", "c.proto", "google/protobuf/timestamp.proto", service="A"),
        file("b.proto", "c.proto", service="B"),
        file("c.proto"),
    )
    assert await found_in(library) == (("a.A", "b.B"), {})
    assert library.asked == ["a.A", "c.proto", "b.B"]


async def test_files_may_come_before_they_are_asked_for() -> None:
    a, b = file("a.proto", "c.proto", service="A"), file("b.proto", "d.proto", service="B")
    library = Library(a, b, file("c.proto"), file("d.proto"))
    library.answers["a.A"] = handing(a, library.files["c.proto"], b)
    assert (await found_in(library), library.asked) == ((("a.A", "b.B"), {}), ["a.A", "d.proto"])


async def test_a_service_that_is_listed_twice_is_one() -> None:
    library = Library(file("a.proto", service="A"))
    async with reflecting(library) as source:
        once = await source.fetch()
        library.listed *= 2
        twice = await source.fetch()
    assert (twice.services, twice.digest) == (("a.A",), once.digest)


# --- what is skipped ------------------------------------------------------------------------
async def test_services_that_cannot_be_described() -> None:
    library = Library(
        file("a.proto", service="A"),
        file("lacking.proto", "lost.proto", service="L"),
        file("deep.proto", "between.proto", service="D"),
        file("between.proto", "lost.proto"),
    )
    library.listed += ["ghost.G", "empty.E", "other.O", "noise.N"]
    library.answers["empty.E"] = handing()
    library.answers["other.O"] = handing(file("unrelated.proto"))
    odd = file("noise.proto", "lost.proto", service="N").SerializeToString()
    odd = odd.replace(b"lost.proto", b"l\xf6st.proto")
    library.answers["noise.N"] = sending(b"\xff\xff", b"", b"\x0a\x01\xff", odd)
    lost = "its import lost.proto is missing: the server says 5: nothing known"
    skipped = {
        "lacking.L": lost,
        "deep.D": lost,
        "ghost.G": "the server says 5: nothing known",
        "empty.E": "the server's answer does not hold it",
        "other.O": "the server's answer does not hold it",
        "noise.N": "the server's answer does not hold it",
    }
    assert (await found_in(library), library.asked.count("lost.proto")) == ((("a.A",), skipped), 1)


async def test_a_missing_import_costs_only_those_who_need_it() -> None:
    a = file("a.proto", "c.proto", "lost.proto", service="A")
    b = file("b.proto", "f.proto", service="B")
    others = (file("c.proto", "e.proto"), file("d.proto", "c.proto", service="D"))
    library = Library(a, b, *others, file("e.proto"), file("f.proto"))
    library.answers["a.A"] = handing(b, a)
    served, skipped = await found_in(library)
    assert served == ("b.B", "d.D")
    assert skipped == {"a.A": "its import lost.proto is missing: the server says 5: nothing known"}


@pytest.mark.parametrize("place", ["protos/c.proto", "other/c.proto"])
@pytest.mark.parametrize("knows", [True, False])
async def test_a_file_that_is_registered_under_another_path(place: str, knows: bool) -> None:
    library = Library(file("a.proto", "x/c.proto", service="A"), file(place, service="C"))
    if knows:
        library.answers["x/c.proto"] = handing(library.files[place])
    assert await found_in(library) == (("a.A", "c.C"), {})


async def test_an_import_that_could_be_either_file_is_missing() -> None:
    library = Library(
        file("a.proto", "c.proto", service="A"),
        file("one/c.proto", service="C"),
        file("two/c.proto", service="C2"),
        file("x/self.proto", "self.proto", service="S"),
    )
    library.files["two/c.proto"].package = "c2"
    library.files["two/c.proto"].service[0].method[0].input_type = ".c2.M"
    library.files["two/c.proto"].service[0].method[0].output_type = ".c2.M"
    library.listed = ["a.A", "c.C", "c2.C2", "self.S"]
    served, skipped = await found_in(library)
    assert served == ("c.C", "c2.C2")
    assert skipped == {
        "a.A": "its import c.proto is missing: the server says 5: nothing known",
        "self.S": "its import self.proto is missing: the server says 5: nothing known",
    }


async def test_imports_in_a_circle() -> None:
    """A circle is walked once, and its services are skipped with the reason."""
    library = Library(
        file("a.proto", service="A"),
        file("b.proto", "c.proto", service="B"),
        file("c.proto", "b.proto"),
        file("self.proto", "self.proto", service="S"),
    )
    served, skipped = await found_in(library)
    assert served == ("a.A",)
    assert skipped == {
        "b.B": "c.proto imports b.proto, which imports c.proto in turn",
        "self.S": "self.proto imports self.proto, which imports self.proto in turn",
    }


@pytest.mark.parametrize(
    "listed", [listing(), listing("ghost.G"), handing(), failing(12, "not for lists")]
)
async def test_a_server_that_describes_nothing(listed: Any) -> None:
    async def answer(request: Any, context: Context) -> Any:
        return listed if request.HasField("list_services") else failing(5, "nothing known")

    async with reflecting(answer) as source:
        with pytest.raises(NoSchema, match=r"describes no service|12: not for lists"):
            await source.fetch()


# --- how much is taken ----------------------------------------------------------------------

LONG = "x" * 300_000


def many_imports(*names: str) -> Library:
    return Library(file("a.proto", *names, service="A"), *map(file, names))


A_LONG = Library(file("a.proto", service=LONG))
TOO_LARGE: dict[str, tuple[Library, SchemaLimits]] = {
    "2 services": (
        Library(*(file(f"{name}.proto", service="S") for name in "abc")),
        SchemaLimits(services=2),
    ),
    "2 files": (many_imports("b.proto", "c.proto"), SchemaLimits(files=2)),
    "3 files": (
        Library(file("a.proto", "b.proto", "c.proto", "d.proto", service="A")),  # all are lost
        SchemaLimits(files=3),
    ),
    "200 bytes in a file": (
        Library(file("a.proto", service="A" * 200)),
        SchemaLimits(file_bytes=200),
    ),
    "100 bytes of files": (many_imports("b.proto", "c.proto"), SchemaLimits(schema_bytes=100)),
    "1,000 bytes in an answer about it": (A_LONG, SchemaLimits(services=1000, schema_bytes=1000)),
    "1,024 bytes in an answer about it": (A_LONG, SchemaLimits(services=2)),  # the list
}


@pytest.mark.parametrize("what", TOO_LARGE)
async def test_schemas_over_a_limit(what: str) -> None:
    library, limits = TOO_LARGE[what]
    async with reflecting(library, limits=limits) as source:
        with pytest.raises(TooLarge) as raised:
            await source.fetch()
    assert str(raised.value) == f"the schema has more than {what}, and is not taken"


async def test_a_schema_at_its_limits_is_taken() -> None:
    library = many_imports("b.proto", "c.proto")
    sizes = [len(each.SerializeToString()) for each in library.files.values()]
    parts = {"file_declarations": 7, "schema_declarations": 9, "message_fields": 2}
    bytes_ = {"file_bytes": max(sizes), "schema_bytes": sum(sizes)}
    limits = SchemaLimits(services=1, methods=1, files=3, **bytes_, **parts)
    async with reflecting(library, limits=limits) as source:
        assert (await source.fetch()).services == ("a.A",)


async def test_an_endless_chain_of_imports_ends() -> None:
    async def answer(request: Any, context: Context) -> Any:
        if request.HasField("list_services"):
            return listing("f0.S")
        number = int(request.file_by_filename[1:].partition(".")[0] or 0)
        return handing(file(f"f{number}.proto", f"f{number + 1}.proto", service="S"))

    async with reflecting(answer, limits=SchemaLimits(files=20)) as source:
        with pytest.raises(TooLarge, match="more than 20 files"):
            await source.fetch()


async def test_words_of_the_server_are_cut() -> None:
    library = Library(file("a.proto", service="A"))
    library.listed.append("b.B")
    library.answers["b.B"] = failing(5, "no " * 50_000)
    _, skipped = await found_in(library)
    assert len(skipped["b.B"]) < 250


async def test_schemas_are_parsed_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[threading.Thread] = set()
    add = SchemaSize.add

    def noting(self: SchemaSize, each: FileDescriptorProto) -> None:
        threads.add(threading.current_thread())
        add(self, each)

    monkeypatch.setattr(SchemaSize, "add", noting)
    assert (await found_in(many_imports("b.proto")))[0] == ("a.A",)
    assert threads
    assert threading.current_thread() not in threads


# --- what each refusal means ----------------------------------------------------------------
MEANINGS = {
    **dict.fromkeys(
        (Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED), NoReflection
    ),
    **dict.fromkeys((Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL), NotReady),
}


@pytest.mark.parametrize("code", MEANINGS)
@pytest.mark.parametrize("late", [False, True])
async def test_what_a_status_means(code: Code, late: bool) -> None:
    """Only a refusal means that there is no reflection, be it at once or when the stream ends."""

    async def talk(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        if late:
            async for _ in requests:
                pass
        yield await context.abort(code, "scripted")

    async with talking(dict.fromkeys(VERSIONS, talk)) as source:
        with pytest.raises(MEANINGS[code]) as caught:
            await source.fetch()
    if code is Code.UNAVAILABLE:
        assert str(caught.value).endswith(" is not ready: scripted")
    elif code is not Code.UNIMPLEMENTED:
        assert code.name in str(caught.value)


@pytest.mark.parametrize("code", [Code.UNIMPLEMENTED, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED])
async def test_v1alpha_is_tried_whatever_v1_refuses(code: Code) -> None:
    library = Library(file("a.proto", service="A"))
    async with talking({"v1": each(refusing(code)), "v1alpha": each(library)}) as source:
        schema = await source.fetch()
    assert schema.origin.startswith("reflection v1alpha of ")
    assert schema.services == ("a.A",)


async def test_a_refusal_is_remembered_past_the_other_version() -> None:
    async with talking({"v1": each(refusing(Code.PERMISSION_DENIED))}) as source:
        with pytest.raises(
            NoReflection, match=r"refuses reflection \(PERMISSION_DENIED: scripted\)"
        ):
            await source.fetch()


async def test_an_outage_of_v1alpha_is_not_ready() -> None:
    async with talking({"v1alpha": each(refusing(Code.UNAVAILABLE))}) as source:
        with pytest.raises(NotReady):
            await source.fetch()


@pytest.mark.parametrize(
    ("code", "meaning"), [(Code.UNAVAILABLE, NotReady), (Code.UNIMPLEMENTED, NoReflection)]
)
async def test_a_status_in_the_middle(code: Code, meaning: type[Exception]) -> None:
    async def answer(request: Any, context: Context) -> Any:
        if request.HasField("list_services"):
            return listing("a.A")
        return await context.abort(code, "scripted")

    async with reflecting(answer) as source:
        with pytest.raises(meaning):
            await source.fetch()


async def test_no_reflection_is_never_taken_for_an_outage() -> None:
    """A server that refuses at once is understood each time, whatever races inside grpc.aio."""
    async with (
        running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot,
        source_at(cuebot.endpoint) as source,
    ):
        for _ in range(50):
            with pytest.raises(NoReflection):
                await source.fetch()


@pytest.mark.parametrize("first", [None, listing("a.A")])
async def test_a_stream_that_ends_early_is_not_ready(first: Any) -> None:
    async def answer(request: Any, context: Context) -> Any:
        return first if request.HasField("list_services") else None

    async with reflecting(answer) as source:
        with pytest.raises(NotReady, match="not one message"):
            await source.fetch()


async def test_a_server_that_says_nothing_is_not_ready() -> None:
    async def silent(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        await asyncio.Event().wait()
        yield

    async with talking({"v1": silent}, timeout=0.1) as source:
        with pytest.raises(NotReady, match="DEADLINE_EXCEEDED"):
            await source.fetch()


# --- what is no gRPC server -----------------------------------------------------------------
@pytest.fixture
def can_tell(each_transport: str) -> None:
    """grpc.aio tells only in words that it is a web server that has answered."""
    if each_transport == "grpcio":
        pytest.skip("a web server's answer looks like Cuebot's there")


@pytest.mark.usefixtures("can_tell")
@pytest.mark.parametrize(
    ("status", "page"),
    [*((status, b"") for status in (204, 302, 401, 404, 503)), (200, b"<p>"), (404, b"<p>")],
)
async def test_the_answer_of_a_web_server_is_not_cuebots(status: int, page: bytes) -> None:
    async with web_server(status, page) as endpoint, source_at(endpoint) as reflection:
        with pytest.raises(NotReady) as caught:
            await AutoSource(reflection).fetch()
    if not page:
        assert str(caught.value).startswith(f"Cuebot at {endpoint} is not ready: ")
        assert f"a web server answers in Cuebot's place: HTTP status {status}" in str(caught.value)


@dataclass
class Replaceable:
    """A source in whose place another one can come."""

    reflection: ReflectionSource

    async def fetch(self) -> Schema:
        return await self.reflection.fetch()


@pytest.mark.usefixtures("can_tell")
async def test_a_confirmed_schema_outlives_a_proxy_without_cuebot() -> None:
    async with (
        reflecting(Library(file("a.proto", service="A"))) as here,
        web_server(404) as endpoint,
        source_at(endpoint) as elsewhere,
    ):
        place = Replaceable(here)
        live = LiveCatalog(AutoSource(place), Selection(), Profile(), build=build_catalog)
        assert await live.attempt()
        catalog = live.current
        place.reflection = elsewhere
        assert not await live.attempt()
    assert live.current is catalog
    assert catalog is not None
    assert catalog.schema.confirmed
    assert "a web server answers" in live.history.problem


async def test_a_server_that_says_more_than_was_asked() -> None:
    async def talk(requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        async for _ in requests:
            yield listing("a.A")
            yield listing("b.B")

    async with talking({"v1": talk}, timeout=0.5) as source:
        with pytest.raises(NotReady):
            await source.fetch()
