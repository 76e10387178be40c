"""What features add to the lines about a request, whichever logs there are."""

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
    """What kind of a request it is, in its line."""
    denied: list[AddFields] = field(default_factory=list)
    """The same, in the line about a call that was denied."""
    denied_objects: list[AddFields] = field(default_factory=list)
    """Which objects that call was denied for."""
    changed_objects: list[AddFields] = field(default_factory=list)
    """Which objects a change is about, in the lines about it."""


def add_fields(
    added: Sequence[AddFields], context: RequestContext, fields: dict[str, object]
) -> None:
    if context.states:
        for add in added:
            add(context, fields)
