"""Compatibility profiles: a catalog, or a ConfigurationError of one line."""

from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.core.errors import ConfigurationError
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.opencue import opencue

FOLDER = TemporaryDirectory()


def one_input(data: bytes) -> None:
    """The bytes are the file that COMPAT_PROFILE names."""
    path = Path(FOLDER.name) / "profile.toml"
    path.write_bytes(data)
    try:
        profile = load_profile(str(path))
    except ConfigurationError as error:
        assert str(error).isprintable()  # noqa: PT017 - success is fine too
        return
    catalog = build_catalog(opencue(), Selection(), profile)
    for entry in catalog.idle.entries:
        assert entry.entry
        assert entry.reason
