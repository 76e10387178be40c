"""One call on a connection: what is to be sent yet, and what has come."""

import asyncio

import grpc

from gateway.upstream.http2.frames import NUMBER
from gateway.upstream.http2.status import failure

PREFIX = 5
"""Bytes before each message: whether it is compressed (1), and its length (4)."""
INTERNAL = grpc.StatusCode.INTERNAL
NOT_ONE_MESSAGE = "the answer is not one message"


class Stream:
    """A unary call: one message each way."""

    __slots__ = (
        "answer",
        "deadline",
        "due",
        "head",
        "message",
        "number",
        "parts",
        "size",
        "started",
        "unsent",
        "window",
    )

    def __init__(
        self, head: bytes, message: bytes, deadline: float, answer: "asyncio.Future[bytes]"
    ) -> None:
        self.answer = answer
        self.deadline = deadline
        """In the loop's time."""
        self.head = head
        """The block of the request's headers."""
        self.message = message
        """The request's message, without its prefix."""
        self.number = 0
        """The stream's number; 0 as long as nothing has been sent."""
        self.unsent: memoryview | None = None
        """What is left of a request that does not go out at once."""
        self.window = 0
        """How much of that the other side takes."""
        self.started = False
        """Whether the answer's headers have come."""
        self.parts: list[bytes] = []
        """What has come of the answer, without its prefix as soon as that is whole."""
        self.size = 0
        """How many bytes have come, with the prefix."""
        self.due = 0
        """How many there are to be; 0 as long as the prefix is not whole."""

    @property
    def body(self) -> memoryview:
        """The request's message with its prefix."""
        return memoryview(b"".join((b"\x00", NUMBER.pack(len(self.message)), self.message)))

    def take(self, data: bytes, largest: int) -> grpc.aio.AioRpcError | None:
        """Add a piece of the answer (not an empty one).

        An error as soon as it is not going to be one message of at most `largest` bytes, so that
        no more is kept than that.
        """
        self.size += len(data)
        if not self.due:
            if self.parts:
                data = self.parts.pop() + data
            if len(data) >= PREFIX:
                length = int.from_bytes(data[1:PREFIX], "big")
                if length > largest:
                    problem = f"Received message larger than max ({length} vs. {largest})"
                    return failure(grpc.StatusCode.RESOURCE_EXHAUSTED, problem)
                if data[0]:
                    return failure(INTERNAL, "the answer is compressed")
                self.due = PREFIX + length
                data = data[PREFIX:]
        if self.due and self.size > self.due:
            return failure(INTERNAL, NOT_ONE_MESSAGE)
        self.parts.append(data)
        return None

    @property
    def received(self) -> bytes | None:
        """The answer's message; None when what has come is not one."""
        if self.size != self.due or not self.due:
            return None
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
