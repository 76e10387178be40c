"""Query strings, as the gateway reads them."""

from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.pipeline.context import RequestContext, Response
from gateway.core.pipeline.options import QueryReader
from gateway.core.pipeline.query import Query
from gateway.core.schema.method import Method
from gateway.features.dry_run.exchange import DryRunOptionReader
from gateway.features.views.options import ViewOptionReader
from gateway.features.watch.options import WatchOptionReader
from tests.support.contexts import context_of

QUERIES = QueryReader((DryRunOptionReader(), WatchOptionReader(), ViewOptionReader()))


def read_query(
    method: Method, verb: str, query: bytes, accept: bytes | None, policy: UnknownFieldPolicy
) -> Query:
    """Raises GatewayError."""
    request = context_of(method.path, method=verb).request._replace(query=query)
    return QUERIES.read(RequestContext(request, Response([])), method, accept, policy)
