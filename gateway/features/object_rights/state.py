"""What is known of the objects of a request, for the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.state import Slot
from gateway.features.object_rights.conditions import Facts

SHOWN = ("show", "user", "job", "host")


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


def add_facts_of_change(context: RequestContext, fields: dict[str, object]) -> None:
    """The facts of what the latest change is about, if rights depend on them; those of what is
    changed come first.
    """
    known = KNOWN.peek(context)
    if known is not None and known.changed:
        fields["about"], *others = map(shown, known.changed)
        if others:
            fields["also_about"] = others


def add_facts_of_denial(context: RequestContext, fields: dict[str, object]) -> None:
    """The facts of the object for which a call was denied, if that was for an object."""
    known = KNOWN.peek(context)
    if known is not None and known.denied:
        fields["about"] = shown(known.denied)


def shown(facts: Facts) -> Facts:
    return {name: facts[name] for name in SHOWN if name in facts}
