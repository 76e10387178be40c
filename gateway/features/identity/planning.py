"""The caller's name in the request fields that become Cuebot's records.

Names are set in a plan's protobuf, so that aliases of fields and dry runs need no code of their
own.
"""

from gateway.core.calls.for_caller import Caller, PlanForCaller
from gateway.core.calls.plan import Plan
from gateway.core.codec.xml_text import NotXml, UnreadableXml, texts_of
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.request_headers import listed_paths
from gateway.core.schema.method import Method, set_at, value_at
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.identity.aspect import CallerField


def with_caller(planned: Plan, caller: Caller) -> PlanForCaller:
    """The plan with the caller's name: `fill` sets empty fields, `force` replaces values, `off`
    changes nothing.

    `force` refuses a caller without a subject and XML with another name (PERMISSION_DENIED), and
    invalid XML (INVALID_ARGUMENT).
    """
    try:
        payload, *replaced = request_of_caller(planned.method, planned.payload, caller)
        follow_ups = []
        for follow_up, request in planned.follow_ups:
            request, *more = request_of_caller(follow_up.method, request, caller)
            follow_ups.append((follow_up, request))
            replaced += more
    except GatewayError as error:
        return PlanForCaller(planned, caller, refusal=error.again())
    done = planned._replace(payload=payload, follow_ups=tuple(follow_ups))
    fields = tuple(field for field in replaced if field)
    told = ((b"x-replaced-fields", listed_paths(fields)),) if fields else ()
    return PlanForCaller(done, caller, told)


def request_of_caller(method: Method, payload: bytes, caller: Caller) -> tuple[bytes, str]:
    """The request with the caller's name, and the replaced field or ""."""
    mode, subject = caller
    own = CallerField.of(method)
    if own.place is None:
        return payload, ""
    if mode == "off" and not own.element:
        return payload, ""
    if mode == "force" and not subject:
        raise GatewayError(
            Code.PERMISSION_DENIED,
            f"the token has no subject that {method.path} could name (IDENTITY=force)",
        )
    path = own.place
    message = method.parse_request(payload)
    given: str = value_at(message, path.original)
    if own.element:
        if mode == "force":
            check_xml(str(path), given, own.element, subject)
        elif given:
            check_syntax(str(path), given, own.element)
        return payload, ""
    if given == subject or (given and mode == "fill"):
        return payload, ""
    set_at(message, path.original, subject)
    return message.SerializeToString(), str(path) if given else ""


def check_syntax(place: str, xml: str, element: str) -> None:
    """What else is wrong with the XML, Cuebot says."""
    try:
        texts_of(xml, element)
    except NotXml as error:
        raise GatewayError(Code.INVALID_ARGUMENT, f"{place}: {error}") from None
    except UnreadableXml:
        return


def check_xml(place: str, xml: str, element: str, subject: str) -> None:
    """The element has to exist, and always to contain the subject."""
    try:
        names = texts_of(xml, element)
    except UnreadableXml as error:
        raise GatewayError(
            Code.INVALID_ARGUMENT, f"{place}: its <{element}> cannot be read: {error}"
        ) from None
    other = next((name for name in names if name != subject), None)
    if other is not None or not names:
        found = "is not there" if other is None else f"is {other[:QUOTED_CHARS]!r}"
        raise GatewayError(
            Code.PERMISSION_DENIED,
            f"{place}: its <{element}> {found}; it has to be the caller, {subject!r}"
            " (IDENTITY=force)",
        )
