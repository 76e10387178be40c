"""What is known of the objects of a request, for the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.state import Slot
from gateway.features.object_rights.conditions import Facts


@dataclass(slots=True)
class KnownObjects:
    changed: Sequence[Facts] = ()
    denied: Facts | None = None


KNOWN = Slot(KnownObjects)


def note_change(context: RequestContext, objects: Sequence[Facts]) -> None:
    if objects or KNOWN.peek(context) is not None:
        KNOWN.of(context).changed = objects


def note_denial(context: RequestContext, unfit: Facts | None) -> None:
    """`unfit` are the facts of the object that does not fit the rule, if there is one."""
    KNOWN.of(context).denied = unfit


def facts_of_change(context: RequestContext) -> Sequence[Facts]:
    """The facts of what the latest change is about, if rights depend on them; those of what is
    changed come first.
    """
    known = KNOWN.peek(context)
    return () if known is None else known.changed


def facts_of_denial(context: RequestContext) -> Facts | None:
    """The facts of the object for which a call was denied; None if that was not for an object."""
    known = KNOWN.peek(context)
    return None if known is None else known.denied
