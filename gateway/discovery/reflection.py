"""The schema from Cuebot itself, over gRPC server reflection.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md. v1 and v1alpha are the same
messages on two paths. The method streams both ways, but a stream of one request and one response
is what a unary call is on the wire. So each question is a call of its own, over the connection that
all calls use, and gets a whole answer: servers leave out only what they have sent on that stream.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import (
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from gateway.discovery.source import NoReflection, NotReady, is_named
from gateway.errors import Code
from gateway.schema.description import NoSchema, Schema, Skipped
from gateway.schema.pool import declares, well_known_files
from gateway.upstream.interface import CallFailed, Reason, Upstream

VERSIONS = ("v1", "v1alpha")
PATH = "/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
REFUSALS = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)

Ask = Callable[[ServerReflectionRequest], Awaitable[ServerReflectionResponse]]
"""Puts one question. Raises CallFailed, and NoSchema when the answer is an error."""


class ReflectionSource:
    """A `DescriptorSource` that asks the server behind `upstream`, at most `timeout` seconds.

    `endpoint` is what people know it by.
    """

    def __init__(self, upstream: Upstream, *, endpoint: str, timeout: float = 10.0) -> None:
        self._upstream = upstream
        self._endpoint = endpoint
        self._timeout = timeout

    async def fetch(self) -> Schema:
        """Try v1, then v1alpha. Raises NoReflection, NotReady or NoSchema.

        Only what Cuebot itself says is a refusal. What a web server says in its place is not: that
        is a proxy whose Cuebot is away, or a wrong address.
        """
        deadline = asyncio.get_running_loop().time() + self._timeout
        refusal = NoReflection("Cuebot has no server reflection")
        for version in VERSIONS:
            try:
                return await self._describe(version, deadline)
            except CallFailed as failure:
                said = failure.reason is Reason.STATUS
                if said and failure.code in REFUSALS:
                    refusal = NoReflection(f"Cuebot refuses reflection ({failure.code.name})")
                elif not said or failure.code is not Code.UNIMPLEMENTED:
                    absent = failure.code is Code.UNAVAILABLE  # as "not ready" says already
                    code = "" if absent else f"{failure.code.name}: "
                    raise NotReady(
                        f"Cuebot at {self._endpoint} is not ready: {code}{failure.details}"
                    ) from None
        raise refusal

    async def _describe(self, version: str, deadline: float) -> Schema:
        path, loop = PATH.format(version=version), asyncio.get_running_loop()

        async def ask(request: ServerReflectionRequest) -> ServerReflectionResponse:
            left = max(deadline - loop.time(), 0)
            answer = await self._upstream.call(path, request.SerializeToString(), left, ())
            return accepted(answer)

        listed = (
            await ask(ServerReflectionRequest(list_services="*"))
        ).list_services_response.service
        conversation = Conversation(ask, f"reflection {version} of {self._endpoint}")
        return await conversation.schema([service.name for service in listed])


class Conversation:
    """What has been asked and heard."""

    def __init__(self, ask: Ask, origin: str) -> None:
        self._ask = ask
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
                answer = await self._ask(ServerReflectionRequest(file_containing_symbol=service))
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
            new = self._keep(await self._ask(ServerReflectionRequest(file_by_filename=name)))
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

    def _keep(self, answer: ServerReflectionResponse) -> list[str]:
        """The names of the files in the answer that are new."""
        new = []
        for serialized in answer.file_descriptor_response.file_descriptor_proto:
            with suppress(DecodeError):
                file = FileDescriptorProto.FromString(serialized)
                if is_named(file) and file.name not in self._files:
                    self._files[file.name] = file
                    new.append(file.name)
        return new


def accepted(answer: bytes) -> ServerReflectionResponse:
    """The response. Raises NoSchema with the server's words if it is an error, and NotReady."""
    try:
        response = ServerReflectionResponse.FromString(answer)
    except DecodeError:
        raise NotReady("Cuebot's answer about its schema cannot be read") from None
    if response.HasField("error_response"):
        error = response.error_response
        raise NoSchema(f"the server says {error.error_code}: {error.error_message}")
    return response
