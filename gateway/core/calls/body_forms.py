"""Bodies that are no JSON: XML, or a form as `curl -d` sends it."""

from gateway.core.calls.query import form_as_json
from gateway.core.calls.xml_body import xml_as_json
from gateway.core.codec.body import NotJson
from gateway.core.schema.method import Method

FORM_TYPE = b"application/x-www-form-urlencoded"


def as_json(media: bytes, method: Method, body: bytes, problem: str) -> bytes | None:
    """The JSON that says what a body of this media type does, which is none for this problem. None
    if it can only be broken JSON. Raises GatewayError (INVALID_ARGUMENT).
    """
    json = xml_as_json(method, body)
    if json is not None:
        return json
    form = form_as_json(method, body)
    if form is not None and not media.lower().startswith(FORM_TYPE):
        raise NotJson(f"{problem}; a form has the type {FORM_TYPE.decode()}")
    return form
