"""What features change in a plan for whoever calls."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.calls.plan import Plan
from gateway.core.errors import GatewayError
from gateway.core.schema.method import Aspect
from gateway.core.settings.types import Identity


class Caller(NamedTuple):
    """All that may be known of the caller where plans are made, also in another process."""

    identity: Identity
    """How fields that name the caller are filled, by `Rights.identity`."""
    subject: str


class PlanForCaller(NamedTuple):
    plan: Plan
    caller: Caller
    headers: tuple[tuple[bytes, bytes], ...] = ()
    """Of the answer: what the client is told about it."""
    refusal: GatewayError | None = None
    """Why the unchanged plan is refused. With PERMISSION_DENIED, the call counts as denied."""


@dataclass(frozen=True, slots=True)
class ForCaller(Aspect):
    """What changes the plans of a method for whoever calls. Other methods do not have it."""

    change: Callable[[Plan, Caller], PlanForCaller]
    denied_by: str
    """What is named where its refusals are recorded."""
    takes_long: Callable[[bytes], bool] | None = None
    """Whether changing the plan for such a body would block the event loop for too long."""
