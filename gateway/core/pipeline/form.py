"""Answers in the form that a client takes, in its content coding.

A shared answer's forms are made once, for each coding. Whoever has taken all pieces so
far makes the next one, in a step of its own. A client who is further behind than the memory allows
makes the rest for itself.
"""

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Sequence
from typing import Generic, TypeVar

from gateway.core.codec.encode import Slices
from gateway.core.errors import GatewayError, own_failure
from gateway.core.fair_quota import FairSemaphore
from gateway.core.long_work import begin_at_once
from gateway.core.pipeline.answer_form import AnswerForm, Progress, TimedPieces
from gateway.core.pipeline.context import JSON_TYPE, RequestContext
from gateway.core.pipeline.encoding_turn import SharedTurn
from gateway.core.pipeline.request import CallRequest
from gateway.core.pipeline.shared_reads import SharedAnswer
from gateway.core.principal import SHARED
from gateway.core.schema.method import Method

Headers = Sequence[tuple[bytes, bytes]]
Form = tuple[Iterable[bytes], Headers]
LARGEST_ANSWER_BYTES = 4 * 2**20
"""A larger answer is encoded for each client."""
MOST_MADE = 16
"""Of one answer, since who reads the last of its forms slowly holds all of them."""
SMALLEST_FORM_BYTES = 16 * 1024
"""For forms of small answers, which may be longer than these."""
JSON_FACTOR = 4
"""Bytes of JSON that are kept, by those of the answer. Most are some three times as long."""

Result = TypeVar("Result")


def form_of(context: RequestContext, request: CallRequest, answer: bytes) -> Form:
    """Cuebot's answer in the client's format. Raises GatewayError (INTERNAL)."""
    if type(answer) is SharedAnswer:
        return shared_form(context, request.plan.method, request.form, answer)
    if request.form is None:
        return form_for(context, request.plan.method.encode(answer))
    return form_for(context, pieces_of(request, answer), request.form.content_type)


def pieces_of(request: CallRequest, answer: bytes) -> Iterable[bytes]:
    """The body of an answer. Raises GatewayError (INTERNAL)."""
    if request.form is None:
        return request.plan.method.encode(answer)
    begin_at_once()
    return request.form.encode(answer)


def form_for(
    context: RequestContext, pieces: Iterable[bytes], content_type: tuple[bytes, bytes] = JSON_TYPE
) -> Form:
    if isinstance(pieces, Slices):
        context.call.payload = pieces.payload
    elif isinstance(pieces, TimedPieces):
        context.call.progress = pieces.progress
    coding = context.coding
    done, headers = coding.coded(pieces) if coding.name else (pieces, coding.vary)
    if isinstance(done, Slices) and done.length is not None:
        headers = (*headers, (b"content-length", b"%d" % done.length))
    return done, (content_type, *headers)


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
    coding = context.coding
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


def made_once(
    answer: bytes, key: Hashable, begin: Callable[[], Generator[object, None, Result]]
) -> Generator[object, None, Result]:
    """`in_common` for an answer that is shared; for another one, the work itself."""
    return in_common(answer, key, begin) if type(answer) is SharedAnswer else begin()


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
