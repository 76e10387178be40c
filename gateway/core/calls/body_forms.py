"""Bodies in any of their forms: JSON, XML, or a form as `curl -d` sends it."""

from gateway.core.calls.plan import Plan, plan
from gateway.core.calls.query import form_as_json
from gateway.core.calls.xml_body import xml_as_json
from gateway.core.codec.body import NotJson
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.schema.method import Method

FORM_TYPE = b"application/x-www-form-urlencoded"


def plan_any(method: Method, body: bytes, policy: UnknownFieldPolicy, media: bytes) -> Plan:
    """The plan for a body of this media type. Raises GatewayError (INVALID_ARGUMENT)."""
    try:
        return plan(method, body, policy)
    except NotJson as error:
        json = xml_as_json(method, body)
        if json is not None:
            return plan(method, json, policy)
        form = form_as_json(method, body)
        if form is None:
            raise
        if not media.lower().startswith(FORM_TYPE):
            raise NotJson(f"{error.message}; a form has the type {FORM_TYPE.decode()}") from None
        return plan(method, form, policy)
