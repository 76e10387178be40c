"""A service in two versions, and a Cuebot that answers for both and changes what it says it is.

In each version a field's number or name is another one, so that a request which is read by one
version and an answer that is written by the other do not go together.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from grpc_reflection.v1alpha.reflection import aio as reflection_aio

from gateway.core.schema.catalog import TAG_DIGITS
from gateway.core.schema.description import Schema, build_pool
from tests.support.servers import Context, ScriptedCuebot, reflection_handler

SERVICE = "trial.WordInterface"
ECHO = f"/{SERVICE}/GetWord"
LIST = f"/{SERVICE}/GetWords"
STREAM = f"/{SERVICE}/Watch"
MANY = 4000  # words in a list: enough for an answer in several pieces


@dataclass(frozen=True)
class Version:
    """One of the two. `own` is a method and a field that only this one has."""

    name: str
    number: int  # that of every field but `own`

    @property
    def own(self) -> str:
        return f"only_{self.name}"

    @property
    def own_path(self) -> str:
        return f"/{SERVICE}/GetOnly{self.name.capitalize()}"

    @property
    def file(self) -> FileDescriptorProto:
        return described(self)

    @property
    def schema(self) -> Schema:
        return Schema(files=(self.file,), services=(SERVICE,), origin="test", confirmed=True)

    @property
    def tag(self) -> str:
        """What X-Schema calls it."""
        return self.schema.digest[:TAG_DIGITS]


@cache
def described(version: Version) -> FileDescriptorProto:
    drawn = FileDescriptorProto(name="word.proto", package="trial", syntax="proto3")
    word = drawn.message_type.add(name="Word")
    add_text(word, "word", version.number)
    add_text(word, version.own, 2 + version.number)
    words = drawn.message_type.add(name="Words")
    repeated, message = FieldDescriptorProto.LABEL_REPEATED, FieldDescriptorProto.TYPE_MESSAGE
    field = words.field.add(name=f"{version.name}_words", number=version.number, label=repeated)
    field.type, field.type_name = message, ".trial.Word"
    service = drawn.service.add(name="WordInterface")
    for path, answer in ((ECHO, "Word"), (LIST, "Words"), (version.own_path, "Word")):
        name = path.rpartition("/")[2]
        service.method.add(name=name, input_type=".trial.Word", output_type=f".trial.{answer}")
    stream = service.method.add(name="Watch", input_type=".trial.Word", output_type=".trial.Word")
    stream.server_streaming = True
    built = FileDescriptorProto()
    pool, _ = build_pool((drawn,))
    pool.FindFileByName(drawn.name).CopyToProto(built)
    return built


def add_text(message: Any, name: str, number: int) -> None:
    field = message.field.add(name=name, number=number, type=FieldDescriptorProto.TYPE_STRING)
    field.label = FieldDescriptorProto.LABEL_OPTIONAL


OLD, NEW = Version("old", 1), Version("new", 2)
BOTH = (OLD, NEW)


def text(number: int, content: str) -> bytes:
    return bytes((number << 3 | 2, len(content))) + content.encode()


OWN = b"".join(text(2 + version.number, version.name) for version in BOTH)
"""The own fields of both versions: each reads the one that it knows."""


@dataclass
class ChangingCuebot(ScriptedCuebot):
    """It is `now`, or refuses reflection so; answers are the request and both own fields."""

    reflection: tuple[str, ...] = ()
    now: Version | grpc.StatusCode = OLD

    def __post_init__(self) -> None:
        async def echo(request: bytes, context: Context) -> bytes:
            return request + OWN

        self.handlers |= dict.fromkeys((ECHO, OLD.own_path, NEW.own_path), echo)
        item = b"".join(text(version.number, version.name) for version in BOTH) + OWN
        lists = ((bytes((each.number << 3 | 2, len(item))) + item) * MANY for each in BOTH)
        self.answers(LIST, b"".join(lists))

    def service(self, details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        if details.method.startswith("/grpc.reflection.v1."):
            return reflection_handler(self._describe)
        return super().service(details)

    async def _describe(self, requests: AsyncIterator[Any], context: Context) -> AsyncIterator[Any]:
        if isinstance(self.now, grpc.StatusCode):
            await context.abort(self.now, "scripted")
        else:
            async for answer in servicer_of(self.now).ServerReflectionInfo(requests, context):
                yield answer


@cache
def servicer_of(version: Version) -> Any:
    pool, _ = build_pool((version.file,))
    return reflection_aio.ReflectionServicer((SERVICE,), pool=pool)


def own_word(word: str, version: Version) -> dict[str, str]:
    """What a version makes of an echoed word."""
    return {"word": word, f"only{version.name.capitalize()}": version.name}


def own_words(version: Version) -> dict[str, object]:
    return {f"{version.name}Words": [own_word(version.name, version)] * MANY}
