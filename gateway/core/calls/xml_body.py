"""Bodies that are XML: the text of the one field that takes XML."""

import re
from dataclasses import dataclass

import orjson

from gateway.core.codec.body import UTF8_BOM
from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Aspect, Method

XML = re.compile(rb"\s*<")
"""The beginning of XML, as which neither JSON nor a form can begin."""


@dataclass(frozen=True, slots=True)
class XmlField(Aspect):
    """The field of a method's requests that takes XML, which may be the whole body."""

    place: BodyPath | None = None


def xml_as_json(method: Method, content: bytes) -> bytes | None:
    """The JSON of a body that is XML; None if it is none, or if the method takes no XML.

    Raises GatewayError (INVALID_ARGUMENT).
    """
    content = content.removeprefix(UTF8_BOM)
    field = XmlField.of(method).place
    if field is None or XML.match(content) is None:
        return None
    try:
        value: object = content.decode()
    except UnicodeDecodeError as error:
        problem = f"{field}: the XML is not UTF-8 (at byte {error.start})"
        raise GatewayError(Code.INVALID_ARGUMENT, problem) from None
    for name in reversed(field.json):
        value = {name: value}
    return orjson.dumps(value)
