"""Real servers for tests: a Cuebot whose answers are scripted, and a gateway in front of it."""

import asyncio
import os
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
import uvicorn
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection import aio as reflection_aio

from gateway.app import Gateway as GatewayApp
from gateway.app import create_app
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.principal import Signer
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import build_pool, services_of
from gateway.core.upstream.endpoint import HEALTH_CHECK_PATH
from gateway.feature import Feature
from gateway.features import FEATURES
from gateway.features.settings import Settings, there
from gateway_cli.serving.drain import Server
from gateway_cli.serving.listen import listen, listen_further, load_certificate, url_of
from gateway_cli.tokens import signer_of
from tests.support.patience import PATIENCE

SECRET = "a-test-secret-of-more-than-32-bytes!"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that do not use it: reading the system's certificates takes 20 ms."""

UNLIMITED: dict[str, object] = {"rate_limit_rps": 0}
ALSO: dict[str, object] = {}
"""Settings that `settings_for` adds, for fixtures that run a whole file in several ways."""
GRPCIO = pytest.param("grpcio", marks=pytest.mark.thorough)
ON_EACH_TRANSPORT = (
    pytest.mark.usefixtures("each_transport"),
    pytest.mark.parametrize("each_transport", ["http2", GRPCIO], indirect=True),
)
"""Marks of tests that have to pass whatever carries the calls."""
Handler = Callable[[bytes, "Context"], Awaitable[bytes]]
Context = grpc.aio.ServicerContext[Any, Any]


def token(subject: str = "tester", seconds: float = 3600, secret: str = SECRET) -> str:
    """Some word if the gateway has no feature that reads it."""
    sign = signer_with(secret)
    return "unread" if sign is None else sign(subject, seconds)


@cache
def signer_with(secret: str) -> Signer | None:
    return signer_of(Settings.model_validate(there({"jwt_secret": secret})))


def bearer(subject: str = "tester") -> dict[str, str]:
    return {"Authorization": f"Bearer {token(subject)}"}


def head(
    path: str,
    *lines: str,
    subject: str | None = "tester",
    start: str = "POST",
    version: str = "1.1",
) -> bytes:
    """A request up to its empty line, with the subject's token."""
    given = [f"{start} {path} HTTP/{version}", "Host: gateway", *lines]
    if subject is not None:
        given.append(f"Authorization: Bearer {token(subject)}")
    return "".join(f"{line}\r\n" for line in (*given, "")).encode()


def settings_for(endpoint: str, **more: object) -> Settings:
    """Settings for a test: everything at its default but the endpoint and the secret."""
    given: dict[str, object] = {"cuebot_endpoint": endpoint, "shutdown_timeout": 1}
    given["open_to_all"] = True  # matters without tokens alone
    given |= there({"jwt_secret": SECRET})
    if "WITHOUT" in os.environ:  # what is set of a feature that was taken out matters to no test
        more = there(more)
    return Settings.model_validate(given | ALSO | more)


async def answer_empty(request: bytes, context: Context) -> bytes:
    return b""


PROBES = (HEALTH_CHECK_PATH, "/service.ServiceInterface/GetDefaultServices")
"""The methods that find out whether a Cuebot answers. Calls of users have a request's id."""


