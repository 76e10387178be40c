"""Questions to a Cuebot over gRPC, and what of its answers is compared.

Of an answer counts what does not depend on the farm: the status, the message of an error, and of a
success its shape and the values that the question names.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template
from typing import Any, TypeAlias

import grpc
import grpc.aio
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

from cuebot_simulator.world.messages import Messages

Facts: TypeAlias = dict[str, Any]
"""What counts of an answer: `{"status": "OK", "shape": […], "values": {…}}`, or a status with a
`message`."""
Path: TypeAlias = str
"""A place in an answer: `jobs.jobs.0.id`, `hosts.hosts.state=UP.0.id` (the first that is up)."""

NOTHING = "00000000-0000-0000-0000-00000000ffff"
"""An id that nothing has."""
CALL_TIMEOUT_SECONDS = 10.0
PATIENCE_SECONDS = 10.0
"""Until something that comes a moment later has to be there."""
PAUSE_SECONDS = 0.1
AT_REST_SECONDS = 3.0
"""After which what comes later has come."""

VARYING = (
    (re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), "<id>"),
    (re.compile(r"\b[0-9]{9,}\b"), "<number>"),
)
"""Ids, and times."""
LIBRARY_WORDS = (
    (
        re.compile(
            r"(org\.springframework\.(?:dao\.(?:DataIntegrityViolation|DuplicateKey)|jdbc\.\w+)"
            r"Exception|java\.lang\.(?:NullPointer|\w*IndexOutOfBounds)Exception): .*",
            re.DOTALL,
        ),
        r"\1: ...",
    ),
    (re.compile(r"(?<=parse job spec XML, ).*", re.DOTALL), "..."),
    (
        re.compile("(?:For input string|Cannot parse null|empty String|not a number).*"),
        "not a number",
    ),
    (re.compile("Cannot invoke.*|the job has no element layers"), "no layers"),
)
"""The words of libraries behind Cuebot (Spring, the database, Java, the XML parser)."""


def without_library_words(text: str) -> str:
    """The message of an error, with what counts of it."""
    for pattern, blank in LIBRARY_WORDS:
        text = pattern.sub(blank, text)
    return text


@dataclass(frozen=True, slots=True)
class Question:
    """A call, called by a sentence of its own, and what a real Cuebot answered.

    Texts in the request may hold `$names` of what earlier answers gave, `$nothing`, an id that
    nothing has, and `$run`, which is another text each time.
    """

    name: str
    method: str
    """`show.ShowInterface/FindShow`."""
    answer: Facts
    """Its `values` are what else of an answer counts."""
    request: Mapping[str, Any] = field(default_factory=dict)
    keep: Mapping[str, Path] = field(default_factory=dict)
    """Names for later questions, and where in the answer, with all its fields, they are."""
    later: bool = False
    """What is asked for comes a moment after an earlier answer."""
    deadline: float = CALL_TIMEOUT_SECONDS


class Interview:
    """One after the other, questions to one Cuebot."""

    def __init__(self, channel: grpc.aio.Channel, messages: Messages, run: str) -> None:
        self._channel = channel
        self._messages = messages
        self.known = {"run": run, "nothing": NOTHING}
        """What `$names` stand for."""

    async def ask(self, question: Question, *, anew: bool = False) -> Facts:
        """What counts of the answer.

        What comes later is asked for until the answer is the recorded one, or, anew, once after
        AT_REST_SECONDS. A question that needs a name which no answer gave has the status NOT_ASKED.
        """
        try:
            request = fill_in(question.request, self.known)
        except KeyError as error:
            return {"status": "NOT_ASKED", "message": f"no answer gave {error.args[0]!r}"}
        if question.later and anew:
            await asyncio.sleep(AT_REST_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS + 2 * CALL_TIMEOUT_SECONDS):
            facts = await self._call(question, request)
            tries = int(PATIENCE_SECONDS / PAUSE_SECONDS) if question.later and not anew else 0
            while facts != question.answer and tries:
                tries -= 1
                await asyncio.sleep(PAUSE_SECONDS)
                facts = await self._call(question, request)
            return facts

    async def _call(self, question: Question, request: Any) -> Facts:
        method = method_named(self._messages, question.method)
        ask: Any = self._channel.unary_unary(
            f"/{question.method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        message = ParseDict(request, GetMessageClass(method.input_type)())
        try:
            answer = await ask(message, timeout=question.deadline)
        except grpc.aio.AioRpcError as error:
            return {
                "status": error.code().name,
                "message": self._blank(without_library_words(error.details() or "")),
            }
        return self._facts(question, answer)

    def _facts(self, question: Question, answer: Any) -> Facts:
        whole = MessageToDict(
            answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        for name, place in question.keep.items():
            try:
                self.known[name] = at(whole, place)
            except LookupError:
                self.known.pop(name, None)
        facts: Facts = {"status": "OK", "shape": sorted(shape_of(answer))}
        if values := question.answer.get("values"):
            facts["values"] = {place: self._value(whole, place) for place in values}
        return facts

    def _value(self, whole: Any, place: Path) -> Any:
        try:
            return self._blanked(at(whole, place))
        except LookupError:
            return None

    def _blanked(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._blanked(each) for each in value]
        return self._blank(value) if isinstance(value, str) else value

    def _blank(self, text: str) -> str:
        """A text without what is another one at each farm and time."""
        for pattern, blank in VARYING:
            text = pattern.sub(blank, text)
        for name, value in sorted(self.known.items(), key=lambda item: -len(item[1])):
            text = text.replace(value, f"<{name}>") if value else text
        return text


def method_named(messages: Messages, name: str) -> MethodDescriptor:
    service, _, method = name.partition("/")
    found: MethodDescriptor = messages.pool.FindServiceByName(service).methods_by_name[method]
    return found


def fill_in(value: Any, known: Mapping[str, str]) -> Any:
    """A request with what its `$names` stand for. Raises KeyError."""
    if isinstance(value, str):
        return Template(value).substitute(known)
    if isinstance(value, Mapping):
        return {key: fill_in(each, known) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [fill_in(each, known) for each in value]
    return value


def at(value: Any, place: Path) -> Any:
    """What is at a place. Raises LookupError."""
    for part in place.split("."):
        if not isinstance(value, list):
            value = value[part]
        elif part.isdecimal():
            value = value[int(part)]
        else:
            name, _, wanted = part.partition("=")
            value = [each for each in value if str(each[name]) == wanted]
    return value


def shape_of(message: Any, above: str = "") -> set[str]:
    """The paths of all messages in it, and of all lists that are not empty (`jobs.jobs[].tags[]`).

    All else in a message is always there.
    """
    paths: set[str] = set()
    for descriptor, value in message.ListFields():
        if descriptor.is_repeated:
            path = f"{above}{descriptor.name}[]"
            paths.add(path)
            if descriptor.message_type:
                paths.update(*(shape_of(each, f"{path}.") for each in value))
        elif descriptor.message_type:
            path = f"{above}{descriptor.name}"
            paths |= {path, *shape_of(value, f"{path}.")}
    return paths
