"""A body that is XML is the text of the one field that takes XML."""

import orjson
import pytest

from gateway.core.calls.xml_body import xml_as_json
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.needs import needs

pytestmark = needs("identity")

ROUTES = build_catalog(read_package(OPENCUE_PACKAGE), Selection(), load_profile("opencue")).routes
LAUNCH, PAUSE = (ROUTES[f"/job.JobInterface/{name}"] for name in ("LaunchSpec", "Pause"))


@pytest.mark.parametrize(
    ("content", "spec"),
    [
        (b"<spec/>", "<spec/>"),
        (b'\n <spec>\n\xc3\xa9 "</spec>', '\n <spec>\né "</spec>'),
        (b"\xef\xbb\xbf<spec/>", "<spec/>"),
        *((other, None) for other in (b"", b'{"spec": "<spec/>"}', b"spec=<spec/>", b"[<")),
    ],
)
def test_xml_is_the_field(content: bytes, spec: str | None) -> None:
    found = xml_as_json(LAUNCH, content)
    assert (None if found is None else orjson.loads(found)) == (spec and {"spec": spec})


def test_other_methods_take_none() -> None:
    assert xml_as_json(PAUSE, b"<spec/>") is None


def test_what_is_not_utf_8_is_refused() -> None:
    with pytest.raises(GatewayError) as refused:
        xml_as_json(LAUNCH, "<spec>é</spec>".encode("latin-1"))
    said = "spec: the XML is not UTF-8 (at byte 6)"
    assert (refused.value.code, refused.value.message) == (Code.INVALID_ARGUMENT, said)
