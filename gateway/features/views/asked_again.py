"""Reads that are made again and again: their views at the present moment, and what has changed."""

from collections.abc import Generator
from functools import partial

from gateway.core.long_work import STEP, Step
from gateway.core.pipeline.form import made_once
from gateway.core.pipeline.request import CallRequest
from gateway.features.views.changes import fingerprint, fingerprint_of_shown
from gateway.features.views.compiled_view import CompiledView


def of_this_moment(request: CallRequest) -> CallRequest:
    """The request with `now` in its view as it is now."""
    if not isinstance(request.form, CompiledView) or request.form.renewed is None:
        return request
    return request._replace(form=request.form.of_now())


def finding_of(
    request: CallRequest, answer: bytes, step: Step = STEP
) -> Generator[object, None, bytes]:
    """The search for an answer's fingerprint, which those who share the answer make together."""
    method, view = request.plan.method, request.form
    in_order = False
    if isinstance(view, CompiledView):
        in_order = view.follows_order
        if view.renewed is not None and method.rows is not None:
            return fingerprint_of_shown(answer, view.view, method.rows, step)
    begin = partial(fingerprint, answer, None if in_order else method.rows, step)
    return made_once(answer, (method, in_order), begin)
