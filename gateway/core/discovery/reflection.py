"""The schema from Cuebot, over gRPC server reflection.

https://github.com/grpc/grpc/blob/master/doc/server-reflection.md. v1 and v1alpha are the same
messages on two paths. The method streams both ways, but a stream of one request and one response
is a unary call on the wire. So each question is a call on the connection that all calls use, and
gets a whole answer: servers leave out only files that they have sent on the same stream.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import PurePosixPath

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from gateway.core.discovery.files import is_named
from gateway.core.discovery.source import DescriptorSource, NoReflection, NotReady
from gateway.core.errors import Code
from gateway.core.schema.description import (
    LIMITS,
    NoSchema,
    Schema,
    SchemaLimits,
    SchemaSize,
    Skipped,
    TooLarge,
    services_of,
    well_known_files,
)
from gateway.core.upstream.cuebot import Cuebot
from gateway.core.upstream.interface import CallFailed, Reason, Upstream, UpstreamCall, takes_all

VERSIONS = ("v1", "v1alpha")
PATH = "/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
REFUSALS = (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED)
SERVICE_NAME_BYTES = 512
"""Average length of names with which the largest list of services is accepted."""
CONNECT_TIMEOUT_SECONDS = 2.0
"""For all endpoints together; one that needs longer is asked last."""
SILENCE_SECONDS = 2.0
"""Silence of an endpoint after which the next one is asked for its schema, too."""
SHOWN_CHARACTERS = 200
"""Length of the server's error messages."""


def reflection_of(cuebot: Cuebot, timeout: float = 10.0) -> DescriptorSource:
    """The reflection of Cuebot, at most `timeout` seconds for each endpoint."""
    sources = [
        ReflectionSource(each, endpoint=each.endpoint, timeout=timeout) for each in cuebot.endpoints
    ]
    return sources[0] if len(sources) == 1 else EndpointsSource(cuebot, sources)


