"""Answers that several requests have, in their forms.

Each form is made once, for each coding. Whoever has taken all pieces so far makes the next one, in
a step of its own. A client who is further behind than the memory allows makes the rest for itself.
"""

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from gateway.core.calls.answer_form import AnswerForm, Progress, TimedPieces
from gateway.core.errors import GatewayError, own_failure
from gateway.core.fair_quota import FairSemaphore
from gateway.core.long_work import begin_at_once
from gateway.core.pipeline.context import JSON_TYPE, RequestContext
from gateway.core.pipeline.encoding_turn import MadeTogether
from gateway.core.pipeline.form import CommonAnswer, Form, Headers, form_for
from gateway.core.principal import SHARED
from gateway.core.schema.method import Method
from gateway.core.upstream.interface import SMALL_ANSWER_BYTES
from gateway.features.shared_reads.shared_lease import SharedLease
from gateway.features.shared_reads.shared_turn import SharedTurn

LARGEST_ANSWER_BYTES = 4 * 2**20
"""A larger answer is encoded for each client."""
MOST_MADE = 16
"""Of one answer, since who reads the last of its forms slowly holds all of them."""
SMALLEST_FORM_BYTES = 16 * 1024
"""For forms of small answers, which may be longer than these."""
JSON_FACTOR = 4
"""Bytes of JSON that are kept, by those of the answer. Most are some three times as long."""

Result = TypeVar("Result")


class SharedAnswer(CommonAnswer):
    """An answer that several callers have; and what one of them makes of it, all can take."""

    lease: SharedLease
    """The memory for it, which holds nothing if it is small."""
    made: dict[object, Any]
    making: WeakValueDictionary[object, Any]
    """What is not finished, as long as somebody makes it: it refers to the answer itself."""

    @property
    def is_large(self) -> bool:
        """Whether it has memory of its own."""
        return len(self) > SMALL_ANSWER_BYTES

    def form(self, context: RequestContext, method: Method, form: AnswerForm | None) -> Form:
        return shared_form(context, method, form, self)

    def made_once(
        self, key: Hashable, begin: Callable[[], Generator[object, None, Result]]
    ) -> Generator[object, None, Result]:
        return in_common(self, key, begin)


def shared_answer(answer: bytes, lease: SharedLease) -> SharedAnswer:
    shared = SharedAnswer(answer)
    shared.lease, shared.made, shared.making = lease, {}, WeakValueDictionary()
    return shared


def shared_form(
    context: RequestContext,
    method: Method,
    form: AnswerForm | None,
    answer: SharedAnswer,
) -> Form:
    """The answer in the client's format. Raises GatewayError (INTERNAL)."""
    if answer.is_large:
        hold(context, answer)
    encode, content_type = method.encode, JSON_TYPE
    if form is not None:
        encode, content_type = form.encode, form.content_type
    coding = context.response.coding
    key = (method, "" if form is None else form.key, coding)
    is_timed = form is not None and form.is_timed
    made: Form | None = None if is_timed else answer.made.get(key)
    if made is not None:
        return made
    making: SharedPieces | None = None if is_timed else answer.making.get(key)
    if making is None:
        begin_at_once()
        pieces = encode(answer)
        done, more = coding.coded(pieces)
        headers = (content_type, *more)
        is_copy = form is not None and form.is_message and not coding.name
        has_room = len(answer.made) + len(answer.making) < MOST_MADE
        can_be_kept = has_room and not (is_timed or is_copy)
        if isinstance(done, tuple):
            refers_to_itself = any(piece is answer for piece in done)
            if can_be_kept and not refers_to_itself:
                answer.made[key] = done, headers
            return done, headers
        most = room_for_form(answer, is_coded=bool(coding.name)) if can_be_kept else 0
        if not most:
            own = form_for(context, pieces, content_type)
            context.call.payload = None  # shared bytes are not released
            return own
        again = None if coding.name else lambda: iter(encode(answer))
        progress = pieces.progress if isinstance(pieces, TimedPieces) else None
        making = SharedPieces(answer, key, headers, iter(done), progress, again, most)
        answer.making[key] = making
    if not answer.is_large:
        hold(context, answer)
    context.call.progress = making.progress
    return making, making.headers


def hold(context: RequestContext, answer: SharedAnswer) -> None:
    """Let the request keep the answer's memory instead of its own."""
    if context.call.lease is not None:
        context.call.lease.close()
    context.call.lease = answer.lease


def room_for_form(answer: SharedAnswer, *, is_coded: bool) -> int:
    """The bytes of a form that may be kept; 0 if each client has to make its own."""
    most = max(len(answer), SMALLEST_FORM_BYTES) * (1 if is_coded else JSON_FACTOR)
    return most if len(answer) <= LARGEST_ANSWER_BYTES and answer.lease.grow(most) else 0


def in_common(
    answer: SharedAnswer, key: Hashable, begin: Callable[[], Generator[object, None, Result]]
) -> Generator[object, None, Result]:
    """The work with this key, to which all who do it at the same time take turns.

    Raises what the work raises; for a bug, only in the step that meets it.
    """
    work: Work[Result] | None = answer.made.get(key) or answer.making.get(key)
    if work is None:
        work = Work(begin())
        answer.making[key] = work
    while not work.is_done():
        yield b""
    answer.made[key] = work
    return work.result()


class Work(Generic[Result]):
    def __init__(self, steps: Generator[object, None, Result]) -> None:
        self._steps: Generator[object, None, Result] | None = steps
        self._result: Result
        self._error: GatewayError | None = None

    def is_done(self) -> bool:
        """Make a step, if any is left. Raises an exception that is a bug."""
        if self._steps is not None:
            try:
                next(self._steps)
            except StopIteration as end:
                self._steps, self._result = None, end.value
            except GatewayError as error:
                self._steps, self._error = None, error.again()
            except Exception:
                self._steps, self._error = None, own_failure()
                raise
        return self._steps is None

    def result(self) -> Result:
        """Raises the work's error."""
        if self._error is not None:
            raise self._error.again()
        return self._result


class SharedPieces(MadeTogether):
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
        """Of pieces that can be made `again`, `most` bytes are kept. Coded ones cannot, and
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
        self._size = 0
        self._error: GatewayError | None = None
        self._turn: SharedTurn | None = None

    def turn_among(self, turns: FairSemaphore) -> SharedTurn:
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
            elif self._error is not None:
                raise self._error.again()
            else:
                return

    def _is_step_over(self, source: Iterator[bytes]) -> bool:
        """Make the next piece, or find that there is none, unless the step is over before.

        Raises an exception that is a bug, after which no answer is complete.
        """
        try:
            piece = next(source, None)
        except GatewayError as error:
            self._error = error.again()
            self._end()
            return False
        except Exception:
            self._error = own_failure()
            self._end()
            raise
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