@dataclass
class ScriptedCuebot(grpc.GenericRpcHandler):
    """A gRPC server that answers as `handlers` say, by path; others are UNIMPLEMENTED."""

    files: tuple[FileDescriptorProto, ...] = ()
    reflection: tuple[str, ...] = ("v1", "v1alpha")
    handlers: dict[str, Handler] = field(default_factory=dict)
    seen: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    """Path, request and metadata of each call but probes, which come as the machine is busy."""
    probes: int = 0
    endpoint: str = ""

    def start_over(self) -> None:
        """Forget every call and script: each method of the schema answers with an empty message."""
        self.seen.clear()
        self.probes = 0
        self.handlers = dict.fromkeys(paths_of(self.files), answer_empty)

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        handler = self.handlers.get(details.method)
        if handler is None:
            return None

        async def answer(request: bytes, context: Context) -> bytes:
            metadata = {key: str(value) for key, value in context.invocation_metadata() or ()}
            if details.method in PROBES and "x-request-id" not in metadata:
                self.probes += 1
            else:
                self.seen.append((details.method, request, metadata))
            return await handler(request, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    def answers(self, path: str, payload: bytes) -> None:
        async def handler(request: bytes, context: Context) -> bytes:
            return payload

        self.handlers[path] = handler

    def holds(self, path: str) -> tuple[asyncio.Event, asyncio.Event]:
        """From now on the method waits: the events that it has been called and may answer."""
        called, release = asyncio.Event(), asyncio.Event()

        async def handler(request: bytes, context: Context) -> bytes:
            called.set()
            await release.wait()
            return b""

        self.handlers[path] = handler
        return called, release

    def hangs(self, path: str) -> tuple[asyncio.Event, asyncio.Event]:
        """From now on the method never answers: the events that it is called and cancelled."""
        called, cancelled = asyncio.Event(), asyncio.Event()

        async def handler(request: bytes, context: Context) -> bytes:
            called.set()
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
            raise AssertionError

        self.handlers[path] = handler
        return called, cancelled

    def fails(self, path: str, code: grpc.StatusCode, text: str) -> None:
        async def handler(request: bytes, context: Context) -> bytes:
            await context.abort(code, text)
            raise AssertionError  # abort raises

        self.handlers[path] = handler


@asynccontextmanager
async def running_cuebot(
    cuebot: ScriptedCuebot, port: int = 0, credentials: grpc.ServerCredentials | None = None
) -> AsyncIterator[ScriptedCuebot]:
    """The scripted server, listening on loopback, with credentials over TLS."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((cuebot, *reflection_handlers(cuebot)))
    place = f"127.0.0.1:{port}"
    if credentials is None:
        bound = server.add_insecure_port(place)
    else:
        bound = server.add_secure_port(place, credentials)
    assert bound
    cuebot.endpoint = f"127.0.0.1:{bound}"
    await server.start()
    try:
        yield cuebot
    finally:
        await server.stop(None)


def reflection_handlers(cuebot: ScriptedCuebot) -> Iterable[grpc.GenericRpcHandler]:
    pool, broken = build_pool(cuebot.files)
    assert not broken
    servicer = reflection_aio.ReflectionServicer(services_of(cuebot.files), pool=pool)
    for version in cuebot.reflection:
        yield grpc.method_handlers_generic_handler(
            f"grpc.reflection.{version}.ServerReflection",
            {"ServerReflectionInfo": reflection_handler(servicer.ServerReflectionInfo)},
        )


def reflection_handler(describe: Any) -> "grpc.RpcMethodHandler[Any, Any]":
    return grpc.stream_stream_rpc_method_handler(
        describe,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )


def paths_of(files: Iterable[FileDescriptorProto]) -> Iterator[str]:
    for file in files:
        for service in file.service:
            name = f"{file.package}.{service.name}" if file.package else service.name
            for method in service.method:
                if not (method.client_streaming or method.server_streaming):
                    yield f"/{name}/{method.name}"


def http_client(url: str = "", **options: Any) -> httpx.AsyncClient:
    """A client without a token, for paths below this URL; `options` are httpx's."""
    given: dict[str, Any] = {"trust_env": False, "timeout": PATIENCE, "verify": NO_TLS}
    return httpx.AsyncClient(base_url=url, **given | options)


class AccessLines(Interceptor):
    def __init__(self, fields_of: Callable[[RequestContext], dict[str, object]]) -> None:
        self.lines: list[dict[str, object]] = []
        self._fields_of = fields_of

    def end(self, context: RequestContext) -> None:
        self.lines.append(self._fields_of(context))


def access_lines_of(app: GatewayApp) -> list[dict[str, object]]:
    """The fields of access lines, from now on. Skips the test if there is no access log."""
    log = pytest.importorskip("gateway.features.access_log.request_logs")
    seen = AccessLines(partial(log.fields_of, added=app.parts.log_fields.request))
    app.parts.pipeline.interceptors.append(seen)
    return seen.lines


@dataclass
class Gateway:
    url: str
    app: GatewayApp
    server: Server
    client: httpx.AsyncClient
    metrics_url: str = ""  # that of METRICS_PORT, if it is set

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def catalog(self) -> Catalog:
        catalog = self.app.parts.live.current
        assert catalog is not None
        return catalog

    def access_lines(self) -> list[dict[str, object]]:
        return access_lines_of(self.app)

    async def post(self, path: str, json: object = None, **options: Any) -> httpx.Response:
        """POST with the client's token; `json` absent is an empty body."""
        if json is not None:
            options["json"] = json
        return await self.client.post(self.url + path, **options)


SharedGateway = Callable[..., Awaitable[Gateway]]
"""Takes an endpoint and settings by keyword; see the fixture `shared_gateway`."""


@asynccontextmanager
async def running_gateway(
    settings: Settings, *, ready: bool = True, features: Sequence[type[Feature]] = FEATURES
) -> AsyncIterator[Gateway]:
    """A gateway on loopback; with `ready`, once it has its catalog and has started."""
    app = create_app(settings, features=features)
    with listen("127.0.0.1", 0) as listener, listen_further(settings) as further:
        server = Server(app, settings, load_certificate(settings), further=further)
        url = url_of(listener)
        metrics_url = f"{url_of(further[0])}/metrics" if further else ""
        setattr(server, "capture_signals", nullcontext)  # noqa: B010 - they are pytest's
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with http_client(url, headers=bearer()) as client:
                if ready:
                    async with asyncio.timeout(PATIENCE):
                        await app.parts.live.wait()
                        while not server.started:  # noqa: ASYNC110 - nobody announces that
                            await asyncio.sleep(0.001)
                yield Gateway(url, app, server, client, metrics_url)
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def plain_uvicorn(endpoint: str, **options: Any) -> AsyncIterator[tuple[int, Any]]:
    """The port of uvicorn with a protocol of its own, and the app that it serves."""
    app = create_app(settings_for(endpoint, **options))
    config = uvicorn.Config(
        app, log_config=None, proxy_headers=False, ws="none", server_header=False
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        serving = asyncio.create_task(server._serve(sockets=[listener]))  # signals are pytest's
        try:
            async with asyncio.timeout(PATIENCE):
                await app.parts.live.wait()
                while not server.started:  # noqa: ASYNC110 - nobody announces that
                    await asyncio.sleep(0.001)
            yield listener.getsockname()[1], app
        finally:
            server.should_exit = True
            await serving


RunningGateway = AbstractAsyncContextManager[Gateway]


def gateway_for(endpoint: str, *, ready: bool = True, **more: object) -> RunningGateway:
    """A gateway in front of this Cuebot, with these settings; the rate limit is off by default."""
    return running_gateway(settings_for(endpoint, **UNLIMITED | more), ready=ready)


async def get(gateway: Gateway, path: str, **headers: str) -> httpx.Response:
    """GET without a token, unless the headers have one."""
    async with http_client(gateway.url) as client:
        return await client.get(path, headers=headers)


async def problem(gateway: Gateway, target: str, status: int = 400) -> str:
    """The message of the error that a GET is answered with."""
    answer = await gateway.client.get(target)
    assert answer.status_code == status, answer.text
    message: str = answer.json()["message"]
    return message


def free_port() -> int:
    """A port of loopback that is free, and below those that the kernel gives to connections."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def clean_environment(**more: str) -> dict[str, str]:
    """An environment for child processes with nothing of the gateway's but `more`."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"OPEN_TO_ALL": "true"} | more  # which matters without tokens alone
