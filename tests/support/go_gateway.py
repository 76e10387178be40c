"""A stand-in for OpenCue's Go gateway: grpc-gateway's habits in front of a Cuebot.

What it does is what its `main.go` and grpc-gateway's `runtime` do; messages are read and written
by `google.protobuf.json_format` and the rule of fact 7, and not by the code under test.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import grpc.aio
import orjson
import uvicorn
from google.protobuf import json_format
from google.protobuf.descriptor import MethodDescriptor
from jose import JWTError, jwt
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from gateway_cli.serving.listen import listen, url_of
from tests.support.protos import opencue, oracle
from tests.support.servers import SECRET

SERVED = (
    *("show.ShowInterface", "job.FrameInterface", "job.GroupInterface", "job.JobInterface"),
    *("job.LayerInterface", "host.DeedInterface", "host.HostInterface", "host.OwnerInterface"),
    *("host.ProcInterface", "comment.CommentInterface", "facility.AllocationInterface"),
    *("facility.FacilityInterface", "filter.FilterInterface", "filter.ActionInterface"),
    *("filter.MatcherInterface", "depend.DependInterface", "limit.LimitInterface"),
    *("subscription.SubscriptionInterface", "service.ServiceInterface"),
    *("service.ServiceOverrideInterface", "task.TaskInterface"),
    "department.DepartmentInterface",
)
"""The services that are registered, by hand."""
HTTP_STATUS = (200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401)
"""By gRPC's code."""
Alter = Callable[[Any], Any]
Whole = Callable[[], Awaitable[Response]]


@dataclass
class GoGateway:
    """The ASGI app. `alter` changes the JSON of a method's answers, `whole` answers instead."""

    endpoint: str
    alter: dict[str, Alter] = field(default_factory=dict)
    whole: Whole | None = None
    seen: list[tuple[str, str]] = field(default_factory=list)  # verb and path of each request
    channel: Any = None
    url: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.seen.append((request.method, request.url.path))
        answer = await self.answer(request) if self.whole is None else await self.whole()
        await answer(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        if "//" in request.url.path:  # net/http's ServeMux cleans paths
            return RedirectResponse(quote(request.url.path.replace("//", "/")), 301)
        if (refusal := refused(request.headers.get("Authorization", ""))) is not None:
            return refusal
        method = methods().get(request.url.path)
        if method is None:
            return error(5, "Not Found")
        if request.method != "POST":
            return error(12, "Method Not Allowed")
        schema = opencue()
        message = schema.message_class(method.input_type.full_name)()
        try:
            json_format.Parse(await request.body() or b"{}", message, ignore_unknown_fields=True)
        except json_format.ParseError as problem:
            return error(3, f"proto: {problem}")
        call = self.channel.unary_unary(request.url.path)
        try:
            payload = await call(message.SerializeToString(), metadata=metadata_of(request))
        except grpc.aio.AioRpcError as failure:
            code: int = failure.code().value[0]
            return error(code, failure.details() or "")
        kind = schema.message_class(method.output_type.full_name)
        answer = oracle(schema, kind.FromString(payload))
        alter = self.alter.get(request.url.path)
        return json(200, answer if alter is None else alter(answer))


def methods() -> Mapping[str, MethodDescriptor]:
    found = {name: opencue().pool.FindServiceByName(name).methods for name in SERVED}
    return {f"/{name}/{each.name}": each for name, methods in found.items() for each in methods}


def refused(header: str) -> Response | None:
    """What the JWT middleware says, in plain text; None when it lets the request pass."""
    if not header:
        return PlainTextResponse("Authorization header required\n", 401)
    try:
        jwt.decode(header.removeprefix("Bearer "), SECRET, ["HS256", "HS384", "HS512"])
    except JWTError as problem:
        return PlainTextResponse(f"Token validation error: {problem}\n", 401)
    return None


def metadata_of(request: Request) -> tuple[tuple[str, str], ...]:
    """What Cuebot is told: the token as well, and headers that ask for it by their prefix."""
    prefix = "grpc-metadata-"
    pairs = request.headers.items()
    given = [(key.removeprefix(prefix), text) for key, text in pairs if key.startswith(prefix)]
    return (("authorization", request.headers["Authorization"]), *given)


def error(code: int, message: str) -> Response:
    return json(HTTP_STATUS[code], {"code": code, "message": message, "details": []})


def json(status: int, value: object) -> Response:
    headers = {"Grpc-Metadata-Content-Type": "application/grpc"}
    return Response(orjson.dumps(value), status, headers, "application/json")


@asynccontextmanager
async def running_go_gateway(endpoint: str) -> AsyncIterator[GoGateway]:
    async with grpc.aio.insecure_channel(endpoint) as channel:
        gateway = GoGateway(endpoint, channel=channel)
        config = uvicorn.Config(
            gateway, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        setattr(server, "capture_signals", nullcontext)  # noqa: B010 - they are pytest's
        with listen("127.0.0.1", 0) as listener:
            gateway.url = url_of(listener)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield gateway
            finally:
                server.should_exit = True
                await serving