@dataclass(slots=True)
class EndpointsSource:
    """A `DescriptorSource` over several endpoints: the schema of the first that answers.

    Endpoints that are connected are asked first, in the order of CUEBOT_ENDPOINT. One that is
    silent for SILENCE_SECONDS holds up nobody: the next is asked besides.
    """

    cuebot: Cuebot
    sources: Sequence[DescriptorSource]
    _had_schema: bool = False

    async def fetch(self) -> Schema:
        """Raises NoReflection if an endpoint refuses, else NotReady if one may answer later.

        Once there has been a schema, an endpoint that may answer later counts more.
        """
        endpoints = self.cuebot.endpoints
        await asyncio.gather(*(each.usable(CONNECT_TIMEOUT_SECONDS) for each in endpoints))
        works = [each.ready and not each.unresponsive for each in endpoints]
        order = sorted(range(len(endpoints)), key=lambda number: not works[number])
        found = await self._first_of([self.sources[number] for number in order])
        try:
            if isinstance(found, Schema):  # the same origin, whichever endpoint answers
                self._had_schema = True
                return replace(found, origin=f"reflection of {self.cuebot.endpoint}")
            raise self._reason(found)
        finally:
            del found  # an error in it would hold itself: traceback, frame

    async def _first_of(self, left: list[DescriptorSource]) -> Schema | list[BaseException]:
        """The schema of the first source that has one, or what is wrong with each."""
        failures: list[BaseException] = []
        asking: set[asyncio.Task[Schema]] = set()
        try:
            while left or asking:
                if left:
                    asking.add(asyncio.create_task(left.pop(0).fetch()))
                done, asking = await asyncio.wait(
                    asking,
                    timeout=SILENCE_SECONDS if left else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in done:
                    failure = task.exception()
                    if failure is None:
                        return task.result()
                    failures.append(failure)
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return failures

    def _reason(self, failures: Sequence[BaseException]) -> BaseException:
        kinds: tuple[type[Exception], ...] = (NoReflection, NotReady, NoSchema)
        if self._had_schema:
            kinds = (NotReady, NoReflection, NoSchema)
        for kind in kinds:
            reasons = [str(each) for each in failures if isinstance(each, kind)]
            if reasons:
                return kind("; ".join(dict.fromkeys(reasons)))
        return failures[0]


class Refused(Exception):
    """The server has answered one question with an error."""


@dataclass(frozen=True, slots=True)
class ReflectionSource:
    """A `DescriptorSource` that asks `upstream`, at most `timeout` seconds.

    `endpoint` is its name for people.
    """

    upstream: Upstream
    _: KW_ONLY
    endpoint: str
    timeout: float = 10.0
    limits: SchemaLimits = LIMITS

    async def fetch(self) -> Schema:
        """Try v1, then v1alpha. Raises NoReflection, NotReady or NoSchema.

        Only a gRPC status is a refusal. The answer of a web server is that of a proxy whose Cuebot
        is away, or of a wrong address.
        """
        deadline = asyncio.get_running_loop().time() + self.timeout
        refusal = "Cuebot has no server reflection"
        for version in VERSIONS:
            path, origin = PATH.format(version=version), f"reflection {version} of {self.endpoint}"
            try:
                server = Server(self.upstream, path, deadline)
                return await Conversation(server, origin, self.limits).schema()
            except CallFailed as failure:
                said = failure.reason is Reason.STATUS
                if said and failure.code in REFUSALS:
                    refusal = f"Cuebot refuses reflection ({failure.quoted})"
                elif not said or failure.code is not Code.UNIMPLEMENTED:
                    absent = failure.code is Code.UNAVAILABLE  # as "not ready" says already
                    words = failure.details if absent and failure.details else failure.quoted
                    raise NotReady(f"Cuebot at {self.endpoint} is not ready: {words}") from None
        raise NoReflection(refusal)


@dataclass(frozen=True, slots=True)
class Server:
    """Where questions go, until `deadline`, a time of the event loop."""

    upstream: Upstream
    path: str
    deadline: float

    async def answer(
        self, question: ServerReflectionRequest, most: int
    ) -> ServerReflectionResponse:
        """The answer, of at most `most` bytes. Raises CallFailed, NotReady, TooLarge, Refused.

        Its size is checked before it is parsed, in a thread.
        """
        left = max(self.deadline - asyncio.get_running_loop().time(), 0)

        def expects(size: int, go_on: Callable[[], None]) -> bool:
            return size <= most and takes_all(size, go_on)

        asked = UpstreamCall(self.path, question.SerializeToString(), left, (), expects)
        try:
            answer = await self.upstream.call(asked)
        except CallFailed as failure:
            if failure.reason in (Reason.NO_MEMORY, Reason.TOO_LARGE):
                raise TooLarge("bytes in an answer about it", most) from None
            raise
        try:
            response = await asyncio.to_thread(ServerReflectionResponse.FromString, answer)
        except DecodeError:
            raise NotReady("Cuebot's answer about its schema cannot be read") from None
        if response.HasField("error_response"):
            error = response.error_response
            raise Refused(
                f"the server says {error.error_code}: {error.error_message[:SHOWN_CHARACTERS]}"
            )
        return response


class Conversation:
    """Questions and answers that lead to a schema."""

    def __init__(self, server: Server, origin: str, limits: SchemaLimits = LIMITS) -> None:
        self._server = server
        self._origin = origin
        self._limits = limits
        self._size = SchemaSize(limits)
        self._files: dict[str, FileDescriptorProto] = {}
        self._declaring: dict[str, FileDescriptorProto] = {}
        """The file of each service."""
        self._imports: deque[str] = deque()
        """Names of imported files that are still to be fetched."""
        self._well_known = well_known_files()
        self._refused: dict[str, str] = {}
        """Services that the server does not describe, with its error."""
        self._lost: dict[str, str] = {}
        """Imports that the server does not have, with its error."""

    async def schema(self) -> Schema:
        """The schema of the listed services that the server can describe.

        Raises CallFailed, NotReady and NoSchema, which TooLarge is.
        """
        most = self._limits.services * SERVICE_NAME_BYTES
        try:
            listed = await self._server.answer(ServerReflectionRequest(list_services="*"), most)
        except Refused as refusal:
            raise NoSchema(str(refusal)) from None
        self._size.check_services(len(listed.list_services_response.service))
        services = [service.name for service in listed.list_services_response.service]
        for service in services:
            await self._describe(service)
        return await asyncio.to_thread(self._whole, services)

    async def _describe(self, service: str) -> None:
        """Fetch the service's file and its imports, as far as the server has them."""
        if service not in self._declaring:
            try:
                await self._fetch(ServerReflectionRequest(file_containing_symbol=service))
            except Refused as refusal:
                self._refused[service] = str(refusal)
        while self._imports:
            await self._import(self._imports.popleft())

    async def _import(self, name: str) -> None:
        """Fetch a file by its name, unless it has come with another one."""
        if name in self._files or name in self._lost:
            return
        if name in self._well_known:
            self._add(self._well_known[name])
            return
        self._size.check_files(len(self._files) + len(self._lost) + 1)
        try:
            await self._fetch(ServerReflectionRequest(file_by_filename=name))
        except Refused as refusal:
            self._lost[name] = str(refusal)
            return
        if name not in self._files:
            self._lost[name] = "the server sent something else"

    async def _fetch(self, question: ServerReflectionRequest) -> None:
        """Keep the new files in the answer. Raises what `Server.answer` does."""
        answer = await self._server.answer(question, self._size.bytes_left)
        await asyncio.to_thread(self._keep, answer)

    def _keep(self, answer: ServerReflectionResponse) -> None:
        for serialized in answer.file_descriptor_response.file_descriptor_proto:
            self._size.add_bytes(len(serialized))
            with suppress(DecodeError):
                file = FileDescriptorProto.FromString(serialized)
                if is_named(file) and file.name not in self._files:
                    self._size.add(file)
                    self._add(file)

    def _add(self, file: FileDescriptorProto) -> None:
        self._files[file.name] = file
        self._imports.extend(file.dependency)
        for service in services_of((file,)):
            self._declaring.setdefault(service, file)

    def _whole(self, services: list[str]) -> Schema:
        self._find_under_other_paths()
        missing = self._files_without_an_import()
        problems = {service: self._problem(service, missing) for service in services}
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

    def _find_under_other_paths(self) -> None:
        """Replace lost imports by the file of that name in another directory.

        Some servers know a file by the path it was compiled under, which imports do not use.
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

    def _files_without_an_import(self) -> dict[str, str]:
        """Files that import a lost one, directly or not, with the name of that."""
        importers = defaultdict(list)
        for file in self._files.values():
            for name in file.dependency:
                importers[name].append(file.name)
        missing: dict[str, str] = {}
        for lost in self._lost:
            waiting = list(importers[lost])
            while waiting:
                name = waiting.pop()
                if name not in missing:
                    missing[name] = lost
                    waiting += importers[name]
        return missing

    def _problem(self, service: str, missing: Mapping[str, str]) -> str | None:
        """Why the service cannot be served; None if it can."""
        file = self._declaring.get(service)
        if file is None:
            return self._refused.get(service, "the server's answer does not hold it")
        lost = missing.get(file.name)
        return None if lost is None else f"its import {lost} is missing: {self._lost[lost]}"
