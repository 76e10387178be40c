"""The simulated Cuebot: a gRPC server that answers for a farm in memory."""

import asyncio
import socket
from collections import deque
from collections.abc import Mapping
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection, reflection_pb2

from cuebot_simulator.answers import answer_to
from cuebot_simulator.log_files import LogFiles
from cuebot_simulator.world.hosts import skip_pause
from cuebot_simulator.world.messages import read_messages
from cuebot_simulator.world.refusals import Refusal, Unanswered
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.studio import build_farm

REMEMBERED_CALLS = 1000
STEPS_AT_ONCE = 3  # steps of the farm between two turns of the event loop
LARGEST_REQUEST = 100 * 1024 * 1024
REFLECTION_PATHS = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
"""Both versions of server reflection, with the same messages on the wire."""

Call: TypeAlias = tuple[str, dict[str, str | bytes]]
"""A gRPC path, and the metadata that came with it."""
MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"


class SimulatedCuebot:
    """A Cuebot for the demo and the tests, on its own port or a free one (0).

    The default `farm` is that of `build_farm`. With `reflection` it describes itself, over v1 and
    v1alpha; the stock Cuebot does not. Raises as `read_messages` does without opencue-proto.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        reflection: bool = True,
        farm: Farm | None = None,
        logs: LogFiles | None = None,
    ) -> None:
        self.farm = build_farm(read_messages()) if farm is None else farm
        """May be replaced at any time by a farm of the same messages."""
        self.logs = logs
        """Where frames write their logs; None if they write none."""
        self.host = host
        self.port = port
        self.reflection = reflection
        self.calls: deque[Call] = deque(maxlen=REMEMBERED_CALLS)
        """The calls received, the latest last."""
        self._server: grpc.aio.Server | None = None
        self._life: asyncio.Task[None] | None = None

    @property
    def endpoint(self) -> str:
        """Where it listens: `127.0.0.1:8443`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError if that fails."""
        try_to_listen(self.host, self.port)
        server = grpc.aio.server(
            options=[
                # Or two servers could share a port, and each get half of the calls.
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", LARGEST_REQUEST),
            ]
        )
        handlers = method_handlers(self)
        if self.reflection:
            handlers |= reflection_handlers(self.farm)
        server.add_generic_rpc_handlers((Handlers(handlers),))
        try:
            self.port = server.add_insecure_port(self.endpoint)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {self.endpoint}: {error}") from None
        await server.start()
        self._server = server
        self._life = asyncio.create_task(live(self))
        return self.port

    async def stop(self, grace: float | None = None) -> None:
        """Stop, after `grace` seconds for calls in flight. It can be started again."""
        if self._server is not None and self._life is not None:
            self._life.cancel()
            await self._server.stop(grace)
            self._server = self._life = None


def try_to_listen(host: str, port: int) -> None:
    """Raise OSError, with the reason, which gRPC would only log."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    socket.create_server(address, family=family).close()


async def live(cuebot: SimulatedCuebot) -> None:
    """Let the farm live while nobody calls."""
    while True:
        skip_pause(cuebot.farm)
        done = cuebot.farm.catch_up(most=STEPS_AT_ONCE)
        if done and cuebot.logs is not None:
            cuebot.logs.grow(cuebot.farm)
        await asyncio.sleep(1 if done else 0)


class Handlers(grpc.GenericRpcHandler):
    """Method handlers by path."""

    def __init__(self, handlers: Mapping[str, MethodHandler]) -> None:
        self._handlers = handlers

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "MethodHandler | None":
        return self._handlers.get(handler_call_details.method)


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


def method_handlers(cuebot: SimulatedCuebot) -> dict[str, MethodHandler]:
    """A handler for every method of the schema."""
    return {
        path_of(method): method_handler(cuebot, method)
        for name in cuebot.farm.messages.services
        for method in cuebot.farm.messages.pool.FindServiceByName(name).methods
    }


def method_handler(cuebot: SimulatedCuebot, method: MethodDescriptor) -> MethodHandler:
    """Parse the request, let the farm answer, and turn exceptions into a status."""
    path = path_of(method)

    async def respond(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        cuebot.calls.append((path, dict(context.invocation_metadata() or ())))
        skip_pause(cuebot.farm)
        try:
            answer = answer_to(cuebot.farm, method, request)
        except Refusal as refusal:
            await context.abort(refusal.code, str(refusal))
        except Unanswered:
            await asyncio.Event().wait()
        else:
            if cuebot.logs is not None:
                cuebot.logs.keep_for(cuebot.farm, method.name, answer)
            return answer

    return grpc.unary_unary_rpc_method_handler(
        respond,
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )


def reflection_handlers(farm: Farm) -> dict[str, MethodHandler]:
    servicer = reflection.aio.ReflectionServicer(farm.messages.services, pool=farm.messages.pool)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    return dict.fromkeys(REFLECTION_PATHS, handler)
