"""The path of a request, put together of the core's parts and of what features add."""

from gateway.core.gateway import Gateway, Pipeline
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.error_answer import UnservedMethods
from gateway.core.pipeline.handler import UnaryHandler
from gateway.core.pipeline.interceptors import Interceptor, Interceptors
from gateway.core.pipeline.options import QueryReader
from gateway.core.pipeline.request import RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.schema.catalog import DOCUMENTS


def pipeline_of(core: Gateway) -> Pipeline:
    """The parts of the core, with what features add to them. All features are constructed."""
    settings, features = core.settings, core.features
    interceptors = interceptors_of(core)
    requests = RequestReader(
        settings,
        core.live,
        has_pages=settings.docs != "off" and DOCUMENTS.issubset(core.links()),
        planner=core.planner,
        interceptors=interceptors,
        # What a feature needs reads what is left.
        queries=QueryReader([each for one in features for each in one.options()]),
        weight=core.weight,
        codings=core.codings,
    )
    calls = CallMaker(core.upstream_of_calls, core.upstream_of_copies, core.answers, interceptors)
    responder = Responder(http_timeout=settings.http_timeout, long_answers=core.long_answers)
    handler = UnaryHandler(interceptors, requests, calls, responder)
    pipeline = Pipeline(
        interceptors=interceptors,
        requests=requests,
        calls=calls,
        responder=responder,
        methods=handler,
    )
    core.pipeline = pipeline
    # The first of them that a request asks for wins.
    handler.serve(each for one in features for each in one.exchanges())
    return pipeline


def interceptors_of(core: Gateway) -> Interceptors:
    found: list[Interceptor] = [core.refusals]
    if len(core.upstream.endpoints) == 1:  # with several, another one may serve the method
        found.append(UnservedMethods(core.live))
    return Interceptors([*found, *core.interceptors])
