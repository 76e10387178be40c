"""Pieces of JSON that several clients take, each of them made once.

Whoever comes to the end of what there is makes the next one, in a step of its own. A client who is
further behind than the memory allows makes the rest for itself.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator

from gateway.access.fair_quota import FairSemaphore
from gateway.calls.invoke import reworded
from gateway.calls.shared_reads import SHARED, SharedAnswer
from gateway.errors import GatewayError
from gateway.http.encoding_turn import SharedTurn
from gateway.views.render import Progress

Headers = tuple[tuple[bytes, bytes], ...]


class SharedPieces:
    """The pieces of one form. Each iteration yields all of them; an empty one ends a step."""

    def __init__(
        self,
        answer: SharedAnswer,
        key: Hashable,
        headers: Headers,
        source: Iterator[bytes],
        progress: Progress | None,
        again: Callable[[], Iterator[bytes]] | None,
        most: int,
    ) -> None:
        """Of pieces that can be made `again`, `most` bytes are kept. Compressed ones cannot, and
        are hardly ever longer than the answer.
        """
        self.headers = headers
        self.progress = progress
        self._answer = answer
        self._key = key
        self._source: Iterator[bytes] | None = source
        self._again = again
        self._most = most
        self._kept: list[bytes] = []
        self._first = 0
        """The number of the first piece that is kept."""
        self._size = 0
        self._error: Exception | None = None
        self._turn: SharedTurn | None = None

    def turn_among(self, turns: FairSemaphore) -> SharedTurn:
        """The turn in which they are made."""
        if self._turn is None:
            self._turn = SharedTurn(turns, SHARED)
            if self._source is None:
                self._turn.finish()
        return self._turn

    def __iter__(self) -> Iterator[bytes]:
        number = sent = 0
        while True:
            if number < self._first:
                assert self._again is not None, "nothing else has been let go"
                yield from rest_of(self._again(), sent)
                return
            if number < self._first + len(self._kept):
                piece = self._kept[number - self._first]
                number += 1
                sent += len(piece)
                yield piece
            elif self._source is not None:
                if self._is_step_over(self._source):
                    yield b""
            elif isinstance(self._error, GatewayError):
                raise reworded(self._error, self._error.message)
            elif self._error is not None:  # a bug, after which no answer is complete
                raise self._error
            else:
                return

    def _is_step_over(self, source: Iterator[bytes]) -> bool:
        """Make the next piece, or find that there is none, unless the step is over before."""
        try:
            piece = next(source, None)
        except Exception as error:
            self._error = error.with_traceback(None)
            self._end()
            return False
        if piece is None:
            self._end()
            if not self._first:
                self._answer.made[self._key] = tuple(self._kept), self.headers
        elif piece:
            self._kept.append(piece)
            self._size += len(piece)
            while self._again is not None and self._size > self._most and len(self._kept) > 1:
                self._size -= len(self._kept.pop(0))
                self._first += 1
        return piece == b""

    def _end(self) -> None:
        self._source = None
        if self._turn is not None:
            self._turn.finish()


def rest_of(pieces: Iterable[bytes], sent: int) -> Iterator[bytes]:
    """The pieces without as many bytes at their beginning."""
    for piece in pieces:
        skipped = min(sent, len(piece))
        sent -= skipped
        yield piece[skipped:]
