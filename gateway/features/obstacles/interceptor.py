"""Why Cuebot refused a change as things are: a read tells what of the object is in its way."""

from gateway.core.calls.explanations import Questions
from gateway.core.calls.invoke import Call, filled, parsed, reworded
from gateway.core.calls.rows import rows_with
from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import value_at
from gateway.features.obstacles.obstacle import Refused


class ObstacleReader(Interceptor):
    async def explain(
        self, context: RequestContext, catalog: Catalog, error: GatewayError, ask: Questions
    ) -> GatewayError:
        if not isinstance(error, Refused) or error.obstacle.method.path not in ask.allowed:
            return error
        return await with_refusal_explained(error, ask.for_caller())


async def with_refusal_explained(error: Refused, call: Call) -> GatewayError:
    """The error with what is in the way; the error itself if the read fails or tells nothing."""
    obstacle, reading = error.obstacle, error.obstacle.method
    asked = error.method.parse_request(error.payload)
    try:
        answer = await call(reading, filled(reading, b"", asked, obstacle.copies))
        if obstacle.rows:
            found = str(len(await rows_with(obstacle.rows, (), answer)))
            explains = found != "0"
        else:
            found = text_at(parsed(reading, answer), obstacle.take)
            explains = bool(found) and found not in obstacle.unless
    except GatewayError:
        return error
    if not explains:
        return error
    says = obstacle.says_one if found == "1" and obstacle.says_one else obstacle.says
    return reworded(error, says.format(subject=error.subject, found=found))


def text_at(answer: object, path: tuple[str, ...]) -> str:
    """A value as JSON has it: an enum's is its name."""
    *above, last = path
    holder = value_at(answer, tuple(above))
    value = getattr(holder, last)
    kind = holder.DESCRIPTOR.fields_by_name[last].enum_type
    if kind is None:
        return str(value)
    known = kind.values_by_number.get(value)
    return str(value) if known is None else known.name
