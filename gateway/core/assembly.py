"""The path of a request, put together of the core's parts and of what features add."""

from gateway.core.gateway import Gateway, Pipeline
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.handler import UnaryHandler
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.options import QueryReader
from gateway.core.pipeline.request import RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.starting import added


def pipeline_of(core: Gateway) -> Pipeline:
    """The parts of the core, with what features add to them. All features are constructed."""
    settings, features = core.settings, core.features
    interceptors = Interceptors([core.refusals, *core.interceptors])
    requests = RequestReader(
        settings,
        core.live,
        shown=", and ".join(f"{path} {what}" for path, what in core.shown().items() if what),
        planner=core.planner,
        interceptors=interceptors,
        # What a feature needs reads what is left.
        queries=QueryReader([*added(features, "options")]),
        weight=core.weight,
        codings=core.codings,
    )
    calls = CallMaker(core.upstream_of_calls, core.upstream_of_copies, core.answers, interceptors)
    responder = Responder(http_timeout=settings.http_timeout, long_answers=core.long_answers)
    # With several endpoints, another one may serve the method.
    leave_out = core.live.leave_out if len(core.upstream.endpoints) == 1 else nothing_left_out
    handler = UnaryHandler(interceptors, requests, calls, responder, leave_out)
    pipeline = Pipeline(
        interceptors=interceptors,
        requests=requests,
        calls=calls,
        responder=responder,
        methods=handler,
    )
    core.pipeline = pipeline
    # The first of them that a request asks for wins.
    handler.serve(added(features, "exchanges"))
    return pipeline


def nothing_left_out(path: str) -> None:
    """The method stays in the catalog."""
