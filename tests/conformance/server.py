"""The server under test: a gateway in front of the suite's reference server, which is its Cuebot.

The suite starts a server of its own for each protocol, and gives it 10 s to say where it is. One
gateway serves all of them, so it runs before; what the suite starts (placard.py) tells where.
"""

import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO, Any
from unittest.mock import patch

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from gateway.core.upstream.http2 import channel
from gateway.features.tokens.tokens import Authenticator
from tests.conformance.build import Built
from tests.support.servers import bearer, gateway_for

PACKAGE = "connectrpc.conformance.v1"
PLACARD = Path(__file__).with_name("placard.py")
LENGTH = struct.Struct("!I")
MESSAGE_RECEIVE_LIMIT_BYTES = 200 * 1024
"""What the suite asks of each server."""
GRPC_TIMEOUT_SECONDS = 3600
"""The deadline of calls for which a client has set none."""


def message_classes(schema: bytes) -> Callable[[str], Any]:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(schema).file:
        pool.Add(file)
    return lambda name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def delimited(message: Any) -> bytes:
    """As the suite's programs speak with each other: a message with its length in front."""
    payload: bytes = message.SerializeToString()
    return LENGTH.pack(len(payload)) + payload


def read_delimited(stream: IO[bytes], kind: Any) -> Any:
    (length,) = LENGTH.unpack(stream.read(LENGTH.size))
    return kind.FromString(stream.read(length))


@contextmanager
def reference_server(built: Built, messages: Callable[[str], Any]) -> Iterator[str]:
    """The endpoint of the suite's server, which speaks gRPC and takes messages of any size."""
    with subprocess.Popen(  # noqa: S603 - it is what has been built
        [built.reference_server], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            asked = messages("ServerCompatRequest")(protocol="PROTOCOL_GRPC")
            asked.http_version = "HTTP_VERSION_2"
            process.stdin.write(delimited(asked))
            process.stdin.close()
            answer = read_delimited(process.stdout, messages("ServerCompatResponse"))
            yield f"{answer.host}:{answer.port}"
        finally:
            process.terminate()


@contextmanager
def as_the_suite_expects() -> Iterator[None]:
    """What the suite cannot do, and what it takes for a mistake although it is meant so.

    Its client has no token. Its server tells the deadline of each call, which has to be the
    client's: the gateway's own, for calls without one, does not reach it.
    """
    authenticate, field = Authenticator.authenticate, channel.timeout_field
    token = bearer()["Authorization"].encode()

    def with_a_token(authenticator: Authenticator, authorization: bytes | None) -> Any:
        return authenticate(authenticator, authorization or token)

    def of_clients(seconds: float) -> bytes:
        return field(seconds) if seconds < GRPC_TIMEOUT_SECONDS / 2 else b""

    with (
        patch.object(Authenticator, "authenticate", with_a_token),
        patch.object(channel, "timeout_field", of_clients),
    ):
        yield


@asynccontextmanager
async def server_under_test(built: Built) -> AsyncIterator[list[str]]:
    """The command that the suite has to start, while the gateway runs."""
    messages = message_classes(built.schema.read_bytes())
    with as_the_suite_expects(), reference_server(built, messages) as endpoint:
        async with gateway_for(
            endpoint,
            descriptor_source=str(built.schema),
            compat_profile="none",
            docs="off",
            grpc_timeout=GRPC_TIMEOUT_SECONDS,
            max_body_mb=MESSAGE_RECEIVE_LIMIT_BYTES / 2**20,
        ) as gateway:
            place = messages("ServerCompatResponse")(host="127.0.0.1", port=gateway.port)
            yield [sys.executable, "-I", "-S", str(PLACARD), delimited(place).hex()]
