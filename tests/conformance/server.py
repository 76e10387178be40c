"""The server under test: a gateway in front of the suite's reference server, which is its Cuebot.

`connectconformance … -- python -m tests.conformance.server`: the suite's program starts one for
each configuration, and speaks with it on standard input and output, in messages with their length
in front (ServerCompatRequest, ServerCompatResponse).
"""

import asyncio
import os
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any
from unittest.mock import patch

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from gateway.access.tokens import Authenticator
from gateway.observe.logs import configure_logging
from gateway.upstream.http2 import channel
from tests.conformance.build import FOLDER, Built
from tests.support.servers import bearer, gateway_for

PACKAGE = "connectrpc.conformance.v1"
LENGTH = struct.Struct("!I")
GRPC_TIMEOUT_SECONDS = 3600
"""The deadline of calls for which a client has set none."""


def message_classes(schema: bytes) -> Callable[[str], Any]:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(schema).file:
        pool.Add(file)
    return lambda name: GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))


def read_message(stream: IO[bytes], kind: Any) -> Any:
    (length,) = LENGTH.unpack(stream.read(LENGTH.size))
    return kind.FromString(stream.read(length))


def write_message(stream: IO[bytes], message: Any) -> None:
    payload = message.SerializeToString()
    stream.write(LENGTH.pack(len(payload)) + payload)
    stream.flush()


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
            write_message(process.stdin, asked)
            process.stdin.close()
            answer = read_message(process.stdout, messages("ServerCompatResponse"))
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


async def serve(built: Built, answers: IO[bytes]) -> None:
    """Serve as the request on standard input says until SIGTERM."""
    messages = message_classes(built.schema.read_bytes())
    asked = read_message(sys.stdin.buffer, messages("ServerCompatRequest"))
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with as_the_suite_expects(), reference_server(built, messages) as endpoint:
        async with gateway_for(
            endpoint,
            descriptor_source=str(built.schema),
            compat_profile="none",
            docs="off",
            grpc_timeout=GRPC_TIMEOUT_SECONDS,
            max_body_mb=asked.message_receive_limit / 2**20,
        ) as gateway:
            answer = messages("ServerCompatResponse")(host="127.0.0.1", port=gateway.port)
            write_message(answers, answer)
            await stop.wait()


if __name__ == "__main__":
    own_output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may get between the messages
    configure_logging("error", "console")
    asyncio.run(serve(Built(FOLDER), own_output))
