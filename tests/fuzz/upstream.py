"""HTTP/2 from Cuebot: each call is told one outcome, however the bytes are cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import inf
from random import Random

from gateway.core.upstream.http2.core import Core
from gateway.core.upstream.http2.headers import literal
from gateway.core.upstream.http2.streams import Stream
from gateway.core.upstream.http2.wire import ProtocolError
from gateway.core.upstream.interface import CallFailed, lost

HEAD = b"\x83\x86" + literal(b":path", b"/a.B/Echo")
MAX_MESSAGE = 2**20
MOST_CALLS = 40
RAW = 0x80


@dataclass(eq=False)
class Call:
    """A sink that notes what it is told, and may make a call or cancel one then."""

    happened: list[object]
    name: str
    then: Callable[[], object] = lambda: None
    later: list[Callable[[], None]] = field(default_factory=list)
    """What other calls wait for until this one is told its outcome: all have the same list."""
    cancelled: bool = False
    told: int = 0

    def expects(self, size: int, go_on: Callable[[], None]) -> bool:
        """A large answer is coming: it is refused, taken at once, or when the call before ends."""
        self.happened.append((self.name, size))
        if size % 3 == 1:
            go_on()
        elif size % 3 == 2:
            self.later.append(go_on)
        return size % 3 > 0

    def answered(self, message: bytes) -> None:
        self._note(message)

    def failed(self, failure: CallFailed) -> None:
        self._note((failure.code, failure.reason, failure.may_have_reached_server, failure.details))

    def _note(self, outcome: object) -> None:
        assert not self.cancelled, "told after it was cancelled"
        assert not self.told, "told twice"
        self.told += 1
        self.happened.append((self.name, outcome))
        self.then()
        while self.later:
            self.later.pop()()


@dataclass(eq=False)
class Observer:
    happened: list[object] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    later: list[Callable[[], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.core = Core(self, self.happened.append, max_message=MAX_MESSAGE)
        self.core.open()
        self.start(lambda: self.start())
        self.start(lambda: self.cancel(2))
        self.start()
        self.start(lambda: self.start(lambda: self.cancel(0)), b"x" * 70_000)

    def on_ready(self) -> None:
        self.happened.append("ready")

    def on_closing(self) -> None:
        assert "closing" not in self.happened
        self.happened.append("closing")

    def on_drained(self) -> None:
        self.happened.append("drained")

    def on_goaway(self, code: int, text: bytes) -> None:
        self.happened.append((code, text))

    def on_pong(self) -> None:
        self.happened.append("pong")

    def start(self, then: Callable[[], object] = lambda: None, message: bytes = b"hi") -> None:
        if len(self.calls) < MOST_CALLS:
            call = Call(self.happened, f"{len(self.calls)}", then, self.later)
            self.calls.append(call)
            self.streams.append(self.core.calls.start(HEAD, message, inf, call))

    def cancel(self, number: int) -> None:
        if number < len(self.streams) and not self.calls[number].told:
            self.calls[number].cancelled = True
            self.core.calls.cancel(self.streams[number])

    def receive(self, pieces: Sequence[bytes]) -> list[object]:
        try:
            for piece in pieces:
                more = self.core.receive(piece, 0.0)
                while more:
                    more = self.core.receive(b"", 0.0)
        except ProtocolError as error:
            self.happened.append(("broken", str(error), error.code))
        self.core.calls.lose(lambda: lost("the connection was lost"))
        assert all(call.told or call.cancelled for call in self.calls), "never told"
        return self.happened


def one_input(data: bytes) -> None:
    """The first byte chooses the cuts, and whether the rest is bytes as they are or frames."""
    if not data:
        return
    came = data[1:] if data[0] & RAW else b"".join(frames(data[1:]))
    expected = Observer().receive([came])
    random = Random(data[0])  # noqa: S311 - no secret
    for count in (3, len(came)):
        places = sorted(random.randrange(len(came) + 1) for _ in range(count))
        pieces = [came[a:b] for a, b in zip([0, *places], [*places, len(came)], strict=True)]
        assert Observer().receive(pieces) == expected


def frames(data: bytes) -> Iterator[bytes]:
    """Frames from four bytes each (kind, flags, stream, length) and their payloads."""
    while len(data) >= 4:
        kind, flags, number, size = data[:4]
        payload, data = data[4 : 4 + size], data[4 + size :]
        head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + number.to_bytes(4, "big")
        yield head + payload
