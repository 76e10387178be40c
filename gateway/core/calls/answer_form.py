"""Forms of answers: what a client gets in the place of the whole answer in JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from gateway.core.calls.invoke import Call
from gateway.core.calls.plan import Found
from gateway.core.codec.encode import Encode
from gateway.core.errors import GatewayError
from gateway.core.schema.method import Method

Asked = tuple[tuple[str, str], ...]
"""The parameters of a form."""


class Progress(Protocol):
    """How far the making of an answer has come."""

    def out_of_time(self) -> GatewayError:
        """The error for an answer that is not complete in time, with ways to be faster."""


Known = TypeVar("Known", bound=Progress)


@dataclass(frozen=True, slots=True)
class TimedPieces(Generic[Known]):
    """The pieces of an answer that has to be complete within the time of its call."""

    pieces: Iterator[bytes]
    progress: Known

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces


class SecondCall(Protocol):
    """A call that a form needs beside the request's own. Its caller needs the right to it."""

    @property
    def call(self) -> str:
        """The path of its method."""

    @property
    def shown(self) -> str:
        """What of the answer comes from it, for the caller who may not make it."""


@dataclass(slots=True)
class SentRequest:
    """The request for a method as it goes to Cuebot, in which names have become ids."""

    method: Method
    payload: bytes = b""

    def around(self, call: Call) -> Call:
        async def noted(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
            if method.path == self.method.path:
                self.payload = payload
            return await call(method, payload, found)

        return noted


class AnswerForm(Protocol):
    @property
    def encode(self) -> Encode:
        """From Cuebot's answer to the body."""

    @property
    def content_type(self) -> tuple[bytes, bytes]: ...

    @property
    def key(self) -> str:
        """Its identity among the forms of the same method's answers."""

    @property
    def is_message(self) -> bool:
        """Whether the body is Cuebot's answer itself, as protobuf."""

    @property
    def chooses(self) -> bool:
        """Whether it chooses among the rows, so that Cuebot must send all of them."""

    @property
    def is_timed(self) -> bool:
        """Whether it is of one moment, or of one caller, so that no others can have it."""

    @property
    def second_call(self) -> SecondCall | None: ...

    async def completed(
        self, sent: SentRequest, look_up: Method, answer: bytes, call: Call
    ) -> "AnswerForm":
        """The form with what its second call finds. Raises GatewayError.

        `sent` and `answer` are of the request's own call, `look_up` is the second call's method.
        """
