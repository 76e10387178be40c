"""Who is calling, in the fields of requests that say so.

Cuebot's records have what those fields say. This is done to a plan's protobuf, so that it holds for
whatever a client has called the field, and for dry runs.
"""

from google.protobuf.message_factory import GetMessageClass

from gateway.calls.invoke import set_at, value_at
from gateway.calls.plan import Plan
from gateway.codec.xml_text import UnreadableXml, texts_of
from gateway.errors import Code, GatewayError
from gateway.hints import SHOWN
from gateway.schema.method import Method


def with_caller(planned: Plan, mode: str, subject: str) -> tuple[Plan, tuple[str, ...]]:
    """The plan with the subject as its caller, and the fields whose content that has replaced.

    `mode` is IDENTITY: `fill` sets fields that are empty, `force` replaces what is in them, `off`
    leaves all as it is. Raises GatewayError, under `force`: PERMISSION_DENIED for a caller without
    a subject and for XML that names somebody else, INVALID_ARGUMENT for XML that cannot be read.
    """
    if mode == "off" or not (planned.method.identity or planned.follow_ups):
        return planned, ()
    payload, *replaced = named(planned.method, planned.payload, mode, subject)
    follow_ups = []
    for follow_up, request in planned.follow_ups:
        request, *more = named(follow_up.method, request, mode, subject)
        follow_ups.append((follow_up, request))
        replaced += more
    planned = planned._replace(payload=payload, follow_ups=tuple(follow_ups))
    return planned, tuple(field for field in replaced if field)


def named(method: Method, payload: bytes, mode: str, subject: str) -> tuple[bytes, str]:
    """A request with its caller, and the field whose content was replaced, or an empty text."""
    identity = method.identity
    if identity is None:
        return payload, ""
    if mode == "force" and not subject:
        raise GatewayError(
            Code.PERMISSION_DENIED,
            f"the token has no subject that {method.path} could name (IDENTITY=force)",
        )
    path = identity.field
    message = GetMessageClass(method.descriptor.input_type).FromString(payload)
    given: str = value_at(message, path.original)
    if identity.element:
        if mode == "force":
            check_xml(str(path), given, identity.element, subject)
        return payload, ""
    if given == subject or (given and mode == "fill"):
        return payload, ""
    set_at(message, path.original, subject)
    return message.SerializeToString(), str(path) if given else ""


def check_xml(place: str, xml: str, element: str, subject: str) -> None:
    """Raises GatewayError unless the element is there and names the subject wherever it is."""
    try:
        names = texts_of(xml, element)
    except UnreadableXml as error:
        raise GatewayError(
            Code.INVALID_ARGUMENT, f"{place}: its <{element}> cannot be read: {error}"
        ) from None
    other = next((name for name in names if name != subject), None)
    if other is not None or not names:
        found = "is not there" if other is None else f"is {other[:SHOWN]!r}"
        raise GatewayError(
            Code.PERMISSION_DENIED,
            f"{place}: its <{element}> {found}; it has to be the caller, {subject!r}"
            " (IDENTITY=force)",
        )
