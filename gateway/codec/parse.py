"""The body of a request as a JSON value."""

import re

import orjson

from gateway.codec.path import ROOT, mismatch_at

SINGLE_QUOTES = re.compile(rb"\s*[{\[]\s*'")
UTF8_BOM = b"\xef\xbb\xbf"
MOST_CONTAINERS = 100_000
"""Objects and lists in a body. More would hold the event loop while they are parsed."""


def parse(body: bytes) -> object:
    """The JSON value of a body (RFC 8259), `{}` for an empty one.

    Raises GatewayError with line and column.
    """
    body = body.removeprefix(UTF8_BOM)
    if len(body) > MOST_CONTAINERS and body.count(b"{") + body.count(b"[") > MOST_CONTAINERS:
        raise mismatch_at(ROOT, f"more than {MOST_CONTAINERS} objects and lists")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body or body.isspace():
            return {}
        hint = "; JSON has double quotes" if SINGLE_QUOTES.match(body) else ""
        raise mismatch_at(ROOT, f"not valid JSON: {error}{hint}") from None
