"""The schema from Cuebot itself, over gRPC server reflection.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md. v1 and v1alpha are the same
messages on two paths. One stream asks for all files: a server may leave out those that it has
already sent on a stream, so every file received is kept.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection_pb2

from gateway.discovery.source import NoReflection, NotReady, is_named
from gateway.schema.description import NoSchema, Schema, Skipped
from gateway.schema.pool import declares, well_known_files
from gateway.upstream.endpoint import NOT_GRPC

VERSIONS = ("v1", "v1alpha")
PATH = "/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
REFUSALS = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)

Request = reflection_pb2.ServerReflectionRequest
Response = reflection_pb2.ServerReflectionResponse
Call = grpc.aio.StreamStreamCall[Any, reflection_pb2.ServerReflectionResponse]


class ReflectionSource:
    """A `DescriptorSource` that asks the server behind `channel`, at most `timeout` seconds.

    `explained` makes of gRPC's words about a connection what people can do something with.
    `there` tells that the server is known to be up, so that this channel may take its time to
    find that out.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        endpoint: str,
        timeout: float = 10.0,
        explained: Callable[[str], str] = str,
        there: Callable[[], bool] = lambda: False,
    ) -> None:
        self._channel = channel
        self._there = there
        self._explained = explained
        self._endpoint = endpoint
        self._timeout = timeout

    async def fetch(self) -> Schema:
        """Try v1, then v1alpha. Raises NoReflection, NotReady or NoSchema.

        An HTTP error is no word of Cuebot's, though gRPC gives it one of its own codes (404 is
        UNIMPLEMENTED): it comes from a proxy whose Cuebot is away, or from a wrong address.
        """
        refusal = NoReflection("Cuebot has no server reflection")
        for version in VERSIONS:
            try:
                return await self._ask(version)
            except grpc.aio.AioRpcError as error:
                if (error.details() or "").startswith(NOT_GRPC):
                    raise NotReady(
                        f"a web server answers at {self._endpoint}, and not Cuebot:"
                        f" {error.details()}"
                    ) from None
                if error.code() in REFUSALS:
                    refusal = NoReflection(f"Cuebot refuses reflection ({error.code().name})")
                elif error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    reason = f"{error.code().name}: {self._explained(error.details() or '')}"
                    raise NotReady(f"Cuebot at {self._endpoint} is not ready: {reason}") from None
        raise refusal

    async def _ask(self, version: str) -> Schema:
        path = PATH.format(version=version)
        services = await self._list_services(path)
        method = self._channel.stream_stream(
            path,
            request_serializer=Request.SerializeToString,
            response_deserializer=Response.FromString,
        )
        call = method(timeout=self._timeout, wait_for_ready=self._there())
        try:
            conversation = Conversation(call, f"reflection {version} of {self._endpoint}")
            schema = await conversation.schema(services)
            await call.done_writing()
            return schema
        except asyncio.InvalidStateError:
            # The server ended the stream while we were writing; its status tells why.
            raise await ended(call) from None
        finally:
            call.cancel()

    async def _list_services(self, path: str) -> list[str]:
        """The names that the server lists, asked for on a call of its own.

        Writing to a stream that the server refuses at once can turn its UNIMPLEMENTED into an
        INTERNAL of grpc.aio's own; one request, sent whole, keeps the status.
        """
        method = self._channel.unary_stream(
            path,
            request_serializer=Request.SerializeToString,
            response_deserializer=Response.FromString,
        )
        call = method(
            Request(list_services="*"), timeout=self._timeout, wait_for_ready=self._there()
        )
        try:
            answer = await call.read()
            if not isinstance(answer, Response):  # the end of the stream
                raise NotReady("Cuebot ended its reflection stream early")
            return [service.name for service in accepted(answer).list_services_response.service]
        finally:
            call.cancel()


async def ended(call: Call) -> Exception:
    """Why the stream has ended, as the exception to raise."""
    code, details = await call.code(), await call.details()
    if code is grpc.StatusCode.OK:
        return NotReady("Cuebot ended its reflection stream early")
    return grpc.aio.AioRpcError(
        code, await call.initial_metadata(), await call.trailing_metadata(), details
    )


