"""What is made of a shared answer once: its JSON, for each view and coding, and its fingerprint."""

from collections.abc import Callable, Generator, Hashable
from typing import Generic, TypeVar

from gateway.calls.shared_reads import SharedAnswer
from gateway.http.content_coding import PLAIN, Choice, choose, compressed
from gateway.http.context import JSON_TYPE, RequestContext
from gateway.http.respond import Form, form_for
from gateway.http.shared_pieces import SharedPieces
from gateway.long_work import begin_at_once
from gateway.schema.method import Method
from gateway.views.compiled_view import AnswerForm, CompiledView
from gateway.views.render import Viewed

LARGEST_ANSWER_BYTES = 4 * 2**20
"""A larger answer is encoded for each client."""
MOST_MADE = 16
"""Of one answer, since who reads the last of its forms slowly holds all of them."""
SMALLEST_FORM_BYTES = 16 * 1024
"""For forms of small answers: a view may be longer than what it shows."""
JSON_FACTOR = 4
"""Bytes of JSON that are kept, by those of the answer. Most are some three times as long."""

Result = TypeVar("Result")


def shared_form(
    context: RequestContext,
    method: Method,
    view: CompiledView | AnswerForm | None,
    answer: SharedAnswer,
) -> Form:
    """The answer in the client's format. Raises GatewayError (INTERNAL)."""
    if answer.is_large:
        hold(context, answer)
    encode, content_type = method.encode, JSON_TYPE
    if view is not None:
        encode, content_type = view.encode, view.content_type
    accepted = context.request.headers.get(b"accept-encoding")
    choice = PLAIN if accepted is None else choose(accepted)
    key = (method, "" if view is None else view.key, choice)
    is_timed = view is not None and view.renewed is not None
    made: Form | None = None if is_timed else answer.made.get(key)
    if made is not None:
        return made
    making: SharedPieces | None = None if is_timed else answer.making.get(key)
    if making is None:
        begin_at_once()
        pieces = encode(answer)
        done, more = compressed(pieces, accepted)
        headers = (content_type, *more)
        is_copy = isinstance(view, AnswerForm) and choice.coding is None  # of what all have
        has_room = len(answer.made) + len(answer.making) < MOST_MADE
        can_be_kept = has_room and not (is_timed or is_copy)
        if isinstance(done, tuple):
            # An answer that keeps itself is not freed with its last reader.
            if can_be_kept and not any(piece is answer for piece in done):
                answer.made[key] = done, headers
            return done, headers
        most = room_for_form(answer, choice) if can_be_kept else 0
        if not most:
            form = form_for(context, pieces, content_type)
            context.call.payload = None  # others have it, too
            return form
        again = None if choice.coding else lambda: iter(encode(answer))
        progress = pieces.progress if isinstance(pieces, Viewed) else None
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


def room_for_form(answer: SharedAnswer, choice: Choice) -> int:
    """The bytes of a form that may be kept; 0 if each client has to make its own."""
    most = max(len(answer), SMALLEST_FORM_BYTES) * (JSON_FACTOR if choice.coding is None else 1)
    return most if len(answer) <= LARGEST_ANSWER_BYTES and answer.lease.grow(most) else 0


def in_common(
    answer: SharedAnswer, key: Hashable, begin: Callable[[], Generator[object, None, Result]]
) -> Generator[object, None, Result]:
    """The work with this key, to which all who do it at the same time take turns.

    Raises what the work raises.
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
    """Work in steps, and its result or error."""

    def __init__(self, steps: Generator[object, None, Result]) -> None:
        self._steps: Generator[object, None, Result] | None = steps
        self._result: Result
        self._error: Exception | None = None

    def is_done(self) -> bool:
        """Make a step, if any is left."""
        if self._steps is not None:
            try:
                next(self._steps)
            except StopIteration as end:
                self._steps, self._result = None, end.value
            except Exception as error:
                self._steps, self._error = None, error.with_traceback(None)
        return self._steps is None

    def result(self) -> Result:
        """Raises the work's error."""
        if self._error is not None:
            raise self._error
        return self._result
