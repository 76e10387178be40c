"""The settings of CORS."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from gateway.core.settings.model import Strict
from gateway.core.settings.notes import Synonym
from gateway.core.settings.types import parse_words

ORIGIN = re.compile(
    r"([a-z][a-z0-9+.-]*)://([^\s/:\[\]?#@*]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(/?)", re.ASCII
)
HTTP_PORTS = {"http": "80", "https": "443"}
HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)


def check_origin(value: str) -> str:
    """`*`, or an origin as in the Origin header (RFC 6454 section 6.2)."""
    if value == "*":
        return value
    found = ORIGIN.fullmatch(value.lower()) if value.isascii() else None
    if found is None or (found[3] and not 0 < int(found[3]) <= 65535):
        raise ValueError("expected * or scheme://host[:port], such as https://cueweb.studio.com")
    scheme, host, port, slash = found.groups()
    if slash:
        raise ValueError("an origin has no slash at its end")
    named = port is not None and port != HTTP_PORTS.get(scheme)  # browsers omit the default
    return f"{scheme}://{host}:{port}" if named else f"{scheme}://{host}"


def check_header_name(value: str) -> str:
    if not HEADER_NAME.fullmatch(value):
        raise ValueError("expected the name of a header, such as X-Studio-Site, or *")
    return value


Origin = Annotated[str, AfterValidator(check_origin)]
HeaderName = Annotated[str, AfterValidator(check_header_name)]


class CorsSettings(Strict):
    cors_origins: Annotated[
        tuple[Origin, ...], BeforeValidator(parse_words), Synonym("CORS_ALLOWED_ORIGINS")
    ] = ()
    cors_headers: Annotated[tuple[HeaderName, ...], BeforeValidator(parse_words)] = ()
