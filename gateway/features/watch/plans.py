"""Plans of requests that are watched: after their look-ups, and so that rows stay."""

from collections.abc import Container

from gateway.core.calls.ids import has_name
from gateway.core.calls.invoke import Invocation, filled, parsed
from gateway.core.calls.plan import Plan
from gateway.core.schema.method import set_at, value_at
from gateway.features.watch.aspect import Watching


def is_planned_again(plan: Plan) -> bool:
    return bool(plan.look_ups) or Watching.of(plan.method).goes_on is not None


async def looked_up(plan: Plan, invocation: Invocation, allowed: Container[str]) -> Plan:
    """The plan after its look-ups, which can be made again and again without them.

    What is found by a name goes on by the id in its first answer, if that method is `allowed`.
    Raises GatewayError.
    """
    found = await invocation.look_up(plan)
    if plan.look_ups:
        plan = plan._replace(looked_up=found)
    goes_on = Watching.of(plan.method).goes_on
    if goes_on is None or goes_on.method.path not in allowed:
        return plan
    if not has_name(plan.method, found.payload, goes_on.name):
        return plan
    answer = parsed(plan.method, await invocation.answer(plan))
    return Plan(goes_on.method, filled(goes_on.method, b"", answer, goes_on.copies))


def keeping_rows(planned: Plan) -> Plan:
    """The plan of a request whose rows are waited for: what it names stays in the answer."""
    stays = Watching.of(planned.method).stays
    if stays is None:
        return planned
    request = planned.method.parse_request(planned.sent)
    if not any(value_at(request, path) for path in stays.named_by):
        return planned
    for path, content in stays.constants:
        set_at(request, path, content)
    payload, looked_up = request.SerializeToString(), planned.looked_up
    if looked_up is None:
        return planned._replace(payload=payload)
    return planned._replace(looked_up=looked_up._replace(payload=payload))
