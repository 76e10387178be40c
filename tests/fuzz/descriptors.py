"""FileDescriptorSets: a catalog whose methods can be called, or an error that says why not."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.core.calls.plan import plan
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.discovery.files import read_file
from gateway.core.errors import ConfigurationError, GatewayError
from gateway.core.schema.description import NoSchema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.openapi.document import as_json
from gateway_cli.commands.snapshot import file_set
from tests.features.openapi.documents import build_document

FOLDER = TemporaryDirectory()
PROFILE = load_profile("opencue")


def one_input(data: bytes) -> None:
    """The bytes are the file that DESCRIPTOR_SOURCE names."""
    path = Path(FOLDER.name) / "schema.binpb"
    path.write_bytes(data)
    try:
        schema = read_file(path)
        catalog = build_catalog(schema, Selection(), PROFILE)
    except (ConfigurationError, NoSchema) as error:
        assert str(error)  # noqa: PT017 - success is fine too
        return
    assert catalog.methods or catalog.absent.withheld
    for method in catalog.methods:
        with suppress(GatewayError):
            plan(method, b"{}", UnknownFieldPolicy.EVERYTHING)
        with suppress(GatewayError):
            b"".join(method.encode(b""))
    as_json(build_document(catalog, closed=True))
    file_set(schema)
