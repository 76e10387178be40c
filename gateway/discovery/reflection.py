"""The schema from Cuebot itself, over gRPC server reflection.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md. v1 and v1alpha are the same
messages on two paths. The method streams both ways, but a stream of one request and one response
is what a unary call is on the wire. So each question is a call of its own, over the connection that
all calls use, and gets a whole answer: servers leave out only what they have sent on that stream.
"""

import asyncio
from collections import defaultdict
from contextlib import suppress
from pathlib import PurePosixPath

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from gateway.discovery.source import NoReflection, NotReady, is_named
from gateway.errors import Code
from gateway.schema.description import NoSchema, Schema, Skipped
from gateway.schema.pool import declares, imports_of, well_known_files
from gateway.upstream.interface import CallFailed, Reason, Upstream

VERSIONS = ("v1", "v1alpha")
PATH = "/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
REFUSALS = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)


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
            path, origin = PATH.format(version=version), f"reflection {version} of {self._endpoint}"
            try:
                return await Conversation(self._upstream, path, deadline, origin).schema()
            except CallFailed as failure:
                said = failure.reason is Reason.STATUS
                if said and failure.code in REFUSALS:
                    refusal = NoReflection(f"Cuebot refuses reflection ({failure.quoted})")
                elif not said or failure.code is not Code.UNIMPLEMENTED:
                    absent = failure.code is Code.UNAVAILABLE  # as "not ready" says already
                    words = failure.details if absent and failure.details else failure.quoted
                    raise NotReady(f"Cuebot at {self._endpoint} is not ready: {words}") from None
        raise refusal


class Conversation:
    """What has been asked and heard. It ends at `deadline`, a time of the event loop."""

    def __init__(self, upstream: Upstream, path: str, deadline: float, origin: str) -> None:
        self._upstream = upstream
        self._path = path
        self._deadline = deadline
        self._origin = origin
        self._files: dict[str, FileDescriptorProto] = {}
        self._well_known = well_known_files()
        self._refused: dict[str, str] = {}
        """Services that the server would not describe, and what it said."""
        self._lost: dict[str, str] = {}
        """Imports that the server does not have, and what it said."""

    async def schema(self) -> Schema:
        """The schema of the services that the server lists, without those it cannot describe.

        Raises CallFailed, NotReady and NoSchema.
        """
        listed = await self._ask(ServerReflectionRequest(list_services="*"))
        services = [service.name for service in listed.list_services_response.service]
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

    async def _ask(self, question: ServerReflectionRequest) -> ServerReflectionResponse:
        """Put one question. Raises CallFailed, NotReady, and NoSchema if the answer is an error."""
        left = max(self._deadline - asyncio.get_running_loop().time(), 0)
        answer = await self._upstream.call(self._path, question.SerializeToString(), left, ())
        try:
            response = ServerReflectionResponse.FromString(answer)
        except DecodeError:
            raise NotReady("Cuebot's answer about its schema cannot be read") from None
        if response.HasField("error_response"):
            error = response.error_response
            raise NoSchema(f"the server says {error.error_code}: {error.error_message}")
        return response

    async def _describe(self, service: str) -> None:
        """Fetch the service's file and all that it imports, as far as the server has them."""
        if self._file_of(service) is None:
            try:
                self._keep(await self._ask(ServerReflectionRequest(file_containing_symbol=service)))
            except NoSchema as error:
                self._refused[service] = str(error)
        while missing := [
            name
            for name in imports_of(self._files.values(), self._files)
            if name not in self._files and name not in self._lost
        ]:
            for name in missing:
                await self._import(name)

    def _file_of(self, service: str) -> FileDescriptorProto | None:
        return next((file for file in self._files.values() if declares(file, service)), None)

    async def _import(self, name: str) -> None:
        """Get one file by its name, unless it has come with another one."""
        if name in self._files:
            return
        if name in self._well_known:
            self._files[name] = self._well_known[name]
            return
        try:
            self._keep(await self._ask(ServerReflectionRequest(file_by_filename=name)))
        except NoSchema as error:
            self._lost[name] = str(error)
            return
        if name not in self._files:
            self._lost[name] = "the server sent something else"

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
        for name in imports_of([file], self._files):
            if name in self._lost:
                return f"its import {name} is missing: {self._lost[name]}"
        return None

    def _keep(self, answer: ServerReflectionResponse) -> None:
        """Add the files in the answer that are new."""
        for serialized in answer.file_descriptor_response.file_descriptor_proto:
            with suppress(DecodeError):
                file = FileDescriptorProto.FromString(serialized)
                if is_named(file):
                    self._files.setdefault(file.name, file)
