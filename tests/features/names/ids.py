"""Requests with the ids that methods need."""

from typing import Any

from gateway.core.calls.steps import Steps
from gateway.core.codec.rewrite import Body
from gateway.core.schema.method import Method
from gateway.features.names.aspect import RequestNames
from tests.support.opencue import NO_ID


def with_ids(method: Method) -> dict[str, Any]:
    """A request that has an id for each single object that the method is about, and what else it
    needs.
    """
    value: dict[str, Any] = {}
    body = Body(value)
    for reference in RequestNames.of(method).references:
        if not (reference.listed or reference.is_text):
            body.put(reference.place, {"id": NO_ID}, reference.place)
    value |= {each.field: "x" if each.is_text else {} for each in Steps.of(method).needed}
    return value