class Conversation:
    """One reflection stream: what has been asked and heard on it."""

    def __init__(self, call: Call, origin: str) -> None:
        self._call = call
        self._origin = origin
        self._files: dict[str, FileDescriptorProto] = {}
        self._well_known = well_known_files()
        self._refused: dict[str, str] = {}
        """Services that the server would not describe, and what it said."""
        self._lost: dict[str, str] = {}
        """Imports that the server does not have, and what it said."""

    async def schema(self, services: Iterable[str]) -> Schema:
        """The schema of these services, without those that the server cannot describe."""
        services = list(services)
        for service in services:
            await self._describe(service)
        self._find_under_other_paths()
        problems = {service: self._problem(service) for service in services}
        skipped = [Skipped(service=name, reason=why) for name, why in problems.items() if why]
        if len(skipped) == len(problems):
            raise NoSchema(f"{self._origin} describes no service")
        return Schema(
            files=tuple(self._files.values()),
            services=tuple(name for name, why in problems.items() if not why),
            origin=self._origin,
            confirmed=True,
            skipped=tuple(skipped),
        )

    async def _describe(self, service: str) -> None:
        """Fetch the service's file and all that it imports, as far as the server has them."""
        if self._file_of(service) is None:
            try:
                answer = await self._exchange(Request(file_containing_symbol=service))
            except NoSchema as error:
                self._refused[service] = str(error)
            else:
                await self._complete(self._keep(answer))

    def _file_of(self, service: str) -> FileDescriptorProto | None:
        return next((file for file in self._files.values() if declares(file, service)), None)

    async def _complete(self, received: Iterable[str]) -> None:
        """Fetch the imports of these files, and theirs, as far as they are not there yet."""
        waiting = list(received)
        while waiting:
            for name in self._files[waiting.pop()].dependency:
                if name in self._files or name in self._lost:
                    continue
                if name in self._well_known:
                    self._files[name] = self._well_known[name]
                    waiting.append(name)
                    continue
                waiting += await self._import(name)

    async def _import(self, name: str) -> list[str]:
        """Fetch one file by name; the names of all that came."""
        try:
            new = self._keep(await self._exchange(Request(file_by_filename=name)))
        except NoSchema as error:
            self._lost[name] = str(error)
            return []
        if name not in self._files:
            self._lost[name] = "the server sent something else"
        return new

    def _find_under_other_paths(self) -> None:
        """Let imports of lost files be of the one that is so called in another directory.

        Some servers know a file by the path it was compiled under, and not by that of its imports.
        """
        places = defaultdict(list)
        for path in self._files:
            places[PurePosixPath(path).name].append(path)
        found = {name: places[PurePosixPath(name).name] for name in self._lost}
        moved = {name: paths[0] for name, paths in found.items() if len(paths) == 1}
        for file in self._files.values():
            for index, name in enumerate(file.dependency):
                if moved.get(name, file.name) != file.name:
                    file.dependency[index] = moved[name]

    def _problem(self, service: str) -> str | None:
        """Why the service cannot be served; None when it can."""
        file = self._file_of(service)
        if file is None:
            return self._refused.get(service, "the server's answer does not hold it")
        for name in self._imports(file):
            if name in self._lost:
                return f"its import {name} is missing: {self._lost[name]}"
        return None

    def _imports(self, file: FileDescriptorProto) -> Iterator[str]:
        """The names of all files that this one needs."""
        seen: set[str] = set()
        waiting = [file]
        while waiting:
            for name in waiting.pop().dependency:
                if name not in seen:
                    seen.add(name)
                    yield name
                    if name in self._files:
                        waiting.append(self._files[name])

    async def _exchange(
        self, request: reflection_pb2.ServerReflectionRequest
    ) -> reflection_pb2.ServerReflectionResponse:
        """One question and its answer. Raises NoSchema when the answer is an error."""
        await self._call.write(request)
        answer = await self._call.read()
        if not isinstance(answer, Response):  # the end of the stream
            raise await ended(self._call)
        return accepted(answer)

    def _keep(self, answer: reflection_pb2.ServerReflectionResponse) -> list[str]:
        """The names of the files in the answer that are new."""
        new = []
        for serialized in answer.file_descriptor_response.file_descriptor_proto:
            with suppress(DecodeError):
                file = FileDescriptorProto.FromString(serialized)
                if is_named(file) and file.name not in self._files:
                    self._files[file.name] = file
                    new.append(file.name)
        return new


def accepted(
    answer: reflection_pb2.ServerReflectionResponse,
) -> reflection_pb2.ServerReflectionResponse:
    """The answer, unless it is an error: then NoSchema is raised, with the server's words."""
    if answer.HasField("error_response"):
        error = answer.error_response
        raise NoSchema(f"the server says {error.error_code}: {error.error_message}")
    return answer
