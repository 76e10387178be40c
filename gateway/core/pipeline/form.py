"""Answers in the form that a client takes, in its content coding."""

from collections.abc import Callable, Generator, Hashable, Iterable, Sequence
from typing import TypeVar

from gateway.core.calls.answer_form import AnswerForm, TimedPieces
from gateway.core.codec.encode import Slices
from gateway.core.long_work import begin_at_once
from gateway.core.pipeline.context import JSON_TYPE, RequestContext
from gateway.core.pipeline.request import CallRequest
from gateway.core.schema.method import Method

Headers = Sequence[tuple[bytes, bytes]]
Form = tuple[Iterable[bytes], Headers]
Result = TypeVar("Result")


class CommonAnswer(bytes):
    """An answer that several requests have. What one of them makes of it, the others take."""

    def form(self, context: RequestContext, method: Method, form: AnswerForm | None) -> Form:
        """As `form_of`."""
        raise NotImplementedError

    def made_once(
        self, key: Hashable, begin: Callable[[], Generator[object, None, Result]]
    ) -> Generator[object, None, Result]:
        """As the function `made_once`."""
        raise NotImplementedError


def form_of(context: RequestContext, request: CallRequest, answer: bytes) -> Form:
    """Cuebot's answer in the client's format. Raises GatewayError (INTERNAL)."""
    if isinstance(answer, CommonAnswer):
        return answer.form(context, request.plan.method, request.form)
    if request.form is not None:
        return form_for(context, pieces_of(request, answer), request.form.content_type)
    pieces, coding = request.plan.method.encode(answer), context.response.coding
    if type(pieces) is tuple and not coding.name:  # a short one, as most are
        return pieces, (JSON_TYPE, *coding.vary)
    return form_for(context, pieces)


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
    coding = context.response.coding
    done, headers = coding.coded(pieces) if coding.name else (pieces, coding.vary)
    if isinstance(done, Slices) and done.length is not None:
        headers = (*headers, (b"content-length", b"%d" % done.length))
    return done, (content_type, *headers)


def made_once(
    answer: bytes, key: Hashable, begin: Callable[[], Generator[object, None, Result]]
) -> Generator[object, None, Result]:
    """The work with this key, which all who have the answer make together.

    Raises what the work raises; for a bug, only in the step that meets it.
    """
    return answer.made_once(key, begin) if isinstance(answer, CommonAnswer) else begin()
