"""Query strings, as the gateway reads them."""

from gateway.core.calls.query import Query
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.gateway import Gateway
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.options import QueryReader
from gateway.core.schema.method import Method
from gateway.feature import Feature
from gateway.features import FEATURES
from gateway.features.catalog import COMPOSITION
from tests.support.contexts import context_of
from tests.support.servers import settings_for

WITH_OPTIONS = (each for each in FEATURES if each.options is not Feature.options)
GATEWAY = Gateway(settings=settings_for("127.0.0.1:1"), composition=COMPOSITION)
QUERIES = QueryReader([option for each in WITH_OPTIONS for option in each(GATEWAY).options()])


def read_query(
    method: Method, verb: str, query: bytes, accept: bytes | None, policy: UnknownFieldPolicy
) -> Query:
    """Raises GatewayError."""
    request = context_of(method.path, method=verb).request._replace(query=query)
    return QUERIES.read(RequestContext(request, []), method, accept, policy)
