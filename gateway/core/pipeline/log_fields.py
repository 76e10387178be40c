"""What features add to lines about a request, in the access log and in the audit log."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.core.pipeline.context import RequestContext

AddFields = Callable[[RequestContext, dict[str, object]], None]
"""Adds to a line what a feature knows of the request. Not called for a request of which no feature
has a state (`Slot`).
"""


@dataclass(frozen=True, slots=True)
class LogFields:
    """Features append to these lists when they are constructed, in their order."""

    request: list[AddFields] = field(default_factory=list)
    """What kind of a request it is, in its access line."""
    denied: list[AddFields] = field(default_factory=list)
    """The same, in the audit line of a call that was denied."""
    denied_objects: list[AddFields] = field(default_factory=list)
    """Which objects that call was denied for."""
    changed_objects: list[AddFields] = field(default_factory=list)
    """Which objects a change is about, in its audit lines."""


def add_fields(
    added: Sequence[AddFields], context: RequestContext, fields: dict[str, object]
) -> None:
    if context.states:
        for add in added:
            add(context, fields)
