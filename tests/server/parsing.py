"""What the parser of requests makes of bytes, however they are cut into packets."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gateway.core.errors import GatewayError
from gateway.server.http1.heads import ReceivedHead
from gateway.server.http1.parser import RequestParser
from gateway.server.http1.sharing import ParsingTurns


@dataclass
class Parsed:
    head: tuple[object, ...]
    body: bytes = b""
    complete: bool = False


Events = tuple[list[Parsed], tuple[int, str, bool] | None]
"""The requests, and the refusal if there is one: status, message, whether a body was coming."""


@dataclass
class Recorder:
    """A sink that keeps everything, and a parser that feeds it."""

    requests: list[Parsed] = field(default_factory=list)
    refusal: tuple[int, str, bool] | None = None
    answered: int = 0

    def __post_init__(self) -> None:
        self.parser = RequestParser(self, ParsingTurns(clock=lambda: 0.0))

    def on_head(self, head: ReceivedHead) -> None:
        assert self.refusal is None
        assert not self.requests or self.requests[-1].complete
        self.requests.append(Parsed(tuple(head)))

    def on_request(self, head: ReceivedHead, body: bytes) -> None:
        self.on_head(head)
        self.on_body(body)
        self.on_end()

    def on_body(self, data: bytes) -> None:
        assert self.refusal is None
        self.requests[-1].body += data

    def on_end(self) -> None:
        assert self.refusal is None
        self.requests[-1].complete = True

    def on_refusal(self, error: GatewayError, in_body: bool) -> None:
        assert self.refusal is None
        self.refusal = (error.status, error.message, in_body)

    @property
    def unanswered(self) -> int:
        return len(self.requests) - self.answered

    def answer(self, count: int) -> None:
        for _ in range(min(count, self.unanswered)):
            self.answered += 1
            self.parser.unanswered -= 1
            self.go_on()

    def feed(self, data: bytes) -> None:
        self.parser.feed(data)
        self.go_on()

    def go_on(self) -> None:
        while self.parser.can_go_on:
            self.parser.feed(self.parser.take_held_back())

    def events(self) -> Events:
        """Everything that has been said, once everything is answered."""
        while self.unanswered:
            self.answer(self.unanswered)
        assert not self.parser.held_back
        return self.requests, self.refusal


def parsed(
    stream: bytes,
    cuts: Sequence[int] = (),
    answers: Sequence[int] = (),
) -> Events:
    """What is made of a stream, cut there (modulo its length), with so many answers after each."""
    recorder = Recorder()
    places = sorted({cut % len(stream) for cut in cuts} | {0, len(stream)})
    for number, (start, end) in enumerate(pairwise(places)):
        recorder.feed(stream[start:end])
        recorder.answer(answers[number] if number < len(answers) else 0)
    return recorder.events()
