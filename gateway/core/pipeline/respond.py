"""Sending an answer, no faster than the client reads."""

from collections.abc import Iterable, Sequence
from time import monotonic

from starlette.types import Send

from gateway.core.errors import unavailable
from gateway.core.long_work import STEP, let_others_run
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.encoding_turn import EncodingTurn, LongAnswers, MadeTogether
from gateway.core.pipeline.form import Form
from gateway.core.pipeline.slow_reader import SlowReader


class Responder:
    """Sends JSON, encoding long answers on the way. `http_timeout`: seconds to read a piece."""

    def __init__(self, *, http_timeout: float, long_answers: LongAnswers) -> None:
        self._http_timeout = http_timeout
        self._long_answers = long_answers

    async def send(self, context: RequestContext, form: Form, send: Send, *, within: float) -> None:
        if not answer_at_once(context, form):
            await self.send_in_parts(context, form, send, within=within)

    async def send_in_parts(
        self, context: RequestContext, form: Form, send: Send, *, within: float
    ) -> None:
        """Send a 200 that `answer_at_once` did not send.

        `within` is in seconds, for a long answer to begin, and for `TimedPieces` to be complete.
        Raises ClientGone, and GatewayError: UNAVAILABLE for a later beginning, DEADLINE_EXCEEDED
        for pieces that take longer, and errors of the answer itself.
        """
        pieces, headers = form
        if isinstance(pieces, Sequence):
            await send_pieces(context, pieces, headers, send, self._http_timeout)
            return
        deadline = None if context.call.progress is None else monotonic() + within
        self._long_answers.note(context.call.rpc or "")
        turns = self._long_answers.turns
        if isinstance(pieces, MadeTogether):
            turn: EncodingTurn = pieces.turn_among(turns)
        else:
            turn = EncodingTurn(turns, context.principal)
        began = monotonic()
        has_turn = await turn.take(within)
        context.note_wait(monotonic() - began)
        if not has_turn:
            raise unavailable("too many long answers are being made", "long_answers")
        try:
            await send_pieces(context, pieces, headers, send, self._http_timeout, turn, deadline)
        finally:
            turn.give_back()


def answer_at_once(context: RequestContext, form: Form) -> bool:
    """Send an answer of one piece if the connection takes it now. Raises ClientGone."""
    pieces, headers = form
    if not isinstance(pieces, tuple) or len(pieces) != 1:  # isinstance of Sequence is slower
        return False
    length = (b"content-length", b"%d" % len(pieces[0]))
    return context.answer(200, (*headers, length), pieces[0])


async def send_pieces(
    context: RequestContext,
    pieces: Iterable[bytes],
    more: Iterable[tuple[bytes, bytes]],
    send: Send,
    timeout: float,
    turn: EncodingTurn | None = None,
    deadline: float | None = None,
) -> None:
    """Send the pieces, with Content-Length if they are complete; others run between steps.

    The request returns its slots before the end of the answer, or once the client is behind.
    `more` are headers of the format. Raises ClientGone when the client takes longer than `timeout`
    seconds for a piece or is too slow overall (`SlowReader`), and GatewayError (DEADLINE_EXCEEDED)
    for pieces that are not complete at `deadline` (monotonic), extended by the time that the
    client is behind.
    """
    headers = [*more]
    reader = SlowReader(context, send, timeout, turn)
    if isinstance(pieces, Sequence):
        headers.append((b"content-length", b"%d" % sum(map(len, pieces))))
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    if isinstance(pieces, Sequence) and len(pieces) == 1:
        context.leave()
        await reader.send(start)
        await reader.send({"type": "http.response.body", "body": pieces[0]}, len(pieces[0]))
        return
    started = False
    await let_others_run()
    for piece in pieces:
        if piece:
            if not started:
                await reader.send(start)
                started = True
            message = {"type": "http.response.body", "body": piece, "more_body": True}
            await reader.send(message, len(piece))
            del message, piece  # or a slow client would keep it twice
            await reader.catch_up()
        if STEP.is_over() or (turn is not None and not turn.is_held):
            if deadline is not None and monotonic() - reader.behind > deadline:
                assert context.call.progress is not None, "nothing else has a deadline"
                raise context.call.progress.out_of_time()
            await reader.excuse(next_step(turn))
    if turn is not None:
        turn.give_back()
    context.leave()
    if not started:  # NDJSON without rows
        await reader.send(start)
    await reader.send({"type": "http.response.body", "body": b""})


async def next_step(turn: EncodingTurn | None) -> None:
    """Wait for the turn and the next step in it, after a step or after waiting for the client."""
    if turn is not None:
        turn.note_step()
        await turn.take()
    await let_others_run()
